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
from marketplace.ports.payments import Transfer
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors


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
    report = await rail.find(payout.reference)
    if report is None and payout.state == State.APPROVED:
        if not await _can_receive(payout, work):
            return None  # the timer asks again, and so does an account that can receive
        try:
            report = await rail.release(_transfer(payout, call))
        except OutcomeUnknown:
            return None  # the timer looks it up
        except Invalid as refused:
            return FailPayout(payout_id=payout.id, reference=payout.reference, failure=refused.detail)
    if report is None or step_to(payout, report.standing) is None:
        return None
    return RecordPayout(payout_id=payout.id, report=report, reversible=rail.capabilities.claws_back)


async def ask_rail_about_transfer(
    effect: AskRailAboutTransfer, *, call: Call, work: Work, vendors: Vendors
) -> RecordPayout | FailPayout | None:
    found = await work.ask(PayoutUnder(reference=effect.reference))
    if not found:
        return None
    return await ask_rail_for_payout(
        AskRailForPayout(payout_id=found[0].id), call=call, work=work, vendors=vendors
    )


async def _can_receive(payout: Payout, work: Work) -> bool:
    """Whoever has been restricted since it was drawn has no payee for now."""
    return (await work.get(Provider, payout.provider_id)).payee is not None


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
