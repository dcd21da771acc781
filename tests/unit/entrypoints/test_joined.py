import asyncio
from typing import Any

from marketplace.entrypoints.joined import HELD_BYTES_MAX, Joined


class Wire:
    """A transport that keeps what happens to it."""

    def __init__(self) -> None:
        self.told: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def close(self) -> None:
        self.told.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.told


def joined() -> tuple[Joined, list[bytes | str]]:
    wire: Any = Wire()
    return Joined(wire, asyncio.get_running_loop()), wire.told


class TestJoined:
    async def test_sends_in_one_write_what_is_written_in_one_turn(self) -> None:
        transport, told = joined()

        transport.write(b"head ")
        transport.write(b"body")
        await asyncio.sleep(0)
        transport.write(b"next")
        await asyncio.sleep(0)

        assert told == [b"head body", b"next"]

    async def test_sends_what_it_holds_before_it_closes(self) -> None:
        transport, told = joined()

        transport.write(b"last words")
        transport.close()
        await asyncio.sleep(0)

        assert told == [b"last words", "closed"]

    async def test_holds_no_more_than_its_measure(self) -> None:
        transport, told = joined()

        transport.write(b"x" * HELD_BYTES_MAX)
        transport.write(b"y")

        assert told == [b"x" * HELD_BYTES_MAX + b"y"]

    async def test_is_otherwise_the_transport(self) -> None:
        transport, _ = joined()

        transport.close()

        assert transport.is_closing()
