"""The sandbox signs its webhooks as Stripe does, in a header of its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from marketplace.adapters import signatures

HEADER = "Sandbox-Signature"


def sign(body: bytes, *, secret: str, at: datetime) -> dict[str, str]:
    """The headers that a signed webhook carries."""
    return signatures.sign(body, header=HEADER, secret=secret, at=at)


def verify(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> None:
    """Raise NotAllowed unless one of `secrets` (two while they are rotated) signed this body, just now."""
    signatures.verify(headers=headers, header=HEADER, body=body, secrets=secrets, now=now)
