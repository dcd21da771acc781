"""Which server has a key: the only one there is, or that of a cluster which has the key's slot just now."""

import asyncio
from typing import Any

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.crc import key_slot
from redis.exceptions import RedisError

_CLUSTER = "+cluster://"
_SLOTS = 16_384
Address = tuple[str, int]


class Single:
    """One server, by redis://host:port or rediss://host:port."""

    def __init__(self, *, url: str, options: dict[str, Any]) -> None:
        self._client = Redis(connection_pool=ConnectionPool.from_url(url, **options))

    async def of(self, _key: bytes) -> Redis:
        return self._client

    def doubt(self) -> None:
        """There is no other."""

    async def close(self) -> None:
        await self._client.aclose()
        await self._client.connection_pool.disconnect()


class Cluster:
    """
    All servers of a cluster, found from one of them by redis+cluster://host:port, or rediss+cluster.

    The library's own cluster client closes the connections of everybody else when one call goes wrong; here a
    table of slots is read anew at the next call, and nothing else happens.
    """

    def __init__(self, *, url: str, options: dict[str, Any]) -> None:
        found: dict[str, Any] = {**parse_url(url.replace(_CLUSTER, "://"))}
        self._seed: Address = (found.pop("host", "localhost"), found.pop("port", 6379))
        self._options = found | options
        self._servers: dict[Address, Redis] = {}
        self._slots: list[Address] | None = None
        self._reading = asyncio.Lock()

    async def of(self, key: bytes) -> Redis:
        slots = self._slots
        if slots is None:
            slots = await self._read()
        return self._at(slots[key_slot(key)])

    def _at(self, address: Address) -> Redis:
        server = self._servers.get(address)
        if server is None:
            host, port = address
            pool = ConnectionPool(host=host, port=port, **self._options)
            server = self._servers[address] = Redis(connection_pool=pool)
        return server

    def doubt(self) -> None:
        """A call went wrong or to the wrong server, so the slots may have moved."""
        self._slots = None

    async def close(self) -> None:
        for server in self._servers.values():
            await server.aclose()
            await server.connection_pool.disconnect()

    async def _read(self) -> list[Address]:
        async with self._reading:
            if self._slots is None:
                self._slots = await self._ask_around()
            return self._slots

    async def _ask_around(self) -> list[Address]:
        """All that are known at once, as one that is gone may be silent; whoever answers first knows."""
        asked = [
            asyncio.ensure_future(server.execute_command("CLUSTER", "SLOTS"))  # type: ignore[no-untyped-call]
            for server in {self._at(self._seed), *self._servers.values()}
        ]
        problem: Exception = RedisError("no server knows the slots")
        try:
            for answer in asyncio.as_completed(asked):
                try:
                    return self._table(await answer)
                except (RedisError, OSError) as error:
                    problem = error
        finally:
            for one in asked:
                one.cancel()
        raise problem

    def _table(self, rows: list[Any]) -> list[Address]:
        slots = [self._seed] * _SLOTS
        for first, last, (host, port, *_), *_ in rows:
            # A server that does not know its own name leaves it out.
            slots[first : last + 1] = [((host or b"").decode() or self._seed[0], port)] * (last + 1 - first)
        return slots


def nodes(*, url: str, options: dict[str, Any]) -> Single | Cluster:
    return (Cluster if _CLUSTER in url else Single)(url=url, options=options)
