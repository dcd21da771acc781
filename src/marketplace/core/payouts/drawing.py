"""A payout run draws each provider's earnings into one payout; above a limit admin approves it first."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import Payout, State, transfer_reference
from marketplace.core.payouts.queries import PayableEarnings, PayableEarningsOf
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.payouts.run import State as RunState
from marketplace.core.providers.provider import Provider
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.limits import NewId
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import One, Work

PROVIDERS_A_STEP = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPayoutRun:
    """Pay every provider what may be drawn now. The same `run_id` is one run, however often asked for."""

    run_id: NewId


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuePayoutRun:
    """Draw for the next few providers of a run."""

    run_id: UUID


async def start_payout_run(command: StartPayoutRun, *, call: Call, work: Work) -> PayoutRun:
    payable = await work.ask(PayableEarnings(at=call.at))
    waiting = tuple(sorted({earning.provider_id for earning in payable}))
    run = PayoutRun(
        id=command.run_id,
        tenant_id=call.tenant_id,
        state=RunState.RUNNING if waiting else RunState.FINISHED,
        started_at=call.at,
        waiting=waiting,
    )
    return work.add(create(run, call))


async def continue_payout_run(command: ContinuePayoutRun, *, call: Call, work: Work) -> PayoutRun:
    run = await work.get(PayoutRun, command.run_id)
    if run.state == RunState.FINISHED:
        return run
    now, later = run.waiting[:PROVIDERS_A_STEP], run.waiting[PROVIDERS_A_STEP:]
    questions = [question for provider_id in now for question in _questions(provider_id, run)]
    answers = await work.read(*questions)
    payouts = [
        _draw(found[0] if found else None, earnings, run, call, work)
        for found, earnings in zip(answers[::2], answers[1::2], strict=True)
    ]
    drawn = sum(payout is not None for payout in payouts)
    seen: dict[str, Any] = {"drawn": run.drawn + drawn, "skipped": run.skipped + len(now) - drawn}
    return work.save(move(run, "go_on" if later else "finish", call, waiting=later, **seen))


def _questions(provider_id: UUID, run: PayoutRun) -> tuple[One[Provider], PayableEarningsOf]:
    return One(Provider, provider_id), PayableEarningsOf(provider_id=provider_id, at=run.started_at)


def _draw(
    provider: Provider | None, earnings: tuple[Earning, ...], run: PayoutRun, call: Call, work: Work
) -> Payout | None:
    """None where nothing can be sent yet: no account, too little, or more clawed back than earned."""
    total = sum(earning.amount_minor for earning in earnings)
    least = max(1, call.policy.payout.minimum_minor)
    if provider is None or provider.payee is None or total < least:
        return None
    if {earning.currency for earning in earnings} != {call.policy.currency}:
        raise Invalid("currency", "earnings in another currency than the marketplace's")
    payout = _payout(provider, provider.payee, total, run, call)
    for earning in earnings:
        work.save(move(earning, "draw", call, payout_id=payout.id))
    work.guard(provider)
    return work.add(create(payout, call))


def _payout(provider: Provider, payee: str, total: int, run: PayoutRun, call: Call) -> Payout:
    # Whoever is suspended, banned or gone is paid what it earned, once somebody has looked at it.
    small = total <= call.policy.payout.approval_above_minor and provider.state == ProviderState.ACTIVE
    key = derive(run.id, provider.id)
    return Payout(
        id=key,
        tenant_id=call.tenant_id,
        state=State.APPROVED if small else State.DUE,
        provider_id=provider.id,
        rail=call.policy.payment.rail,
        payee=payee,
        currency=call.policy.currency,
        amount_minor=total,
        reference=transfer_reference(key, 1),
        drawn_at=call.at,
    )
