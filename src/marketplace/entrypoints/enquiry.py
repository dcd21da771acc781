"""Rails are asked, one question after the other, whether they say the same as we do of what moved there."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from marketplace.core.agreement import RAILS_AGREE, Claim, difference
from marketplace.core.promises import PATIENCE
from marketplace.core.shared.errors import OutcomeUnknown, Refused, Unavailable
from marketplace.ports.audit import VIOLATIONS_MAX, Promise
from marketplace.ports.payments import PaymentRail, Report

MOST, A_SECOND = 10_000, 10.0
AGAIN_SECONDS = 10.0  # a webhook may be on its way
_PAUSES_SECONDS = (1.0, 4.0)
_SILENT_AFTER = 3  # in a row

Progress = Callable[[int, int], None]  # questions asked, questions in all


class Claims(Protocol):
    async def made(self, tenant_id: UUID | None, *, since: datetime | None, limit: int) -> tuple[Claim, ...]:
        """What we say of references at rails, the newest first; of one tenant, or of all."""
        ...

    async def again(self, claim: Claim) -> Claim | None:
        """The same as it is by now."""
        ...


def unseen(_asked: int, _of: int) -> None:
    """Progress that nobody watches."""


@dataclass(kw_only=True)
class Enquiry:
    """
    `now` is a tenant's time. At most so many questions a second are asked, and about `most` references.

    A rail that does not answer is asked once more, and again; where that was in vain three times in a row it
    is left alone. What nobody has answered is not kept.
    """

    claims: Claims
    rails: Mapping[str, PaymentRail]
    now: Callable[[UUID], datetime]
    most: int = MOST
    a_second: float = A_SECOND
    told: Progress = unseen
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _in_vain: Counter[str] = field(default_factory=Counter)
    _unanswered: dict[str, dict[UUID, str]] = field(default_factory=dict)

    async def ask(self, tenant_id: UUID | None, *, since: datetime | None) -> Promise:
        """What differs counts where ours has stood for longer than patience, and the rail says so again."""
        claims = await self.claims.made(tenant_id, since=since, limit=self.most)
        doubtful = []
        for number, claim in enumerate(claims, start=1):
            if await self._differs(claim) is not None and self._has_stood(claim):
                doubtful.append(claim)
            self.told(number, len(claims))
        if doubtful:
            await self.sleep(AGAIN_SECONDS)
        found = [sentence for claim in doubtful if (sentence := await self._differs_still(claim))]
        return Promise(RAILS_AGREE, len(claims), tuple((found + self._silence())[:VIOLATIONS_MAX]))

    def _has_stood(self, claim: Claim) -> bool:
        return claim.since < self.now(claim.tenant_id) - PATIENCE

    async def _differs_still(self, claim: Claim) -> str | None:
        """Of what has moved meanwhile the news have come."""
        standing = await self.claims.again(claim)
        return await self._differs(claim) if standing == claim else None

    async def _differs(self, claim: Claim) -> str | None:
        """Nothing differs where nobody has answered: that is told apart."""
        try:
            report = await self._told_by(claim)
        except Refused as refused:
            return f"{claim} is {claim.state}, {claim.rail} answers: {refused}"
        except (Unavailable, OutcomeUnknown) as error:
            self._unanswered.setdefault(claim.rail, {}).setdefault(claim.reference, str(error))
            return None
        return difference(claim, report)

    async def _told_by(self, claim: Claim) -> Report | None:
        """Raises Refused, Unavailable, OutcomeUnknown."""
        if claim.rail not in self.rails:
            raise Unavailable("it is not set up here")
        if self._in_vain[claim.rail] >= _SILENT_AFTER:
            raise Unavailable("it has not answered before")
        try:
            report = await self._asked(self.rails[claim.rail], claim.reference)
        except (Unavailable, OutcomeUnknown):
            self._in_vain[claim.rail] += 1
            raise
        self._in_vain[claim.rail] = 0
        return report

    async def _asked(self, rail: PaymentRail, reference: UUID) -> Report | None:
        """After two pauses what is in the way is raised."""
        for pause in _PAUSES_SECONDS:
            await self.sleep(1 / self.a_second)
            try:
                return await rail.find(reference)
            except (Unavailable, OutcomeUnknown):
                await self.sleep(pause)
        return await rail.find(reference)

    def _silence(self) -> list[str]:
        return [
            f"{rail} did not answer for {len(left)} references: {next(iter(left.values()))}"
            for rail, left in sorted(self._unanswered.items())
        ]
