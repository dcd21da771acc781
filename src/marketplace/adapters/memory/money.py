"""The promises about money, proved on the rows of a memory store: each finds the sentences that break it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from uuid import UUID

from marketplace.adapters.memory.facts import Facts
from marketplace.core.bookings.booking import Booking
from marketplace.core.ledger.movement import (
    DISPUTE_HOLD,
    REFUNDS_PAYABLE,
    REVERSALS_PENDING,
    Posting,
    customer_funds,
    provider_payable,
    provider_receivable,
)
from marketplace.core.payments.payment import HELD, TAKEN_BACK, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import IN_THE_LEDGER, Payout
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.payouts.reversal import State as ReversalState
from marketplace.core.promises import HOLDING, UNPAID, is_closed
from marketplace.core.providers.provider import Provider
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.core.settlements.statement import RailStatement
from marketplace.core.tenants.tenant import Tenant


def unbalanced(facts: Facts) -> Iterator[str]:
    sums: Counter[tuple[str, str]] = Counter()
    for posting in facts.rows(Posting):
        sums[f"movement {posting.movement_id}", posting.currency] += posting.amount_minor
        sums[f"the ledger of {posting.tenant_id}", posting.currency] += posting.amount_minor
    for (what, currency), total in sums.items():
        if total:
            yield f"{what} sums to {currency} {total}"


def unresolved(facts: Facts) -> Iterator[str]:
    captured, refunded, released = _posted(facts)
    by_booking: Counter[UUID] = Counter()
    for payment in facts.rows(Payment):
        by_booking[payment.booking_id] += payment.released_minor
        parts = (payment.refunded_minor, payment.released_minor, payment.lost_minor)
        if min(parts) < 0 or sum(parts) > payment.captured_minor:
            yield f"payment {payment.id} gave back and released more than it captured"
        if captured[payment.id] != payment.captured_minor:
            yield f"payment {payment.id} captured {payment.captured_minor}, {captured[payment.id]} is posted"
        if refunded[payment.id] != payment.refunded_minor:
            yield f"payment {payment.id} gave back {payment.refunded_minor}, {refunded[payment.id]} is posted"
    for booking_id in by_booking.keys() | released.keys():
        if by_booking[booking_id] != released[booking_id]:
            yield f"booking {booking_id} released {by_booking[booking_id]}, {released[booking_id]} is posted"


def _posted(facts: Facts) -> tuple[Counter[UUID], Counter[UUID], Counter[UUID]]:
    """What the ledger says was captured and given back of each payment, and released of each booking."""
    captured: Counter[UUID] = Counter()
    refunded: Counter[UUID] = Counter()
    released: Counter[UUID] = Counter()
    payment_of = {refund.id: refund.payment_id for refund in facts.rows(Refund)}
    for movement, posting in facts.postings("payment_succeed", "payment_catch_up"):
        captured[movement.subject_id] -= _of_customer(posting)
    for movement, posting in facts.postings("refund_promised"):
        refunded[payment_of[movement.subject_id]] += _of_customer(posting)
    for movement, posting in facts.postings("released"):
        released[movement.subject_id] += _of_customer(posting)
    return captured, refunded, released


def _of_customer(posting: Posting) -> int:
    return posting.amount_minor if posting.account.startswith("customer_funds:") else 0


def unexplained_funds(facts: Facts) -> Iterator[str]:
    absorbed = {row.subject_id for row in facts.movements.values() if row.name == "loss_absorbed"}
    held: Counter[UUID] = Counter()
    left: dict[UUID, list[Payment]] = defaultdict(list)
    for payment in facts.rows(Payment):
        if payment.state in HOLDING or (payment.state in TAKEN_BACK and payment.id not in absorbed):
            held[payment.booking_id] += payment.left_minor
        if payment.state in HELD and payment.left_minor:
            left[payment.booking_id].append(payment)
        if payment.state in TAKEN_BACK and payment.id not in absorbed and _untouched(facts, payment):
            yield f"payment {payment.id} is {payment.state}, and nobody has borne the loss"
    for booking in facts.rows(Booking):
        funds = -facts.balances[booking.tenant_id, customer_funds(booking.id), booking.currency]
        if funds != held[booking.id]:
            yield f"booking {booking.id} has funds of {funds}, its payments hold {held[booking.id]}"
        waits = any(_untouched(facts, payment) for payment in left[booking.id])
        if waits and is_closed(booking) and _untouched(facts, booking):
            yield f"booking {booking.id} is {booking.state} and still holds {held[booking.id]}"


def _untouched(facts: Facts, subject: Payment | Booking) -> bool:
    """For so long that whatever follows its last event should be done."""
    history = facts.histories[subject.LIFECYCLE.kind, subject.id]
    return history[-1].at < facts.long_past(subject.tenant_id)


def paid_twice(facts: Facts) -> Iterator[str]:
    sums: Counter[UUID] = Counter()
    for earning in facts.rows(Earning):
        if earning.payout_id is not None:
            sums[earning.payout_id] += earning.amount_minor
        drawn = [event for event in facts.histories["earning", earning.id] if event.move == "draw"]
        if len(drawn) > 1:
            yield f"earning {earning.id} was drawn {len(drawn)} times"
    amounts = Counter({payout.id: payout.amount_minor for payout in facts.rows(Payout)})
    for payout_id in amounts.keys() | sums.keys():
        if amounts[payout_id] != sums[payout_id]:
            yield f"payout {payout_id} is of {amounts[payout_id]}, its earnings are {sums[payout_id]}"


def unexplained_payable(facts: Facts) -> Iterator[str]:
    owed: Counter[tuple[UUID, UUID, str]] = Counter()
    for earning in facts.rows(Earning):
        owed[earning.tenant_id, earning.provider_id, earning.currency] += earning.amount_minor
    for payout in facts.rows(Payout):
        if payout.state in IN_THE_LEDGER:
            owed[payout.tenant_id, payout.provider_id, payout.currency] -= payout.amount_minor
    for (tenant_id, provider_id, currency), amount in owed.items():
        payable = -facts.balances[tenant_id, provider_payable(provider_id), currency]
        receivable = facts.balances[tenant_id, provider_receivable(provider_id), currency]
        if payable - receivable != amount:
            said = payable - receivable
            yield f"provider {provider_id} is owed {currency} {amount}, its accounts say {said}"
        if min(payable, receivable) < 0:
            yield f"provider {provider_id} has {payable} payable and {receivable} receivable"
    receivables: Counter[tuple[UUID, str]] = Counter()
    for (tenant_id, account, _), minor in facts.balances.items():
        receivables[tenant_id, account] += minor
    for provider in facts.rows(Provider):
        said = receivables[provider.tenant_id, provider_receivable(provider.id)]
        if said != provider.owed_minor:
            yield f"provider {provider.id} owes {provider.owed_minor}, its account says {said}"


def unexplained_refunds(facts: Facts) -> Iterator[str]:
    unpaid: Counter[tuple[UUID, str]] = Counter()
    for refund in facts.rows(Refund):
        unpaid[refund.tenant_id, refund.currency] += refund.amount_minor if refund.state in UNPAID else 0
    yield from _unlike_account(facts, REFUNDS_PAYABLE, -1, unpaid, "the refunds not paid yet are")


def unexplained_disputes(facts: Facts) -> Iterator[str]:
    absorbed = {row.subject_id for row in facts.movements.values() if row.name == "loss_absorbed"}
    contested: Counter[tuple[UUID, str]] = Counter()
    for payment in facts.rows(Payment):
        waits = payment.state == PaymentState.DISPUTED or (
            payment.state in TAKEN_BACK and payment.id not in absorbed
        )
        contested[payment.tenant_id, payment.currency] += payment.contested_minor if waits else 0
    yield from _unlike_account(facts, DISPUTE_HOLD, 1, contested, "banks contest")


def unexplained_reversals(facts: Facts) -> Iterator[str]:
    asked: Counter[tuple[UUID, str]] = Counter()
    of_payout: Counter[UUID] = Counter()
    for reversal in facts.rows(PayoutReversal):
        waits = reversal.state == ReversalState.REQUESTED
        asked[reversal.tenant_id, reversal.currency] += reversal.amount_minor if waits else 0
        refused = reversal.state == ReversalState.REFUSED
        of_payout[reversal.payout_id] += 0 if refused else reversal.amount_minor
    yield from _unlike_account(facts, REVERSALS_PENDING, 1, asked, "rails are asked for")
    amounts = {payout.id: payout.amount_minor for payout in facts.rows(Payout)}
    for payout_id, minor in of_payout.items():
        if minor > amounts[payout_id]:
            yield f"payout {payout_id} is of {amounts[payout_id]}, {minor} of it is asked back"


def _unlike_account(
    facts: Facts, account: str, sign: int, told: Counter[tuple[UUID, str]], what: str
) -> Iterator[str]:
    places = {(tenant, currency) for tenant, name, currency in facts.balances if name == account}
    for tenant_id, currency in sorted(places | told.keys()):
        said, minor = sign * facts.balances[tenant_id, account, currency], told[tenant_id, currency]
        if said != minor:
            yield f"{account} of {tenant_id} is {currency} {said}, {what} {minor}"


def read_to(facts: Facts, tenant_id: UUID, rail: str) -> str | None:
    """How far a rail's statement was read: what it settled later is in clearing still."""
    rows = [row for row in facts.rows(RailStatement) if (row.tenant_id, row.rail) == (tenant_id, rail)]
    return rows[0].cursor if rows else None


def broken(facts: Facts, tenant_id: UUID, rail: str) -> Counter[str]:
    """By currency, what was read and settles nothing of ours, so that it is in clearing still."""
    sums: Counter[str] = Counter()
    for row in facts.rows(Settlement):
        if (row.tenant_id, row.rail) == (tenant_id, rail) and row.state != SettlementState.BOOKED:
            sums[row.currency] += row.gross_minor - row.cleared_minor
    return sums


def unlike(facts: Facts, tenant: Tenant, account: str, theirs: Counter[str]) -> Iterator[str]:
    for currency in sorted(theirs.keys() | {tenant.policy.currency}):
        ours = facts.balances[tenant.id, account, currency]
        if ours != theirs[currency]:
            yield f"{account} of {tenant.slug} is {currency} {ours}, the rail has {theirs[currency]}"
