"""What is to happen in a lane stands in one heap; of what falls on one instant, what came first is first."""

import heapq
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any


@dataclass
class Agenda:
    _heap: list[tuple[datetime, int, Any]] = field(default_factory=list)
    _tickets: "count[int]" = field(default_factory=count)

    def put(self, what: Any, *, at: datetime) -> None:
        heapq.heappush(self._heap, (at, next(self._tickets), what))

    def take(self) -> tuple[datetime, Any]:
        """The soonest; raises IndexError where nothing is left."""
        at, _, what = heapq.heappop(self._heap)
        return at, what

    @property
    def next_at(self) -> datetime | None:
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)
