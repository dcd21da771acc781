"""The platform's people look after the money: payments in doubt, refunds, payouts and the books."""

from datetime import datetime, timedelta
from typing import Annotated

from marketplace.adapters.postgres import listings, money
from marketplace.adapters.postgres.reconciliation import Reconciliation, reconcile
from marketplace.core.payments import refunding, saving
from marketplace.core.payments import usecases as payments
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts import drawing, opening, reversing
from marketplace.core.payouts import usecases as payouts
from marketplace.core.payouts.account import PayoutAccount
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.settlements import importing, resolving
from marketplace.core.settlements import usecases as settling
from marketplace.core.settlements.cause import RAIL_DELAY
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.shared.limits import Between, Name, Word
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http import statements
from marketplace.entrypoints.http.desk import command_row, finding_rows, listing_row, question_row
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.parsing import span
from marketplace.entrypoints.http.payout_accounts import known_opening
from marketplace.entrypoints.http.routes import Route

_TAG = "Money"
DAYS = RAIL_DELAY.days
DelayDays = Annotated[int, Between(0, 90)]


async def accounts(
    office: Office, call: Call, *, prefix: Name | None = None, detailed: bool = False
) -> tuple[money.AccountBalance, ...]:
    return await money.accounts(office.reads, call.tenant_id, prefix=prefix, detailed=detailed)


async def reconciliation(
    office: Office, call: Call, *, rail: Word, from_: datetime, until: datetime, delay_days: DelayDays = DAYS
) -> Reconciliation:
    """Raises Invalid for a rail that this marketplace never had."""
    statements = await office.store.read(call.tenant_id, [importing.statement_of(rail, call)])
    importing.check_rail(rail, statements, call)
    return await reconcile(
        office.reads,
        call.tenant_id,
        rail=rail,
        period=span(from_, until),
        now=call.at,
        delay=timedelta(days=delay_days),
    )


_PAYMENTS: tuple[Route, ...] = (
    *finding_rows(
        "payments",
        listings.PAYMENTS,
        "state booking_id",
        "Payments; state=unknown for those in doubt.",
        _TAG,
    ),
    command_row("/payments/{payment_id}/look-up", payments.LookUpPayment, Payment, _TAG),
    command_row("/payments/{payment_id}/submit-evidence", payments.SubmitEvidence, Payment, _TAG),
    *finding_rows(
        "payment-methods",
        listings.PAYMENT_METHODS,
        "state customer_id",
        "Saved cards and mandates; state=cancelling for those of which a rail has still to be told.",
        _TAG,
    ),
    command_row("/payment-methods/{payment_method_id}/look-up", saving.LookUpMethod, PaymentMethod, _TAG),
    command_row("/payment-methods/{payment_method_id}/remove", saving.RemoveMethod, PaymentMethod, _TAG),
    *finding_rows(
        "refunds",
        listings.REFUNDS,
        "state booking_id payment_id",
        "Refunds; state=failed for those to retry, state=bounced for those that a bank sent back.",
        _TAG,
    ),
    command_row("/refunds/{refund_id}/look-up", refunding.LookUpRefund, Refund, _TAG),
    command_row("/refunds/{refund_id}/retry", refunding.RetryRefund, Refund, _TAG),
    command_row("/refunds/{refund_id}/pay-by-hand", refunding.PayRefundByHand, Refund, _TAG),
    *finding_rows(
        "vendor-events",
        listings.VENDOR_EVENTS,
        "reference from_ until",
        "Webhooks that were verified and heard; `reference` is of a payment, a refund or a payout.",
        _TAG,
    ),
)

_PAYOUTS: tuple[Route, ...] = (
    *finding_rows(
        "earnings",
        listings.EARNINGS,
        "provider_id booking_id payout_id state from_ until",
        "What providers earned, job by job.",
        _TAG,
    ),
    *finding_rows(
        "payouts",
        listings.PAYOUTS,
        "state provider_id",
        "Payouts; state=due for those to approve.",
        _TAG,
    ),
    command_row("/payouts/{payout_id}/approve", payouts.ApprovePayout, Payout, _TAG),
    command_row("/payouts/{payout_id}/hold", payouts.HoldPayout, Payout, _TAG),
    command_row("/payouts/{payout_id}/resume", payouts.ResumePayout, Payout, _TAG),
    command_row("/payouts/{payout_id}/retry", payouts.RetryPayout, Payout, _TAG),
    command_row("/payouts/{payout_id}/look-up", payouts.LookUpPayout, Payout, _TAG),
    *finding_rows(
        "payout-accounts",
        listings.PAYOUT_ACCOUNTS,
        "state provider_id",
        "The accounts that providers are paid into; state=restricted for those that cannot receive.",
        _TAG,
    ),
    command_row(
        "/providers/{provider_id}/payout-accounts",
        opening.OpenPayoutAccount,
        PayoutAccount,
        _TAG,
        status=201,
        prepare=known_opening,
    ),
    command_row(
        "/payout-accounts/{payout_account_id}/look-up", opening.LookUpPayoutAccount, PayoutAccount, _TAG
    ),
    command_row(
        "/payout-accounts/{payout_account_id}/close", opening.ClosePayoutAccount, PayoutAccount, _TAG
    ),
    *finding_rows(
        "payout-reversals",
        listings.PAYOUT_REVERSALS,
        "state provider_id",
        "What was asked back of payouts for what a bank took back; state=requested for what is in doubt.",
        _TAG,
    ),
    command_row(
        "/payout-reversals/{payout_reversal_id}/look-up", reversing.LookUpReversal, PayoutReversal, _TAG
    ),
    *statements.OF_ONE,
    *finding_rows("payout-runs", listings.PAYOUT_RUNS, "", "Payout runs, and how far each is.", _TAG),
    command_row("/payout-runs", drawing.StartPayoutRun, PayoutRun, _TAG, status=202),
)

_LEDGER: tuple[Route, ...] = (
    *finding_rows(
        "settlements",
        listings.SETTLEMENTS,
        "state reference cause",
        "What rails settled to the bank; state=break for what matches nothing of ours.",
        _TAG,
    ),
    command_row("/settlements/{settlement_id}/recheck", settling.RecheckSettlement, Settlement, _TAG),
    command_row("/settlements/{settlement_id}/resolve", resolving.ResolveSettlement, Settlement, _TAG),
    command_row("/settlements/import", importing.ImportLines, importing.Imported, _TAG),
    question_row(
        "/reconciliation",
        reconciliation,
        Reconciliation,
        "What a rail has settled beside the ledger, and what is open between the two.",
        _TAG,
    ),
    question_row(
        "/ledger/accounts",
        accounts,
        tuple[money.AccountBalance, ...],
        "The trial balance; it sums to zero.",
        _TAG,
    ),
    listing_row(
        "/ledger/movements",
        listings.MOVEMENTS,
        "account subject_id booking_id from_ until",
        "Movements with their postings: of an account, of what moved them, of a booking, of a time.",
        _TAG,
    ),
)

ROUTES: tuple[Route, ...] = (*_PAYMENTS, *_PAYOUTS, *_LEDGER)
