"""Stitch takes a nonce once: what it refuses may be a repeat, and then there is one under the nonce."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

from marketplace.adapters.stitch.refusals import Refused


class Nonced(Protocol):
    @property
    def nonce(self) -> str: ...


N = TypeVar("N", bound=Nonced)
T = TypeVar("T")


async def made_once(made: Awaitable[T], *, sought: Callable[[], Awaitable[T | None]]) -> T:
    """What was made, or stands; raises what the refusal means where nothing does."""
    try:
        return await made
    except Refused as refused:
        standing = await sought()
        if standing is None:
            raise refused.meaning from refused
        return standing


def under(nonce: str, found: Iterable[N]) -> N | None:
    """A filter may let more through than was asked for."""
    return next((one for one in found if one.nonce == nonce), None)
