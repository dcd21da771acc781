"""A price is worked out once, before committing, and its lines add up to what is charged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, assert_never

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import AMOUNT_MINOR_MAX, Between, Minor, Name, Word, check_range
from marketplace.core.shared.money import (
    BASIS_POINTS,
    check_currency,
    per_hour_minor,
    share_minor,
    vat_included,
    vat_on,
)
from marketplace.core.tenants.policy import FeePolicy

QUANTITY_MAX = 1_000
Quantity = Annotated[int, Between(1, QUANTITY_MAX)]
DURATION_MINUTES_MAX = 31 * 24 * 60


@dataclass(frozen=True, slots=True)
class PriceRule:
    """What a service costs without options; the minimum applies to the work, not to the call-out."""

    kind: Literal["fixed", "per_hour"]
    amount_minor: Minor
    call_out_minor: Minor = 0
    minimum_minor: Minor = 0

    def __post_init__(self) -> None:
        check_range("amount_minor", self.amount_minor, most=AMOUNT_MINOR_MAX)
        check_range("call_out_minor", self.call_out_minor, most=AMOUNT_MINOR_MAX)
        check_range("minimum_minor", self.minimum_minor, most=AMOUNT_MINOR_MAX)


@dataclass(frozen=True, slots=True)
class Option:
    code: Word
    name: Name
    amount_minor: Minor
    max_quantity: Quantity = 1

    def __post_init__(self) -> None:
        check_range("amount_minor", self.amount_minor, most=AMOUNT_MINOR_MAX)
        check_range("max_quantity", self.max_quantity, least=1, most=QUANTITY_MAX)


@dataclass(frozen=True, slots=True)
class ChosenOption:
    code: Word
    quantity: Quantity = 1


@dataclass(frozen=True, slots=True)
class PriceLine:
    """`code` is base, option:CODE, call_out, vat or customer_fee; quantity times unit is the amount."""

    code: str
    label: str
    quantity: int
    unit_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Price:
    """
    What the customer pays and who gets it: total = provider + fee + fee VAT + customer fee.

    `vat_minor` is all the VAT inside the total. `fee_vat_minor` and `customer_fee_vat_minor` are what the
    platform owes on its own two fees; the latter is inside `customer_fee_minor`.
    """

    currency: str
    lines: tuple[PriceLine, ...]
    total_minor: int
    vat_minor: int
    fee_minor: int
    fee_vat_minor: int
    provider_minor: int
    customer_fee_minor: int
    customer_fee_vat_minor: int


def price(
    *,
    rule: PriceRule,
    options: Sequence[Option],
    chosen: Sequence[ChosenOption],
    duration_minutes: int,
    currency: str,
    vat_rate_basis_points: int,
    prices_include_vat: bool,
    fee: FeePolicy,
) -> Price:
    """Where prices leave VAT out it becomes a line; the customer's fee has its own VAT in it either way."""
    check_currency(currency)
    check_range("duration_minutes", duration_minutes, least=1, most=DURATION_MINUTES_MAX)
    check_range("vat_rate_basis_points", vat_rate_basis_points, most=BASIS_POINTS)
    lines = [
        _base_line(rule, duration_minutes=duration_minutes),
        *_option_lines(options, chosen),
        *_line_if("call_out", "Call-out", rule.call_out_minor),
    ]
    asked_minor = _sum_minor(lines)
    if prices_include_vat:
        vat_minor = vat_included(gross_minor=asked_minor, rate_basis_points=vat_rate_basis_points)
    else:
        vat_minor = vat_on(net_minor=asked_minor, rate_basis_points=vat_rate_basis_points)
        lines += _line_if("vat", "VAT", vat_minor)
    return _with_fees(
        lines,
        currency=currency,
        work_vat_minor=vat_minor,
        vat_rate_basis_points=vat_rate_basis_points,
        fee=fee,
    )


def _with_fees(
    work: Sequence[PriceLine],
    *,
    currency: str,
    work_vat_minor: int,
    vat_rate_basis_points: int,
    fee: FeePolicy,
) -> Price:
    """Both fees are shares of what the work costs the customer, VAT and all."""
    work_minor = _sum_minor(work)
    commission_minor = share_minor(minor=work_minor, basis_points=fee.commission_basis_points)
    commission_vat_minor = vat_on(net_minor=commission_minor, rate_basis_points=vat_rate_basis_points)
    provider_minor = work_minor - commission_minor - commission_vat_minor
    if provider_minor < 0:
        raise Invalid(
            "commission_basis_points", "with its VAT takes more than the price", "a lower commission"
        )
    extra_minor = share_minor(minor=work_minor, basis_points=fee.customer_fee_basis_points)
    customer_fee_minor = fee.customer_fee_minor + extra_minor
    customer_fee_vat_minor = vat_included(
        gross_minor=customer_fee_minor, rate_basis_points=vat_rate_basis_points
    )
    return Price(
        currency=currency,
        lines=(*work, *_line_if("customer_fee", "Service fee", customer_fee_minor)),
        total_minor=work_minor + customer_fee_minor,
        vat_minor=work_vat_minor + customer_fee_vat_minor,
        fee_minor=commission_minor,
        fee_vat_minor=commission_vat_minor,
        provider_minor=provider_minor,
        customer_fee_minor=customer_fee_minor,
        customer_fee_vat_minor=customer_fee_vat_minor,
    )


def _base_line(rule: PriceRule, *, duration_minutes: int) -> PriceLine:
    match rule.kind:
        case "fixed":
            amount_minor, label = rule.amount_minor, "Service"
        case "per_hour":
            amount_minor = per_hour_minor(hourly_minor=rule.amount_minor, minutes=duration_minutes)
            label = f"Service, {duration_minutes} minutes"
        case _:
            assert_never(rule.kind)
    if amount_minor < rule.minimum_minor:
        amount_minor, label = rule.minimum_minor, "Service, minimum charge"
    return PriceLine("base", label, 1, amount_minor, amount_minor)


def _option_lines(options: Sequence[Option], chosen: Sequence[ChosenOption]) -> Iterator[PriceLine]:
    offered = {option.code: option for option in options}
    if len({choice.code for choice in chosen}) < len(chosen):
        raise Invalid("options", "names one option twice", "each option once, with its quantity")
    for choice in chosen:
        option = offered.get(choice.code)
        if option is None:
            known = ", ".join(sorted(offered)) or "none"
            raise Invalid("options", f"{choice.code} is not offered for this service", known)
        check_range(f"options.{option.code}.quantity", choice.quantity, least=1, most=option.max_quantity)
        amount_minor = option.amount_minor * choice.quantity
        yield PriceLine(
            f"option:{option.code}", option.name, choice.quantity, option.amount_minor, amount_minor
        )


def _line_if(code: str, label: str, amount_minor: int) -> tuple[PriceLine, ...]:
    return (PriceLine(code, label, 1, amount_minor, amount_minor),) if amount_minor else ()


def _sum_minor(lines: Sequence[PriceLine]) -> int:
    return sum(line.amount_minor for line in lines)
