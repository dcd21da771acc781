"""What the API answers, in the few words that a line of the demo has room for."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from marketplace.entrypoints.cli.screen import money

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local(text: str, zone: ZoneInfo) -> str:
    return f"{instant(text).astimezone(zone):%a %d %b %H:%M}"


def length(seconds: int) -> str:
    """In the largest unit that says enough."""
    for unit, name in ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds} seconds"


def price(answer: Any) -> str:
    currency = answer["currency"]
    total, vat = (money(answer[name], currency) for name in ("total_minor", "vat_minor"))
    return f"{total}, VAT {vat.removeprefix(currency).strip()} in it"


def statement(answer: Any) -> str:
    earned, paid = (
        money(answer[name], answer["currency"]).split()[1] for name in ("earned_minor", "paid_minor")
    )
    return f"earned {earned}, paid {paid}"
