"""The people of the platform: payout runs, approvals, and what failed tried again until it is done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from marketplace.core.payments.refund import Refund
from marketplace.core.payments.refunding import PayRefundByHand, RetryRefund
from marketplace.core.payments.usecases import SubmitEvidence
from marketplace.core.payouts.drawing import StartPayoutRun
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.usecases import ApprovePayout, HoldPayout, ResumePayout, RetryPayout
from marketplace.core.providers.usecases import AmendProvider
from marketplace.core.settlements.usecases import ReadStatements
from marketplace.core.shared.errors import Conflict, OutcomeUnknown, Refused, Unavailable
from marketplace.core.shared.events import Event
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import SYSTEM, Actor
from marketplace.entrypoints.simulation.choices import WHY
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.market import Market
from marketplace.ports.storage import One

REFUND_TRIES_MAX = 3
_DAY = timedelta(days=1)
_SOON = timedelta(seconds=2)


@dataclass
class Office:
    """Hears of every event as it is written, and deals with what needs a person some hours later."""

    lane: Lane
    market: Market
    random: Random
    refund_tries: dict[Any, int] = field(default_factory=dict)
    runs: int = 0

    def hear(self, event: Event) -> None:
        match event.name:
            case "payout.drawn" | "payout.due_again" | "payout.resumed" if event.after == PayoutState.DUE:
                self._later(lambda: self._decide(event))
            case "payout.failed":
                self._later(lambda: self._mend(event))
            case "payout.held":
                self._later(lambda: self._try(ResumePayout(payout_id=event.subject_id, reason=WHY)))
            case "payment.disputed" if self.random.random() < 2 / 3:
                evidence = SubmitEvidence(payment_id=event.subject_id, text="photographs", reason=WHY)
                self._later(lambda: self._try(evidence))
            case "refund.failed" | "refund.bounced":
                self._later(lambda: self._give_back(event))
            case _:
                pass

    async def pay_out(self) -> None:
        self.runs += 1
        await self._try(StartPayoutRun(run_id=derive(self.lane.tenant.id, "run", self.runs)), SYSTEM)

    async def read_statements(self) -> None:
        await self._try(ReadStatements(), SYSTEM)

    async def _decide(self, event: Event) -> None:
        kind = HoldPayout if self.random.random() < 1 / 10 else ApprovePayout
        # Who has resumed or retried a large one does not approve it.
        await self._try(kind(payout_id=event.subject_id, reason=WHY), self.market.approver)

    async def _mend(self, event: Event) -> None:
        """The account was wrong: mend it, and send the payout again."""
        try:
            ((payout,),) = await self.lane.store.read(self.lane.tenant.id, [One(Payout, event.subject_id)])
        except Unavailable:
            self._again(lambda: self._mend(event))
            return
        await self._try(AmendProvider(provider_id=payout.provider_id, payee="payee_ok", reason=WHY))
        await self._try(RetryPayout(payout_id=payout.id, reason=WHY))

    async def _give_back(self, event: Event) -> None:
        """By hand what the rail does not give back, sooner or later: not everybody knows which rail does."""
        try:
            ((refund,),) = await self.lane.store.read(self.lane.tenant.id, [One(Refund, event.subject_id)])
        except Unavailable:
            self._again(lambda: self._give_back(event))
            return
        tries = self.refund_tries[refund.id] = self.refund_tries.get(refund.id, 0) + 1
        gives_back = self.lane.rails[refund.rail].capabilities.refunds or self.random.random() < 1 / 10
        kind = RetryRefund if gives_back and tries < REFUND_TRIES_MAX else PayRefundByHand
        await self._try(kind(refund_id=event.subject_id, reason=WHY))

    async def _try(self, command: Any, actor: Actor | None = None) -> None:
        """What is refused was done before, or is not wanted any more; what is in doubt is done again."""
        try:
            await self.lane.do(command, actor or self.market.admin)
        except (Unavailable, OutcomeUnknown, Conflict):
            self._again(lambda: self._try_again(command, actor))
        except Refused:
            return

    async def _try_again(self, command: Any, actor: Actor | None) -> None:
        try:
            await self.lane.do(command, actor or self.market.admin)
        except (Unavailable, OutcomeUnknown):
            self._again(lambda: self._try_again(command, actor))
        except Refused:
            return

    def _later(self, errand: Callable[[], Awaitable[None]]) -> None:
        hours = self.random.uniform(0, 30)
        self.lane.agenda.put(errand, at=self.lane.now + timedelta(hours=hours))

    def _again(self, errand: Callable[[], Awaitable[None]]) -> None:
        self.lane.agenda.put(errand, at=self.lane.now + _SOON)
