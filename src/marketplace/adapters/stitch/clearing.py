"""
In each round what is due is sent, and what came is read: by one process at a time, and each file once.

A crash at any point repeats what was not finished. What is drafted is sent by its name until it arrived; a
file is put away after its news was heard. One that is not understood stays where it is and is read again in
each round, so that a newer version of this program clears it.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol

import msgspec

from marketplace.adapters.orders import NOBODY
from marketplace.adapters.stitch import answers
from marketplace.adapters.stitch.batches import Batches
from marketplace.adapters.stitch.news import Newsroom
from marketplace.adapters.stitch.titled import FileRefused
from marketplace.ports.payments import Hint
from marketplace.ports.shelf import Document, Listing, Shelf
from marketplace.ports.storage import Lease, Leases

FILES = "stitch.file"
LEASE = "stitch"
_READ, _TROUBLE = "read", "trouble"

Tell = Callable[[Sequence[Hint]], Awaitable[object]]


class Post(Protocol):
    """Where files lie, by their names."""

    async def put(self, name: str, body: bytes) -> None: ...
    async def incoming(self) -> list[str]: ...
    async def fetch(self, name: str) -> bytes: ...
    async def archive(self, name: str, *, digest: str) -> None: ...


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is not understood, or holds what we know nothing of."""

    name: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    sent: Sequence[str] = ()
    read: Sequence[str] = ()
    troubles: Sequence[Trouble] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """`open_post` connects; `tell` has heard the news when it returns."""

    shelf: Shelf
    batches: Batches
    newsroom: Newsroom
    open_post: Callable[[], AbstractAsyncContextManager[Post]]
    tell: Tell
    clock: Callable[[], datetime]

    async def round(self, leases: Leases) -> Round:
        """Raises Unavailable; does nothing while another process is at it."""
        lease = await leases.take(LEASE)
        if lease is None:
            return Round()
        try:
            now = self.clock()
            await self.batches.draft(now=now)
            async with self.open_post() as post:
                sent = await self._send(post, lease, now)
                read, troubles = await self._read(post, lease)
            return Round(sent=sent, read=read, troubles=troubles)
        finally:
            await lease.release()

    async def _send(self, post: Post, lease: Lease, now: datetime) -> list[str]:
        sent: list[str] = []
        for batch in await self.batches.unsent(now=now):
            if not await lease.held():
                break
            await post.put(batch.name, batch.text.encode())
            await self.batches.sent(batch)
            sent.append(batch.name)
        return sent

    async def _read(self, post: Post, lease: Lease) -> tuple[list[str], list[Trouble]]:
        read: list[str] = []
        troubles: list[Trouble] = []
        for name in await post.incoming():
            if not await lease.held():
                break
            body = await post.fetch(name)
            digest = sha256(body).hexdigest()
            problem = None if await self._known(digest) else await self._taken(name, body)
            await self._note(digest, Trouble(name=name, problem=problem or ""))
            if problem is None:
                await post.archive(name, digest=digest)
                read.append(name)
            else:
                troubles.append(Trouble(name=name, problem=problem))
        return read, troubles

    async def _taken(self, name: str, body: bytes) -> str | None:
        """What is wrong with the file; all else of it is heard all the same."""
        try:
            file = answers.read(body, client_id=self.batches.client_id)
        except FileRefused as refused:
            return refused.detail
        news = await self.newsroom.take(file, name=name)
        await self.tell(news.hints)
        return "; ".join(news.problems[:10]) or None

    async def _known(self, digest: str) -> bool:
        document = await self.shelf.fetch(shelf=FILES, key=digest)
        return document is not None and document.label == _READ

    async def _note(self, digest: str, trouble: Trouble) -> None:
        document = Document(
            shelf=FILES,
            key=digest,
            tenant_id=NOBODY,
            body=msgspec.json.encode(trouble),
            label=_TROUBLE if trouble.problem else _READ,
        )
        await self.shelf.change([(FILES, digest)], lambda _: (None, (document,)))


async def troubles(shelf: Shelf, *, limit: int = 20) -> tuple[Trouble, ...]:
    """The files that wait for somebody to look, newest first."""
    listing = Listing(shelf=FILES, tenant_id=NOBODY, label=_TROUBLE, limit=limit)
    return tuple(msgspec.json.decode(one.body, type=Trouble) for one in await shelf.listed(listing))
