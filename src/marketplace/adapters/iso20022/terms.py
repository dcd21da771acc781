"""What a payer agrees to is said in codes: how often, on which day, how much, and what may rise."""

from datetime import date
from typing import TypeVar

from marketplace.adapters.iso20022 import values
from marketplace.adapters.iso20022.mandates import MandateOrder
from marketplace.adapters.iso20022.tree import Node, element, optional, shown
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import Adjustment, DebitValue, Frequency, MandateTerms
from marketplace.core.shared.money import Money

Word = TypeVar("Word", Frequency, DebitValue, Adjustment)
_PERCENT_PLACES = 2  # basis points
_FREQUENCIES = {
    Frequency.WEEKLY: "WEEK",
    Frequency.FORTNIGHTLY: "FRTN",
    Frequency.MONTHLY: "MNTH",
    Frequency.QUARTERLY: "QURT",
    Frequency.BIANNUALLY: "MIAN",
    Frequency.YEARLY: "YEAR",
    Frequency.AD_HOC: "ADHO",
}
_VALUES = {DebitValue.FIXED: "FIXE", DebitValue.VARIABLE: "VARI", DebitValue.USAGE_BASED: "USGB"}
_ADJUSTMENTS = {
    Adjustment.NEVER: "NEVR",
    Adjustment.QUARTERLY: "QURT",
    Adjustment.BIANNUALLY: "MIAN",
    Adjustment.ANNUALLY: "YEAR",
    Adjustment.REPO: "RATE",
}
_FREQUENCY_OF = {code: one for one, code in _FREQUENCIES.items()}
_VALUE_OF = {code: one for one, code in _VALUES.items()}
_ADJUSTMENT_OF = {code: one for one, code in _ADJUSTMENTS.items()}
_BY_WEEKDAY = frozenset({Frequency.WEEKLY, Frequency.FORTNIGHTLY})
_DAY_MAX = 99


def classification(terms: MandateTerms) -> Node:
    return element("Clssfctn", element("Cd", _VALUES[terms.value]))


def written_terms(order: MandateOrder) -> tuple[Node | None, ...]:
    """From `Ocrncs` to `Adjstmnt`, in the order of the standard."""
    terms = order.terms
    return (
        _occurrences(order),
        element("TrckgInd", str(order.tracked).lower()),
        _amount("FrstColltnAmt", terms.initial_minor, order.currency),
        _amount("ColltnAmt", terms.instalment_minor, order.currency),
        values.amount("MaxAmt", Money(terms.maximum_minor, order.currency)),
        element(
            "Adjstmnt",
            element("DtAdjstmntRuleInd", str(terms.day_may_move).lower()),
            element("Ctgy", element("Cd", _ADJUSTMENTS[terms.adjustment])),
            _amount("Amt", terms.adjustment_minor, order.currency),
            optional("Rate", _percent(terms.adjustment_basis_points)),
        ),
    )


def read_terms(mandate: Node) -> MandateTerms:
    """
    What a mandate says; raises Invalid for words that we have none for.

    One that does not say its kind is of a fixed sum where it names one; its day is that of its first
    collection where it names none.
    """
    instalment, first = (
        values.maybe_amount(mandate, "ColltnAmt"),
        values.maybe_amount(mandate, "FrstColltnAmt"),
    )
    kind = mandate.said("Tp/Clssfctn/Cd") or ("FIXE" if instalment else "USGB")
    rate = mandate.said("Adjstmnt/Rate")
    rise = values.maybe_amount(mandate, "Adjstmnt/Amt")
    frequency, day = _frequency_in(mandate)
    first_on = values.maybe_day(mandate, "Ocrncs/FrstColltnDt")
    moves = mandate.find("Adjstmnt/DtAdjstmntRuleInd")
    return MandateTerms(
        value=_known(_VALUE_OF, kind, "Tp/Clssfctn/Cd"),
        frequency=frequency,
        collection_day=day if day is not None else _day_of(first_on, frequency),
        maximum_minor=values.amount_in(mandate.need("MaxAmt")).minor,
        instalment_minor=instalment.minor if instalment else None,
        initial_minor=first.minor if first else None,
        first_collection_on=first_on,
        adjustment=_known(_ADJUSTMENT_OF, mandate.said("Adjstmnt/Ctgy/Cd") or "NEVR", "Adjstmnt/Ctgy/Cd"),
        adjustment_minor=rise.minor if rise else None,
        adjustment_basis_points=values.scaled(rate, _PERCENT_PLACES, field="Adjstmnt/Rate") if rate else None,
        day_may_move=moves is None or values.truth_in(mandate, "Adjstmnt/DtAdjstmntRuleInd"),
    )


def _occurrences(order: MandateOrder) -> Node:
    terms = order.terms
    if not 1 <= terms.collection_day <= _DAY_MAX:
        raise Invalid("collection_day", f"{terms.collection_day} is no such day", f"1 to {_DAY_MAX}")
    often = element("Tp", _FREQUENCIES[terms.frequency])
    return element(
        "Ocrncs",
        element("SeqTp", "RCUR"),
        element("Frqcy", element("PtInTm", often, element("PtInTm", f"{terms.collection_day:02d}"))),
        optional("FrstColltnDt", _iso(terms.first_collection_on)),
        optional("FnlColltnDt", _iso(order.final_collection_on)),
    )


def _frequency_in(mandate: Node) -> tuple[Frequency, int | None]:
    often = mandate.need("Ocrncs/Frqcy")
    moment = often.find("PtInTm")
    if moment is None:
        return _known(_FREQUENCY_OF, often.told("Tp"), "Ocrncs/Frqcy/Tp"), None
    day = values.scaled(moment.told("PtInTm"), 0, field="Ocrncs/Frqcy/PtInTm")
    return _known(_FREQUENCY_OF, moment.told("Tp"), "Ocrncs/Frqcy/Tp"), day


def _day_of(first: date | None, frequency: Frequency) -> int:
    if first is None or frequency == Frequency.AD_HOC:
        raise Invalid("Ocrncs/Frqcy/PtInTm", "is missing", "the day of the period")
    return first.isoweekday() if frequency in _BY_WEEKDAY else first.day


def _amount(tag: str, minor: int | None, currency: str) -> Node | None:
    return values.amount(tag, Money(minor, currency)) if minor else None


def _percent(basis_points: int | None) -> str | None:
    if basis_points is None:
        return None
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _known(names: dict[str, Word], code: str, field: str) -> Word:
    if code not in names:
        raise Invalid(field, f"{shown(code)!r} is not known", ", ".join(names))
    return names[code]
