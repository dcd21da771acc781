"""What a provider has to give back comes from its balance, then from what was paid out, or it is owed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from marketplace.core.ledger.movement import REVERSALS_PENDING, provider_payable, provider_receivable
from marketplace.core.payouts.earning import Earning, Reason, earning_id
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.queries import ReversalsOf, UndrawnOf
from marketplace.core.payouts.reversal import PayoutReversal, State
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.aggregate import create, move
from marketplace.core.shared.ids import derive
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Named, One, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A part of what was earned by a booking, which a bank took back from its payment."""

    tenant_id: UUID
    provider_id: UUID
    booking_id: UUID
    payment_id: UUID
    currency: str
    minor: int


async def claw_back(claim: Claim, call: Call, work: Work) -> dict[str, int]:
    """
    What is to be debited to which account, for all of the claim.

    Whatever is asked back from the rail is in no earning meanwhile, so that no run sets it off as well.
    """
    earning = One(Earning, earning_id(claim.booking_id))
    (provider,), undrawn, payouts, reversals = await work.read(
        One(Provider, claim.provider_id),
        UndrawnOf(provider_id=claim.provider_id),
        Named(Payout, "payout_id", earning),
        ReversalsOf(provider_id=claim.provider_id),
    )
    taken = min(claim.minor, _balance(provider, undrawn))
    asked = min(claim.minor - taken, sum(_left_minor(payout, reversals) for payout in payouts))
    for payout in payouts:
        work.guard(payout)  # what comes back by itself meanwhile cannot be asked for
    if asked:
        work.add(create(_asked_back(claim, payouts[0], asked, call), call))
    return {
        REVERSALS_PENDING: asked,
        **_owed(claim, provider, undrawn, call, work, minor=claim.minor - asked),
    }


async def owe(claim: Claim, call: Call, work: Work) -> dict[str, int]:
    """The same of what the rail does not bring back."""
    questions = One(Provider, claim.provider_id), UndrawnOf(provider_id=claim.provider_id)
    (provider,), undrawn = await work.read(*questions)
    return _owed(claim, provider, undrawn, call, work, minor=claim.minor)


def _balance(provider: Provider, undrawn: Sequence[Earning]) -> int:
    return max(0, provider.owed_minor + sum(earning.amount_minor for earning in undrawn))


def _left_minor(payout: Payout, reversals: Sequence[PayoutReversal]) -> int:
    """What of a payout that can be taken back nobody has asked for."""
    if payout.state != PayoutState.PAID or not payout.reversible:
        return 0
    asked = (one for one in reversals if one.payout_id == payout.id and one.state != State.REFUSED)
    return payout.amount_minor - sum(one.amount_minor for one in asked)


def _asked_back(claim: Claim, payout: Payout, minor: int, call: Call) -> PayoutReversal:
    return PayoutReversal(
        id=derive(claim.payment_id, "reversal"),
        tenant_id=claim.tenant_id,
        payout_id=payout.id,
        provider_id=claim.provider_id,
        booking_id=claim.booking_id,
        payment_id=claim.payment_id,
        rail=payout.rail,
        transfer=payout.reference,
        currency=claim.currency,
        amount_minor=minor,
        requested_at=call.at,
    )


def _owed(
    claim: Claim, provider: Provider, undrawn: Sequence[Earning], call: Call, work: Work, *, minor: int
) -> dict[str, int]:
    """From the balance as far as it goes, and not from payouts drawn already; the rest is owed."""
    taken = min(minor, _balance(provider, undrawn))
    for earning in undrawn:
        work.guard(earning)  # drawn meanwhile, it would be taken twice
    work.save(move(provider, "claw_back", call, owed_minor=provider.owed_minor + minor - taken))
    if minor:
        work.add(create(_less(claim, minor, call), call))
    return {provider_payable(provider.id): taken, provider_receivable(provider.id): minor - taken}


def _less(claim: Claim, minor: int, call: Call) -> Earning:
    # A part may be owed at once, and another when the rail has refused it.
    part = "claw back" if minor == claim.minor else f"claw back {minor} of {claim.minor}"
    return Earning(
        id=derive(claim.booking_id, part),
        tenant_id=claim.tenant_id,
        provider_id=claim.provider_id,
        booking_id=claim.booking_id,
        payment_id=claim.payment_id,
        reason=Reason.CLAW_BACK,
        currency=claim.currency,
        amount_minor=-minor,
        earned_at=call.at,
        payable_at=call.at,
    )
