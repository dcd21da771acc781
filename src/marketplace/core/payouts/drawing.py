"""A payout run draws each provider's earnings into one payout; above a limit admin approves it first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from marketplace.core.ledger.movement import Origin, balanced, provider_payable, provider_receivable
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import Payout, State, transfer_reference
from marketplace.core.payouts.queries import ProvidersAfter, UndrawnBetween
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.payouts.run import State as RunState
from marketplace.core.providers.provider import Provider
from marketplace.core.providers.provider import State as ProviderState
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.ids import derive
from marketplace.core.shared.limits import NewId, Reason
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Work

PROVIDERS_A_STEP = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPayoutRun:
    """Pay every provider what may be drawn now. The same `run_id` is one run, however often asked for."""

    run_id: NewId
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuePayoutRun:
    """Draw for the next few providers of a run."""

    run_id: UUID


async def start_payout_run(command: StartPayoutRun, *, call: Call, work: Work) -> PayoutRun:
    run = PayoutRun(
        id=command.run_id, tenant_id=call.tenant_id, started_at=call.at, started_by=call.actor.user_id
    )
    return work.add(create(run, call))


async def continue_payout_run(command: ContinuePayoutRun, *, call: Call, work: Work) -> PayoutRun:
    run = await work.get(PayoutRun, command.run_id)
    if run.state == RunState.FINISHED:
        return run
    providers = await work.ask(ProvidersAfter(after=run.last_provider_id, most=PROVIDERS_A_STEP))
    if not providers:
        return work.save(move(run, "finish", call))
    last = providers[-1].id
    undrawn: dict[UUID, list[Earning]] = defaultdict(list)
    for earning in await work.ask(UndrawnBetween(after=run.last_provider_id, through=last)):
        undrawn[earning.provider_id].append(earning)
    drawn = [
        _pay(provider, undrawn[provider.id], run, call, work)
        for provider in providers
        if _due(undrawn[provider.id], run)
    ]
    sent, skipped = sum(drawn), len(drawn) - sum(drawn)
    return work.save(
        move(run, "go_on", call, last_provider_id=last, drawn=run.drawn + sent, skipped=run.skipped + skipped)
    )


def _due(undrawn: Sequence[Earning], run: PayoutRun) -> list[Earning]:
    """What may be drawn, and what was clawed back: that is set off at once, however young."""
    return [one for one in undrawn if one.payable_at <= run.started_at or one.amount_minor < 0]


def _pay(provider: Provider, undrawn: Sequence[Earning], run: PayoutRun, call: Call, work: Work) -> bool:
    """Make good what the provider owes, and draw the rest; whether there was anything to draw."""
    made_good = _make_good(provider, undrawn, run, call, work)
    drawn = _draw(provider, _due(undrawn, run), run, call, work)
    if drawn and not made_good:
        work.guard(provider)
    return drawn


def _make_good(
    provider: Provider, undrawn: Sequence[Earning], run: PayoutRun, call: Call, work: Work
) -> bool:
    """
    What was clawed back beyond the balance is among the earnings, as less than nothing. As far as others
    outweigh it by now, it is owed no more.
    """
    left = provider.owed_minor + sum(earning.amount_minor for earning in undrawn)
    minor = min(provider.owed_minor, max(0, left))
    if not minor:
        return False
    work.save(move(provider, "make_good", call, owed_minor=provider.owed_minor - minor))
    origin = Origin(
        tenant_id=provider.tenant_id,
        name="owed_made_good",
        subject_id=derive(run.id, provider.id),
        booking_id=None,
        currency=call.policy.currency,
        at=call.at,
    )
    amounts = {provider_payable(provider.id): minor, provider_receivable(provider.id): -minor}
    work.insert(*balanced(origin, amounts))
    return True


def _draw(provider: Provider, due: Sequence[Earning], run: PayoutRun, call: Call, work: Work) -> bool:
    """Not where nothing can be sent yet: no account, too little, or more clawed back than earned."""
    total = sum(earning.amount_minor for earning in due)
    least = max(1, call.policy.payout.minimum_minor)
    if provider.payee is None or total < least:
        return False
    if {earning.currency for earning in due} != {call.policy.currency}:
        raise Invalid("currency", "earnings in another currency than the marketplace's")
    payout = _payout(provider, provider.payee, total, run, call)
    for earning in due:
        work.save(move(earning, "draw", call, payout_id=payout.id))
    work.add(create(payout, call))
    return True


def _payout(provider: Provider, payee: str, total: int, run: PayoutRun, call: Call) -> Payout:
    # Whoever is suspended, banned or gone is paid what it earned, once somebody has looked at it.
    small = total <= call.policy.payout.approval_above_minor and provider.state == ProviderState.ACTIVE
    key = derive(run.id, provider.id)
    return Payout(
        id=key,
        tenant_id=call.tenant_id,
        state=State.APPROVED if small else State.DUE,
        provider_id=provider.id,
        rail=call.policy.payment.paying_rail,
        payee=payee,
        currency=call.policy.currency,
        amount_minor=total,
        reference=transfer_reference(key, 1),
        drawn_at=call.at,
        drawn_by=run.started_by,
    )
