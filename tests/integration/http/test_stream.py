"""`GET /v1/events` tells everybody what concerns it, once, in order, however often it has to come back."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import dropwhile
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from marketplace.adapters.postgres.feed import Cursor, Told
from marketplace.core.shared.errors import NotSignedIn, Unavailable
from marketplace.core.shared.place import Place
from marketplace.entrypoints.http import hub, stream, ways
from marketplace.entrypoints.http.hub import Hub
from marketplace.entrypoints.http.stream import DESK_PATH, Listener
from marketplace.entrypoints.server import listen, serve
from marketplace.ports.geo import Sighting

SOON = 60.0  # a machine may be busy with other tests


@pytest_asyncio.fixture(loop_scope="module")
async def server(market: Any) -> AsyncIterator[Any]:
    """The same platform behind a real socket, because streams end by being cut."""
    settings = market.platform.settings()
    opened, stop = listen(replace(settings, port=0)), asyncio.Event()
    hub = market.platform.hub()
    task = asyncio.create_task(serve(market.front, settings=settings, opened=opened, hub=hub, stop=stop))
    yield Server(f"http://127.0.0.1:{opened.getsockname()[1]}", stop, task)
    stop.set()
    await asyncio.wait_for(task, SOON)
    hub._closed = False  # the module's next server serves the same platform


class Server:
    def __init__(self, url: str, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        self.url, self.stop, self.task = url, stop, task

    @contextlib.asynccontextmanager
    async def listening(
        self, person: Any, last: str | None = None, path: str = "/v1/events"
    ) -> AsyncIterator["Heard"]:
        headers = person.headers | ({"last-event-id": last} if last else {})
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=SOON) as client,
            client.stream("GET", path, headers=headers) as response,
        ):
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            heard = Heard(response)
            await heard.welcome()
            yield heard


class Heard:
    """A stream, taken apart into events."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last: str | None = None

    async def welcome(self) -> None:
        assert await asyncio.wait_for(anext(self._lines), SOON) == ": welcome"

    async def event(self, seconds: float = SOON) -> dict[str, Any] | None:
        """The next event, None at the end of the stream; raises TimeoutError."""
        found: dict[str, Any] = {}
        async with asyncio.timeout(seconds):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name in {"id", "event", "data"}:
                    found[name] = value
                elif not line and found:
                    self.last = found.get("id", self.last)
                    return found | json.loads(found["data"])
        return None

    async def until(self, name: str) -> list[dict[str, Any]]:
        """Events up to the one of that name."""
        events: list[dict[str, Any]] = []
        while not events or events[-1]["event"] != name:
            events.append(await self.next())
        return events

    async def about(self, subject_id: str) -> list[dict[str, Any]]:
        """Events up to the first one about that subject."""
        events: list[dict[str, Any]] = []
        while not events or events[-1]["subject_id"] != subject_id:
            events.append(await self.next())
        return events

    async def next(self) -> dict[str, Any]:
        event = await self.event()
        assert event is not None
        return event


def since_booking(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the shop's opening, which other databases' transactions may have held back until now."""
    return list(dropwhile(lambda event: event["kind"] != "booking", events))


class TestAListener:
    async def test_hears_what_concerns_it_in_order(self, shop: Any, server: Server) -> None:
        customer, provider = await shop.customer(), await shop.provider()

        async with server.listening(customer) as mine, server.listening(provider) as theirs:
            booking = await shop.confirmed()
            heard = since_booking(await mine.until("booking.confirmed"))
            told = since_booking(await theirs.until("booking.confirmed"))

        of_booking = [event["event"] for event in heard if event["subject_id"] == booking["id"]]
        assert of_booking == ["booking.requested", "booking.paid", "booking.confirmed"]
        assert [e["event"] for e in told if e["kind"] == "booking"] == of_booking
        assert {event["kind"] for event in heard} == {"booking", "payment"}
        assert {event["kind"] for event in told} == {"booking"}

    async def test_hears_nothing_of_others(self, shop: Any, server: Server, market: Any) -> None:
        other, stranger = await shop.customer(1), await (await market.open()).customer()

        async with server.listening(other) as one, server.listening(stranger) as two:
            await shop.confirmed()
            for heard in (one, two):
                with pytest.raises(TimeoutError):
                    await heard.event(0.6)

    async def test_is_a_customer_or_a_provider(self, shop: Any) -> None:
        for person, status in ((shop.nobody, 401), (await shop.admin(), 403), (await shop.support(), 403)):
            assert (await person.get("/v1/events")).status_code == status

    async def test_misses_nothing_while_it_is_away(self, shop: Any, server: Server) -> None:
        customer = await shop.customer()
        async with server.listening(customer) as before:
            booking = await shop.book()
            await before.until("booking.requested")
        await shop.market.drain()
        await (await shop.provider()).do(f"/v1/bookings/{booking['id']}/accept")

        async with server.listening(customer, before.last) as after:
            missed = await after.until("booking.confirmed")

        assert [event["event"] for event in missed if event["kind"] == "booking"] == [
            "booking.paid",
            "booking.confirmed",
        ]

    async def test_is_told_to_read_again_after_another_life_of_the_database(
        self, shop: Any, server: Server
    ) -> None:
        async with server.listening(await shop.customer(), f"{2**62}.0") as heard:
            reset = await heard.event()

            assert reset is not None
            assert reset["event"] == "reset"
            booking = await shop.book()
            (event,) = [one for one in await heard.until("booking.requested") if one["kind"] == "booking"]
            assert event["subject_id"] == booking["id"]

    @pytest.mark.parametrize("last", ["none", "1", "1.", ".1", "-1.0", "1.0.0", "٣.٣", "1 .2"])
    async def test_cannot_resume_from_what_is_no_place(self, shop: Any, last: str) -> None:
        response = await (await shop.customer()).get("/v1/events", headers={"last-event-id": last.encode()})

        assert response.status_code == 400
        assert response.json()["facts"]["field"] == "Last-Event-ID"

    async def test_is_counted_out_when_it_hangs_up(self, shop: Any, server: Server) -> None:
        hub = shop.market.platform.hub()
        await eventually(lambda: not hub.listeners)  # those of the tests before

        async with server.listening(await shop.customer()):
            there = sum(map(len, hub.listeners.values()))
        await eventually(lambda: not hub.listeners)

        assert there == 1
        assert not hub._pollers


class TestThePlatform:
    @pytest.mark.parametrize("who", ["admin", "support"])
    async def test_hears_everything_of_its_own_marketplace(
        self, shop: Any, server: Server, market: Any, who: str
    ) -> None:
        person, other = await getattr(shop, who)(), await market.open()

        async with server.listening(person, path=DESK_PATH) as heard:
            await other.confirmed()
            booking = await shop.confirmed()
            events = since_booking(await heard.until("booking.confirmed"))

        of_booking = [event["event"] for event in events if event["subject_id"] == booking["id"]]
        assert of_booking == ["booking.requested", "booking.paid", "booking.confirmed"]
        assert {event["kind"] for event in events} == {"booking", "payment"}

    async def test_misses_nothing_while_it_is_away(self, shop: Any, server: Server) -> None:
        admin = await shop.admin()
        async with server.listening(admin, path=DESK_PATH) as before:
            await shop.book()
            await before.until("booking.requested")
        await shop.market.drain()

        async with server.listening(admin, before.last, DESK_PATH) as after:
            missed = await after.until("booking.paid")

        names = [event["event"] for event in missed if event["kind"] == "booking"]
        assert names == ["booking.paid"]

    async def test_is_admin_and_support_alone(self, shop: Any) -> None:
        for person, status in (
            (shop.nobody, 401),
            (await shop.customer(), 403),
            (await shop.provider(), 403),
        ):
            assert (await person.get(DESK_PATH)).status_code == status


async def eventually(holds: Any) -> None:
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


# An event like one that there is, of something else.
COPY = """
INSERT INTO event (tenant_id, id, kind, subject_id, version, name, move, before, after, at, actor_role,
    actor_id, on_behalf_of, request_id, reason, changes, parties)
SELECT tenant_id, gen_random_uuid(), kind, '{id}', version, 'booking.copied', move, before, after, at,
    actor_role, actor_id, on_behalf_of, request_id, reason, changes, parties
FROM event WHERE name = 'booking.requested' AND parties @> ARRAY['{customer}'::uuid] LIMIT 1
"""


def told_at(place: int, party: UUID) -> Told:
    return Told(
        xact=place,
        seq=0,
        id=uuid4(),
        name="booking.paid",
        kind="booking",
        subject_id=uuid4(),
        version=place,
        before=None,
        after="awaiting_provider",
        at=datetime.now(UTC),
        parties=(party,),
    )


class TestDelivery:
    async def test_is_exactly_once_across_cuts_under_concurrent_writers(
        self, shop: Any, server: Server
    ) -> None:
        """Writers overlap, so that transactions end in another order than they begin."""
        customer = await shop.customer()
        starts = [slot["start"] for slot in await shop.slots(days=25, provider=1)][::3][:40]
        expected = [shop.book(at=start, provider=1) for start in starts]
        writing = asyncio.gather(*expected, return_exceptions=True)
        heard: list[tuple[str, str]] = []
        last = "0.0"

        while not writing.done() or len(heard) < await self.wanted(shop, customer):
            async with server.listening(customer, last) as listener:
                with contextlib.suppress(TimeoutError):
                    for _ in range(7):
                        event = await listener.event(0.4)
                        assert event is not None
                        heard.append((event["data"], str(listener.last)))
                last = listener.last or last

        assert len({data for data, _ in heard}) == len(heard) == await self.wanted(shop, customer)
        places = [Cursor.parse(place) for _, place in heard]
        assert places == sorted(places)

    async def test_waits_for_who_began_earlier_and_ends_later(self, shop: Any, server: Server) -> None:
        """Whoever is told of the later one first would never be told of the earlier one.

        Other databases' transactions hold the horizon back too, so events from before may come first.
        """
        customer, earlier = await shop.customer(), str(uuid4())
        await shop.book()
        async with server.listening(customer) as heard:
            async with shop.market.owner.connect() as slow:
                await slow.execution_options(isolation_level="READ COMMITTED")
                await slow.exec_driver_sql(COPY.format(id=earlier, customer=customer.tokens["user_id"]))
                booking = await shop.book(at=(await shop.slots())[0]["start"])
                telling = asyncio.create_task(heard.about(booking["id"]))
                await asyncio.sleep(0.6)
                too_early = telling.done()
                await slow.commit()
            told = await telling

        ids = [event["subject_id"] for event in told]
        assert not too_early
        assert ids.index(earlier) < ids.index(booking["id"])

    async def test_tells_what_is_missed_and_happens_just_then_once(self, shop: Any, market: Any) -> None:
        first, second = (told_at(place, shop.seeded.people[0].user_id) for place in (1, 2))
        polled = iter([(first,), (second,)])

        class Feed:
            async def now(self, _: UUID) -> Cursor:
                return Cursor(0, 0)

            async def after(self, *_: Any, parties: Any = None) -> tuple[Told, ...]:
                news = (first,) if parties else next(polled, ())
                if not news:
                    listener.hub.close()
                return news

        listener = await a_listener(shop, market)
        listener.hub.feed = Feed()  # type: ignore[assignment]

        lines = [line for line in await everything(listener) if line.startswith(b"id")]

        assert [line.split(b"\n")[0] for line in lines] == [b"id: 1.0", b"id: 2.0"]

    async def wanted(self, shop: Any, customer: Any) -> int:
        key = customer.tokens["user_id"]
        kinds = "('booking', 'payment')"
        found: int = await shop.market.sql(
            f"SELECT count(*) FROM event WHERE parties @> ARRAY['{key}'::uuid] AND kind IN {kinds}"
        )
        return found


class TestTheEnd:
    async def test_comes_with_the_token(self, shop: Any, market: Any) -> None:
        listener = await a_listener(shop, market, seconds=0.3)

        begun = time.monotonic()
        lines = [line async for line in listener.stream()]

        assert set(lines) == {b": welcome\n\n", b": ping\n\n"}
        assert time.monotonic() - begun < SOON

    async def test_comes_when_the_user_is_no_longer_welcome(
        self, shop: Any, market: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "PING_SECONDS", 0.1)

        async def gone() -> None:
            raise NotSignedIn("blocked")

        listener = await a_listener(shop, market, welcome=gone)

        assert [line async for line in listener.stream()] == [b": welcome\n\n"]

    async def test_does_not_come_because_the_database_is_away(
        self, shop: Any, market: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "PING_SECONDS", 0.1)

        async def away() -> None:
            raise Unavailable("away")

        lines = (await a_listener(shop, market, welcome=away)).stream()

        assert [await anext(lines) for _ in range(4)] == [b": welcome\n\n", *[b": ping\n\n"] * 3]
        await lines.aclose()

    async def test_comes_at_shutdown_and_nobody_is_let_in_after_it(self, shop: Any, market: Any) -> None:
        listener = await a_listener(shop, market)
        reading = asyncio.create_task(everything(listener))
        await eventually(lambda: listener.hub.listeners)

        listener.hub.close()

        assert await asyncio.wait_for(reading, SOON) == [b": welcome\n\n"]
        with pytest.raises(Unavailable):
            await everything(listener)

    async def test_comes_to_who_cannot_follow_and_nothing_is_lost(
        self, shop: Any, market: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "QUEUE_MAX", 1)
        monkeypatch.setattr(hub, "POLL_SECONDS", 0.01)
        customer = await shop.customer()
        slow = await a_listener(shop, market)
        lines = slow.stream()
        assert await anext(lines) == b": welcome\n\n"
        (queue,) = slow.hub.listeners[shop.seeded.tenant.id]

        await shop.book()
        first = await anext(lines)
        await shop.book()
        await eventually(queue.full)
        await shop.book()
        await eventually(lambda: queue._queue[0] is None)
        heard = [first, *[line async for line in lines]]

        last = Cursor.parse(heard[-1].split(b"\n")[0].removeprefix(b"id: ").decode())
        again = await a_listener(shop, market, seconds=0.5, last=last)
        missed = [line for line in await everything(again) if line.startswith(b"id")]
        assert len([*heard, *missed]) == len(await customer.pages("/v1/bookings")) * 2
        assert missed


async def everything(listener: Listener) -> list[bytes]:
    return [line async for line in listener.stream()]


async def a_listener(shop: Any, market: Any, **facts: Any) -> Listener:
    customer = await shop.customer()

    async def welcome() -> None:
        return None

    given: dict[str, Any] = {"seconds": SOON, "last": None, "welcome": welcome} | facts
    parties = frozenset({customer.facts.user_id})
    hub = Hub(market.platform.feed())
    return Listener(hub=hub, tenant_id=shop.seeded.tenant.id, parties=parties, **given)


class TestTheServer:
    async def test_sends_listeners_home_when_it_stops(self, shop: Any, server: Server) -> None:
        async with server.listening(await shop.customer()) as heard:
            server.stop.set()

            assert await heard.event() is None
        await asyncio.wait_for(server.task, SOON)


class TestTheHub:
    async def test_goes_on_when_the_feed_breaks(
        self, shop: Any, market: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "POLL_SECONDS", 0.01)
        listener = await a_listener(shop, market, seconds=SOON)
        feed, broken = listener.hub.feed, iter([Unavailable("away"), RuntimeError("a defect")])

        class Breaking:
            now = staticmethod(feed.now)

            async def after(self, *asked: Any, **facts: Any) -> Any:
                trouble = next(broken, None)
                if trouble is not None and "parties" not in facts:
                    raise trouble
                return await feed.after(*asked, **facts)

        listener.hub.feed = Breaking()  # type: ignore[assignment]
        lines = listener.stream()
        assert await anext(lines) == b": welcome\n\n"
        waiting = asyncio.create_task(anext(lines))
        await asyncio.sleep(0.1)

        await shop.book()

        assert (await asyncio.wait_for(waiting, SOON)).startswith(b"id: ")
        await lines.aclose()  # type: ignore[attr-defined]

    async def test_refuses_more_than_it_can_serve(
        self, shop: Any, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub, "LISTENERS_MAX", 0)

        response = await (await shop.customer()).get("/v1/events")

        assert response.status_code == 429
        assert response.headers["retry-after"]


class TestWhoIsOnTheWay:
    async def test_is_shown_to_the_customer_and_leaves_no_place_in_the_feed(
        self, server: Server, shop: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (stream, ways):
            monkeypatch.setattr(module, "WAY_SECONDS", 0.2)
        booking = await shop.confirmed(place=HOME)
        reservations = await (await shop.admin()).pages("/admin/v1/reservations", booking_id=booking["id"])
        unit_id = reservations[0]["unit_id"]
        await on_the_map(shop, unit_id, NEAR)
        await shop.until(datetime.fromisoformat(booking["starts_at"]) - timedelta(minutes=20))

        async with server.listening(await shop.customer()) as heard:
            await (await shop.provider()).do(f"/v1/bookings/{booking['id']}/set-out")
            # What was held back from before may come first, and makes the stream look, too.
            told: dict[str, Any] = {}
            while not {"booking.set_out", "booking.way"} <= told.keys():
                event = await heard.next()
                told[event["event"]] = event
            way, last = told["booking.way"], heard.last
            await on_the_map(shop, unit_id, FAR)
            later = await heard.next()

        assert later["event"] == "booking.way"
        assert ("id" in told["booking.set_out"], "id" in way) == (True, False)
        assert heard.last == last
        assert (way["booking_id"], way["place"], later["place"]) == (booking["id"], NEAR, FAR)
        assert datetime.fromisoformat(way["arrives_at"]) < datetime.fromisoformat(later["arrives_at"])


HOME = {"latitude": -33.9293, "longitude": 18.4125}
NEAR, FAR = {"latitude": -33.94, "longitude": 18.42}, {"latitude": -33.99, "longitude": 18.46}


async def on_the_map(shop: Any, unit_id: str, place: dict[str, float]) -> None:
    seen = Sighting(tenant_id=shop.seeded.tenant.id, unit_id=UUID(unit_id), place=Place(**place))
    await shop.market.platform.live_map().report([seen])
