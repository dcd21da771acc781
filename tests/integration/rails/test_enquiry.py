"""Whoever asks a rail finds what it says otherwise than we do, and is silent where all agree."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.rails.house import House

from marketplace.adapters.memory.claims import MemoryClaims
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.payments.payment import Payment
from marketplace.core.promises import PATIENCE
from marketplace.entrypoints.enquiry import Enquiry
from marketplace.entrypoints.rail_health import RailHealth
from marketplace.ports.audit import Promise
from marketplace.ports.payments import PaymentRail


async def lived(house: House) -> None:
    """One is paid out, one given back or to be given back by hand, one was never paid, one only promised."""
    await house.deliver(house.method("succeeds"))
    await house.forward(days=3)
    await house.pay_out()
    key = await house.confirm(house.method("succeeds"), start=house.start + timedelta(days=7))
    await house.do(CancelBooking(booking_id=key, reason="rain"), house.provider)
    await house.book(house.method("lacks funds"), start=house.start + timedelta(days=8))
    await house.book(house.method("succeeds"), start=house.start + timedelta(days=9))
    await house.forward(hours=1)


async def asked(house: House, rails: Mapping[str, PaymentRail] | None = None, **given: Any) -> Promise:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    enquiry = Enquiry(
        claims=MemoryClaims(house.storage),
        rails=house.lane.desk.vendors.rails if rails is None else rails,
        now=house.lane.clock,
        sleep=sleep,
        **given,
    )
    promise = await enquiry.ask(None, since=None)
    assert len(slept) >= promise.rows or rails is not None
    return promise


def cancel_intent(house: House, payment: Payment) -> None:
    intent_of(house, payment)["status"] = "canceled"


def lessen_intent(house: House, payment: Payment) -> None:
    intent_of(house, payment)["amount_received"] -= 1


def intent_of(house: House, payment: Payment) -> Any:
    return house.vendor.played.books.objects[payment.rail_reference]


def reverse_transfer(house: House, _: Payment) -> None:
    (payout,) = house.payouts()
    house.vendor.played.books.objects[payout.rail_reference]["reversed"] = True


def fail_transaction(house: House, payment: Payment) -> None:
    house.vendor.played.act(payment.id.hex, proves=False)


def reverse_disbursement(house: House, _: Payment) -> None:
    (payout,) = house.payouts()
    disbursement = house.vendor.played.disbursements[payout.reference.hex]
    disbursement["states"] = ("DisbursementReversed", None)


TAMPERINGS: Mapping[str, Mapping[str, Callable[[House, Payment], None]]] = {
    "sandbox": {},
    "stripe": {
        "payment {payment} is succeeded with 50000 ZAR, stripe says 49999 ZAR": lessen_intent,
        "payment {payment} is succeeded, stripe has it cancelled": cancel_intent,
        "payout {payout} is paid, stripe has it returned": reverse_transfer,
    },
    "stitch": {
        "payment {payment} is succeeded, stitch has it failed": fail_transaction,
        "payout {payout} is paid, stitch has it returned": reverse_disbursement,
    },
}


class TestAnEnquiry:
    async def test_is_silent_where_all_agree(self, house: House) -> None:
        await lived(house)

        promise = await asked(house)

        assert promise.name == "rails_agree"
        assert promise.violations == ()
        assert promise.rows >= 5

    async def test_finds_what_was_tampered_with(self, house: House) -> None:
        if not TAMPERINGS[house.vendor.name]:
            pytest.skip("the sandbox is no vendor of its own")
        await lived(house)

        payment, (payout,) = house.all(Payment)[0], house.payouts()
        for sentence, tamper in TAMPERINGS[house.vendor.name].items():
            tamper(house, payment)
            promise = await asked(house)

            assert sentence.format(payment=payment.id, payout=payout.id) in promise.violations

    async def test_has_patience_with_what_is_new(self, house: House) -> None:
        await house.confirm(house.method("succeeds"))
        (claim,) = await MemoryClaims(house.storage).made(None, since=None, limit=9)
        rails: Any = {house.vendor.name: Forgetful()}

        early = await asked(house, rails)
        house.lane.now = claim.since + PATIENCE + timedelta(seconds=1)
        late = await asked(house, rails)

        assert early.violations == ()
        assert late.violations == (f"{claim} is succeeded, {house.vendor.name} has never heard of it",)

    async def test_goes_through_a_guarded_rail(self, house: House) -> None:
        await lived(house)
        health = RailHealth(shelf=MemoryShelf())

        promise = await asked(house, health.guard(house.lane.desk.vendors.rails))

        assert promise.violations == ()
        assert not await health.down()


class Forgetful:
    """A rail that has never heard of anything."""

    async def find(self, _reference: object) -> None:
        return None
