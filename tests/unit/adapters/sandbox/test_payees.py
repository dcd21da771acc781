"""What is opened at the sandbox moves by its source and its time, and each step is told of."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.openings import OPENINGS
from marketplace.adapters.sandbox.tokens import PAYEES
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.paying import PayeeOrder, PayeeStanding

ENDS = {
    "opening_success": PayeeStanding.ACTIVE,
    "opening_needs_action": PayeeStanding.NEEDS_ACTION,
    "opening_pending": PayeeStanding.ACTIVE,
    "opening_more_needed": PayeeStanding.NEEDS_ACTION,
    "opening_rejected": PayeeStanding.REJECTED,
    "opening_restricted": PayeeStanding.RESTRICTED,
    "opening_restricted_a_day": PayeeStanding.ACTIVE,
    "opening_closed": PayeeStanding.CLOSED,
    "opening_returns": PayeeStanding.ACTIVE,
}


def order_of(sandbox: Any, source: str | None = None, **given: Any) -> PayeeOrder:
    facts = {"kind": PayeeKind.HOSTED, "reference": uuid4(), "provider_id": uuid4(), **given}
    return PayeeOrder(
        tenant_id=sandbox.tenant_id,
        name="Sparkle Mobile",
        currency="ZAR",
        at=sandbox.now,
        source=source,
        **facts,
    )


async def standing(sandbox: Any, reference: UUID) -> PayeeStanding:
    report = await sandbox.rail.find_payee(reference)
    found: PayeeStanding = report.standing
    return found


class TestASource:
    def test_has_an_end_here_unless_its_call_fails(self) -> None:
        failing = {source for source, one in OPENINGS.items() if one.fault}

        assert OPENINGS.keys() - failing == ENDS.keys()

    def test_is_paid_as_a_payee_there_is(self) -> None:
        assert {one.pays for one in OPENINGS.values()} <= PAYEES.keys()

    @pytest.mark.parametrize("source", ENDS)
    async def test_comes_to_its_end_by_time_alone(self, sandbox: Any, source: str) -> None:
        order = order_of(sandbox, source)
        await sandbox.rail.open_payee(order)

        sandbox.forward(days=2)
        await sandbox.books.tick()

        assert await standing(sandbox, order.reference) is ENDS[source]


class TestWithoutASource:
    async def test_the_owner_is_asked_on_the_vendors_pages(self, sandbox: Any) -> None:
        order = order_of(sandbox)
        report = await sandbox.rail.open_payee(order)

        await sandbox.rail.answer_payee(order.reference, agreed=False)

        assert report.standing is PayeeStanding.NEEDS_ACTION
        assert await standing(sandbox, order.reference) is PayeeStanding.REJECTED

    async def test_bank_details_are_enough(self, sandbox: Any) -> None:
        bank = BankAccount(holder="T Mokoena", bank="absa", account_number="4081234567")
        order = order_of(sandbox, kind=PayeeKind.BANK_ACCOUNT, bank_account=bank)

        report = await sandbox.rail.open_payee(order)

        assert (report.standing, report.label) == (PayeeStanding.ACTIVE, "Sandbox Bank 4567")


class TestALink:
    async def test_is_none_of_an_account_that_is_gone(self, sandbox: Any) -> None:
        order = order_of(sandbox, "opening_closed")
        await sandbox.rail.open_payee(order)
        sandbox.forward(minutes=2)

        with pytest.raises(Invalid, match="closed"):
            await sandbox.rail.onboarding_link(order.reference, return_url="", refresh_url="")
