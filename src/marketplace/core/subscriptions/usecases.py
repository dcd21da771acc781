"""Admin makes a customer a member until a day, and longer; the clock, or admin, ends it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from marketplace.core.identity.user import User
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.errors import Conflict, Invalid, NotFound
from marketplace.core.shared.limits import Between, NewId, Reason
from marketplace.core.shared.period import instant
from marketplace.core.shared.roles import Role
from marketplace.core.subscriptions.membership import LEVEL_MAX, Membership, State
from marketplace.core.subscriptions.queries import MembershipsOf
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Work


class AlreadyMember(Conflict):
    """A customer has one membership at a time: it is renewed, or ended first."""

    code = "already_member"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantMembership:
    """Make a customer a member until an instant; its call-outs go before others' by the policy's weight."""

    membership_id: NewId
    customer_id: UUID
    until: datetime
    level: Annotated[int, Between(1, LEVEL_MAX)] = 1
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewMembership:
    """Let a membership last longer."""

    membership_id: UUID
    until: datetime
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMembership:
    """End a membership before its day; what was booked under it stays as it is."""

    membership_id: UUID
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMembership:
    """A membership whose day has come is over."""

    membership_id: UUID


async def grant_membership(command: GrantMembership, *, call: Call, work: Work) -> Membership:
    """Raises Invalid for an end that is past, or who is no customer, AlreadyMember for a member."""
    users, standing = await work.read(
        One(User, command.customer_id), MembershipsOf(customer_id=command.customer_id)
    )
    if not users:
        raise NotFound("user", command.customer_id)
    if Role.CUSTOMER not in users[0].roles:
        raise Invalid("customer_id", "is no customer", "a user with that role")
    if standing:
        key = str(standing[0].id)
        raise AlreadyMember("this customer is a member: renew that, or end it", membership_id=key)
    membership = Membership(
        id=command.membership_id,
        tenant_id=call.tenant_id,
        customer_id=command.customer_id,
        level=command.level,
        granted_at=call.at,
        until=_later(command.until, than=call.at),
    )
    return work.add(create(membership, call, reason=command.reason))


def _later(until: datetime, *, than: datetime) -> datetime:
    wanted = instant(until, field="until")
    if wanted <= than:
        raise Invalid("until", "is too early", f"later than {than.isoformat()}")
    return wanted


async def renew_membership(command: RenewMembership, *, call: Call, work: Work) -> Membership:
    """It only ever gets longer: raises Invalid for an end before the one that stands."""
    membership = await work.get(Membership, command.membership_id)
    until = _later(command.until, than=max(membership.until, call.at))
    return work.save(move(membership, "renew", call, reason=command.reason, until=until))


async def end_membership(command: EndMembership, *, call: Call, work: Work) -> Membership:
    membership = await work.get(Membership, command.membership_id)
    return work.save(move(membership, "end", call, reason=command.reason, ended_at=call.at))


async def clock_membership(command: ClockMembership, *, call: Call, work: Work) -> Membership:
    """May come early, late or twice; it ended at its day, however late somebody looks."""
    membership = await work.get(Membership, command.membership_id)
    if membership.state != State.ACTIVE or not is_due(membership, call):
        return membership
    return work.save(move(membership, "end", call, ended_at=membership.until))
