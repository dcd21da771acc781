"""
A webhook counts only when a known secret signed its id, time and body, and that time is about now.

The scheme is Standard Webhooks (https://www.standardwebhooks.com), sent by Svix under names of its own too:
HMAC-SHA256 over `id.timestamp.body`, in base64, behind `v1,`.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from marketplace.core.shared.errors import Invalid, NotAllowed

PAST_MAX = timedelta(minutes=5)
FUTURE_MAX = timedelta(seconds=30)
_PREFIXES = ("webhook-", "svix-")
_SECRET, _VERSION = "whsec_", "v1"
_DIGITS_MAX = 12
_SIGNATURES_MAX = 20


def key_of(secret: str) -> bytes:
    """Raises Invalid for a secret that is none of theirs, without repeating it."""
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("secret", "is no secret of a webhook", "whsec_… in base64") from error
    if not key:
        raise Invalid("secret", "is empty", "whsec_… in base64")
    return key


def sign(body: bytes, *, message_id: str, secret: str, at: datetime) -> dict[str, str]:
    """The headers that a signed webhook carries."""
    timestamp = str(int(at.timestamp()))
    digest = _digest(body, message_id, timestamp, key_of(secret))
    values = {"id": message_id, "timestamp": timestamp, "signature": f"{_VERSION},{digest}"}
    return {f"webhook-{name}": value for name, value in values.items()}


def verify(*, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:
    """
    The message's id. Raises NotAllowed unless one of `secrets` (two while they are rotated) signed this body,
    just now.
    """
    message_id, timestamp, signature = (_header(headers, name) for name in ("id", "timestamp", "signature"))
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _DIGITS_MAX):
        raise NotAllowed("the webhook has no readable time")
    age = timedelta(seconds=int(now.timestamp()) - int(timestamp))
    if not -FUTURE_MAX <= age <= PAST_MAX:
        raise NotAllowed("the webhook's signature is not of now")
    given = [one.partition(",") for one in signature.split(" ")[:_SIGNATURES_MAX]]
    expected = [_digest(body, message_id, timestamp, key_of(secret)) for secret in secrets]
    # Every pair is compared, so that the time taken tells nothing of which was near.
    matches = [
        hmac.compare_digest(one.encode(), digest.encode("utf-8", "replace"))
        for one in expected
        for version, _, digest in given
        if version == _VERSION
    ]
    if not any(matches):
        raise NotAllowed("the webhook's signature does not fit")
    return message_id


def _digest(body: bytes, message_id: str, timestamp: str, key: bytes) -> str:
    signed = b".".join((message_id.encode("utf-8", "replace"), timestamp.encode(), body))
    return base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()


def _header(headers: Mapping[str, str], name: str) -> str:
    wanted = {prefix + name for prefix in _PREFIXES}
    value = next((value for key, value in headers.items() if key.lower() in wanted), "")
    if not value:
        raise NotAllowed(f"the webhook has no {name}")
    return value
