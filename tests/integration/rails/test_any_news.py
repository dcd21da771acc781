"""News in any order, doubled, lost or days late: the books end the same, for the truth is asked for."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.rails.house import House, build, stripe

from marketplace.core.bookings.commands import CancelBooking
from marketplace.core.payments.payment import State
from marketplace.core.tenants.policy import Confirmation

# A release must not overtake what may be heard three days late, or at the second look after a week.
DAYS = {"complaint_window_minutes": 14 * 1440}
LATE_HOURS_MAX = 72
# How often, and how many hours late, each of the vendor's next events comes; none at all is lost.
FATES = st.lists(st.lists(st.integers(0, LATE_HOURS_MAX), max_size=3).map(tuple), min_size=1, max_size=40)
KEPT = ("succeeds", "is disputed", "refunds later", "is disputed, and won")
GIVEN_BACK = ("succeeds", "refunds later", "fails refunds later", "is disputed")


async def live(fate: Callable[[int], tuple[float, ...]]) -> tuple[dict[str, int], list[State]]:
    """The accounts, and the states of all payments, when all is over."""
    async with stripe() as vendor:
        house = await build(vendor, booking=DAYS)
        house.told = fate
        for outcome in KEPT:
            await house.deliver(house.method(outcome), start=house.next_start())
        for outcome in GIVEN_BACK:
            key = await house.confirm(house.method(outcome), start=house.next_start())
            await house.do(CancelBooking(booking_id=key, reason="rain"), house.provider)
            await house.settle()
        await house.book(house.method("lacks funds"), start=house.next_start())
        await house.forward(days=120)
        assert await house.broken() == []
        return house.accounts(), [payment.state for payment in await payments(house)]


async def payments(house: House) -> list[Any]:
    return [await house.payment(key) for key in house.ids]


_USUAL: list[Any] = []


async def usual() -> Any:
    """As when each event comes once, at once."""
    if not _USUAL:
        _USUAL.append(await live(lambda _: (0.0,)))
    return _USUAL[0]


class TestNews:
    @given(fates=FATES)
    @settings(
        max_examples=int(os.environ.get("MARKETPLACE_TEST_FATES", "4")),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    async def test_of_any_order_leave_the_same_books(self, fates: list[tuple[int, ...]]) -> None:
        assert await live(lambda number: fates[number % len(fates)]) == await usual()

    async def test_that_never_come_leave_the_same_books(self) -> None:
        assert await live(lambda _: ()) == await usual()


class TestTimeouts:
    async def test_after_the_money_was_taken_charge_nobody_twice(self) -> None:
        """Each answer is lost; not one payment is in doubt in the end, nor taken twice."""
        many = int(os.environ.get("MARKETPLACE_TEST_TIMEOUTS", "60"))
        async with stripe() as vendor:
            house = await build(vendor, booking={"horizon_days": 700, "confirmation": Confirmation.INSTANT})
            for _ in range(many):
                await house.book(house.method("answers too late"), start=house.next_start())
            await house.forward(hours=12)

            taken = [payment.captured_minor for payment in await payments(house)]
            assert taken == [payment.amount_minor for payment in await payments(house)]
            assert await house.rail_minor() == sum(taken)
            assert await house.broken() == []
