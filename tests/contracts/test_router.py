"""What every router promises, and how OSRM's own answers are read."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from marketplace.adapters.memory.roads import GreatCircleRouter
from marketplace.adapters.osrm.router import OsrmRouter, create_client
from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import Place, distance_metres
from marketplace.entrypoints.fallback import FallbackRouter
from marketplace.ports.geo import Router

HOME = Place(-26.2041, 28.0473)
AT = datetime(2026, 11, 2, 9, tzinfo=ZoneInfo("Africa/Johannesburg"))
ISLAND = Place(-33.8067, 18.3662)
OCEAN = Place(-40.0, 0.0)
METRES_PER_SECOND = 10

Reply = tuple[int, bytes]
_COORDINATE = r"-?\d+(?:\.\d+)?,-?\d+(?:\.\d+)?"
_REQUEST = re.compile(rf"GET (/.*)?/table/v1/driving/({_COORDINATE}(?:;{_COORDINATE})*)\?(\S+) HTTP/1\.1\r\n")


@dataclass
class Osrm:
    """Speaks the documented table service. No road leads to or from the island; the ocean has none."""

    table_size_max: int = 100
    url: str = ""
    requests: list[str] = field(default_factory=list)
    instead: Callable[[Reply], Reply] | None = None
    silent: bool = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode()
        while await reader.readline() not in {b"\r\n", b""}:
            pass
        self.requests.append(line)
        if self.silent:
            await reader.read()
        status, body = self.reply(line)
        if self.instead is not None:
            status, body = self.instead((status, body))
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n".encode())
        writer.write(b"Content-Type: application/json\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def reply(self, line: str) -> Reply:
        found = _REQUEST.fullmatch(line)
        if found is None:
            return refused("InvalidUrl")
        places = [Place(*reversed([float(one) for one in pair.split(",")])) for pair in found[2].split(";")]
        options = dict(option.split("=") for option in found[3].split("&"))
        if options.pop("annotations") != "duration" or options.pop("generate_hints") != "false":
            return refused("InvalidOptions")
        chosen = {
            name: [places[int(index)] for index in indices.split(";")] for name, indices in options.items()
        }
        if len(places) > self.table_size_max:
            return refused("TooBig")
        if OCEAN in places:
            return refused("NoSegment")
        rows = [[seconds(start, end) for end in chosen["destinations"]] for start in chosen["sources"]]
        return 200, json.dumps({"code": "Ok", "durations": rows, "sources": [], "destinations": []}).encode()


def seconds(start: Place, end: Place) -> float | None:
    if start == end:
        return 0
    return None if ISLAND in {start, end} else round(distance_metres(start, end) / METRES_PER_SECOND, 1)


def refused(code: str) -> Reply:
    return 400, json.dumps({"code": code, "message": "in words"}).encode()


@asynccontextmanager
async def served(osrm: Osrm) -> AsyncIterator[Osrm]:
    server = await asyncio.start_server(osrm.serve, "127.0.0.1", 0)
    osrm.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield osrm


@pytest.fixture
async def osrm() -> AsyncIterator[Osrm]:
    async with served(Osrm()) as osrm:
        yield osrm


@pytest.fixture
async def on_roads(osrm: Osrm) -> AsyncIterator[OsrmRouter]:
    async with create_client() as client:
        yield OsrmRouter(client=client, url=osrm.url, seconds_max=30)


@pytest.fixture(params=["great circle", "osrm", "fallback"])
def router(request: pytest.FixtureRequest, on_roads: OsrmRouter) -> Router:
    routers: dict[str, Router] = {
        "great circle": GreatCircleRouter(),
        "osrm": on_roads,
        "fallback": FallbackRouter(first=on_roads, second=GreatCircleRouter()),
    }
    return routers[request.param]


def north(kilometres: float) -> Place:
    return Place(round(HOME.latitude + kilometres / 111.195, 6), HOME.longitude)


class TestRouter:
    async def test_answers_nothing_for_nobody(self, router: Router) -> None:
        assert await router.travel(starts=[], end=HOME, at=AT) == ()

    async def test_answers_no_time_for_who_is_there(self, router: Router) -> None:
        assert await router.travel(starts=[HOME], end=HOME, at=AT) == (timedelta(),)

    async def test_answers_for_each_start_in_their_order(self, router: Router) -> None:
        starts = [north(3), north(1), north(2), north(1)]

        found = await router.travel(starts=starts, end=HOME, at=AT)

        assert found[1] == found[3]
        assert sorted(found, key=str) == [found[1], found[3], found[2], found[0]]

    async def test_answers_for_more_starts_than_a_round_has(self, router: Router) -> None:
        starts = [north(kilometres / 10) for kilometres in range(1, 251)]

        found = await router.travel(starts=starts, end=HOME, at=AT)

        lengths = [length for length in found if length is not None]
        assert len(lengths) == 250
        assert lengths == sorted(set(lengths))


class TestOsrm:
    async def test_is_asked_for_the_ways_to_one_place(self, osrm: Osrm, on_roads: OsrmRouter) -> None:
        await on_roads.travel(starts=[north(1), north(2)], end=HOME, at=AT)

        path = "28.047300,-26.195107;28.047300,-26.186114;28.047300,-26.204100"
        options = "sources=0;1&destinations=2&annotations=duration&generate_hints=false"
        assert osrm.requests == [f"GET /table/v1/driving/{path}?{options} HTTP/1.1\r\n"]

    async def test_is_found_below_a_path(self, osrm: Osrm) -> None:
        async with create_client() as client:
            router = OsrmRouter(client=client, url=osrm.url + "/south/", seconds_max=30)

            assert await router.travel(starts=[HOME], end=HOME, at=AT) == (timedelta(),)
        assert osrm.requests[0].startswith("GET /south/table/v1/")

    async def test_tells_the_seconds_of_the_way(self, on_roads: OsrmRouter) -> None:
        found = await on_roads.travel(starts=[north(5)], end=HOME, at=AT)

        assert found == (timedelta(seconds=500),)

    async def test_is_asked_for_a_hundred_places_at_most(self, osrm: Osrm, on_roads: OsrmRouter) -> None:
        await on_roads.travel(starts=[HOME] * 199, end=HOME, at=AT)

        assert [line.count(",") for line in osrm.requests] == [100, 100, 2]

    async def test_tells_from_where_no_road_leads(self, on_roads: OsrmRouter) -> None:
        found = await on_roads.travel(starts=[HOME, ISLAND, HOME], end=HOME, at=AT)

        assert found == (timedelta(), None, timedelta())

    async def test_finds_no_road_from_anywhere(self, osrm: Osrm, on_roads: OsrmRouter) -> None:
        osrm.instead = lambda _: refused("NoTable")

        assert await on_roads.travel(starts=[HOME, north(1)], end=HOME, at=AT) == (None, None)

    async def test_answers_for_the_others_where_one_is_far_from_roads(self, on_roads: OsrmRouter) -> None:
        found = await on_roads.travel(starts=[HOME, north(1), OCEAN, HOME], end=HOME, at=AT)

        assert found == (timedelta(), timedelta(seconds=100), None, timedelta())

    async def test_finds_no_road_to_the_ocean(self, on_roads: OsrmRouter) -> None:
        assert await on_roads.travel(starts=[HOME, north(1)], end=OCEAN, at=AT) == (None, None)

    @pytest.mark.parametrize("status", [301, 404, 429, 500, 503])
    async def test_is_unavailable_by_its_status(self, osrm: Osrm, on_roads: OsrmRouter, status: int) -> None:
        osrm.instead = lambda reply: (status, reply[1])

        with pytest.raises(Unavailable, match=f"status {status}"):
            await on_roads.travel(starts=[HOME], end=HOME, at=AT)

    @pytest.mark.parametrize("code", ["InvalidQuery", "InvalidUrl", "InvalidValue", "TooBig"])
    async def test_is_unavailable_where_it_does_not_understand(
        self, osrm: Osrm, on_roads: OsrmRouter, code: str
    ) -> None:
        osrm.instead = lambda _: refused(code)

        with pytest.raises(Unavailable, match=code):
            await on_roads.travel(starts=[HOME], end=HOME, at=AT)

    @pytest.mark.parametrize(
        "answer",
        [
            "",
            "<html>",
            [],
            {"durations": [[1]]},
            {"code": "Ok"},
            {"code": "Ok", "durations": []},
            {"code": "Ok", "durations": [[1], [1]]},
            {"code": "Ok", "durations": [[]]},
            {"code": "Ok", "durations": [[1, 1]]},
            {"code": "Ok", "durations": [["1"]]},
            {"code": "Ok", "durations": [[-1]]},
            {"code": "Ok", "durations": [[1e300]]},
        ],
    )
    async def test_is_unavailable_where_it_answers_what_is_no_table(
        self, osrm: Osrm, on_roads: OsrmRouter, answer: Any
    ) -> None:
        body = answer if isinstance(answer, str) else json.dumps(answer)
        osrm.instead = lambda _: (200, body.encode())

        with pytest.raises(Unavailable, match="OSRM answers"):
            await on_roads.travel(starts=[HOME], end=HOME, at=AT)

    async def test_is_unavailable_where_it_takes_too_long(self, osrm: Osrm) -> None:
        osrm.silent = True
        async with create_client() as client:
            router = OsrmRouter(client=client, url=osrm.url, seconds_max=0.05)

            with pytest.raises(Unavailable, match="too long"):
                await router.travel(starts=[HOME], end=HOME, at=AT)

    async def test_is_unavailable_where_nobody_listens(self) -> None:
        async with create_client() as client:
            router = OsrmRouter(client=client, url="http://127.0.0.1:1")

            with pytest.raises(Unavailable, match="does not answer"):
                await router.travel(starts=[HOME], end=HOME, at=AT)
