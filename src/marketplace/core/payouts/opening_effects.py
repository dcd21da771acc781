"""One call to a rail for an account, outside any transaction; what it answers comes back as a command."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.core.payouts.account import GONE, PayoutAccount, State
from marketplace.core.payouts.opening import RecordPayoutAccount, step_to
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.tenants.tenant import Call
from marketplace.ports.paying import PayeeOrder, PayeeReport, PayeeStanding, PayingRail
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailForAccount:
    """Open an account at the rail of which that has not heard; look at any other."""

    payout_account_id: UUID


async def ask_rail_for_account(
    effect: AskRailForAccount, *, call: Call, work: Work, vendors: Vendors
) -> RecordPayoutAccount | None:
    """A call in doubt is made again by the timer, under the same reference, after a look."""
    account = await work.find(PayoutAccount, effect.payout_account_id)
    if account is None or account.state in GONE:
        return None
    rail = vendors.paying_rail(account.rail)
    try:
        report = await rail.find_payee(account.id)
        if report is None and account.state == State.OPENING:
            provider = await work.get(Provider, account.provider_id)
            report = await _opened(_order(account, provider, call), rail)
    except OutcomeUnknown:
        return None
    return None if report is None or step_to(account, report) is None else RecordPayoutAccount(report=report)


async def _opened(order: PayeeOrder, rail: PayingRail) -> PayeeReport:
    """What the rail will not take never becomes an account."""
    try:
        return await rail.open_payee(order)
    except Invalid as refused:
        rejected = PayeeStanding.REJECTED
        return PayeeReport(
            reference=order.reference, rail_reference="", standing=rejected, failure=refused.detail
        )


def _order(account: PayoutAccount, provider: Provider, call: Call) -> PayeeOrder:
    return PayeeOrder(
        reference=account.id,
        tenant_id=account.tenant_id,
        provider_id=account.provider_id,
        kind=account.kind,
        name=provider.name,
        currency=call.policy.currency,
        at=call.at,
        country=account.country,
        source=account.source,
        bank_account=account.bank_account,
    )
