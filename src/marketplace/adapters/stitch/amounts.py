"""Stitch tells amounts of rand as decimals, which become cents and come of cents without a float between."""

import re

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money

CURRENCY = "ZAR"
_DECIMAL = re.compile(r"(?P<whole>[0-9]{1,13})(?:\.(?P<part>[0-9]{1,2}))?")


def to_decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def to_cents(text: str, *, field: str) -> int:
    """Of `200`, `200.5` and `200.50`; raises Invalid for anything else."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise Invalid(field, f"{text[:40]!r} is no amount", "rand and cents, as 200.50")
    return int(found["whole"]) * 100 + int((found["part"] or "").ljust(2, "0"))


def check_currency(currency: str) -> None:
    if currency != CURRENCY:
        raise Invalid("currency", f"Stitch takes no {currency}", CURRENCY)


def check_amount(amount: Money) -> None:
    check_currency(amount.currency)
    if amount.minor <= 0:
        raise Invalid("amount", "must be more than nothing", "1 and more")
