"""Where a transaction or a disbursement stands at Stitch is told in the port's words."""

from collections.abc import Mapping
from types import MappingProxyType

from marketplace.adapters.stitch.documents import Disbursement, Transaction
from marketplace.adapters.stitch.orders import Order
from marketplace.ports.payments import Report, Standing, Subject

# https://docs.stitch.money/api/unions/transaction-state. What is new to us is no end of anything.
_TRANSACTIONS: Mapping[str, Standing] = MappingProxyType(
    {
        "TransactionPending": Standing.PENDING,
        "TransactionSuccess": Standing.SUCCEEDED,
        "TransactionFailure": Standing.FAILED,
        "TransactionCancelled": Standing.CANCELLED,
    }
)
# https://docs.stitch.money/api/unions/disbursement-status. One that is paused waits for somebody at Stitch's
# own desk; one that is completed may be reversed by the bank.
_DISBURSEMENTS: Mapping[str, Standing] = MappingProxyType(
    {
        "DisbursementPending": Standing.PENDING,
        "DisbursementPaused": Standing.PENDING,
        "DisbursementSubmitted": Standing.PENDING,
        "DisbursementCompleted": Standing.SUCCEEDED,
        "DisbursementError": Standing.FAILED,
        "DisbursementCancelled": Standing.FAILED,
        "DisbursementReversed": Standing.RETURNED,
    }
)
_FAILURES: Mapping[str, str] = MappingProxyType(
    {
        "DisbursementError": "disbursement_error",
        "DisbursementCancelled": "disbursement_cancelled",
        "DisbursementReversed": "disbursement_reversed",
        "TransactionCancelled": "cancelled",
    }
)


def of_transaction(order: Order, found: Transaction) -> Report:
    standing = _TRANSACTIONS.get(found.state.kind, Standing.PENDING)
    action = found.interaction_url if standing is Standing.PENDING else None
    failure = (found.state.reason or "failed") if standing is Standing.FAILED else None
    return Report(
        reference=order.reference,
        rail_reference=found.id,
        standing=standing if action is None else Standing.NEEDS_ACTION,
        amount=order.amount,
        failure=failure or _FAILURES.get(found.state.kind),
        next_action=action,
    )


def of_disbursement(order: Order, found: Disbursement) -> Report:
    return Report(
        reference=order.reference,
        rail_reference=found.id,
        standing=_DISBURSEMENTS.get(found.status.kind, Standing.PENDING),
        amount=order.amount,
        subject=Subject.TRANSFER,
        failure=_FAILURES.get(found.status.kind),
    )
