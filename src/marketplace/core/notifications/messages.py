"""Who hears of which event, in which words: one table."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from marketplace.core.bookings.booking import Booking
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts.account import PAYOUT_ACCOUNT, PayoutAccount
from marketplace.core.providers.hours import zone
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money, format_plain
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.policy import Policy


@dataclass(frozen=True, slots=True)
class Template:
    """
    `words` may use brand, service, when, provider, total, refund, pay_by, code; of no use after `life`.

    `code` is a sentence of its own, and nothing where the marketplace asks for no start codes; `refund` is
    one that says what comes back of the money.
    """

    to: Role
    words: str
    life: timedelta = timedelta(hours=12)

    @property
    def tells_code(self) -> bool:
        return "{code}" in self.words


_C, _P = Role.CUSTOMER, Role.PROVIDER

_TAKEN_BACK = (
    "{brand}: the bank took the payment for {service}, {when}, back, and your earnings of it with it."
)

MESSAGES: dict[str, tuple[Template, ...]] = {
    "booking.payment_failed": (
        Template(
            _C,
            "{brand}: the payment for {service}, {when}, did not go through. Please pay by {pay_by}.",
            timedelta(minutes=15),
        ),
    ),
    "payment.action_needed": (
        Template(
            _C,
            "{brand}: your bank asks you to confirm the payment for {service}, {when}. "
            "Please do so in the app soon.",
        ),
    ),
    "booking.paid_up": (Template(_C, "{brand}: {total} for {service}, {when}, is paid. Thank you."),),
    "booking.paid": (
        Template(
            _P, "{brand}: new request, {service}, {when}. Please accept or decline.", timedelta(hours=2)
        ),
    ),
    "booking.confirmed": (
        Template(_C, "{brand}: {provider} confirmed {service}, {when}.{code}"),
        Template(_P, "{brand}: {service} is booked, {when}."),
    ),
    "booking.declined": (Template(_C, "{brand}: {provider} cannot do {service}, {when}.{refund}"),),
    "booking.expired": (Template(_C, "{brand}: your request for {service}, {when}, has lapsed.{refund}"),),
    "booking.cancelled": (
        Template(_C, "{brand}: {service}, {when}, is cancelled.{refund}"),
        Template(_P, "{brand}: {service}, {when}, is cancelled."),
    ),
    "booking.handed_back": (
        Template(_C, "{brand}: {provider} cannot come, {when}. We look for another one."),
    ),
    "dispatch_offer.sent": (
        Template(
            _P,
            "{brand}: {service} near you, {when}. Say yes in the app.",
            timedelta(minutes=1),
        ),
    ),
    "dispatch_job.exhausted": (
        Template(
            _C,
            "{brand}: nobody is free for {service} now. Wait, change the time or cancel: {total} comes back.",
            timedelta(hours=1),
        ),
    ),
    "booking.time_proposed": (
        Template(_C, "{brand}: another time is proposed for {service}, now {when}."),
        Template(_P, "{brand}: another time is proposed for {service}, now {when}."),
    ),
    "booking.rescheduled": (
        Template(_C, "{brand}: {service} is moved to {when}."),
        Template(_P, "{brand}: {service} is moved to {when}."),
    ),
    "booking.set_out": (Template(_C, "{brand}: {provider} is on the way.{code}", timedelta(hours=1)),),
    "booking.delivered": (
        Template(_C, "{brand}: {service} is done. Please approve it, or complain while you can."),
    ),
    "booking.no_show": (
        Template(_C, "{brand}: {service}, {when}, was reported as a no-show.{refund}"),
        Template(_P, "{brand}: {service}, {when}, was reported as a no-show."),
    ),
    "booking.lapsed": (
        Template(_C, "{brand}: nobody reported any work on {service}, {when}.{refund}"),
        Template(_P, "{brand}: nobody reported any work on {service}, {when}. It has lapsed."),
    ),
    "booking.disputed": (Template(_P, "{brand}: the customer complains about {service}, {when}."),),
    "booking.refunded": (Template(_C, "{brand}: your complaint is decided.{refund}"),),
    **{
        f"payment.{how}": (Template(_P, _TAKEN_BACK, timedelta(days=1)),)
        for how in ("returned", "dispute_lost")
    },
    "review.published": (
        Template(_P, "{brand}: your customer has reviewed {service}, {when}. Read it in the app."),
    ),
    "booking.released": (Template(_P, "{brand}: the money for {service}, {when}, is released to you."),),
}


# Of a saved method, which is no booking's: what its owner must know to go on paying.
_METHOD_MESSAGES: dict[str, str] = {
    "activated": "{brand}: {method} is saved and pays from now on.",
    "rejected": "{brand}: {method} could not be saved. Please try again, or save another one.",
    "suspended": "{brand}: your bank has stopped {method}. Please speak to it, or save another one.",
    "resumed": "{brand}: {method} pays again.",
    "expired": "{brand}: {method} has expired. Please save another one.",
    "cancelled": "{brand}: {method} pays no more.",
    "amended": "{brand}: {method} now pays on its new terms.",
    "amendment_refused": "{brand}: the new terms of {method} were refused, so the old ones stand.",
}
METHOD_MESSAGES: dict[str, tuple[Template, ...]] = {
    f"payment_method.{name}": (Template(_C, words, timedelta(days=1)),)
    for name, words in _METHOD_MESSAGES.items()
}

# Of a refund, whenever it happens: its booking is long over by then.
REFUND_MESSAGES: dict[str, tuple[Template, ...]] = {
    "refund.bounced": (
        Template(
            _C,
            "{brand}: your bank sent back the {amount} that we returned for {service}. "
            "It is yours, and we see to it that it reaches you.",
            timedelta(days=1),
        ),
    ),
}


def words_on_refund(template: Template, *, refund: Refund, booking: Booking, policy: Policy) -> str:
    return template.words.format(
        brand=policy.wording.brand, service=booking.service_name, amount=format_plain(refund.amount)
    )


# Of an account that a provider is paid into: what it must do, and whether it is paid.
_ACCOUNT_MESSAGES: dict[str, str] = {
    "action_needed": "{brand}: to be paid, you still have something to say. Go on in the app.",
    "activated": "{brand}: you are paid into {account} from now on.",
    "restricted": "{brand}: {account} cannot receive for now, so your money waits. See in the app why.",
    "reinstated": "{brand}: {account} can receive again. What waited is on its way.",
    "rejected": "{brand}: {account} was refused. Please open another one in the app.",
    "ended": "{brand}: {account} was closed. Please open another one in the app.",
}
ACCOUNT_MESSAGES: dict[str, tuple[Template, ...]] = {
    f"payout_account.{name}": (Template(_P, words, timedelta(days=1)),)
    for name, words in _ACCOUNT_MESSAGES.items()
}
# The state of which each of these events tells.
ACCOUNT_STATES: dict[str, str] = {
    move.emits: str(move.target) for move in PAYOUT_ACCOUNT.moves if move.emits in ACCOUNT_MESSAGES
}


def words_on_account(template: Template, *, account: PayoutAccount, policy: Policy) -> str:
    name = f"your account {account.label}" if account.label else "your account"
    return template.words.format(brand=policy.wording.brand, account=name)


def words_on_method(template: Template, *, method: PaymentMethod, policy: Policy) -> str:
    kind = {MethodKind.CARD: "your card", MethodKind.DEBIT_ORDER: "your debit order"}[method.kind]
    name = f"{kind} {method.label}" if method.label else kind
    return template.words.format(brand=policy.wording.brand, method=name)


def words_for(template: Template, *, booking: Booking, provider: str, policy: Policy) -> str:
    """Plain letters only, so that an SMS stays in the small alphabet."""
    local = booking.starts_at.astimezone(zone(booking.time_zone))
    return template.words.format(
        brand=policy.wording.brand,
        service=booking.service_name,
        when=f"{local:%a %d %b %H:%M}",
        provider=provider,
        total=format_plain(Money(booking.total_minor, booking.currency)),
        refund=_refund(booking),
        code=f" Start code {booking.start_code}." if booking.start_code else "",
        pay_by=_pay_by(booking, local),
    )


def _pay_by(booking: Booking, local: datetime) -> str:
    """What has to be paid within the hour needs no date."""
    until = (booking.payment_deadline or booking.pay_by).astimezone(local.tzinfo)
    return f"{until:%H:%M}" if booking.payment_deadline is None else f"{until:%a %d %b %H:%M}"


def _refund(booking: Booking) -> str:
    """Of a booking that has ended without any money that was ours to give back, there is nothing to pay."""
    if booking.fee_minor is not None:
        return f" It costs {format_plain(Money(booking.fee_minor, booking.currency))}."
    if booking.refund_minor is None:
        return " You pay nothing."
    return f" You get {format_plain(Money(booking.refund_minor, booking.currency))} back."
