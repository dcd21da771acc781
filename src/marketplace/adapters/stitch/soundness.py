"""What has to be right at Stitch before money is trusted to it: the client, the files, what they said."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from marketplace.adapters.stitch import documents
from marketplace.adapters.stitch.account import Account
from marketplace.adapters.stitch.clearing import Post, troubles
from marketplace.adapters.stitch.documents import Self
from marketplace.core.shared.errors import MarketplaceError
from marketplace.ports.shelf import Shelf

_SHOWN_MAX = 3


class Finding(NamedTuple):
    name: str
    ok: bool
    saw: str


async def examine(
    account: Account, *, open_post: Callable[[], AbstractAsyncContextManager[Post]], shelf: Shelf
) -> AsyncIterator[Finding]:
    """Client and files apart, as either may be right without the other; `shelf` is where files are noted."""
    yield await _client(account)
    yield await _files(open_post)
    yield await _understood(shelf)


async def _client(account: Account) -> Finding:
    try:
        found = await account.ask(documents.SELF, {}, Self)
    except MarketplaceError as error:
        return Finding("stitch client", ok=False, saw=error.detail)
    ours = found.client.client_id == account.client.client_id
    return Finding("stitch client", ok=ours, saw="Stitch takes it" if ours else "Stitch names another")


async def _files(open_post: Callable[[], AbstractAsyncContextManager[Post]]) -> Finding:
    try:
        async with open_post() as post:
            waiting = await post.incoming()
    except MarketplaceError as error:
        return Finding("stitch files", ok=False, saw=error.detail)
    return Finding("stitch files", ok=True, saw=f"the host is the one that is pinned; {len(waiting)} to read")


async def _understood(shelf: Shelf) -> Finding:
    found = await troubles(shelf)
    shown = "; ".join(f"{one.name}: {one.problem}" for one in found[:_SHOWN_MAX])
    return Finding("stitch answers", ok=not found, saw=shown or "all that was read was understood")
