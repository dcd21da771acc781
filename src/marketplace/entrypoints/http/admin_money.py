"""The platform's people look after the money: payments in doubt, refunds, payouts and the books."""

from typing import Any
from uuid import UUID

from marketplace.adapters.postgres import listings, money
from marketplace.core.payments import payment, refund, refunding
from marketplace.core.payments import usecases as payments
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts import drawing, payout
from marketplace.core.payouts import usecases as payouts
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.settlements import settlement
from marketplace.core.settlements import usecases as settling
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.shared.limits import Name
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.desk import (
    ROOT,
    command_row,
    list_page,
    question_row,
    read_one,
    reading_row,
)
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import After, Limit, PageOf, page_of
from marketplace.entrypoints.http.routes import ADMIN, CommandRoute, Route
from marketplace.entrypoints.http.views import view_of, view_type


async def payments_list(
    office: Office,
    call: Call,
    *,
    state: payment.State | None = None,
    booking_id: UUID | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Any]:
    asked = {"state": state, "booking_id": booking_id}
    return await list_page(office, call, listings.PAYMENTS, limit=limit, after=after, **asked)


async def refunds_list(
    office: Office,
    call: Call,
    *,
    state: refund.State | None = None,
    booking_id: UUID | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Any]:
    asked = {"state": state, "booking_id": booking_id}
    return await list_page(office, call, listings.REFUNDS, limit=limit, after=after, **asked)


async def payouts_list(
    office: Office,
    call: Call,
    *,
    state: payout.State | None = None,
    provider_id: UUID | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Any]:
    asked = {"state": state, "provider_id": provider_id}
    return await list_page(office, call, listings.PAYOUTS, limit=limit, after=after, **asked)


async def settlements_list(
    office: Office,
    call: Call,
    *,
    state: settlement.State | None = None,
    reference: UUID | None = None,
    limit: Limit = 20,
    after: After | None = None,
) -> PageOf[Any]:
    asked = {"state": state, "reference": reference}
    return await list_page(office, call, listings.SETTLEMENTS, limit=limit, after=after, **asked)


async def accounts(
    office: Office, call: Call, *, prefix: Name | None = None, detailed: bool = False
) -> tuple[money.AccountBalance, ...]:
    return await money.accounts(office.reads, call.tenant_id, prefix=prefix, detailed=detailed)


ROUTES: tuple[Route, ...] = (
    question_row(
        "/payments",
        payments_list,
        page_of(Payment),
        "Payments; state=unknown for those in doubt.",
        "Money",
    ),
    reading_row("/payments/{key}", Payment, "Money"),
    command_row("/payments/{payment_id}/look-up", payments.LookUpPayment, Payment, "Money"),
    question_row(
        "/refunds",
        refunds_list,
        page_of(Refund),
        "Refunds; state=failed for those to retry.",
        "Money",
    ),
    reading_row("/refunds/{key}", Refund, "Money"),
    command_row("/refunds/{refund_id}/look-up", refunding.LookUpRefund, Refund, "Money"),
    command_row("/refunds/{refund_id}/retry", refunding.RetryRefund, Refund, "Money"),
    command_row("/refunds/{refund_id}/pay-by-hand", refunding.PayRefundByHand, Refund, "Money"),
    question_row(
        "/payouts",
        payouts_list,
        page_of(Payout),
        "Payouts; state=due for those to approve.",
        "Money",
    ),
    reading_row("/payouts/{key}", Payout, "Money"),
    command_row("/payouts/{payout_id}/approve", payouts.ApprovePayout, Payout, "Money"),
    command_row("/payouts/{payout_id}/hold", payouts.HoldPayout, Payout, "Money"),
    command_row("/payouts/{payout_id}/resume", payouts.ResumePayout, Payout, "Money"),
    command_row("/payouts/{payout_id}/retry", payouts.RetryPayout, Payout, "Money"),
    command_row("/payouts/{payout_id}/look-up", payouts.LookUpPayout, Payout, "Money"),
    question_row(
        "/payout-runs/{key}", read_one(PayoutRun), view_type(PayoutRun), "How far a run is.", "Money"
    ),
    CommandRoute(
        path=f"{ROOT}/payout-runs",
        command=drawing.StartPayoutRun,
        answer=view_type(PayoutRun),
        view=view_of,
        roles=ADMIN,
        tags=("Money",),
        status=202,
    ),
    question_row(
        "/settlements",
        settlements_list,
        page_of(Settlement),
        "What rails settled to the bank; state=break for what matches nothing of ours.",
        "Money",
    ),
    reading_row("/settlements/{key}", Settlement, "Money"),
    command_row("/settlements/{settlement_id}/recheck", settling.RecheckSettlement, Settlement, "Money"),
    question_row(
        "/ledger/accounts",
        accounts,
        tuple[money.AccountBalance, ...],
        "The trial balance; it sums to zero.",
        "Money",
    ),
)
