"""
A webhook counts only when a known secret signed its time and body, and that time is about now.

The scheme is Stripe's: HMAC-SHA256 over `timestamp.body`, in a header like `t=…,v1=…`
(https://docs.stripe.com/webhooks#verify-manually).
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from marketplace.core.shared.errors import NotAllowed

PAST_MAX = timedelta(minutes=5)
FUTURE_MAX = timedelta(seconds=30)
_DIGITS_MAX = 12


def sign(body: bytes, *, header: str, secret: str, at: datetime) -> dict[str, str]:
    """The headers that a signed webhook carries."""
    timestamp = str(int(at.timestamp()))
    return {header: f"t={timestamp},v1={_digest(body, timestamp=timestamp, secret=secret)}"}


def verify(
    *, headers: Mapping[str, str], header: str, body: bytes, secrets: Sequence[str], now: datetime
) -> None:
    """Raise NotAllowed unless one of `secrets` (two while they are rotated) signed this body, just now."""
    timestamp, signatures = _parts(headers, header)
    age = timedelta(seconds=int(now.timestamp()) - int(timestamp))
    if not -FUTURE_MAX <= age <= PAST_MAX:
        raise NotAllowed("the webhook's signature is not of now")
    expected = [_digest(body, timestamp=timestamp, secret=secret) for secret in secrets]
    # Every pair is compared, so that the time taken tells nothing of which was near.
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in signatures]
    if not any(matches):
        raise NotAllowed("the webhook's signature does not fit")


def _digest(body: bytes, *, timestamp: str, secret: str) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()


def _parts(headers: Mapping[str, str], header: str) -> tuple[str, list[str]]:
    value = next((v for name, v in headers.items() if name.lower() == header.lower()), "")
    pairs = [part.strip().partition("=") for part in value.split(",")]
    timestamps = [text for name, _, text in pairs if name == "t"]
    signatures = [text for name, _, text in pairs if name == "v1"]
    if len(timestamps) != 1 or not signatures or not _is_timestamp(timestamps[0]):
        raise NotAllowed(f"the webhook has no readable {header}")
    return timestamps[0], signatures


def _is_timestamp(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
