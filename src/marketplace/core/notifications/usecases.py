"""What somebody must hear is planned with the event's id, so that it is planned once."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from marketplace.core.bookings.booking import Booking
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.identity.user import User
from marketplace.core.notifications.messages import (
    ACCOUNT_MESSAGES,
    ACCOUNT_STATES,
    MESSAGES,
    METHOD_MESSAGES,
    REFUND_MESSAGES,
    Template,
    words_for,
    words_on_account,
    words_on_method,
    words_on_refund,
)
from marketplace.core.notifications.notification import Notification, State
from marketplace.core.notifications.outdated import outdated
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.refund import Refund
from marketplace.core.payouts.account import PayoutAccount
from marketplace.core.providers.provider import Provider
from marketplace.core.reviews.review import Review
from marketplace.core.shared.aggregate import create, is_due, move
from marketplace.core.shared.entropy import keyed
from marketplace.core.shared.ids import derive
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.messaging import Answer, Verdict
from marketplace.ports.storage import Work

DEFAULT_CHANNEL = "sms"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMessages:
    """Plan the messages that an event calls for, of whatever somebody has to hear."""

    event_id: UUID
    event: str
    subject_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginSending:
    """Mark a message as being sent, before it is."""

    notification_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAgain:
    """Mark a message as being sent once more: it was in doubt, and the channel never heard of it."""

    notification_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMessage:
    """A message in doubt is looked up, until it is of no more use."""

    notification_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAnswer:
    """What the channel said of a message."""

    notification_id: UUID
    answer: Answer


async def plan_messages(command: PlanMessages, *, call: Call, work: Work) -> tuple[Notification, ...]:
    """Of what is over only the end is told: its job may run before those of what came earlier."""
    if command.event in METHOD_MESSAGES:
        return await _plan_on_method(command, call, work)
    if command.event in REFUND_MESSAGES:
        return await _plan_on_refund(command, call, work)
    if command.event in ACCOUNT_MESSAGES:
        return await _plan_on_account(command, call, work)
    booking, provider_id = await _concerned(command, work)
    if outdated(command.event, booking):
        return ()
    provider = None if provider_id is None else await work.get(Provider, provider_id)
    addressees = {Role.CUSTOMER: booking.customer_id, Role.PROVIDER: provider.owner_id if provider else None}
    planned = []
    for template in MESSAGES[command.event]:
        if (user_id := addressees[template.to]) is not None:
            user, name = await work.get(User, user_id), provider.name if provider else ""
            text = words_for(template, booking=booking, provider=name, policy=call.policy)
            message = _message(command, template, user, call, text=text, subject_id=booking.id)
            secret = booking.start_code if template.tells_code else None
            planned.append(work.add(create(replace(message, secret=secret), call)))
    return tuple(planned)


async def _plan_on_method(command: PlanMessages, call: Call, work: Work) -> tuple[Notification, ...]:
    """Whoever saves a card sees it done; a bank takes days to say yes."""
    method = await work.get(PaymentMethod, command.subject_id)
    if method.kind == MethodKind.CARD and command.event == "payment_method.activated":
        return ()
    user = await work.get(User, method.customer_id)
    planned = []
    for template in METHOD_MESSAGES[command.event]:
        text = words_on_method(template, method=method, policy=call.policy)
        message = _message(command, template, user, call, text=text, subject_id=method.id)
        planned.append(work.add(create(message, call)))
    return tuple(planned)


async def _plan_on_refund(command: PlanMessages, call: Call, work: Work) -> tuple[Notification, ...]:
    refund = await work.get(Refund, command.subject_id)
    booking = await work.get(Booking, refund.booking_id)
    user = await work.get(User, refund.customer_id)
    planned = []
    for template in REFUND_MESSAGES[command.event]:
        text = words_on_refund(template, refund=refund, booking=booking, policy=call.policy)
        message = _message(command, template, user, call, text=text, subject_id=booking.id)
        planned.append(work.add(create(message, call)))
    return tuple(planned)


async def _plan_on_account(command: PlanMessages, call: Call, work: Work) -> tuple[Notification, ...]:
    """Nobody is told late what is not so any more."""
    account = await work.get(PayoutAccount, command.subject_id)
    if account.state != ACCOUNT_STATES[command.event]:
        return ()
    provider = await work.get(Provider, account.provider_id)
    user = await work.get(User, provider.owner_id)
    planned = []
    for template in ACCOUNT_MESSAGES[command.event]:
        text = words_on_account(template, account=account, policy=call.policy)
        message = _message(command, template, user, call, text=text, subject_id=account.id)
        planned.append(work.add(create(message, call)))
    return tuple(planned)


async def _concerned(command: PlanMessages, work: Work) -> tuple[Booking, UUID | None]:
    """The booking that an event is about, and the provider: of an offer the one who is asked."""
    match command.event.partition(".")[0]:
        case "dispatch_offer":
            offer = await work.get(DispatchOffer, command.subject_id)
            return await work.get(Booking, offer.booking_id), offer.provider_id
        case "dispatch_job":
            job = await work.get(DispatchJob, command.subject_id)
            booking = await work.get(Booking, job.booking_id)
        case "payment":
            payment = await work.get(Payment, command.subject_id)
            booking = await work.get(Booking, payment.booking_id)
        case "review":
            review = await work.get(Review, command.subject_id)
            booking = await work.get(Booking, review.booking_id)
        case _:
            booking = await work.get(Booking, command.subject_id)
    return booking, booking.provider_id


def _message(
    command: PlanMessages, template: Template, user: User, call: Call, *, text: str, subject_id: UUID
) -> Notification:
    return Notification(
        # A channel is all tenants', and goes by the id.
        id=derive(call.tenant_id, "message", command.event_id, template.to),
        tenant_id=call.tenant_id,
        user_id=user.id,
        channel=DEFAULT_CHANNEL,
        address=user.phone,
        template=f"{command.event}:{template.to}",
        text=text,
        subject_id=subject_id,
        planned_at=call.at,
        expires_at=call.at + template.life,
    )


async def begin_sending(command: BeginSending, *, call: Call, work: Work) -> Notification:
    """Stale messages are not sent; one that is being sent already is left to whoever sends it."""
    message = await work.get(Notification, command.notification_id)
    if message.state != State.PLANNED:
        return message
    if call.at >= message.expires_at:
        return work.save(move(message, "expire", call))
    return work.save(move(message, "begin", call, sent_by=sending_mark(call)))


async def send_again(command: SendAgain, *, call: Call, work: Work) -> Notification:
    message = await work.get(Notification, command.notification_id)
    if message.state != State.UNKNOWN or call.at >= message.expires_at:
        return message
    return work.save(move(message, "begin_again", call, sent_by=sending_mark(call)))


def sending_mark(call: Call) -> str:
    """Names this try and no other."""
    return keyed(call.entropy, "sending").hex()[:16]


async def record_answer(command: RecordAnswer, *, call: Call, work: Work) -> Notification:
    message, answer = await work.get(Notification, command.notification_id), command.answer
    steps = {Verdict.ACCEPTED: "accept", Verdict.REJECTED: "fail", Verdict.UNKNOWN: "lose_track"}
    step = steps[answer.verdict]
    if (message.state, step) not in message.LIFECYCLE.table:
        return message
    told: dict[str, Any] = {"channel_reference": answer.channel_reference, "rejection": answer.rejection}
    return work.save(move(message, step, call, **told))


async def clock_message(command: ClockMessage, *, call: Call, work: Work) -> Notification:
    message = await work.get(Notification, command.notification_id)
    if not is_due(message, call):
        return message
    if call.at >= message.expires_at:
        return work.save(move(message, "expire", call))
    return work.save(move(message, "look_up", call, lookups=message.lookups + 1))
