"""Which of two routers answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from marketplace.core.shared.errors import Unavailable
from marketplace.core.shared.place import Place
from marketplace.entrypoints.breaker import Breaker
from marketplace.entrypoints.fallback import ONCE, FallbackRouter

HOME, AT = Place(0, 0), datetime(2026, 11, 2, tzinfo=UTC)


@dataclass
class Played:
    """Answers its own length of time, or is down."""

    minutes: int
    down: bool = False
    asked: int = 0

    async def travel(
        self, *, starts: Sequence[Place], end: Place, at: datetime
    ) -> tuple[timedelta | None, ...]:
        self.asked += 1
        if self.down:
            raise Unavailable("down")
        assert (end, at) == (HOME, AT)
        return (timedelta(minutes=self.minutes),) * len(starts)


class Stage:
    def __init__(self) -> None:
        self.now = 100.0
        self.first, self.second = Played(1), Played(2)
        breaker = Breaker(clock=lambda: self.now, limits=ONCE)
        self.router = FallbackRouter(first=self.first, second=self.second, breaker=breaker)

    async def minutes(self) -> float:
        found = await self.router.travel(starts=[HOME, HOME], end=HOME, at=AT)
        assert found[0] == found[1] is not None
        return found[0] / timedelta(minutes=1)


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestFallbackRouter:
    async def test_asks_the_first_alone_while_it_answers(self, stage: Stage) -> None:
        assert await stage.minutes() == 1
        assert stage.second.asked == 0

    async def test_asks_the_second_where_the_first_is_down(self, stage: Stage) -> None:
        stage.first.down = True

        assert await stage.minutes() == 2

    async def test_leaves_the_first_alone_for_a_while(self, stage: Stage) -> None:
        stage.first.down = True

        for _ in range(3):
            await stage.minutes()
            stage.now += 1

        assert (stage.first.asked, stage.second.asked) == (1, 3)

    async def test_asks_the_first_again_after_the_pause(self, stage: Stage) -> None:
        stage.first.down = True
        await stage.minutes()
        stage.first.down = False
        stage.now += 5

        assert await stage.minutes() == 1

    async def test_is_unavailable_where_both_are(self, stage: Stage) -> None:
        stage.first.down = stage.second.down = True

        with pytest.raises(Unavailable):
            await stage.minutes()
