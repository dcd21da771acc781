"""Whatever goes wrong between us and a rail, money moves once, no doubt stays, and the books agree."""

from collections.abc import Awaitable, Callable

import pytest
from tests.integration.rails.house import House, dies_after

from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.payments.payment import HELD
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.tenants.policy import Capture

Open = Callable[..., Awaitable[House]]


def skip_without(able: object, house: House, what: str) -> None:
    if not able:
        pytest.skip(f"{house.vendor.name} {what}")


class TestCollecting:
    async def test_whose_answer_is_lost_takes_the_money_once(self, house: House) -> None:
        key = await house.book(house.method("answers too late"))
        await house.forward(hours=1)

        assert (await house.payment(key)).state in HELD
        assert await house.rail_minor() == (await house.booking(key)).total_minor
        assert await house.broken() == []

    async def test_that_never_arrives_is_found_out_and_may_be_paid_again(self, house: House) -> None:
        key = await house.book(house.method("never arrives"))
        await house.forward(minutes=10)

        payment = await house.payment(key)
        assert payment.state in {*HELD, PaymentState.FAILED}
        assert await house.rail_minor() == payment.captured_minor
        assert await house.broken() == []

    async def test_while_the_rail_is_down_comes_later(self, house: House) -> None:
        key = await house.book(house.method("is down once"))
        await house.forward(minutes=5)

        assert (await house.payment(key)).state in HELD

    async def test_whose_worker_dies_is_taken_up_and_takes_the_money_once(self, house: House) -> None:
        worker = dies_after(house, "collect")

        await house.book(house.method("succeeds"))
        await house.forward(hours=1)

        payment = await house.payment()
        assert (worker.died, payment.state in HELD) == (1, True)
        assert await house.rail_minor() == payment.amount_minor
        assert await house.broken() == []

    @pytest.mark.parametrize("outcome", ["is declined", "lacks funds"])
    async def test_that_is_declined_takes_nothing(self, house: House, outcome: str) -> None:
        key = await house.book(house.method(outcome))
        await house.forward(hours=1)

        assert (await house.payment(key)).state == PaymentState.FAILED
        assert await house.rail_minor() == 0
        assert (await house.booking(key)).state == State.EXPIRED


class TestAHold:
    async def test_that_expires_calls_the_booking_off(self, open_house: Open) -> None:
        house = await open_house(payment={"capture": Capture.ON_CONFIRMATION})
        skip_without(house.rail.capabilities.hold_max, house, "cannot hold")
        key = await house.book(house.method("holds briefly"))

        await house.forward(hours=1)

        assert (await house.booking(key)).state == State.CANCELLED
        assert await house.rail_minor() == 0
        assert await house.broken() == []

    async def test_whose_capture_was_not_written_down_is_captured_once(self, open_house: Open) -> None:
        house = await open_house(payment={"capture": Capture.ON_CONFIRMATION})
        skip_without(house.rail.capabilities.hold_max, house, "cannot hold")
        worker = dies_after(house, "capture")

        key = await house.confirm(house.method("succeeds"))
        await house.forward(hours=1)

        assert (worker.died, (await house.payment(key)).state in HELD) == (1, True)
        assert await house.rail_minor() == (await house.booking(key)).total_minor
        assert await house.broken() == []


class TestARefund:
    @pytest.fixture(autouse=True)
    def gives_back(self, house: House) -> None:
        skip_without(house.rail.capabilities.refunds, house, "gives nothing back")

    async def test_whose_worker_dies_goes_out_once(self, house: House) -> None:
        worker = dies_after(house, "refund")
        key = await house.confirm(house.method("succeeds"))

        await house.do(CancelBooking(booking_id=key, reason="rain"), house.customer)
        await house.forward(hours=1)

        assert worker.died
        assert [one.state for one in house.refunds()] == [RefundState.SUCCEEDED]
        assert await house.rail_minor() == 0
        assert await house.broken() == []

    async def test_that_fails_later_is_owed_still(self, house: House) -> None:
        key = await house.confirm(house.method("fails refunds later"))
        await house.do(CancelBooking(booking_id=key, reason="rain"), house.customer)
        await house.settle()

        await house.forward(days=30)

        assert [one.state for one in house.refunds()] == [RefundState.FAILED]
        assert house.accounts()["refunds_payable"] == -(await house.booking(key)).total_minor
        assert await house.broken() == []


class TestAPayout:
    async def test_whose_answer_is_lost_goes_out_once(self, open_house: Open) -> None:
        house = await open_house(payee="answers too late")
        await self._earn(house)

        await house.pay_out()
        await house.forward(days=1)

        (payout,) = house.payouts()
        assert payout.state in {PayoutState.SENT, PayoutState.PAID}
        assert await house.broken() == []

    async def test_whose_worker_dies_goes_out_once(self, open_house: Open) -> None:
        house = await open_house()
        await self._earn(house)
        worker = dies_after(house, "release")

        await house.pay_out()
        await house.forward(days=1)

        (payout,) = house.payouts()
        taken = (await house.booking()).total_minor
        assert (worker.died, payout.state in {PayoutState.SENT, PayoutState.PAID}) == (1, True)
        assert await house.rail_minor() == taken - payout.amount_minor
        assert await house.broken() == []

    @pytest.mark.parametrize("outcome", ["is rejected", "is returned"])
    async def test_that_fails_is_owed_again(self, open_house: Open, outcome: str) -> None:
        house = await open_house(payee=outcome)
        await self._earn(house)

        await house.pay_out()
        await house.forward(days=8)

        owed = -house.accounts()["provider_payable"]
        assert owed == sum(one.amount_minor for one in house.payouts() if one.state == PayoutState.FAILED)
        assert owed
        assert await house.broken() == []

    async def _earn(self, house: House) -> None:
        await house.deliver(house.method("succeeds"))
        await house.forward(days=3)


class TestADispute:
    async def test_before_the_payout_keeps_the_money_here(self, house: House) -> None:
        key = await house.confirm(house.method("is disputed"))

        await house.forward(days=1)

        assert (await house.payment(key)).state in {PaymentState.DISPUTED, PaymentState.LOST}
        await house.pay_out()
        assert house.payouts() == []
        assert await house.broken() == []

    async def test_that_is_lost_leaves_books_that_agree(self, house: House) -> None:
        key = await house.confirm(house.method("is disputed"))

        await house.forward(days=120)

        assert (await house.payment(key)).state == PaymentState.LOST
        assert await house.broken() == []

    @pytest.mark.parametrize("payee", ["succeeds", "has spent it"])
    async def test_after_the_payout_comes_from_the_provider(self, open_house: Open, payee: str) -> None:
        """The news is lost, so that the provider is paid before the second look finds the dispute."""
        house = await open_house(payee=payee)
        house.deafen()
        key = await house.deliver(house.method("is disputed"))
        await house.forward(days=2)
        await house.pay_out()
        await house.forward(days=1)
        paid = [payout.state for payout in house.payouts()]

        await house.forward(days=120)

        booking = await house.booking(key)
        given_back = booking.price.provider_minor - house.accounts().get("provider_receivable", 0)
        assert paid in ([PayoutState.SENT], [PayoutState.PAID])
        assert (await house.payment(key)).state == PaymentState.LOST
        assert given_back == (booking.price.provider_minor if house.claws_back(payee) else 0)
        assert await house.broken() == []


class TestASavedCard:
    async def test_that_its_bank_has_revoked_pays_nothing(self, house: House) -> None:
        key = await house.save()
        await house.saving.revoke_setup(key)
        house.deafen()

        await house.book(str(key))
        await house.forward(hours=1)

        assert (await house.payment()).state == PaymentState.FAILED
        assert await house.rail_minor() == 0
        assert await house.broken() == []

    @pytest.mark.parametrize("outcome", ["answers too late", "never arrives", "is down once"])
    async def test_that_is_saved_in_doubt_is_saved_once_and_pays(self, house: House, outcome: str) -> None:
        key = await house.save(outcome)
        await house.forward(hours=1)

        await house.book(str(key))

        assert (await house.payment()).state in HELD
        assert await house.broken() == []
