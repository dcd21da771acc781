"""One call to the paying rail; a doubt is looked up, and the reference makes a repeat harmless."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.core.payouts.drawing import ContinuePayoutRun
from marketplace.core.payouts.payout import Payout, State
from marketplace.core.payouts.queries import PayoutUnder
from marketplace.core.payouts.usecases import FailPayout, RecordPayout, step_to
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import PaymentRail, Report, Transfer
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors

# After as many looks, more than an hour, a rail that has not heard of a payout will not.
_SURELY_UNSENT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawPayouts:
    """Go on with a run, as the paying rail can pay: by charges, or from its balance."""

    run_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailForPayout:
    """Send an approved payout; look one up that was sent or may have come back."""

    payout_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailAboutTransfer:
    """A webhook told of the transfer with this reference; one of an attempt that is over says nothing new."""

    reference: UUID


async def draw_payouts(effect: DrawPayouts, *, call: Call, work: Work, vendors: Vendors) -> ContinuePayoutRun:
    """What it can do is known without a call; one that is not set up pays nothing before it is."""
    del work
    able = vendors.capabilities.get(call.policy.payment.paying_rail)
    by_charge = able is not None and able.pays_by_charge
    return ContinuePayoutRun(run_id=effect.run_id, by_charge=by_charge)


async def ask_rail_for_payout(
    effect: AskRailForPayout, *, call: Call, work: Work, vendors: Vendors
) -> RecordPayout | FailPayout | None:
    payout = await work.get(Payout, effect.payout_id)
    rail = vendors.rail(payout.rail)
    if payout.state not in {State.APPROVED, State.SENT, State.PAID}:
        return None
    report: Report | FailPayout | None = await rail.find(payout.reference)
    if report is None and payout.state == State.APPROVED:
        report = await _released(payout, rail, call, work)
    if isinstance(report, FailPayout):
        return report
    if report is None or step_to(payout, report.standing) is None:
        return None
    return RecordPayout(payout_id=payout.id, report=report, reversible=rail.capabilities.claws_back)


async def _released(payout: Payout, rail: PaymentRail, call: Call, work: Work) -> Report | FailPayout | None:
    """Into the account that its provider has, or not yet: the timer asks again, and so does an account."""
    payee = (await work.get(Provider, payout.provider_id)).payee
    if payee is None:
        return None  # restricted since it was drawn
    if payee != payout.payee:
        return _elsewhere(payout)
    try:
        return await rail.release(_transfer(payout, call))
    except OutcomeUnknown:
        return None  # the timer looks it up
    except Invalid as refused:
        return FailPayout(payout_id=payout.id, reference=payout.reference, failure=refused.detail)


async def ask_rail_about_transfer(
    effect: AskRailAboutTransfer, *, call: Call, work: Work, vendors: Vendors
) -> RecordPayout | FailPayout | None:
    found = await work.ask(PayoutUnder(reference=effect.reference))
    if not found:
        return None
    return await ask_rail_for_payout(
        AskRailForPayout(payout_id=found[0].id), call=call, work=work, vendors=vendors
    )


def _elsewhere(payout: Payout) -> FailPayout | None:
    """
    Nothing goes into an account that its provider has left. It fails when no call for it can be under way any
    more: what is retried goes under another reference, and both would arrive.
    """
    if payout.lookups < _SURELY_UNSENT:
        return None
    why = "the provider has another account by now"
    return FailPayout(payout_id=payout.id, reference=payout.reference, failure=why)


def _transfer(payout: Payout, call: Call) -> Transfer:
    return Transfer(
        reference=payout.reference,
        tenant_id=payout.tenant_id,
        amount=payout.amount,
        payee=payout.payee,
        description=f"{call.policy.wording.brand} {payout.drawn_at:%Y-%m-%d}",
        at=call.at,
        charge=payout.payment_id,
    )
