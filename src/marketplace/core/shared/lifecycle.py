"""A lifecycle is the table of an aggregate's lawful moves; it guards, offers, times and draws them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from marketplace.core.shared.errors import MoveRefused, NotAllowed, Refused
from marketplace.core.shared.roles import Role

Deadline = Callable[[Any, Any], datetime | None]
Guard = Callable[[Any, Any], Refused | None]


@dataclass(frozen=True)
class Move:
    """
    One lawful step. `after` names the timer that makes the clock take it.

    An `implied` one follows from another aggregate's move, in the same write: nobody asks for it by itself.
    """

    name: str
    source: StrEnum | tuple[StrEnum, ...]
    target: StrEnum
    by: frozenset[Role] | set[Role]
    emits: str
    after: str | None = None
    implied: bool = False

    @property
    def sources(self) -> tuple[StrEnum, ...]:
        return self.source if isinstance(self.source, tuple) else (self.source,)


@dataclass(frozen=True)
class Lifecycle:
    """
    The moves between an aggregate's states, checked when the module is imported.

    `requires` names the fields that must be set in a state. `timers` gives, for each name in a move's
    `after`, the function from (subject, call) to the instant at which the clock makes that move. `guards`
    gives, by a move's name, the function from (subject, call) to the error that the subject's own facts
    put in its way now, None where they don't.
    `opening` is the event of creation, which may start in any state of `initial`.
    """

    kind: str
    states: type[StrEnum]
    initial: StrEnum | tuple[StrEnum, ...]
    opening: str
    moves: tuple[Move, ...]
    requires: Mapping[StrEnum, frozenset[str] | set[str]] = field(default_factory=dict)
    timers: Mapping[str, Deadline] = field(default_factory=dict)
    guards: Mapping[str, Guard] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table: dict[tuple[str, str], Move] = {}
        for move in self.moves:
            for source in move.sources:
                if (source, move.name) in table:
                    raise ValueError(f"{self.kind}: two moves {move.name} from {source}")
                table[source, move.name] = move
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_clock", _clock_moves(self))
        object.__setattr__(self, "_offers", {})
        _check(self)

    @property
    def initials(self) -> tuple[StrEnum, ...]:
        return self.initial if isinstance(self.initial, tuple) else (self.initial,)

    @property
    def table(self) -> Mapping[tuple[str, str], Move]:
        result: Mapping[tuple[str, str], Move] = self.__dict__["_table"]
        return result

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Every lawful (from, to), for the database's guard."""
        return frozenset((str(s), str(move.target)) for move in self.moves for s in move.sources)

    def terminal(self) -> frozenset[str]:
        """The states that no move leaves; in one only what follows from another's move is still noted."""
        noted = {move.name for move in self.moves if move.implied and set(move.sources) == {move.target}}
        return frozenset(map(str, self.states)) - {source for source, name in self.table if name not in noted}

    def moves_for(self, subject: Any, call: Any) -> tuple[str, ...]:
        """The names of the moves that this actor may make on `subject` now, in the table's order."""
        listed = self._listed(subject.state, call.actor.role)
        return tuple(name for name in listed if self._in_the_way(subject, name, call) is None)

    def lawful(self, subject: Any, name: str, call: Any) -> Move:
        """
        The move, where this actor may make it on `subject` now.

        Raises MoveRefused (not from this state), NotAllowed (not by this role), or what its guard says.
        """
        move, role = self.table.get((subject.state, name)), call.actor.role
        if move is None:
            raise MoveRefused(self.kind, name, subject.state, self.moves_for(subject, call))
        if role not in move.by:
            raise NotAllowed(f"a {role} may not {name} a {self.kind}", move=name, role=str(role))
        if refusal := self._in_the_way(subject, name, call):
            raise refusal
        return move

    def _listed(self, state: str, role: Role) -> tuple[str, ...]:
        offers: dict[tuple[str, Role], tuple[str, ...]] = self.__dict__["_offers"]
        if (state, role) not in offers:
            asked = (move for move in self.moves if not move.implied)
            offers[state, role] = tuple(m.name for m in asked if role in m.by and state in m.sources)
        return offers[state, role]

    def _in_the_way(self, subject: Any, name: str, call: Any) -> Refused | None:
        guard = self.guards.get(name)
        return None if guard is None else guard(subject, call)

    def clock_move(self, state: str) -> Move | None:
        """The move that a timer makes from `state`, if it has one."""
        clock: Mapping[str, Move] = self.__dict__["_clock"]
        return clock.get(state)

    def due_at(self, subject: Any, call: Any) -> datetime | None:
        """When the clock should move `subject`, which is in its new state already."""
        move = self.clock_move(subject.state)
        return None if move is None or move.after is None else self.timers[move.after](subject, call)


def _clock_moves(lifecycle: Lifecycle) -> dict[str, Move]:
    clock: dict[str, Move] = {}
    for move in lifecycle.moves:
        for source in move.sources if move.after else ():
            if source in clock:
                raise ValueError(f"{lifecycle.kind}: two timers in {source}")
            clock[source] = move
    return clock


def _check(lifecycle: Lifecycle) -> None:
    """No state out of reach, no timer without a clock, no dead end but those nothing leaves."""
    reached = _reachable(lifecycle)
    lost = [state for state in lifecycle.states if state not in reached]
    if lost:
        raise ValueError(f"{lifecycle.kind}: unreachable {lost}")
    for move in lifecycle.moves:
        if (move.after is not None) and Role.CLOCK not in move.by:
            raise ValueError(f"{lifecycle.kind}: {move.name} has a timer but the clock may not make it")
        if move.after is not None and move.after not in lifecycle.timers:
            raise ValueError(f"{lifecycle.kind}: no deadline for {move.after}")
    if unknown := lifecycle.guards.keys() - {move.name for move in lifecycle.moves}:
        raise ValueError(f"{lifecycle.kind}: guards of no move: {sorted(unknown)}")
    ends = lifecycle.terminal()
    stuck = [s for s in lifecycle.states if s not in ends and not _leaves(lifecycle, s)]
    if stuck:
        raise ValueError(f"{lifecycle.kind}: no way out of {stuck}")


def _reachable(lifecycle: Lifecycle) -> set[str]:
    reached: set[str] = set()
    frontier: Iterable[str] = lifecycle.initials
    while frontier:
        reached.update(frontier)
        frontier = {m.target for m in lifecycle.moves if any(s in reached for s in m.sources)} - reached
    return reached


def _leaves(lifecycle: Lifecycle, state: str) -> bool:
    return any(state in m.sources and m.target != state for m in lifecycle.moves)
