"""Amounts, days and references are written one way, and read strictly: no float, no guess."""

import re
from datetime import UTC, date, datetime
from uuid import UUID

from marketplace.adapters.iso20022.tree import Node, element, shown
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import EXPONENTS, Money, check_currency

REFERENCE_MAX = 35
DIGITS_MAX = 18
GROUPS_MAX = 16**3
_DECIMAL = re.compile(r"\+?([0-9]{0,18})(?:\.([0-9]{0,18}))?")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_REFERENCE = re.compile(r"[0-9A-Fa-f]{32}")
_GROUP = re.compile(r"([0-9A-Fa-f]{32})([0-9A-Fa-f]{3})")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def decimal_of(minor: int, currency: str) -> str:
    """Minor units as "120.00"; raises Invalid for what no bank takes."""
    places = EXPONENTS[currency]
    if minor < 1 or len(str(minor)) > DIGITS_MAX:
        raise Invalid("amount", f"{minor} in minor units cannot be collected", f"1 to {DIGITS_MAX} digits")
    major, rest = divmod(minor, 10**places)
    return f"{major}.{rest:0{places}d}" if places else str(major)


def minor_of(text: str, currency: str, *, field: str) -> int:
    """Raises Invalid for what is no amount of this currency: it may not have more places than its units."""
    return scaled(text, EXPONENTS[currency], field=field)


def scaled(text: str, places: int, *, field: str) -> int:
    """A decimal number as a whole one of its last allowed place."""
    found = _DECIMAL.fullmatch(text)
    whole, rest = (found[1] or "", found[2] or "") if found else ("", "")
    if not whole + rest or rest[places:].strip("0"):
        raise Invalid(
            field, f"{shown(text)!r} is no such number", f"digits, {places} of them after the point"
        )
    return int(whole + rest[:places].ljust(places, "0"))


def amount(tag: str, money: Money) -> Node:
    return element(tag, decimal_of(money.minor, money.currency), Ccy=money.currency)


def amount_in(node: Node) -> Money:
    """Raises Invalid for a currency that is not known, or an amount that is not of it."""
    currency = node.attributes.get("Ccy", "")
    check_currency(currency)
    return Money(minor_of(node.text, currency, field=node.tag), currency)


def maybe_amount(node: Node, path: str) -> Money | None:
    found = node.find(path)
    return amount_in(found) if found is not None else None


def day_in(node: Node, path: str) -> date:
    """Raises Invalid where there is none, or no day of the calendar."""
    found = _DATE.fullmatch(text := node.told(path))
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise Invalid(f"{node.tag}/{path}", f"{shown(text)!r} is no day", "like 2026-11-20") from None


def maybe_day(node: Node, path: str) -> date | None:
    return day_in(node, path) if node.find(path) is not None else None


def instant(at: datetime) -> str:
    """To the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def instant_in(node: Node, path: str) -> datetime:
    """To the second. Without a zone it is read as UTC: what a bank's wall clock is, the file does not say."""
    found = _INSTANT.fullmatch(text := node.told(path))
    try:
        return datetime.fromisoformat(found[1] + (found[2] or "Z") if found else "").astimezone(UTC)
    except (ValueError, OverflowError):
        said = f"{shown(text)!r} is no instant"
        raise Invalid(f"{node.tag}/{path}", said, "like 2026-11-20T08:00:00Z") from None


def truth_in(node: Node, path: str) -> bool:
    """Raises Invalid for what is neither true nor false."""
    text = node.told(path)
    if text not in _BOOLEANS:
        raise Invalid(f"{node.tag}/{path}", f"{shown(text)!r} is no answer", ", ".join(_BOOLEANS))
    return _BOOLEANS[text]


def reference_text(reference: UUID) -> str:
    """32 of the 35 characters that a bank keeps; `reference_of` makes the reference of them again."""
    return reference.hex


def reference_of(text: str | None) -> UUID | None:
    """None for what is no reference of ours."""
    return UUID(text) if text is not None and _REFERENCE.fullmatch(text) else None


def group_text(reference: UUID, group: int) -> str:
    """The batch's reference and three more digits, which count its groups."""
    if group >= GROUPS_MAX:
        raise Invalid("collections", "are of too many days and sequences", f"{GROUPS_MAX} of them")
    return f"{reference.hex}{group:03x}"


def group_of(text: str | None) -> tuple[UUID, int] | None:
    """The batch's reference and its group; None for what is no group of ours."""
    found = _GROUP.fullmatch(text or "")
    return (UUID(found[1]), int(found[2], 16)) if found else None
