"""Who takes a job takes it alone, whoever else answers, cancels, assigns or searches at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.integration.conftest import Meeting, Party
from tests.integration.street import Street, pave

from marketplace.adapters.postgres.audit import PostgresAudit
from marketplace.core.bookings.booking import State
from marketplace.core.bookings.commands import AssignBooking, CancelBooking, HandBack
from marketplace.core.dispatch.answering import AcceptOffer, ClockOffer, DeclineOffer
from marketplace.core.dispatch.matching import Match
from marketplace.core.promises import Name
from marketplace.core.shared.errors import Conflict, MarketplaceError, MoveRefused
from marketplace.core.shared.roles import CLOCK, SYSTEM, Actor
from marketplace.core.tenants.dispatching import DispatchPolicy, Wave

Open = Callable[..., Awaitable[Any]]
orders = pytest.mark.parametrize("first", [0, 1, None], ids=["first", "second", "at-once"])


def failed(outcomes: list[Any]) -> list[Any]:
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


@pytest.fixture
def open_street(open_market: Open) -> Open:
    async def make(*, crews: int, units: int = 1, offers: int = 1) -> Street:
        policy = DispatchPolicy(
            waves=(Wave(reach_metres=10_000, offers=offers),), candidates_max=100, fresh_seconds=3600
        )
        street = await pave(await open_market(units=0, dispatch=policy), crews=crews, units=units)
        await street.market.work()
        return street

    return make


def accept(offer: tuple[UUID, Actor]) -> tuple[Any, Actor]:
    return AcceptOffer(offer_id=offer[0]), offer[1]


def decline(offer: tuple[UUID, Actor]) -> tuple[Any, Actor]:
    return DeclineOffer(offer_id=offer[0]), offer[1]


class TestAJob:
    async def test_is_taken_by_one_of_fifty(self, open_street: Open) -> None:
        street = await open_street(crews=50, offers=50)
        key = await street.call()
        asked = await street.offers()

        outcomes = await street.market.crowd([accept(offer) for offer in asked])

        assert len({actor.provider_id for _, actor in asked}) == 50
        assert len(outcomes) - len(failed(outcomes)) == await street.market.held() == 1
        assert all(isinstance(error, Conflict | MoveRefused) for error in failed(outcomes))
        assert (await street.market.see(key)).state == State.CONFIRMED
        assert await street.job(key) == "assigned"
        assert await street.is_sound()

    @orders
    async def test_is_not_lost_between_the_last_two_noes(self, open_street: Open, first: int | None) -> None:
        street = await open_street(crews=2, offers=2)
        key = await street.call()
        one, other = await street.offers()

        outcomes = await street.market.race(decline(one), decline(other), first=first)

        assert failed(outcomes) == []
        assert await street.job(key) == "queued"
        assert await street.is_sound()

    @orders
    async def test_that_is_taken_is_not_called_off_for_nothing(
        self, open_street: Open, first: int | None
    ) -> None:
        street = await open_street(crews=1)
        key = await street.call()
        (offer,) = await street.offers()
        cancel = CancelBooking(booking_id=key, reason="no need")

        taken, _ = await street.market.race(accept(offer), (cancel, street.market.customers[0]), first=first)

        await street.market.work()
        assert (await street.market.see(key)).state == State.CANCELLED
        assert await street.market.held() == 0
        assert first != 1 or isinstance(taken, MarketplaceError)
        assert await street.is_sound()

    @orders
    async def test_that_admin_gives_away_is_not_taken_too(self, open_street: Open, first: int | None) -> None:
        street = await open_street(crews=2)
        key = await street.call()
        (offer,) = await street.offers()
        ((other, _),) = [crew for crew in street.crews if crew[0] != offer[1]]
        by_hand = AssignBooking(booking_id=key, provider_id=other.provider_id, reason="asked for")

        outcomes = await street.market.race(accept(offer), (by_hand, street.market.admin), first=first)

        await street.market.work()
        winner = offer[1] if isinstance(outcomes[1], BaseException) else other
        assert len(failed(outcomes)) == await street.market.held() == 1
        assert first is None or isinstance(outcomes[1 - first], BaseException)
        assert (await street.market.see(key)).provider_id == winner.provider_id
        assert await street.job(key) in {"assigned", "withdrawn"}
        assert await street.offers() == []
        assert await street.is_sound()

    @orders
    async def test_is_taken_in_time_or_not_at_all(self, open_street: Open, first: int | None) -> None:
        street = await open_street(crews=1)
        key = await street.call()
        (offer,) = await street.offers()
        street.market.now += timedelta(seconds=45)

        taken, _ = await street.market.race(
            accept(offer), (ClockOffer(offer_id=offer[0]), CLOCK), first=first
        )

        lost = isinstance(taken, MoveRefused)
        assert first is None or lost == bool(first)
        assert await street.market.held() == int(not lost)
        assert await street.job(key) == ("queued" if lost else "assigned")
        assert await street.is_sound()

    @orders
    async def test_that_is_handed_back_is_taken_again(self, open_street: Open, first: int | None) -> None:
        street = await open_street(crews=2, offers=2)
        key = await street.call()
        one, other = await street.offers()
        await street.market.do(*accept(one))
        back = HandBack(booking_id=key, reason="broke down")

        outcomes = await street.market.race((back, one[1]), accept(other), first=first)

        await street.market.pass_time(timedelta(seconds=2))
        (again,) = await street.offers()
        assert [type(outcome) for outcome in failed(outcomes)] == [MoveRefused]
        assert again[1] == other[1]
        await street.market.do(*accept(again))
        assert (await street.market.see(key)).provider_id == other[1].provider_id
        assert await street.is_sound()


class TestAProvider:
    async def test_has_no_more_jobs_at_a_time_than_units(self, open_street: Open) -> None:
        street = await open_street(crews=1, units=3)
        for number in range(8):
            await street.market.do(*street.wish(number))
        await street.market.pass_time(timedelta(seconds=3))
        asked = await street.offers()

        outcomes = await street.market.crowd([accept(offer) for offer in asked * 4])

        assert len(asked) == 3
        assert len(outcomes) - len(failed(outcomes)) == await street.market.held() == 3
        assert await street.is_sound()


# What no rule of the schema stops once it is told not to, and what the audit says of it.
CORRUPTIONS = {
    "has 2 offers that were accepted": (
        "INSERT INTO dispatch_offer SELECT r.* FROM dispatch_offer AS t, jsonb_populate_record(t,"
        " jsonb_build_object('id', gen_random_uuid())) AS r WHERE t.state = 'accepted' AND t.tenant_id = $1"
    ),
    "is assigned, and nobody's time was taken": "DELETE FROM reservation WHERE tenant_id = $1",
    "is queued, its booking is confirmed": "UPDATE dispatch_job SET state = 'queued' WHERE tenant_id = $1",
}


class TestTheAudit:
    @pytest.mark.parametrize("sentence", CORRUPTIONS)
    async def test_finds_a_search_unlike_its_booking(self, open_street: Open, sentence: str) -> None:
        street = await open_street(crews=1)
        market = street.market
        await street.call()
        (offer,) = await street.offers()
        await market.do(*accept(offer))
        await market.pass_time(timedelta(minutes=16))
        auditor = PostgresAudit(engine=market.owner)

        async with market.owner.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            changed = await connection.exec_driver_sql(CORRUPTIONS[sentence], (market.tenant.id,))
            promises = await auditor.audit_on(connection, market.tenant.id, now=market.now)
            await connection.rollback()

        (searches,) = [promise for promise in promises if promise.name == Name.SEARCHES]
        assert changed.rowcount == 1
        assert [one.partition(" ")[2].partition(" ")[2] for one in searches.violations] == [sentence]


class TestTheFirstSearches:
    async def test_of_an_area_are_all_begun(self, open_street: Open) -> None:
        """Each of them would have made the area; only one has."""
        street = await open_street(crews=0)
        for number in range(3):
            await street.market.do(*street.wish(number))
        paid = await street.market.work_but("booking.paid")

        await street.market.follow_at_once(paid)

        searches = "SELECT count(DISTINCT booking_id) FROM dispatch_job WHERE tenant_id = $1"
        assert len(paid) == await street.market.sql(searches) == 3
        assert await street.is_sound()


class TestTwoRounds:
    async def test_of_one_area_ask_each_unit_and_for_each_job_once(self, open_street: Open) -> None:
        street = await open_street(crews=6)
        market = street.market
        for number in range(4):
            await market.do(*street.wish(number))
        await market.work()
        area_id = await market.sql("SELECT id FROM area WHERE tenant_id = $1")

        outcomes = await asyncio.gather(
            *(
                market.desk.carry_out(Match(area_id=area_id, round_id=uuid4()), market.call(SYSTEM))
                for _ in range(4)
            ),
            return_exceptions=True,
        )

        assert all(isinstance(error, Conflict) for error in failed(list(outcomes)))
        assert len(await street.offers()) == 4
        for column in ("unit_id", "job_id"):
            distinct = f"SELECT count(DISTINCT {column}) FROM dispatch_offer WHERE tenant_id = $1"
            assert await market.sql(distinct) == 4
        assert await street.is_sound()


class TestAWorkerThatStoodStill:
    """Longer than its jobs are its own, between deciding a round and writing it down."""

    @pytest.mark.parametrize("again", ["the same round", "a later round"])
    @pytest.mark.parametrize("meanwhile", ["offered", "accepted", "declined", "cancelled"])
    async def test_writes_nothing_of_what_another_has_done(
        self, open_street: Open, again: str, meanwhile: str
    ) -> None:
        street = await open_street(crews=2)
        market = street.market
        command, customer = street.wish()
        await market.do(command, customer)
        await market.work()
        area_id = await market.sql("SELECT id FROM area WHERE tenant_id = $1")
        paused, key = Match(area_id=area_id, round_id=uuid4()), command.booking_id
        meeting = Meeting(2)
        stopped = replace(market.desk, store=Party(meeting, market.store))
        standing = asyncio.create_task(stopped.carry_out(paused, market.call(SYSTEM)))
        await meeting.somebody.wait()

        second = paused if again == "the same round" else replace(paused, round_id=uuid4())
        await market.desk.carry_out(second, market.call(SYSTEM))
        (offer,) = await street.offers()
        if meanwhile == "accepted":
            await market.do(*accept(offer))
        elif meanwhile == "declined":
            await market.do(*decline(offer))
        elif meanwhile == "cancelled":
            await market.do(CancelBooking(booking_id=key, reason="no need"), customer)
        await market.work()
        before = await trace(street)
        meeting.arrive()
        await standing

        assert await trace(street) == before
        assert await street.is_sound()


async def trace(street: Street) -> list[Any]:
    """Every offer, search and booking, and how often each was moved."""
    found = await street.market.connection.exec_driver_sql(
        "SELECT 'offer', id, state::text, version FROM dispatch_offer WHERE tenant_id = $1"
        " UNION ALL SELECT 'search', id, state::text, version FROM dispatch_job WHERE tenant_id = $1"
        " UNION ALL SELECT 'booking', id, state::text, version FROM booking WHERE tenant_id = $1"
        " ORDER BY 1, 2",
        (street.market.tenant.id,),
    )
    return [tuple(row) for row in found]
