"""The sandbox's vendors move on with time, and their webhooks come in over HTTP like anyone's."""

import contextlib
from dataclasses import dataclass
from uuid import UUID

import httpx

from marketplace.adapters.sandbox.books import Books
from marketplace.adapters.sandbox.webhooks import Courier, deliver_over_http
from marketplace.core.shared.errors import NotFound
from marketplace.entrypoints.directory import Directory
from marketplace.ports.shelf import Shelf

_SHELVES = ("sandbox.order", "sandbox.setup", "sandbox.payee", "sandbox.webhook")


@dataclass(frozen=True, slots=True)
class SandboxPost:
    """One round: what is due at the vendor happens, and what it has to tell is posted to `base_url`."""

    books: Books
    courier: Courier
    shelf: Shelf
    directory: Directory
    client: httpx.AsyncClient
    base_url: str

    async def round(self) -> None:
        for shelf in _SHELVES:
            for tenant_id in await self.shelf.tenants_waiting(shelf=shelf):
                await self._meet(tenant_id)
        await self.books.tick()
        await self.courier.deliver_due(post=self._post, now=self.directory.clock.now())

    async def _meet(self, tenant_id: UUID) -> None:
        """Its clock has to be known before its vendors' timers are looked at."""
        with contextlib.suppress(NotFound):
            await self.directory.tenant(tenant_id)

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        return await deliver_over_http(client=self.client, base_url=self.base_url, body=body, headers=headers)
