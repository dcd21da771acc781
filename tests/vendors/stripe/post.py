"""Stripe's events are posted as Stripe posts them: signed, in any order, more than once."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
from tests.vendors.stripe.server import SECRET, Stripe

from marketplace.adapters.signatures import sign
from marketplace.adapters.stripe.webhooks import CONNECT_EVENTS, EVENTS, HEADER


def signed(body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    return sign(body, header=HEADER, secret=secret, at=at or datetime.now(UTC))


def body_of(event: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in event.items() if not name.startswith("_")}).encode()


def untold(stripe: Stripe) -> list[dict[str, Any]]:
    """The events that came up since this was asked last, of those that an endpoint is set up for."""
    with stripe.books.lock:
        events = [one for one in stripe.books.events if one["type"] in {*EVENTS, *CONNECT_EVENTS}]
        stripe.books.events.clear()
    return events


async def post(client: httpx.AsyncClient, events: Iterable[dict[str, Any]]) -> list[int]:
    """How many hints were news, event by event."""
    heard = []
    for event in events:
        body = body_of(event)
        answer = await client.post("/hooks/stripe", content=body, headers=signed(body))
        assert answer.status_code == 200, answer.text
        heard.append(answer.json()["heard"])
    return heard
