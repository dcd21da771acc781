"""What a mandate may say, and what of it may change with whose word, by the rules of DebiCheck."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import Adjustment, DebitValue, Frequency, MandateTerms

USAGE_MAXIMUM_MINOR = 50_000_000
_LAST = 99  # the last day of the period

_WEEKDAYS = frozenset(range(1, 8))
_OF_A_MONTH = frozenset(range(1, 31))
# Any number of times: by the last or the first of a weekday, the last day but one, the last day.
_AD_HOC = frozenset(range(1, 13)) | {14, _LAST}
COLLECTION_DAYS: Mapping[Frequency, frozenset[int]] = MappingProxyType(
    {
        Frequency.WEEKLY: _WEEKDAYS,
        Frequency.FORTNIGHTLY: frozenset(range(1, 15)),
        Frequency.MONTHLY: _OF_A_MONTH,
        Frequency.QUARTERLY: _OF_A_MONTH | {_LAST},
        Frequency.BIANNUALLY: _OF_A_MONTH | {_LAST},
        Frequency.YEARLY: _OF_A_MONTH | {_LAST},
        Frequency.AD_HOC: _AD_HOC,
    }
)


class Consent(StrEnum):
    """Whose word a change of terms needs; `NEW_MANDATE` where they can't be changed at all."""

    NOBODY = "nobody"
    PAYER = "payer"
    NEW_MANDATE = "new_mandate"


# What the payer agrees to at the bank, whatever may rise without asking.
_PAYERS = (
    "first_collection_on",
    "initial_minor",
    "collection_day",
    "day_may_move",
    "adjustment",
    "adjustment_minor",
    "adjustment_basis_points",
)
_AMOUNTS = ("maximum_minor", "instalment_minor")


def check_terms(terms: MandateTerms, *, today: date, field: str = "terms") -> None:
    """Raises Invalid, naming the field, for terms that no bank would take."""
    _check_day(terms, field)
    _check_amounts(terms, field)
    _check_adjustment(terms, field)
    if terms.first_collection_on is not None and terms.first_collection_on < today:
        problem = f"{terms.first_collection_on} is past"
        raise Invalid(f"{field}.first_collection_on", problem, f"from {today} on")


def _check_day(terms: MandateTerms, field: str) -> None:
    days = COLLECTION_DAYS[terms.frequency]
    if terms.collection_day not in days:
        problem = f"{terms.collection_day} is no day of a {terms.frequency} mandate"
        raise Invalid(f"{field}.collection_day", problem, ", ".join(map(str, sorted(days))))


def _check_amounts(terms: MandateTerms, field: str) -> None:
    most, instalment = terms.maximum_minor, terms.instalment_minor
    if most < 1:
        raise Invalid(f"{field}.maximum_minor", "allows nothing", "1 or more")
    if terms.value == DebitValue.USAGE_BASED:
        if most > USAGE_MAXIMUM_MINOR:
            problem = f"{most} is too much for a mandate by usage"
            raise Invalid(f"{field}.maximum_minor", problem, f"1 to {USAGE_MAXIMUM_MINOR}")
        return
    if not instalment:
        raise Invalid(f"{field}.instalment_minor", f"is missing for a {terms.value} mandate", "1 or more")
    if instalment > most:
        problem = f"{instalment} is more than the maximum"
        raise Invalid(f"{field}.instalment_minor", problem, f"1 to {most}")
    if most * 2 > instalment * 3:
        problem = f"{most} is more than one and a half instalments"
        raise Invalid(f"{field}.maximum_minor", problem, f"{instalment} to {instalment * 3 // 2}")


def _check_adjustment(terms: MandateTerms, field: str) -> None:
    """Both say by how much amounts rise: one of them, and only where they ever do."""
    given = [
        name for name in ("adjustment_minor", "adjustment_basis_points") if getattr(terms, name) is not None
    ]
    if given and terms.adjustment in {Adjustment.NEVER, Adjustment.REPO}:
        problem = f"is given, and the amounts rise by none ({terms.adjustment})"
        raise Invalid(f"{field}.{given[0]}", problem, "none")
    if len(given) > 1:
        raise Invalid(f"{field}.{given[1]}", f"is given beside {given[0]}", "one of the two")


def consent_needed(before: MandateTerms, after: MandateTerms) -> Consent:
    """Whose word it takes to come from the one to the other."""
    changed = {
        name for name in MandateTerms.__dataclass_fields__ if getattr(before, name) != getattr(after, name)
    }
    if changed & {"frequency", "value"}:
        return Consent.NEW_MANDATE
    amounts = changed.intersection(_AMOUNTS) and before.adjustment == Adjustment.NEVER
    return Consent.PAYER if amounts or changed.intersection(_PAYERS) else Consent.NOBODY


def check_amendment(before: MandateTerms, after: MandateTerms, *, today: date) -> Consent:
    """Whose word it takes; raises Invalid for terms that take a new mandate, or that no bank would take."""
    check_terms(after, today=min(today, before.first_collection_on or today))
    if before == after:
        raise Invalid("terms", "are those that stand", "other ones")
    consent = consent_needed(before, after)
    if consent == Consent.NEW_MANDATE:
        name = "frequency" if before.frequency != after.frequency else "value"
        allowed = f"{getattr(before, name)}, or a new payment method"
        raise Invalid(f"terms.{name}", "cannot change in a mandate that stands", allowed)
    return consent
