"""
What a payer agrees to is told to Stitch as the collection of a DebiCheck mandate, and of an amendment what is
other than before.

https://docs.stitch.money/api/inputs/debicheck-collection-input: a first collection has a day and an amount,
or neither. Assumed: a rate is told in percent.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from marketplace.adapters.stitch.amounts import CURRENCY, to_decimal
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import MandateTerms

_FIRST = ("first_collection_on", "initial_minor")
# By how much amounts rise: without meaning where they rise no more.
_RISES = frozenset({"adjustment_minor", "adjustment_basis_points"})


class _Column(NamedTuple):
    name: str
    told: Callable[[Any], Any]


def money(minor: int) -> dict[str, str]:
    return {"quantity": to_decimal(minor), "currency": CURRENCY}


def _word(value: str) -> str:
    """`usage_based` is usageBased there."""
    first, *others = value.split("_")
    return first + "".join(other.capitalize() for other in others)


# An amendment may name all but the first two, which take a new mandate.
_COLUMNS: Mapping[str, _Column] = MappingProxyType(
    {
        "frequency": _Column("collectionFrequency", _word),
        "value": _Column("debitValueType", _word),
        "collection_day": _Column("collectionDay", int),
        "instalment_minor": _Column("instalmentAmount", money),
        "maximum_minor": _Column("maximumCollectionAmount", money),
        "adjustment": _Column("amountAdjustmentFrequency", _word),
        "adjustment_minor": _Column("adjustmentAmount", money),
        "adjustment_basis_points": _Column("adjustmentRate", to_decimal),
        "first_collection_on": _Column("firstCollectionDate", lambda day: day.isoformat()),
        "initial_minor": _Column("firstCollectionAmount", money),
        "day_may_move": _Column("dayAdjustmentAllowed", bool),
    }
)


def collection_of(terms: MandateTerms) -> dict[str, Any]:
    """Raises Invalid for what Stitch cannot be told when a mandate begins."""
    if not terms.day_may_move:
        raise Invalid("terms.day_may_move", "cannot be told to Stitch when a mandate begins", "True")
    _check_first(terms)
    told = [name for name in _COLUMNS if name != "day_may_move" and getattr(terms, name) is not None]
    return _told(terms, told)


def changes(before: MandateTerms, after: MandateTerms) -> dict[str, Any]:
    """What the payer has to agree to anew, and no more. Raises Invalid for what cannot be taken back."""
    _check_first(after)
    changed = [name for name in _COLUMNS if getattr(before, name) != getattr(after, name)]
    gone = [name for name in changed if getattr(after, name) is None]
    for name in gone:
        if name not in _RISES:
            raise Invalid(
                f"terms.{name}", "cannot be taken out of a mandate that stands", "as it was, or other"
            )
    return _told(after, [name for name in changed if name not in gone])


def _told(terms: MandateTerms, names: list[str]) -> dict[str, Any]:
    return {_COLUMNS[name].name: _COLUMNS[name].told(getattr(terms, name)) for name in names}


def _check_first(terms: MandateTerms) -> None:
    missing = [name for name in _FIRST if getattr(terms, name) is None]
    if len(missing) == 1:
        allowed = "a day and an amount, or neither"
        raise Invalid(f"terms.{missing[0]}", "is missing for a first collection", allowed)
