"""Which payment rails a process has, by its settings: the sandbox in test, a vendor where it is named."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from marketplace.adapters.sandbox.rail import CAPABILITIES, CONNECTED
from marketplace.adapters.stitch import abilities
from marketplace.adapters.stripe.abilities import capabilities, is_live
from marketplace.core.tenants.tenant import Mode
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.http.webhooks import RETURN_PATH
from marketplace.entrypoints.settings import Settings
from marketplace.ports.payments import Capabilities, PaymentRail
from marketplace.ports.shelf import Shelf

# Stripe's library is loaded where there is a key: whoever has none does without.
if TYPE_CHECKING:
    from marketplace.adapters.stripe.account import Connection
    from marketplace.adapters.stripe.soundness import Finding

Made = Callable[[], PaymentRail]


def rails_of(settings: Settings, *, sandbox: Made, stripe: Made, stitch: Made) -> Mapping[str, PaymentRail]:
    rails: dict[str, PaymentRail] = {}
    if settings.sandbox:
        rails["sandbox"] = sandbox()
    if settings.stripe_secret_key is not None:
        rails["stripe"] = stripe()
    if settings.stitch_client_id is not None:
        rails["stitch"] = stitch()
    return rails


def capabilities_of(settings: Settings) -> Mapping[str, Capabilities]:
    """Of the same rails, without making them."""
    able: dict[str, Capabilities] = {}
    if settings.sandbox:
        able["sandbox"] = sandbox_capabilities_of(settings)
    if settings.stripe_secret_key is not None:
        able["stripe"] = capabilities(live=is_live(settings.stripe_secret_key))
    if settings.stitch_client_id is not None:
        able["stitch"] = abilities.capabilities(live=settings.stitch_live)
    return able


def sandbox_capabilities_of(settings: Settings) -> Capabilities:
    return CONNECTED if settings.sandbox_connected else CAPABILITIES


def stripe_connection_of(settings: Settings) -> "Connection":
    from marketplace.adapters.stripe.account import connect  # noqa: PLC0415 - large, and not always there

    return connect(key=settings.stripe_secret_key or "", url=settings.stripe_api_url)


def stripe_rail_of(
    settings: Settings,
    connection: "Connection",
    *,
    shelf: Shelf,
    directory: Directory,
    clock: Callable[[], datetime],
    base_url: str,
) -> PaymentRail:
    from marketplace.adapters.stripe import account, orders, rail  # noqa: PLC0415 - large, and not always there

    async def live_of(tenant_id: UUID) -> bool:
        return (await directory.tenant(tenant_id)).mode is Mode.LIVE

    opened = account.Account(
        client=connection.client,
        orders=orders.Orders(shelf),
        clock=clock,
        live=is_live(settings.stripe_secret_key or ""),
        live_of=live_of,
        return_url=settings.stripe_return_url or base_url.rstrip("/") + RETURN_PATH,
    )
    secrets = (
        settings.stripe_webhook_secret,
        settings.stripe_webhook_secret_before,
        settings.stripe_connect_webhook_secret,
    )
    return rail.StripeRail(account=opened, secrets=tuple(filter(None, secrets)))


async def examine_stripe(settings: Settings) -> "list[Finding]":
    """What of Stripe is not as it has to be; nothing where there is no key."""
    if settings.stripe_secret_key is None:
        return []
    from marketplace.adapters.stripe.soundness import examine  # noqa: PLC0415 - large, and not always there

    connection = stripe_connection_of(settings)
    live = is_live(settings.stripe_secret_key)
    connects = settings.stripe_connect_webhook_secret is not None
    try:
        return [
            one
            async for one in examine(
                connection.client, live=live, base_url=settings.base_url, connects=connects
            )
        ]
    finally:
        await connection.close()
