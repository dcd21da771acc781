"""OSRM knows the roads: its table service tells how long the ways from many places to one take."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Annotated

import httpx
import msgspec

from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import Place

# What osrm-routed takes in one request unless it is started with another --max-table-size.
COORDINATES_MAX = 100
_SECONDS_MAX = 2.0
# osrm-routed closes a connection that was silent for five seconds: we close it first.
_SILENT_SECONDS_MAX = 4.0
_ANSWERS = frozenset({httpx.codes.OK, httpx.codes.BAD_REQUEST})
# Four months: more is no way, and would not fit a length of time.
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e7)]
Durations = tuple[timedelta | None, ...]


class _Table(msgspec.Struct):
    """A row for each start, and in it the one end."""

    code: str
    durations: list[tuple[_Seconds | None]] = []


_DECODER = msgspec.json.Decoder(_Table)


def create_client() -> httpx.AsyncClient:
    limits = httpx.Limits(keepalive_expiry=_SILENT_SECONDS_MAX)
    return httpx.AsyncClient(timeout=_SECONDS_MAX, limits=limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class OsrmRouter:
    """
    By version 1 of OSRM's HTTP API (https://project-osrm.org/docs/v5.24.0/api/#table-service).

    Its speeds are those of its map, and the same at every hour. All of an answer takes `seconds_max` at most.
    """

    client: httpx.AsyncClient
    url: str
    seconds_max: float = _SECONDS_MAX
    coordinates_max: int = COORDINATES_MAX

    async def travel(self, *, starts: Sequence[Place], end: Place, at: datetime) -> Durations:  # noqa: ARG002 - no hour is another's
        most = self.coordinates_max - 1
        parts = [starts[index : index + most] for index in range(0, len(starts), most)]
        try:
            async with asyncio.timeout(self.seconds_max):
                return tuple(chain.from_iterable([await self._durations(part, end) for part in parts]))
        except TimeoutError as error:
            raise _down("takes too long") from error

    async def _durations(self, starts: Sequence[Place], end: Place) -> Durations:
        table = await self._table(starts, end)
        if table.code == "Ok" and len(table.durations) == len(starts):
            return tuple(None if found is None else timedelta(seconds=found) for (found,) in table.durations)
        if table.code == "NoTable":
            return (None,) * len(starts)
        if table.code == "NoSegment":
            return await self._halved(starts, end)
        raise _down(f"answers {table.code} with {len(table.durations)} rows")

    async def _halved(self, starts: Sequence[Place], end: Place) -> Durations:
        """One place far from all roads fails the whole request, and is found by asking for fewer."""
        if len(starts) == 1:
            return (None,)
        middle = len(starts) // 2
        halves = [await self._durations(half, end) for half in (starts[:middle], starts[middle:])]
        return tuple(chain.from_iterable(halves))

    async def _table(self, starts: Sequence[Place], end: Place) -> _Table:
        try:
            response = await self.client.get(self.url.rstrip("/") + _path(starts, end))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _down(f"does not answer: {type(error).__name__}") from error
        if response.status_code not in _ANSWERS:
            raise _down(f"answers with the status {response.status_code}")
        try:
            return _DECODER.decode(response.content)
        except msgspec.DecodeError as error:
            raise _down("answers what is no table") from error


def _path(starts: Sequence[Place], end: Place) -> str:
    """Longitude first, to a tenth of a metre. The semicolons stand as they are, as documented."""
    places = ";".join(f"{place.longitude:.6f},{place.latitude:.6f}" for place in (*starts, end))
    sources = ";".join(str(index) for index in range(len(starts)))
    options = f"sources={sources}&destinations={len(starts)}&annotations=duration&generate_hints=false"
    return f"/table/v1/driving/{places}?{options}"


def _down(how: str) -> Unavailable:
    return Unavailable(f"OSRM {how}", router="osrm")
