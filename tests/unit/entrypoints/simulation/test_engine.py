"""A simulation is the same for the same seed, meets every trouble there is, and finds what is broken."""

import asyncio
from typing import Any

import pytest
from tests.decisions import unlike

from marketplace.adapters.sandbox.faults import Fault
from marketplace.core import reactions
from marketplace.core.bookings.booking import Booking
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.job import State as JobState
from marketplace.core.dispatch.offer import OPEN as OFFER_OPEN
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.dispatch.offer import State as OfferState
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts.payout import Payout
from marketplace.core.shared.events import Event
from marketplace.core.shared.methods import MethodKind
from marketplace.core.tenants.rails import check_rail
from marketplace.core.tenants.tenant import Mode
from marketplace.entrypoints.simulation.engine import LANES, Report, simulate
from marketplace.entrypoints.simulation.policies import policy_of
from marketplace.entrypoints.simulation.storages import in_memory
from marketplace.entrypoints.simulation.trouble import USUAL
from marketplace.entrypoints.simulation.ways import way_of

MANY = 200
# What happens to searches on the way.
SEARCHED = {
    "dispatch_job.widened",
    "dispatch_job.exhausted",
    "dispatch_job.waiting",
    "dispatch_job.went_on",
    "booking.handed_back",
    "presence.finished",
    "presence.lapsed",
}

DEBITED = {
    "payment.submitted",
    "payment.void_requested",
    "payment.returned",
    "payment.promised",
    "payment_method.suspended",
    "payment_method.cancelled",
    "payment_method.amended",
}


async def simulated(bookings: int, *, seed: int = 1, faults: bool = True) -> Report:
    async with in_memory() as storage:
        return await simulate(bookings=bookings, seed=seed, faults=faults, storage=storage)


@pytest.fixture(scope="module")
def report() -> Report:
    return asyncio.run(simulated(MANY))


class TestASimulation:
    def test_finds_every_promise_kept(self, report: Report) -> None:
        assert report.violations == []

    def test_meets_every_kind_of_trouble(self, report: Report) -> None:
        assert report.faults.keys() == {*map(str, Fault), *USUAL}
        assert [kind for kind, times in report.faults.items() if not times] == []

    def test_tells_what_the_command_line_shows(self, report: Report) -> None:
        shown = report.summary()

        assert shown.keys() == {"seed", "bookings", "moves", "faults", "violations", "seconds"}
        assert (shown["seed"], shown["bookings"]) == (1, MANY)
        assert shown["moves"] > 10 * MANY

    async def test_is_the_same_for_the_same_seed(self) -> None:
        one, other = await simulated(40, seed=7), await simulated(40, seed=7)

        assert (one.history, one.moves, one.faults) == (other.history, other.moves, other.faults)

    async def test_is_another_for_another_seed(self) -> None:
        one, other = await simulated(16, seed=7), await simulated(16, seed=8)

        assert one.history != other.history

    async def test_has_no_trouble_without_faults(self) -> None:
        report = await simulated(24, faults=False)

        assert (report.faults, report.violations) == ({}, [])

    async def test_tells_how_far_it_is(self) -> None:
        told: list[tuple[int, int]] = []

        async with in_memory() as storage:
            await simulate(
                bookings=11, seed=1, faults=False, storage=storage, progress=lambda *far: told.append(far)
            )

        assert told == [(number, 11) for number in range(1, 12)]


@pytest.fixture(scope="module")
def store() -> Any:
    return asyncio.run(_stored(MANY))


class TestLanes:
    def test_go_by_what_their_vendors_can(self, store: Any) -> None:
        payments = list(store.rows_of(Payment))
        holding = {payment.rail for payment in payments if payment.hold}
        saved = {method.rail: method.kind for method in store.rows_of(PaymentMethod)}

        assert {payment.rail for payment in payments} == {"sandbox", "stripe", "stitch"}
        assert holding == {"sandbox", "stripe"}
        assert saved["stitch"] == MethodKind.DEBIT_ORDER
        assert {payout.rail for payout in store.rows_of(Payout)} == {"sandbox", "stripe", "stitch"}

    def test_debit_by_mandates_with_all_that_happens_to_them(self, store: Any) -> None:
        debits = {payment.id for payment in store.rows_of(Payment) if payment.rail == "stitch"}
        mandates = {method.id for method in store.rows_of(PaymentMethod) if method.rail == "stitch"}
        told = {event.name for event in store.rows_of(Event) if event.subject_id in debits | mandates}

        assert told >= DEBITED

    def test_give_back_by_hand_what_a_rail_does_not(self, store: Any) -> None:
        refunds = [refund for refund in store.rows_of(Refund) if refund.rail == "stitch"]

        assert refunds
        assert all(refund.by_hand for refund in refunds)

    def test_ask_no_more_of_their_rails_than_these_can(self) -> None:
        for number in range(LANES):
            policy, rails = policy_of(number), way_of(number).rails

            check_rail(policy, rails=rails, mode=Mode.TEST)

            assert set(policy.payment.rails) == set(rails)


class TestCallOuts:
    def test_come_to_every_end_and_each_decision_is_made_again(self, store: Any) -> None:
        booked = {booking.id for booking in store.rows_of(Booking) if booking.wanted or booking.skill}
        decisions = list(store.rows_of(DispatchDecision))

        assert len(booked) > MANY / 8
        assert {job.state for job in store.rows_of(DispatchJob)} == {JobState.ASSIGNED, JobState.WITHDRAWN}
        assert {offer.state for offer in store.rows_of(DispatchOffer)} == set(OfferState) - set(OFFER_OPEN)
        assert {event.name for event in store.rows_of(Event)} >= SEARCHED
        assert len(decisions) > len(booked)
        assert unlike(decisions) == []


async def _stored(bookings: int) -> Any:
    async with in_memory() as storage:
        await simulate(bookings=bookings, seed=1, faults=True, storage=storage)
        return storage.store


class TestABrokenCore:
    # Those that only a timer makes up for are not among them: the simulation heals them, as it should.
    @pytest.mark.parametrize("event", ["booking.cancelled", "booking.expired", "payment.dispute_lost"])
    async def test_is_found(self, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
        without: Any = {name: after for name, after in reactions.REACTIONS.items() if name != event}
        monkeypatch.setattr("marketplace.core.marketplace.REACTIONS", without)

        report = await simulated(100)

        assert report.violations

    async def test_is_found_where_nobody_ends_a_search(self, monkeypatch: pytest.MonkeyPatch) -> None:
        searching: Any = {
            name: tuple(one for one in after if one.__name__ != "_search_no_more")
            for name, after in reactions.REACTIONS.items()
        }
        monkeypatch.setattr("marketplace.core.marketplace.REACTIONS", searching)

        report = await simulated(100)

        assert any("dispatch_job" in violation for violation in report.violations)
