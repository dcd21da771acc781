"""A mandate says what its payer agreed to: how much, how often, and whether that may rise."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated

from marketplace.core.shared.limits import BasisPoints, Between, Length, Minor, Name


class Frequency(StrEnum):
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    BIANNUALLY = "biannually"
    YEARLY = "yearly"
    AD_HOC = "ad_hoc"


class DebitValue(StrEnum):
    """Each time the same, or another sum about the same, or whatever was used."""

    FIXED = "fixed"
    VARIABLE = "variable"
    USAGE_BASED = "usage_based"


class Adjustment(StrEnum):
    """How often the amounts may rise without the payer's word; `REPO` follows the bank rate."""

    NEVER = "never"
    QUARTERLY = "quarterly"
    BIANNUALLY = "biannually"
    ANNUALLY = "annually"
    REPO = "repo"


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateTerms:
    """
    Amounts in minor units. `collection_day` counts by the frequency: from Monday, or within the period.

    `day_may_move` lets a collection come on another day than agreed, where that day is no working day.
    """

    value: DebitValue
    frequency: Frequency
    collection_day: Annotated[int, Between(1, 99)]
    maximum_minor: Minor
    instalment_minor: Minor | None = None
    initial_minor: Minor | None = None
    first_collection_on: date | None = None
    adjustment: Adjustment = Adjustment.NEVER
    adjustment_minor: Minor | None = None
    adjustment_basis_points: BasisPoints | None = None
    day_may_move: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Whose bank account is debited: told to the rail once, and then forgotten."""

    holder: Name
    identity_number: Annotated[str, Length(30, least=1)]
    account_number: Annotated[str, Length(34, least=1)]
    branch_code: Annotated[str, Length(20, least=1)]
    account_type: Annotated[str, Length(20, least=1)] = "current"
