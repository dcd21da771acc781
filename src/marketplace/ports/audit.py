"""
An audit proves, from what is stored, that the promises were kept; it changes nothing.

A promise that others keep too (a rail's books, what people received) is proved against what they say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from marketplace.core.shared.money import Money

VIOLATIONS_MAX = 100  # named for each promise; a flood of them says no more


@dataclass(frozen=True, slots=True)
class Promise:
    """`rows` were looked at; each violation is a sentence that names what is wrong."""

    name: str
    rows: int
    violations: tuple[str, ...] = ()


class RailBooks(Protocol):
    """A rail that tells what it holds of a tenant's."""

    async def balance(self, tenant_id: UUID, *, read_to: str | None = None) -> Mapping[str, Money]:
        """By currency, what it has not settled by the line of its statement at that cursor."""
        ...


class Outbox(Protocol):
    """A channel that tells how often each reference of ours was received."""

    async def copies(self, tenant_id: UUID) -> Mapping[UUID, int]: ...


class Auditor(Protocol):
    async def audit(self, tenant_id: UUID | None, *, now: datetime | None = None) -> tuple[Promise, ...]:
        """Every promise, of one tenant or of all; `now` where the tenants' clock is not the real one."""
        ...
