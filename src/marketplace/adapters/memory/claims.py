"""What we say of each reference at a rail, from the rows of a memory store."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from marketplace.adapters.memory.facts import Facts
from marketplace.adapters.memory.store import MemoryStore
from marketplace.core.agreement import ASKED, Asked, Claim, claim_of


class MemoryClaims:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def made(self, tenant_id: UUID | None, *, since: datetime | None, limit: int) -> tuple[Claim, ...]:
        """The newest first."""
        found = sorted(self._found(tenant_id, since), key=lambda one: one[0], reverse=True)
        return tuple(claim for _, claim in found[:limit])

    async def again(self, claim: Claim) -> Claim | None:
        (found,) = (
            one for _, one in self._of(claim.kind, claim.tenant_id) if one.subject_id == claim.subject_id
        )
        return found

    def _found(
        self, tenant_id: UUID | None, since: datetime | None
    ) -> Iterator[tuple[tuple[datetime, UUID], Claim]]:
        for kind in ASKED:
            for born, claim in self._of(kind, tenant_id):
                if since is None or born >= since:
                    yield (born, claim.subject_id), claim

    def _of(self, kind: type[Asked], tenant_id: UUID | None) -> Iterator[tuple[datetime, Claim]]:
        facts = Facts(self._store, tenant_id, None)
        for row in facts.rows(kind):
            last = facts.histories[kind.LIFECYCLE.kind, row.id][-1]
            claim = claim_of(row, since=last.at)
            if claim is not None:
                yield getattr(row, ASKED[kind]), claim
