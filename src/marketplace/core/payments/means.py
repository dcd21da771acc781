"""A booking is paid by a token of the rail's, or by a saved method of its customer's that stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.core.payments.method import PaymentMethod
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.methods import MethodKind
from marketplace.core.tenants.policy import Capture
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Among, Work

FIELD = "payment_method"


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """
    By which rail and token a payment goes; `saved` is the method that the token is of.

    One of which its rail has surely not heard may go on by the `fallback_rail`.
    """

    rail: str
    token: str
    kind: MethodKind = MethodKind.CARD
    saved: PaymentMethod | None = None
    fallback_rail: str | None = None

    @property
    def method_id(self) -> UUID | None:
        return self.saved.id if self.saved else None

    def hold(self, call: Call) -> bool:
        """Only a card's money can be held back before it is taken."""
        held = call.policy.payment.capture == Capture.ON_CONFIRMATION
        return held and self.kind == MethodKind.CARD

    def pay_by(self, call: Call, *, before: datetime) -> datetime:
        """Until when the money must be here. Raises Invalid for a debit order that would come too late."""
        if self.kind == MethodKind.CARD:
            return call.at + timedelta(minutes=call.policy.booking.payment_window_minutes)
        until = call.at + timedelta(minutes=call.policy.payment.debit_order_window_minutes)
        if until > before:
            raise Invalid(
                FIELD, "is a debit order, which would come too late for it", "a card, or a later start"
            )
        return until

    def charge_at(self, call: Call, *, starts_at: datetime) -> datetime | None:
        """When a saved method is charged near the date; None where that is now, or it is not."""
        payment = call.policy.payment
        if payment.capture != Capture.NEAR_DATE or self.saved is None:
            return None
        lead = payment.charge_lead_minutes
        if self.kind == MethodKind.DEBIT_ORDER:
            lead += payment.debit_order_window_minutes
        at = starts_at - timedelta(minutes=lead)
        if at <= call.at:
            return None
        if self.saved.expires_at is not None and self.saved.expires_at <= at:
            raise Invalid(FIELD, f"expires before it is charged at {at.isoformat()}", "one that lasts")
        return at

    def check_up(self, call: Call) -> None:
        """Raises Invalid for a card of a rail that is down, where another takes cards meanwhile."""
        instead = call.policy.payment.card_rail(down=call.rails_down)
        if self.kind == MethodKind.CARD and self.rail in call.rails_down and instead != self.rail:
            raise not_of_the_rail_that_is_up(self.rail, instead=instead)

    def check_amount(self, minor: int) -> None:
        """Raises Invalid for more than its payer has agreed to."""
        terms = self.saved.terms if self.saved else None
        if terms is not None and minor > terms.maximum_minor:
            problem = f"is a mandate for at most {terms.maximum_minor}, and this is {minor}"
            raise Invalid(FIELD, problem, "a card, or a mandate that is amended to allow it")


def saved_id(payment_method: str) -> UUID | None:
    """The id of a saved method; None for a rail's token."""
    try:
        return UUID(payment_method) if len(payment_method) == len(str(UUID(int=0))) else None
    except ValueError:
        return None


def saved(payment_method: str) -> tuple[Among[PaymentMethod], ...]:
    """What is to be read to know the means: nothing for a token."""
    key = saved_id(payment_method)
    return () if key is None else (Among(PaymentMethod, (key,)),)


def means_of(
    payment_method: str,
    found: Sequence[Sequence[PaymentMethod]],
    *,
    customer_id: UUID,
    call: Call,
    work: Work,
) -> Means:
    """
    `found` is the answer to `saved`. Raises NotFound for what is none of this customer's, MethodUnusable.

    Who removes it meanwhile is in time: what is written rests on its version.
    """
    key = saved_id(payment_method)
    if key is None:
        return _by_token(payment_method, call)
    method = next((one for rows in found for one in rows), None)
    if method is None or method.customer_id != customer_id:
        raise NotFound("payment method", key)
    method.check_usable()
    work.guard(method)
    return Means(rail=method.rail, token=method.token or "", kind=method.kind, saved=method)


def _by_token(token: str, call: Call) -> Means:
    """What stands in for a rail that is down has nothing that stands in for it."""
    payment = call.policy.payment
    rail = payment.card_rail(down=call.rails_down)
    return Means(
        rail=rail, token=token, fallback_rail=payment.fallback_rail if rail == payment.rail else None
    )


def not_of_the_rail_that_is_up(rail: str, *, instead: str) -> Invalid:
    problem = f"is not known to {instead}, and {rail} is down"
    return Invalid(FIELD, problem, f"a card, by the form of {instead}")
