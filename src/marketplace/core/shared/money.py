"""Money is whole minor units of one currency, and every share and split of it adds up."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from marketplace.core.shared.errors import Invalid

BASIS_POINTS = 10_000

# ISO 4217: how many decimal places a currency's minor unit stands for.
_NO_MINOR_UNIT = "JPY KRW RWF UGX VND XAF XOF"
_TWO_PLACES = (
    "AED AUD BRL BWP CAD CHF CNY CZK DKK EGP ETB EUR GBP GHS HKD HUF ILS INR KES LSL MAD MUR MWK MXN MYR "
    "MZN NAD NGN NOK NZD PHP PKR PLN RON SAR SCR SEK SGD SZL THB TRY TZS USD ZAR ZMW"
)
_THREE_PLACES = "BHD JOD KWD OMR TND"
_AMOUNT = re.compile(r"(?P<sign>-)?(?P<major>[0-9]{1,13})(?:[.](?P<fraction>[0-9]+))?")
EXPONENTS: Mapping[str, int] = MappingProxyType(
    {
        code: places
        for codes, places in ((_NO_MINOR_UNIT, 0), (_TWO_PLACES, 2), (_THREE_PLACES, 3))
        for code in codes.split()
    }
)


@dataclass(frozen=True, slots=True)
class Money:
    minor: int
    currency: str

    def __post_init__(self) -> None:
        check_currency(self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same_currency(other).minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same_currency(other).minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def share(self, basis_points: int) -> "Money":
        return Money(share_minor(minor=self.minor, basis_points=basis_points), self.currency)

    def _same_currency(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise Invalid("currency", f"is {other.currency} beside {self.currency}", self.currency)
        return other


def check_currency(currency: str) -> None:
    """An unknown currency has no known number of decimal places, so it is refused rather than guessed."""
    if currency not in EXPONENTS:
        raise Invalid("currency", "is not known", ", ".join(sorted(EXPONENTS)))


def share_minor(*, minor: int, basis_points: int) -> int:
    """A part of an amount; halves go away from zero, so that a reversal mirrors what it reverses."""
    return _divided_half_up(minor * basis_points, BASIS_POINTS)


def per_hour_minor(*, hourly_minor: int, minutes: int) -> int:
    return _divided_half_up(hourly_minor * minutes, 60)


def vat_included(*, gross_minor: int, rate_basis_points: int) -> int:
    """The VAT inside a price that includes it: gross * rate / (1 + rate)."""
    return _divided_half_up(gross_minor * rate_basis_points, BASIS_POINTS + rate_basis_points)


def vat_on(*, net_minor: int, rate_basis_points: int) -> int:
    return share_minor(minor=net_minor, basis_points=rate_basis_points)


def split(*, total_minor: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Largest remainder (Hamilton): parts add up to the total; of equal remainders the earlier is served."""
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise Invalid("weights", "must have something to divide by", "numbers from 0, at least one above 0")
    sign = -1 if total_minor < 0 else 1
    parts = [divmod(abs(total_minor) * weight, whole) for weight in weights]
    left = abs(total_minor) - sum(floor for floor, _ in parts)
    by_remainder = sorted(range(len(parts)), key=lambda index: -parts[index][1])
    served = frozenset(by_remainder[:left])
    return tuple(sign * (floor + (index in served)) for index, (floor, _) in enumerate(parts))


def format_plain(money: Money) -> str:
    """Like "ZAR 120.00": for logs, plain text and the CLI; a locale's own form is the client's."""
    return f"{money.currency} {format_amount(money)}"


def format_amount(money: Money) -> str:
    """Like "-120.00", with all decimal places of the currency and nothing else: what programs read too."""
    places = EXPONENTS[money.currency]
    sign = "-" if money.minor < 0 else ""
    major, minor = divmod(abs(money.minor), 10**places)
    fraction = f".{minor:0{places}d}" if places else ""
    return f"{sign}{major}{fraction}"


def parse_amount(text: str, *, currency: str, field: str) -> Money:
    """The amount of a text like "-120.00"; raises Invalid for anything that is not one to the last place."""
    check_currency(currency)
    places = EXPONENTS[currency]
    found = _AMOUNT.fullmatch(text.strip())
    if found is None or len(found["fraction"] or "") > places:
        raise Invalid(
            field, f"{text[:40]!r} is no amount of {currency}", format_amount(Money(12_000, currency))
        )
    minor = int(found["major"] + (found["fraction"] or "").ljust(places, "0"))
    return Money(-minor if found["sign"] else minor, currency)


def _divided_half_up(numerator: int, denominator: int) -> int:
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))
