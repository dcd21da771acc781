"""
What a verified webhook tells is a hint: of what, and whose; the truth is fetched later.

Assumed, as no page shows the body of each kind: wherever in it our external reference stands, that is what
the news is of. Others' news give no hint.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import Hint, Subject

PATH = "/hooks/stitch"
_FIELD = "externalReference"
_DEPTH_MAX = 20
_SUBJECTS = frozenset({*Subject, "method"})
_OURS = re.compile(
    r"marketplace:(?P<subject>[a-z]+):(?P<tenant>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):"
    r"(?P<reference>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


def hints(body: bytes, *, message_id: str) -> tuple[Hint, ...]:
    """Raises Invalid for a body that we can't read."""
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("body", "is no webhook of Stitch's") from error
    if not isinstance(told, dict):
        raise Invalid("body", "is no webhook of Stitch's")
    found = dict.fromkeys(_ours(told, _DEPTH_MAX))
    return tuple(_hint(reference, message_id) for reference in found)


def _ours(told: Any, depth: int) -> Iterator[str]:
    """Every reference of ours in it."""
    if depth == 0:
        return
    values = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    for value in values:
        yield from _ours(value, depth - 1)
    reference = told.get(_FIELD) if isinstance(told, dict) else None
    if isinstance(reference, str) and (match := _OURS.fullmatch(reference)) and match["subject"] in _SUBJECTS:
        yield reference


def _hint(reference: str, message_id: str) -> Hint:
    _, subject, tenant_id, ours = reference.split(":")
    return Hint(event_id=message_id, tenant_id=UUID(tenant_id), reference=UUID(ours), subject=subject)
