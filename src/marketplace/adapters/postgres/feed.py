"""Events are told in the order in which their transactions began, and only once no earlier one is pending."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.shared.errors import Invalid

BATCH_MAX = 500
# What users follow; sign-ins, messages and other inner workings stay inside.
TOLD = (
    "booking",
    "payment",
    "refund",
    "payout",
    "earning",
    "provider",
    "service",
    "unit",
    "dispatch_job",
    "dispatch_offer",
)

_AFTER = """
SELECT coalesce(json_agg(e), '[]')::text FROM (
  SELECT xact::text::bigint AS xact, seq, id, name, kind, subject_id, version, before, after, at, parties
  FROM event
  WHERE tenant_id = :tenant_id AND (xact, seq) > (:xact::text::xid8, :seq::bigint)
    AND xact < pg_snapshot_xmin(pg_current_snapshot())
    AND kind = ANY(:kinds::text[]) AND (:parties::uuid[] IS NULL OR parties && :parties::uuid[])
  ORDER BY xact, seq LIMIT :limit) AS e
"""
_NOW = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the feed: a transaction, and a row in it."""

    xact: int
    seq: int

    def __str__(self) -> str:
        return f"{self.xact}.{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises Invalid for what is no cursor."""
        xact, dot, seq = text.partition(".")
        if not (dot and xact.isascii() and xact.isdigit() and seq.isascii() and seq.isdigit()):
            raise Invalid("Last-Event-ID", "is none of ours", "the id of an event of this stream")
        return cls(min(int(xact), 2**63 - 1), min(int(seq), 2**63 - 1))


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the feed tells it: that something moved, and where to; details are read as usual."""

    xact: int
    seq: int
    id: UUID
    name: str
    kind: str
    subject_id: UUID
    version: int
    before: str | None
    after: str
    at: datetime
    parties: tuple[UUID, ...]

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.xact, self.seq)


_decoder = msgspec.json.Decoder(tuple[Told, ...])


@dataclass(frozen=True, slots=True)
class Feed:
    reads: Reads

    async def now(self, tenant_id: UUID) -> Cursor:
        """The place after everything that can be told already."""
        return Cursor(await self.reads.value(tenant_id, _NOW), 0)

    async def after(
        self, tenant_id: UUID, cursor: Cursor, *, parties: Iterable[UUID] | None = None
    ) -> tuple[Told, ...]:
        """The next events after a place, of these parties or of everybody; at most BATCH_MAX."""
        text = await self.reads.value(
            tenant_id,
            _AFTER,
            xact=str(cursor.xact),
            seq=cursor.seq,
            kinds=list(TOLD),
            parties=None if parties is None else list(parties),
            limit=BATCH_MAX,
        )
        return _decoder.decode(text)
