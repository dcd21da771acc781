"""
Every error says whether the caller can act, may try again, or must never try again.

MarketplaceError            code (stable), facts
├ Refused                   the caller can act
│ ├ Invalid                 a field is wrong: which, why, what is allowed
│ ├ NotFound                not there, or not this caller's
│ ├ NotSignedIn             nobody, or no longer, signed in
│ ├ NotAllowed              this role may not do this
│ ├ MoveRefused             the object's state does not allow this move
│ ├ Conflict                somebody else was first
│ └ LimitReached            too many, too often, too much
├ Unavailable               safe to try again: a dependency is down or throttles
└ OutcomeUnknown            never try again: reconcile
"""

from typing import ClassVar


class MarketplaceError(Exception):
    """The root; `code` is stable, `facts` are safe to show to whoever caused it."""

    code: ClassVar[str] = "error"

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class Refused(MarketplaceError):
    code = "refused"


class Invalid(Refused):
    """A field that is wrong: its name, what was wrong, what is allowed."""

    code = "invalid"

    def __init__(self, field: str, problem: str, allowed: str | None = None) -> None:
        sentence = f"{field}: {problem}" + (f"; allowed: {allowed}" if allowed else "")
        super().__init__(sentence, field=field, problem=problem, allowed=allowed)


class NotFound(Refused):
    code = "not_found"

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"no {kind} {key}", kind=kind, id=str(key))


class NotSignedIn(Refused):
    code = "not_signed_in"


class NotAllowed(Refused):
    code = "not_allowed"


class MoveRefused(Refused):
    """The state does not allow the move; `moves` are those it does allow this actor."""

    code = "move_refused"

    def __init__(self, kind: str, move: str, state: str, moves: tuple[str, ...]) -> None:
        options = ", ".join(moves) or "none"
        super().__init__(
            f"{kind.replace('_', ' ')} is {state}: cannot {move}; possible now: {options}",
            move=move,
            state=state,
            moves=moves,
        )


class Conflict(Refused):
    code = "conflict"


class LimitReached(Refused):
    """Too many, too often, too much; `retry_after_seconds` where waiting helps."""

    code = "limit_reached"


class Unavailable(MarketplaceError):
    code = "unavailable"


class OutcomeUnknown(MarketplaceError):
    code = "outcome_unknown"
