"""
Stripe itself, in test mode: only where MARKETPLACE_TEST_STRIPE_KEY is a test key.

MARKETPLACE_TEST_STRIPE_PAYEE is a connected account that may be paid, and `-m live` runs
these alone.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from tests.vendors.stripe.stage import rail_at

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stripe.rail import StripeRail
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Setup, SetupStanding, Standing, Transfer

API = "https://api.stripe.com"
KEY = os.environ.get("MARKETPLACE_TEST_STRIPE_KEY", "")
PAYEE = os.environ.get("MARKETPLACE_TEST_STRIPE_PAYEE", "")
CURRENCY = os.environ.get("MARKETPLACE_TEST_STRIPE_CURRENCY", "USD")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not KEY.startswith(("sk_test_", "rk_test_")), reason="no test key of Stripe's is set"),
]


@pytest.fixture
async def rail() -> AsyncIterator[StripeRail]:
    async with rail_at(API, shelf=MemoryShelf(), clock=lambda: datetime.now(UTC), key=KEY) as rail:
        yield rail


def charge(method: str, *, hold: bool = False) -> Charge:
    return Charge(
        reference=uuid4(),
        tenant_id=UUID(int=1),
        amount=Money(1_000, CURRENCY),
        method=method,
        hold=hold,
        description="A test of the marketplace",
        at=datetime.now(UTC),
    )


def saved(source: str | None) -> Setup:
    return Setup(
        reference=uuid4(),
        tenant_id=UUID(int=1),
        customer_id=uuid4(),
        kind=MethodKind.CARD,
        currency=CURRENCY,
        description="A test of the marketplace",
        at=datetime.now(UTC),
        source=source,
    )


class TestStripe:
    async def test_takes_and_gives_back(self, rail: StripeRail) -> None:
        wanted, refund = charge("pm_card_visa"), uuid4()

        taken = await rail.collect(wanted)
        given = await rail.refund(wanted.reference, refund=refund, amount=Money(400, CURRENCY))

        assert (taken.standing, given.standing) == (Standing.SUCCEEDED, Standing.SUCCEEDED)
        assert await rail.collect(wanted) == taken
        assert await rail.find(refund) == given

    async def test_holds_takes_part_and_says_until_when(self, rail: StripeRail) -> None:
        wanted = charge("pm_card_visa", hold=True)

        held = await rail.collect(wanted)
        taken = await rail.capture(wanted.reference, Money(600, CURRENCY))

        least = rail.capabilities.hold_max
        assert least is not None
        assert held.hold_until is not None
        assert held.hold_until > datetime.now(UTC) + least
        assert (taken.standing, taken.amount) == (Standing.SUCCEEDED, Money(600, CURRENCY))

    async def test_lets_a_hold_go(self, rail: StripeRail) -> None:
        wanted = charge("pm_card_visa", hold=True)
        await rail.collect(wanted)

        assert (await rail.void(wanted.reference)).standing == Standing.CANCELLED

    async def test_asks_for_the_customer(self, rail: StripeRail) -> None:
        report = await rail.collect(charge("pm_card_authenticationRequired"))

        assert report.standing == Standing.NEEDS_ACTION
        assert report.next_action

    async def test_says_why_it_declines(self, rail: StripeRail) -> None:
        report = await rail.collect(charge("pm_card_visa_chargeDeclinedInsufficientFunds"))

        assert (report.standing, report.failure) == (Standing.FAILED, "insufficient_funds")

    async def test_saves_a_card_charges_by_it_and_forgets_it(self, rail: StripeRail) -> None:
        wanted = saved("pm_card_visa")
        report = await rail.begin_setup(wanted)
        token = report.token or ""

        taken = await rail.collect(replace(charge(token), setup=wanted.reference))
        revoked = await rail.revoke_setup(wanted.reference)
        late = await rail.collect(replace(charge(token), setup=wanted.reference))

        assert (report.standing, report.label) == (SetupStanding.ACTIVE, "Visa 4242")
        assert (taken.standing, revoked.standing) == (Standing.SUCCEEDED, SetupStanding.CANCELLED)
        assert (late.standing, late.failure) == (Standing.FAILED, "method_revoked")

    async def test_hands_the_app_what_its_form_confirms_by(self, rail: StripeRail) -> None:
        wanted = saved(None)

        report = await rail.begin_setup(wanted)
        revoked = await rail.revoke_setup(wanted.reference)

        assert (report.standing, "_secret_" in (report.next_action or "")) == (
            SetupStanding.NEEDS_ACTION,
            True,
        )
        assert revoked.standing == SetupStanding.CANCELLED

    async def test_answers_the_same_under_the_same_key(self, rail: StripeRail) -> None:
        """As if nothing was known of the first try."""
        wanted = charge("pm_card_visa")
        taken = await rail.collect(wanted)
        async with rail_at(API, shelf=MemoryShelf(), clock=lambda: datetime.now(UTC), key=KEY) as other:
            again = await other.collect(wanted)

        assert again == taken

    async def test_pays_a_connected_account(self, rail: StripeRail) -> None:
        if not PAYEE:
            pytest.skip("MARKETPLACE_TEST_STRIPE_PAYEE is not set")
        await rail.collect(charge("pm_card_bypassPending"))
        wanted = Transfer(
            reference=uuid4(),
            tenant_id=UUID(int=1),
            amount=Money(100, CURRENCY),
            payee=PAYEE,
            description="A test of the marketplace",
            at=datetime.now(UTC),
        )

        paid = await rail.release(wanted)

        assert paid.standing == Standing.SUCCEEDED
        assert await rail.find(wanted.reference) == paid

    async def test_reads_the_statement(self, rail: StripeRail) -> None:
        await rail.collect(charge("pm_card_visa"))

        assert (await rail.settlement_lines(UUID(int=1), after=None, limit=1)).lines == ()
