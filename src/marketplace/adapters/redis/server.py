"""What is said to Redis: scripts by their digests, with a deadline for each exchange, no endless retries."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import MovedError, NoScriptError, RedisError, ResponseError

from marketplace.adapters.redis.nodes import nodes
from marketplace.core.shared.errors import Unavailable

Command = tuple[Any, ...]
Sent = tuple[Redis, Command]
# What a server says, as a plain error, when it cannot answer just now.
_NOT_NOW = ("MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE", "OOM", "LOADING", "CLUSTERDOWN", "TRYAGAIN")
# A thousand sightings take longer than one search.
_PATIENCE_WITH_MANY = 4
# A script may be unknown and then the slot elsewhere; more often than this, nobody knows where it is.
_TRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Script:
    """A file of Lua in `scripts`."""

    text: str = field(repr=False)
    digest: str


@cache
def script(name: str) -> Script:
    text = files(__package__).joinpath("scripts", f"{name}.lua").read_text("utf-8")
    return Script(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(frozen=True, slots=True)
class Call:
    """One script on keys of one slot."""

    script: Script
    keys: tuple[bytes, ...]
    arguments: Sequence[bytes | float]

    @property
    def key(self) -> bytes:
        return self.keys[0]

    def short(self) -> Command:
        return ("EVALSHA", self.script.digest, len(self.keys), *self.keys, *self.arguments)

    def whole(self) -> Command:
        return ("EVAL", self.script.text, len(self.keys), *self.keys, *self.arguments)


@dataclass(frozen=True, slots=True)
class Plain:
    """A command of the server's own, on one key."""

    name: str
    key: bytes
    arguments: Sequence[bytes | float] = ()

    def short(self) -> Command:
        return (self.name, self.key, *self.arguments)

    whole = short


class Server:
    """Or several. Both methods raise Unavailable: `call` within `seconds`, `call_all` in four times that."""

    def __init__(self, *, url: str, seconds: float, connections: int) -> None:
        self._seconds = seconds
        # The pool refuses at its limit instead of waiting, so whoever is too many waits here.
        self._turns = asyncio.Semaphore(connections)
        options = {
            # Ours is the only deadline: the library's makes a task for each command.
            "socket_timeout": None,
            "socket_connect_timeout": seconds,
            "max_connections": connections + 1,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
        }
        self._nodes = nodes(url=url, options=options)

    async def call(self, call: Call | Plain) -> Any:
        async with self._exchange(self._seconds):
            server = await self._nodes.of(call.key)
            (answer,) = await _converse(server, [call.short()])
            if isinstance(answer, NoScriptError | MovedError):
                # Nothing has happened yet.
                (answer,) = await self._carry_out([call])
            elif isinstance(answer, Exception):
                raise answer
            return answer

    async def call_all(self, calls: Sequence[Call | Plain]) -> list[Any]:
        """The answers in the order of the calls, of one round trip to each server that is asked."""
        if not calls:
            return []
        async with self._exchange(self._seconds * _PATIENCE_WITH_MANY):
            return await self._carry_out(calls)

    async def close(self) -> None:
        await self._nodes.close()

    async def _carry_out(self, calls: Sequence[Call | Plain]) -> list[Any]:
        answers: list[Any] = [None] * len(calls)
        waiting = {
            number: (await self._nodes.of(call.key), call.short()) for number, call in enumerate(calls)
        }
        for _ in range(_TRIES_MAX):
            await _send(waiting, answers)
            waiting = {
                number: await self._again(calls[number], answers[number])
                for number in waiting
                if isinstance(answers[number], NoScriptError | MovedError)
            }
            if not waiting:
                break
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _again(self, call: Call | Plain, answer: Exception) -> Sent:
        if isinstance(answer, MovedError):
            self._nodes.doubt()
        return await self._nodes.of(call.key), call.whole()

    @asynccontextmanager
    async def _exchange(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds), self._turns:
                yield
        except (RedisError, OSError) as error:
            if type(error) is ResponseError and not str(error).startswith(_NOT_NOW):
                raise  # a mistake in what was asked, and no state of the server
            self._nodes.doubt()
            if isinstance(error, MovedError):
                raise Unavailable("Redis is a cluster: its URL has to begin with redis+cluster") from error
            raise Unavailable(f"the live map on Redis does not answer: {str(error) or 'too slow'}") from error


async def _converse(server: Redis, commands: Sequence[Command]) -> list[Any]:
    """Answers or errors, past the layers of `execute_command` and `pipeline`, dearer than a search."""
    pool = server.connection_pool
    connection = await pool.get_connection()  # type: ignore[no-untyped-call]
    try:
        packed = b"".join([_packed(command) for command in commands])
        await connection.send_packed_command(packed, check_health=False)
        return [await _answer(connection) for _ in commands]
    except BaseException:
        # Answers may still come, and are nobody's.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def _answer(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return error


def _packed(command: Command) -> bytes:
    parts = [one if isinstance(one, bytes) else str(one).encode() for one in command]
    return b"*%d\r\n" % len(parts) + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])


async def _send(waiting: Mapping[int, Sent], answers: list[Any]) -> None:
    """One round trip to each server. Its answers, or errors, take their places."""
    groups: dict[Redis, list[int]] = defaultdict(list)
    for number, (server, _) in waiting.items():
        groups[server].append(number)
    talks = [
        _converse(server, [waiting[number][1] for number in numbers]) for server, numbers in groups.items()
    ]
    # A task for each is dear where one is enough.
    replies = [await talks[0]] if len(talks) == 1 else await asyncio.gather(*talks, return_exceptions=True)
    for numbers, reply in zip(groups.values(), replies, strict=True):
        if isinstance(reply, BaseException):
            raise reply
        for number, answer in zip(numbers, reply, strict=True):
            answers[number] = answer
