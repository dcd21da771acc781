"""A payout run draws each provider's earnings into payouts; above a limit admin approves them first."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from marketplace.core.ledger.movement import Origin, balanced, provider_payable, provider_receivable
from marketplace.core.payments.payment import Payment
from marketplace.core.payouts.binding import apart, charges_of
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
from marketplace.ports.storage import Named, Work

PROVIDERS_A_STEP = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPayoutRun:
    """Pay every provider what may be drawn now. The same `run_id` is one run, however often asked for."""

    run_id: NewId
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuePayoutRun:
    """Draw for the next few providers of a run; `by_charge` is whether the rail can pay by single charges."""

    run_id: UUID
    by_charge: bool = False


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
    found, charges = await _undrawn(run, last, call, work, by_charge=command.by_charge)
    undrawn: dict[UUID, list[Earning]] = defaultdict(list)
    for earning in found:
        undrawn[earning.provider_id].append(earning)
    drawn = [
        _pay(provider, undrawn[provider.id], run, call, work, charges=charges)
        for provider in providers
        if _due(undrawn[provider.id], run)
    ]
    sent, skipped = sum(drawn), len(drawn) - sum(drawn)
    return work.save(
        move(run, "go_on", call, last_provider_id=last, drawn=run.drawn + sent, skipped=run.skipped + skipped)
    )


async def _undrawn(
    run: PayoutRun, last: UUID, call: Call, work: Work, *, by_charge: bool
) -> tuple[Sequence[Earning], frozenset[UUID]]:
    """What the next few have earned, and from which of its payments the rail can pay."""
    undrawn = UndrawnBetween(after=run.last_provider_id, through=last)
    if not by_charge:
        return await work.ask(undrawn), frozenset()
    earnings, payments = await work.read(undrawn, Named(Payment, "payment_id", undrawn))
    return earnings, charges_of(payments, call.policy.payment.paying_rail)


def _due(undrawn: Sequence[Earning], run: PayoutRun) -> list[Earning]:
    """What may be drawn, and what was clawed back: that is set off at once, however young."""
    return [one for one in undrawn if one.payable_at <= run.started_at or one.amount_minor < 0]


def _pay(
    provider: Provider,
    undrawn: Sequence[Earning],
    run: PayoutRun,
    call: Call,
    work: Work,
    *,
    charges: frozenset[UUID],
) -> bool:
    """Make good what the provider owes, and draw the rest; whether there was anything to draw."""
    made_good = _make_good(provider, undrawn, run, call, work)
    drawn = _draw(provider, _due(undrawn, run), run, call, work, charges=charges)
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


def _draw(
    provider: Provider,
    due: Sequence[Earning],
    run: PayoutRun,
    call: Call,
    work: Work,
    *,
    charges: frozenset[UUID],
) -> bool:
    """Not where nothing can be sent yet: no account, too little, or more clawed back than earned."""
    total = sum(earning.amount_minor for earning in due)
    least = max(1, call.policy.payout.minimum_minor)
    if provider.payee is None or total < least:
        return False
    if {earning.currency for earning in due} != {call.policy.currency}:
        raise Invalid("currency", "earnings in another currency than the marketplace's")
    whole = _payout(provider, provider.payee, total, run, call)
    bound, pooled = apart(due, charges)
    for earning in bound:
        _drawn(_by_charge(whole, earning), [earning], call, work)
    if pooled:
        left = sum(earning.amount_minor for earning in pooled)
        _drawn(replace(whole, amount_minor=left), pooled, call, work)
    return True


def _drawn(payout: Payout, earnings: Sequence[Earning], call: Call, work: Work) -> None:
    for earning in earnings:
        work.save(move(earning, "draw", call, payout_id=payout.id))
    work.add(create(payout, call))


def _by_charge(whole: Payout, earning: Earning) -> Payout:
    key = derive(whole.id, earning.id)
    return replace(
        whole,
        id=key,
        reference=transfer_reference(key, 1),
        amount_minor=earning.amount_minor,
        payment_id=earning.payment_id,
    )


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
        together_minor=total,
        reference=transfer_reference(key, 1),
        drawn_at=call.at,
        drawn_by=run.started_by,
    )
