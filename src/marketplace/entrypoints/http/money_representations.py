"""What is shown of money on its way: payments, what they go by, refunds, earnings, payouts, settlements."""

from datetime import datetime
from uuid import UUID

from marketplace.core.payments import method, payment, refund
from marketplace.core.payouts import account, earning, payout, reversal, run
from marketplace.core.payouts.earning import Reason
from marketplace.core.shared.mandates import MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.payees import PayeeKind
from marketplace.entrypoints.http.representations import View


class PaymentView(View, frozen=True):
    """
    `next_action` is where the customer goes on when the state is needs_action, `charge_at` when money that is
    promised is taken, `method_id` the saved method that pays.
    """

    state: payment.State
    booking_id: UUID
    rail: str
    currency: str
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    released_minor: int
    method_id: UUID | None
    next_action: str | None
    evidence: str | None
    failure: str | None
    created_at: datetime
    charge_at: datetime | None
    due_at: datetime | None


class PaymentMethodView(View, frozen=True):
    """
    `next_action` is where its owner goes on, `advice` what to do where it does not pay now.

    `terms` are those that stand, `wanted` those of an amendment that is not decided. Without `usable` no
    payment goes by it.
    """

    state: method.State
    customer_id: UUID
    kind: MethodKind
    rail: str
    label: str | None
    usable: bool
    next_action: str | None
    advice: str | None
    terms: MandateTerms | None
    wanted: MandateTerms | None
    contract: str | None
    expires_at: datetime | None
    failure: str | None
    created_at: datetime
    authorise_by: datetime
    due_at: datetime | None


class RefundView(View, frozen=True):
    state: refund.State
    payment_id: UUID
    booking_id: UUID
    currency: str
    amount_minor: int
    attempt: int
    requested_at: datetime
    failure: str | None


class PayoutAccountView(View, frozen=True):
    """
    Into an account that `receives` its provider is paid. `required` is what the rail still wants to know.

    `advice` is what to do where it does not receive. `due_at` is when the rail is asked again.
    """

    state: account.State
    provider_id: UUID
    kind: PayeeKind
    rail: str
    country: str | None
    label: str | None
    receives: bool
    required: tuple[str, ...]
    advice: str | None
    failure: str | None
    opened_at: datetime
    due_at: datetime | None


class PayoutView(View, frozen=True):
    """
    With `payment_id` it is paid from the charge of that payment; `together_minor` is what its run drew for
    the provider in all.
    """

    state: payout.State
    provider_id: UUID
    currency: str
    amount_minor: int
    together_minor: int
    payment_id: UUID | None
    attempt: int
    drawn_at: datetime
    drawn_by: UUID | None
    due_again_by: UUID | None
    approved_by: UUID | None
    failure: str | None


class PayoutReversalView(View, frozen=True):
    state: reversal.State
    payout_id: UUID
    provider_id: UUID
    booking_id: UUID
    payment_id: UUID
    currency: str
    amount_minor: int
    requested_at: datetime
    failure: str | None


class PayoutRunView(View, frozen=True):
    state: run.State
    started_at: datetime
    started_by: UUID | None
    last_provider_id: UUID
    drawn: int
    skipped: int


class EarningView(View, frozen=True):
    state: earning.State
    provider_id: UUID
    booking_id: UUID
    reason: Reason
    currency: str
    amount_minor: int
    earned_at: datetime
    payable_at: datetime
    payout_id: UUID | None
