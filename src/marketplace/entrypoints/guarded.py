"""A rail is reached through a breaker of its own; whatever it can do besides stays to be seen."""

from collections.abc import Awaitable, Callable
from functools import partialmethod
from inspect import iscoroutinefunction
from typing import Any, cast

from marketplace.core.shared.errors import OutcomeUnknown, Refused, Unavailable
from marketplace.entrypoints.breaker import Breaker, Ticket
from marketplace.ports.payments import PaymentRail

# What changes nothing at the rail: the truth about what is under way must not wait for long.
LOOKS = frozenset({"find", "find_setup", "find_payee", "settlement_lines", "trace"})

Told = Callable[[], Awaitable[None]]


class Guarded:
    """
    Of every rail a class of its own is made, with all that the rail has: who asks whether it is Tracing, or
    keeps methods, gets the rail's own answer. `told` hears of a breaker that stands otherwise than before.
    """

    def __init__(self, rail: PaymentRail, breaker: Breaker, told: Told) -> None:
        self._rail, self._breaker, self._told = rail, breaker, told

    async def _carry_out(self, name: str, /, *given: Any, **named: Any) -> Any:
        """Raises Unavailable at once while the rail is left alone: nothing was sent."""
        before = self._breaker.standing
        ticket = self._breaker.look() if name in LOOKS else self._breaker.order()
        if ticket is None:
            problem = f"the payment rail {self._rail.name} has failed too often, and is left alone for now"
            raise Unavailable(problem, rail=self._rail.name)
        try:
            return await self._counted(ticket, getattr(self._rail, name)(*given, **named))
        finally:
            if self._breaker.standing is not before:
                await self._told()

    async def _counted(self, ticket: Ticket, answer: Awaitable[Any]) -> Any:
        """What it refuses, it has answered."""
        try:
            found = await answer
        except (Unavailable, OutcomeUnknown) as failure:
            self._breaker.failed(ticket, failure.code)
            raise
        except Refused:
            self._breaker.succeeded(ticket)
            raise
        except BaseException:
            self._breaker.dropped(ticket)
            raise
        self._breaker.succeeded(ticket)
        return found


def guarded(rail: PaymentRail, breaker: Breaker, told: Told) -> PaymentRail:
    kind = type(rail)
    has = {name: _member(name, kind) for name in dir(rail) if not name.startswith("_")}
    made = type(f"Guarded{kind.__name__}", (Guarded,), has)
    return cast("PaymentRail", made(rail, breaker, told))


def _member(name: str, kind: type) -> Any:
    if iscoroutinefunction(getattr(kind, name, None)):
        return partialmethod(Guarded._carry_out, name)  # noqa: SLF001 - its own subclass
    return property(lambda self: getattr(self._rail, name))
