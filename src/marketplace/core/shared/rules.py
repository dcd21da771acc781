"""
What must hold among stored rows is declared once, on the class of the rows, and every storage keeps it.

A class lists its rules as `RULES: ClassVar[tuple[Rule, ...]]`. All of them hold within one tenant, except
that a `Unique` with `everywhere` holds across tenants.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows share these fields; rows with None in one of them, or in another state, don't count."""

    fields: tuple[str, ...]
    states: tuple[StrEnum, ...] = ()
    everywhere: bool = False

    def name_on(self, kind: type) -> str:
        return f"{kind_name(kind)}_{'_'.join(self.fields)}_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOverlap:
    """No two rows of one `owner` overlap in time (half-open) while both are in these states."""

    owner: str
    starts: str
    ends: str
    states: tuple[StrEnum, ...]

    def name_on(self, kind: type) -> str:
        return f"{kind_name(kind)}_no_overlap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balanced:
    """What one write adds of each group sums to zero."""

    group: tuple[str, ...]
    amount: str

    def name_on(self, kind: type) -> str:
        return f"{kind_name(kind)}_balanced"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtMost:
    """None of `parts` is negative, and together they never exceed `whole`."""

    parts: tuple[str, ...]
    whole: str

    def name_on(self, kind: type) -> str:
        return f"{kind_name(kind)}_{self.whole}_at_most"


@dataclass(frozen=True, slots=True)
class AppendOnly:
    """A row, once written, is neither changed nor removed."""

    def name_on(self, kind: type) -> str:
        return f"{kind_name(kind)}_append_only"


Rule = Unique | NoOverlap | Balanced | AtMost | AppendOnly


def rules_of(kind: type) -> tuple[Rule, ...]:
    """The rules that a class declares, none where it declares none."""
    rules: tuple[Rule, ...] = getattr(kind, "RULES", ())
    return rules


def kind_name(kind: type) -> str:
    """The class's name in snake case: what its rows and rules are called in storage."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def noun_of(kind: type) -> str:
    """What people call a thing of this kind."""
    return kind_name(kind).replace("_", " ")
