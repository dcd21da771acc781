"""
A channel carries one message to one address, once, and says what became of it.

No adapter tries again: whoever plans the messages does. A send in doubt is `unknown`, and is looked up.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Rejection(StrEnum):
    """Why a message was refused for good, whatever the vendor's own code."""

    BAD_ADDRESS = "bad_address"
    OPTED_OUT = "opted_out"
    BLOCKED = "blocked"
    TOO_LONG = "too_long"
    EXPIRED = "expired"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """`reference` is ours, persisted before the send; `expires_at` is when it is of no more use."""

    reference: UUID
    tenant_id: UUID
    address: str
    text: str
    expires_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    verdict: Verdict
    channel_reference: str | None = None
    rejection: Rejection | None = None


class Channel(Protocol):
    """Raises Unavailable when the message surely did not leave."""

    @property
    def name(self) -> str: ...
    async def send(self, message: Message) -> Answer: ...
    async def lookup(self, reference: UUID) -> Answer | None:
        """What became of our message; None when the channel never heard of it."""
        ...
