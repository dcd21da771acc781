"""A test marketplace's inbox, tokens and played customer: for trying things, never in production."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec

from marketplace.adapters.sandbox.inbox import InboxMessage
from marketplace.adapters.sandbox.openings import OPENINGS
from marketplace.adapters.sandbox.orders import Kind
from marketplace.adapters.sandbox.sources import SOURCES
from marketplace.adapters.sandbox.tokens import TOKENS
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.limits import Word
from marketplace.core.tenants.tenant import Call, Mode
from marketplace.entrypoints.http.office import Office, Sandbox
from marketplace.entrypoints.http.pages import Limit
from marketplace.entrypoints.http.routes import QuestionRoute, Route

_TAGS = ("Sandbox",)


class Inbox(msgspec.Struct, frozen=True):
    """What the marketplace's people have received, newest first; `copy` above 1 means that it came again."""

    items: tuple[InboxMessage, ...]


class Token(msgspec.Struct, frozen=True):
    token: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteAction:
    """Do what is asked for, as the customer would at the bank, or the provider on the rail's page."""

    outcome: Literal["approved", "refused"] = "approved"


class Acted(msgspec.Struct, frozen=True):
    """Where the charge, the method or the account stands after what its owner did."""

    standing: str


def _sandbox(office: Office, call: Call) -> Sandbox:
    if office.sandbox is None or call.tenant.mode != Mode.TEST:
        raise NotFound("sandbox", call.tenant.slug)
    return office.sandbox


async def inbox(office: Office, call: Call, *, address: Word | None = None, limit: Limit = 20) -> Inbox:
    channel = _sandbox(office, call).channel
    return Inbox(await channel.read(call.tenant_id, address=address, limit=limit))


async def tokens(office: Office, call: Call) -> tuple[Token, ...]:
    _sandbox(office, call)
    described = [(token, one.description) for token, one in TOKENS.items()]
    described += [(source, one.description) for source, one in SOURCES.items()]
    described += [(source, one.description) for source, one in OPENINGS.items()]
    return tuple(Token(token, description) for token, description in described)


async def act(office: Office, call: Call, *, payment_id: UUID, data: Any) -> Acted:
    sandbox = _sandbox(office, call)
    order = await sandbox.books.find(payment_id)
    if order is None or order.tenant_id != call.tenant_id or order.kind != Kind.CHARGE:
        raise NotFound("payment", payment_id)
    rail = sandbox.rail
    asked = rail.complete_action if data.outcome == "approved" else rail.fail_action
    return Acted(str((await asked(payment_id)).standing))


async def authorise(office: Office, call: Call, *, payment_method_id: UUID, data: Any) -> Acted:
    sandbox = _sandbox(office, call)
    setup = await sandbox.books.setups.find(payment_method_id)
    if setup is None or setup.tenant_id != call.tenant_id:
        raise NotFound("payment method", payment_method_id)
    report = await sandbox.rail.answer_setup(payment_method_id, agreed=data.outcome == "approved")
    return Acted(str(report.standing))


async def onboard(office: Office, call: Call, *, payout_account_id: UUID, data: Any) -> Acted:
    sandbox = _sandbox(office, call)
    payee = await sandbox.books.payees.find(payout_account_id)
    if payee is None or payee.tenant_id != call.tenant_id:
        raise NotFound("payout account", payout_account_id)
    report = await sandbox.rail.answer_payee(payout_account_id, agreed=data.outcome == "approved")
    return Acted(str(report.standing))


ROUTES: tuple[Route, ...] = (
    QuestionRoute(
        path="/v1/sandbox/inbox",
        ask=inbox,
        answer=Inbox,
        summary="The messages sent, as their receivers see them.",
        public=True,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/sandbox/tokens",
        ask=tokens,
        answer=tuple[Token, ...],
        summary="What payment methods, accounts and sources there are to try, and what each does.",
        public=True,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/sandbox/payments/{payment_id}/action",
        ask=act,
        answer=Acted,
        summary="Do what the payment's next action asks for, as the customer would at the bank.",
        public=True,
        tags=_TAGS,
        body=CompleteAction,
    ),
    QuestionRoute(
        path="/v1/sandbox/payment-methods/{payment_method_id}/action",
        ask=authorise,
        answer=Acted,
        summary="Say yes or no to a payment method that is to be saved, as its payer would at the bank.",
        public=True,
        tags=_TAGS,
        body=CompleteAction,
    ),
    QuestionRoute(
        path="/v1/sandbox/payout-accounts/{payout_account_id}/action",
        ask=onboard,
        answer=Acted,
        summary="Say what is required of an account, or refuse to, as its owner would on the rail's page.",
        public=True,
        tags=_TAGS,
        body=CompleteAction,
    ),
)
