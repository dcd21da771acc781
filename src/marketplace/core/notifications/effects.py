"""One call to a channel; a try that was interrupted is looked up, never sent again blindly."""

from dataclasses import dataclass
from uuid import UUID

from marketplace.core.identity.authentication import CodeToSend
from marketplace.core.notifications.notification import Notification, State
from marketplace.core.notifications.usecases import DEFAULT_CHANNEL, RecordAnswer, SendAgain, sending_mark
from marketplace.core.shared.errors import OutcomeUnknown, Unavailable
from marketplace.core.tenants.tenant import Call
from marketplace.ports.messaging import Answer, Channel, Message, Verdict
from marketplace.ports.storage import Work
from marketplace.ports.vendors import Vendors


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage:
    """Hand a message to its channel, or find out what became of it."""

    notification_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FindMessage:
    """Ask the channel what became of a message in doubt."""

    notification_id: UUID


async def send_message(
    effect: SendMessage, *, call: Call, work: Work, vendors: Vendors
) -> RecordAnswer | None:
    """Another try's message may be on its way just now: what the channel has not heard of is in doubt."""
    planned = await work.get(Notification, effect.notification_id)
    channel = vendors.channel(planned.channel)
    if planned.state != State.SENDING:
        return None
    if planned.sent_by != sending_mark(call):
        answer = await channel.lookup(planned.id) or _IN_DOUBT
    else:
        answer = await _sent(planned, channel, call)
    return RecordAnswer(notification_id=planned.id, answer=answer)


async def _sent(planned: Notification, channel: Channel, call: Call) -> Answer:
    try:
        return await channel.send(_message(planned, call))
    except (OutcomeUnknown, Unavailable):
        return _IN_DOUBT  # the timer comes back to it


_IN_DOUBT = Answer(verdict=Verdict.UNKNOWN)


async def find_message(
    effect: FindMessage, *, call: Call, work: Work, vendors: Vendors
) -> RecordAnswer | SendAgain | None:
    """Only what the channel never heard of is sent again: of what it is unsure, it may know more later."""
    del call
    planned = await work.get(Notification, effect.notification_id)
    if planned.state != State.UNKNOWN:
        return None
    answer = await vendors.channel(planned.channel).lookup(planned.id)
    if answer is None:
        return SendAgain(notification_id=planned.id)
    return RecordAnswer(notification_id=planned.id, answer=answer)


def _message(planned: Notification, call: Call) -> Message:
    return Message(
        reference=planned.id,
        tenant_id=planned.tenant_id,
        address=planned.address,
        text=planned.text,
        expires_at=planned.expires_at,
        at=call.at,
    )


async def send_code(asked: CodeToSend, *, call: Call, vendors: Vendors) -> None:
    """At once and outside the queue: the code is stored nowhere. Raises Unavailable."""
    message = Message(
        reference=asked.sign_in.id,
        tenant_id=asked.sign_in.tenant_id,
        address=asked.sign_in.phone,
        text=f"{call.policy.wording.brand}: your code is {asked.code}. Tell it to nobody.",
        expires_at=asked.sign_in.expires_at,
        at=call.at,
    )
    await vendors.channel(DEFAULT_CHANNEL).send(message)
