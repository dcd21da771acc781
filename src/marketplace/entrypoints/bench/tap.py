"""Between server and database, a tap counts what crosses: the only witness that our own code cannot bribe."""

import asyncio
import contextlib
import struct
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

_EXECUTE, _SYNC, _QUERY = b"E", b"S", b"Q"
_HEADER = struct.Struct("!cI")


@dataclass
class Tap:
    """Counts the frontend's messages: E is a statement carried out, S (and Q) a round trip waited for."""

    upstream: Path
    counts: Counter[bytes] = field(default_factory=Counter)

    @property
    def statements(self) -> int:
        return self.counts[_EXECUTE] + self.counts[_QUERY]

    @property
    def round_trips(self) -> int:
        return self.counts[_SYNC] + self.counts[_QUERY]

    @contextlib.asynccontextmanager
    async def open(self, path: Path) -> AsyncIterator[None]:
        server = await asyncio.start_unix_server(self._serve, path)
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(self.upstream)
        length = await reader.readexactly(4)
        up_writer.write(length + await reader.readexactly(int.from_bytes(length) - 4))
        ways = [
            asyncio.create_task(_copy(up_reader, writer)),
            asyncio.create_task(self._count(reader, up_writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        writer.close()
        up_writer.close()

    async def _count(self, reader: asyncio.StreamReader, up_writer: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(_HEADER.size)
            kind, length = _HEADER.unpack(header)
            self.counts[kind] += 1
            up_writer.write(header + await reader.readexactly(length - 4))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
