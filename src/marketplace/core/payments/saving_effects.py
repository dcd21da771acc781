"""One call to a rail for a saved method, outside any transaction; what it answers comes back as a command."""

from dataclasses import dataclass, replace
from uuid import UUID

from marketplace.core.payments.method import GONE, PaymentMethod, State
from marketplace.core.payments.saving import RecordMethod, step_to
from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import SavingRail, Setup, SetupReport, SetupStanding
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors

_LIVE = frozenset(
    {SetupStanding.NEEDS_ACTION, SetupStanding.PENDING, SetupStanding.ACTIVE, SetupStanding.SUSPENDED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRailForMethod:
    """Do at the rail what a saved method's state asks for: begin, amend, revoke, or look."""

    payment_method_id: UUID


async def ask_rail_for_method(
    effect: AskRailForMethod, *, call: Call, work: Work, vendors: Vendors
) -> RecordMethod | None:
    """A call in doubt is made again by the timer, under the same reference, after a look."""
    method = await work.find(PaymentMethod, effect.payment_method_id)
    if method is None:
        return None
    rail = vendors.saving_rail(method.rail)
    try:
        report = await _asked(method, rail, call)
    except OutcomeUnknown:
        return None
    return None if report is None or step_to(method, report) is None else RecordMethod(report=report)


async def _asked(method: PaymentMethod, rail: SavingRail, call: Call) -> SetupReport | None:
    if method.state == State.CANCELLING:
        return await rail.revoke_setup(method.id)
    report = await rail.find_setup(method.id)
    if method.state in GONE:
        # Authorised after all, or begun by a call that was late: nobody pays by it here.
        return await rail.revoke_setup(method.id) if report and report.standing in _LIVE else None
    if report is None:
        return await _begun(method, rail, call) if method.state == State.DRAFT else None
    if method.state == State.AMENDED and report.amendment != method.amendment_id:
        return await _amended(method, report, rail)
    return report


async def _begun(method: PaymentMethod, rail: SavingRail, call: Call) -> SetupReport:
    """What the rail will not take never becomes a method."""
    try:
        return await rail.begin_setup(_setup(method, call))
    except Invalid as refused:
        rejected = SetupStanding.REJECTED
        return SetupReport(reference=method.id, rail_reference="", standing=rejected, failure=refused.detail)


async def _amended(method: PaymentMethod, before: SetupReport, rail: SavingRail) -> SetupReport:
    """Terms that the rail will not take leave those that stand."""
    if method.amendment_id is None or method.wanted is None:
        return before
    try:
        return await rail.amend_setup(method.id, amendment=method.amendment_id, terms=method.wanted)
    except Invalid as refused:
        return replace(
            before,
            amendment=method.amendment_id,
            amended=SetupStanding.REJECTED,
            failure=refused.detail,
        )


def _setup(method: PaymentMethod, call: Call) -> Setup:
    return Setup(
        reference=method.id,
        tenant_id=method.tenant_id,
        customer_id=method.customer_id,
        kind=method.kind,
        currency=call.policy.currency,
        description=call.policy.wording.brand,
        at=call.at,
        source=method.source,
        payer=method.payer,
        terms=method.terms,
        contract=method.contract,
    )
