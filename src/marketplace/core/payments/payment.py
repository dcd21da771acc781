"""A payment only moves forward, towards what the rail says is true, and resolves its money once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.money import Money
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import AtMost, Rule, Unique


class State(StrEnum):
    CREATED = "created"
    PROMISED = "promised"
    NEEDS_ACTION = "needs_action"
    SUBMITTED = "submitted"
    TRACKING = "tracking"
    AUTHORISED = "authorised"
    CAPTURING = "capturing"
    VOIDING = "voiding"
    SUCCEEDED = "succeeded"
    SETTLED = "settled"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RETURNED = "returned"
    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"
    PART_LOST = "part_lost"
    UNKNOWN = "unknown"


_RAIL = frozenset({Role.SYSTEM})
_ANYONE = frozenset(Role)
_OPEN = (State.CREATED, State.NEEDS_ACTION, State.SUBMITTED, State.TRACKING, State.UNKNOWN)
# Late answers are true answers: money that arrives after we gave up is recorded, then given back.
_GIVEN_UP = (State.VOIDING, State.FAILED, State.CANCELLED)
_HELD = (State.SUCCEEDED, State.SETTLED, State.WON, State.PART_LOST)
_WAITING = (*_OPEN, State.CAPTURING, State.VOIDING)
LOOKUP_FIRST = timedelta(seconds=5)
LOOKUP_LAST = timedelta(hours=6)
DISPUTE_PAUSE = timedelta(days=1)
# Money that is here may be taken back for months, and the webhook that tells of it may get lost.
SECOND_LOOKS = (timedelta(days=7), timedelta(days=90))


def looked(subject: Any, call: Any) -> int:
    """
    How many looks there were once this one is over, by the clock: as many stand for the time gone by.

    What people ask besides counts for nothing: an order under way could be given up within seconds.
    """
    result: int = subject.lookups + (call.actor.role == Role.CLOCK)
    return result


def next_lookup(subject: Any, call: Any) -> datetime:
    """Five seconds, doubled with each look, six hours at the most."""
    pause: timedelta = min(LOOKUP_FIRST * 2 ** min(subject.lookups, 20), LOOKUP_LAST)
    result: datetime = call.at + pause
    return result


def next_second_look(subject: Any, call: Any) -> datetime | None:
    """When to look again at what is done; None after the last time."""
    later: datetime | None = None
    if subject.lookups < len(SECOND_LOOKS):
        later = call.at + SECOND_LOOKS[subject.lookups]
    return later


def _next_look(payment: Any, call: Any) -> datetime | None:
    if payment.state in _HELD:
        # Also at what is given back: a bank that has not heard of it, as where that was by hand, may take it.
        return next_second_look(payment, call)
    return call.at + DISPUTE_PAUSE if payment.state == State.DISPUTED else next_lookup(payment, call)


PAYMENT = Lifecycle(
    kind="payment",
    states=State,
    initial=State.CREATED,
    opening="payment.created",
    moves=(
        # A saved method has promised it, and the rail hears of it when its time has come.
        Move("promise", State.CREATED, State.PROMISED, by=_RAIL, emits="payment.promised"),
        Move(
            "postpone",
            State.PROMISED,
            State.PROMISED,
            by=_ANYONE,
            implied=True,
            emits="payment.postponed",
        ),
        Move(
            "charge",
            State.PROMISED,
            State.CREATED,
            by=_ANYONE,
            after="charge_time",
            implied=True,
            emits="payment.charge_due",
        ),
        Move("drop", State.PROMISED, State.CANCELLED, by=_ANYONE, implied=True, emits="payment.cancelled"),
        # Written before it is sent, and again when the rail has surely done nothing.
        Move("begin_collect", State.CREATED, State.CREATED, by=_RAIL, emits="payment.collect_begun"),
        Move("put_off", State.CREATED, State.CREATED, by=_RAIL, emits="payment.put_off"),
        Move("reroute", State.CREATED, State.CREATED, by=_RAIL, emits="payment.rerouted"),
        Move(
            "need_action",
            (State.CREATED, State.SUBMITTED, State.UNKNOWN),
            State.NEEDS_ACTION,
            by=_RAIL,
            emits="payment.action_needed",
        ),
        Move(
            "submit",
            (State.CREATED, State.NEEDS_ACTION, State.UNKNOWN),
            State.SUBMITTED,
            by=_RAIL,
            emits="payment.submitted",
        ),
        Move("track", State.SUBMITTED, State.TRACKING, by=_RAIL, emits="payment.tracking"),
        Move("authorise", (*_OPEN, *_GIVEN_UP), State.AUTHORISED, by=_RAIL, emits="payment.authorised"),
        Move(
            "request_capture",
            State.AUTHORISED,
            State.CAPTURING,
            by=_ANYONE,
            implied=True,
            emits="payment.capture_requested",
        ),
        Move(
            "request_void",
            (*_OPEN, State.AUTHORISED),
            State.VOIDING,
            by=_ANYONE,
            implied=True,
            emits="payment.void_requested",
        ),
        Move(
            "succeed",
            (*_OPEN, *_GIVEN_UP, State.AUTHORISED, State.CAPTURING),
            State.SUCCEEDED,
            by=_RAIL,
            emits="payment.succeeded",
        ),
        # The rail is further on already: the success is recorded first, and then the rail is asked again.
        Move(
            "catch_up",
            (*_OPEN, *_GIVEN_UP, State.AUTHORISED, State.CAPTURING),
            State.SUCCEEDED,
            by=_RAIL,
            emits="payment.caught_up",
        ),
        Move(
            "fail",
            (*_OPEN, State.AUTHORISED, State.CAPTURING, State.VOIDING),
            State.FAILED,
            by=_RAIL,
            emits="payment.failed",
        ),
        Move(
            "cancel",
            (*_OPEN, State.AUTHORISED, State.CAPTURING, State.VOIDING),
            State.CANCELLED,
            by=_RAIL,
            emits="payment.cancelled",
        ),
        Move(
            "lose_track",
            (State.CREATED, State.SUBMITTED, State.NEEDS_ACTION),
            State.UNKNOWN,
            by=_RAIL,
            emits="payment.unknown",
        ),
        Move("settle", State.SUCCEEDED, State.SETTLED, by=_RAIL, emits="payment.settled"),
        *(Move("resolve", s, s, by=_ANYONE, emits="payment.resolved", implied=True) for s in _HELD),
        Move("return", _HELD, State.RETURNED, by=_RAIL, emits="payment.returned"),
        Move("dispute", _HELD, State.DISPUTED, by=_RAIL, emits="payment.disputed"),
        Move(
            "submit_evidence",
            State.DISPUTED,
            State.DISPUTED,
            by={Role.ADMIN},
            emits="payment.evidence_submitted",
        ),
        Move("win", State.DISPUTED, State.WON, by=_RAIL, emits="payment.dispute_won"),
        Move("lose", State.DISPUTED, State.LOST, by=_RAIL, emits="payment.dispute_lost"),
        # Less than is held: what is left goes its way as ever.
        Move("lose_part", State.DISPUTED, State.PART_LOST, by=_RAIL, emits="payment.dispute_part_lost"),
        *(
            Move(
                "look_up",
                s,
                s,
                by={Role.CLOCK, Role.ADMIN},
                after="lookup_pause",
                emits="payment.lookup_due",
            )
            for s in (*_WAITING, *_HELD, State.DISPUTED)
        ),
    ),
    requires={
        State.PROMISED: {"charge_at", "method_id"},
        **{state: {"rail_reference"} for state in (State.AUTHORISED, State.SUCCEEDED, State.SETTLED)},
    },
    timers={"lookup_pause": _next_look, "charge_time": lambda payment, _: payment.charge_at},
)

OPEN = frozenset(_OPEN)
HELD = frozenset(_HELD)
# What a booking may rest on.
SECURED = HELD | {State.PROMISED, State.AUTHORISED}
TAKEN_BACK = frozenset({State.LOST, State.RETURNED})
DEAD = frozenset({State.FAILED, State.CANCELLED}) | TAKEN_BACK
ON_ITS_WAY = frozenset({*_WAITING, State.AUTHORISED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """
    Money of one booking on one rail; its id is our reference at the rail. Amounts in minor units.

    `refunded_minor` is what was promised back, `released_minor` what was released, `lost_minor` a part that a
    bank took for good; together they never exceed `captured_minor`. `contested_minor` is what the rail took
    back when it was disputed or returned, `evidence` what
    we said in a dispute. `method_id` is the saved method that `method` was the token of. `charge_at` is when
    money that is promised is to be taken, `hold_until` how long the rail holds what is authorised.

    `collecting` counts the orders to collect of which it is not known what came; while it is not zero,
    nothing may be ordered of the `fallback_rail`. Where there is none, nothing is counted.
    """

    LIFECYCLE: ClassVar[Lifecycle] = PAYMENT
    RULES: ClassVar[tuple[Rule, ...]] = (
        AtMost(parts=("refunded_minor", "released_minor", "lost_minor"), whole="captured_minor"),
        # A rail is all tenants', and goes by the id: a second one would move another tenant's money. With all
        # its states named no plan takes the index for one that is to find payments.
        Unique(("id",), states=tuple(State), everywhere=True),
    )

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.CREATED
    due_at: datetime | None = None
    booking_id: UUID
    customer_id: UUID
    provider_id: UUID | None
    rail: str
    method: str
    hold: bool
    currency: str
    amount_minor: int
    created_at: datetime
    captured_minor: int = 0
    refunded_minor: int = 0
    released_minor: int = 0
    lost_minor: int = 0
    contested_minor: int = 0
    rail_reference: str | None = None
    next_action: str | None = field(default=None, metadata=SECRET, repr=False)
    evidence: str | None = None
    failure: str | None = None
    lookups: int = 0
    method_id: UUID | None = None
    charge_at: datetime | None = None
    hold_until: datetime | None = None
    fallback_rail: str | None = None
    collecting: int = 0

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def left_minor(self) -> int:
        """What is captured and neither refunded, released nor lost."""
        return self.captured_minor - self.refunded_minor - self.released_minor - self.lost_minor

    @property
    def taken_back_minor(self) -> int:
        """What the bank has of it just now, for good or until the dispute is decided."""
        with_the_bank = self.state in TAKEN_BACK | {State.DISPUTED}
        return self.lost_minor + (self.contested_minor if with_the_bank else 0)

    @property
    def given_twice_minor(self) -> int:
        """What a bank has taken back although we had promised it back: the rail knew of no refund then."""
        taken = self.contested_minor if self.state in TAKEN_BACK else 0
        return max(0, taken - self.left_minor - self.released_minor)

    def parties(self) -> tuple[UUID, ...]:
        return (self.customer_id,)
