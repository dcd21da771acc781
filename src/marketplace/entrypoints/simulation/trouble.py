"""The platform's own trouble comes by chance from a seed, each kind as often as asked, and is counted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

Troubles = Mapping[str, float]  # kind → how likely it strikes, from 0 to 1

CALM: Troubles = MappingProxyType({})
USUAL: Troubles = MappingProxyType(
    {
        "job_twice": 0.01,
        "job_rerun": 0.01,
        "stale_read": 0.03,
        "storage_unavailable": 0.004,
        "storage_outcome_unknown": 0.004,
        "clock_skew": 0.1,
    }
)


@dataclass
class Trouble:
    troubles: Troubles
    seed: str
    struck: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        # Each kind has a series of its own, so that one kind more or less moves no other.
        self._amounts = Random(f"{self.seed}/amounts")  # noqa: S311 - no secrets
        self._series = {kind: Random(f"{self.seed}/{kind}") for kind in self.troubles}  # noqa: S311 - no secrets

    @contextmanager
    def resting(self) -> Iterator[None]:
        """No trouble while this lasts."""
        series, self._series = self._series, {}
        try:
            yield
        finally:
            self._amounts = Random(f"{self.seed}/amounts")  # noqa: S311 - no secrets
        self._series = series

    def strikes(self, kind: str) -> bool:
        struck = self.may_strike(kind)
        if struck:
            self.count(kind)
        return struck

    def may_strike(self, kind: str) -> bool:
        """For trouble that needs a chance besides; whoever asks counts it when it has struck."""
        return kind in self._series and self._series[kind].random() < self.troubles[kind]

    def count(self, kind: str) -> None:
        self.struck[kind] += 1

    def between(self, least: float, most: float) -> float:
        return self._amounts.uniform(least, most)
