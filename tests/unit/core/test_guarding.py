"""What a decision rests on is guarded: the watch over it sees what is left to chance."""

from typing import Any

import pytest
from tests.unit.core.relied_on import UNGUARDED, watched

from marketplace.core.commands import USE_CASES
from marketplace.core.lifecycles import AGGREGATES
from marketplace.core.providers.provider import Provider
from marketplace.ports.storage import Work


async def left_to_chance(command: Any, *, call: Any, work: Work) -> None:
    await work.get(Provider, command.provider_id)
    work.insert("a row")


async def guarded(command: Any, *, call: Any, work: Work) -> None:
    work.guard(await work.get(Provider, command.provider_id))
    work.insert("a row")


async def only_looked_at(command: Any, *, call: Any, work: Work) -> None:
    await work.get(Provider, command.provider_id)


class TestTheWatch:
    async def test_sees_what_is_left_to_chance(self, world: Any) -> None:
        work = Work(world.storage, world.lane.tenant.id)

        with pytest.raises(AssertionError, match=r"Shop rests on \['Provider'\]"):
            await watched(left_to_chance)(world.market.shops[0], call=None, work=work)

    @pytest.mark.parametrize("use_case", [guarded, only_looked_at])
    async def test_lets_pass_what_is_not(self, world: Any, use_case: Any) -> None:
        work = Work(world.storage, world.lane.tenant.id)

        await watched(use_case)(world.market.shops[0], call=None, work=work)

    def test_excepts_commands_and_kinds_that_there_are(self) -> None:
        kinds = {kind.__name__ for kind in AGGREGATES}

        assert UNGUARDED.keys() <= {command.__name__ for command in USE_CASES}
        assert all(named.keys() <= kinds for named in UNGUARDED.values())
