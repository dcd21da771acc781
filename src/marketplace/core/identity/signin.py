"""A sign-in code is known to its receiver only, lives for minutes, and dies with five wrong tries."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import scrypt
from typing import ClassVar
from uuid import NAMESPACE_OID, UUID

from marketplace.core.shared.aggregate import SECRET
from marketplace.core.shared.entropy import keyed
from marketplace.core.shared.ids import derive
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.core.shared.rules import NoOverlap, Rule, Unique

CODE_LIFE = timedelta(minutes=10)
CODE_DIGITS = 6
TRIES_MAX = 5
CODES_PER_HOUR_MAX = 5
RATE_SPAN = timedelta(hours=1)
# Many people may be behind one address, so this is there to stop a machine.
CODES_PER_ORIGIN_AND_HOUR_MAX = 200


class State(StrEnum):
    SENT = "sent"
    USED = "used"
    BURNT = "burnt"
    EXPIRED = "expired"


SIGN_IN = Lifecycle(
    kind="sign_in",
    states=State,
    initial=State.SENT,
    opening="sign_in.requested",
    moves=(
        Move("miss", State.SENT, State.SENT, by={Role.SYSTEM}, emits="sign_in.missed"),
        Move("use", State.SENT, State.USED, by={Role.SYSTEM}, emits="sign_in.used"),
        Move("burn", State.SENT, State.BURNT, by={Role.SYSTEM}, emits="sign_in.burnt"),
        Move(
            "expire", State.SENT, State.EXPIRED, by={Role.CLOCK}, after="code_life", emits="sign_in.expired"
        ),
    ),
    timers={"code_life": lambda sign_in, _: sign_in.expires_at},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """
    `origin` is a digest of where it was asked for from.

    `serial` rises with each code for a number: of many that are asked for at once, each of which sees none
    of the others, one is sent. An origin has so many places, and a code takes one of them, `place`, until
    `place_until`: of many who are after the last one, one gets it.
    """

    LIFECYCLE: ClassVar[Lifecycle] = SIGN_IN
    RULES: ClassVar[tuple[Rule, ...]] = (
        Unique(("phone", "serial")),
        NoOverlap(owner="place", starts="requested_at", ends="place_until", states=tuple(State)),
    )

    id: UUID
    tenant_id: UUID
    version: int = 0
    state: State = State.SENT
    due_at: datetime | None = None
    phone: str
    code_hash: str = field(metadata=SECRET)
    tries: int = 0
    requested_at: datetime
    expires_at: datetime
    origin: str = ""
    serial: int = 0
    place: UUID
    place_until: datetime

    def parties(self) -> tuple[UUID, ...]:
        return ()


def free_places(origin: str, recent: Iterable[SignIn], *, now: datetime) -> tuple[UUID, ...]:
    """The places that are left to an origin, by its codes of the last hour."""
    taken = {one.place for one in recent if one.place_until > now}
    numbers = range(CODES_PER_ORIGIN_AND_HOUR_MAX)
    places = (derive(NAMESPACE_OID, "sign-in", origin, number) for number in numbers)
    return tuple(place for place in places if place not in taken)


def code_from(entropy: bytes) -> str:
    """Six digits from a call's entropy; the bias of the remainder is below one in 10^32."""
    number = int.from_bytes(keyed(entropy, "sign-in code"), "big")
    return f"{number % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def code_hash(sign_in_id: UUID, code: str) -> str:
    """Slow on purpose: a stolen table must not give codes away while they live."""
    return scrypt(code.encode(), salt=sign_in_id.bytes, n=2**11, r=8, p=1, dklen=32).hex()


def code_matches(sign_in: SignIn, code: str) -> bool:
    return hmac.compare_digest(sign_in.code_hash, code_hash(sign_in.id, code))
