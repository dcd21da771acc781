"""What nobody may guess derives from a call's entropy, so that a repeat under the same one finds it again."""

import hmac
from typing import Any


def keyed(entropy: bytes, purpose: str, *facts: Any) -> bytes:
    """32 bytes that only the holder of `entropy` can make, different for each purpose."""
    return hmac.digest(entropy, "/".join([purpose, *map(str, facts)]).encode(), "sha256")
