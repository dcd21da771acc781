"""Customers save a card or a mandate, see what is still to be done for it, change it and remove it."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.listings import PAYMENT_METHODS
from marketplace.core.payments import saving
from marketplace.core.payments.method import PaymentMethod
from marketplace.core.shared.errors import Invalid, NotFound
from marketplace.core.shared.methods import MethodKind
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.money_representations import PaymentMethodView
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.routes import CUSTOMER, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.views import view_of
from marketplace.ports.storage import One

_TAGS = ("Payment methods",)
_ONE = "/v1/payment-methods/{payment_method_id}"


class PaymentOption(msgspec.Struct, frozen=True):
    """
    A kind of method, and by whose form a customer gives one.

    `rail` takes it for a booking at once, `saving_rail` keeps it for later; null where that is not done. With
    `is_down` the rail fails just now and nothing stands in for it: what is booked may have to wait for it.
    """

    kind: MethodKind
    rail: str | None
    saving_rail: str | None
    is_down: bool


async def options(office: Office, call: Call) -> tuple[PaymentOption, ...]:
    """A debit order pays by its mandate, so it is saved first."""
    payment = call.policy.payment
    found = []
    for kind in MethodKind:
        saving_rail = payment.collecting_rail(kind)
        saves = kind in office.vendors.rail(saving_rail).capabilities.saves
        rail = payment.card_rail(down=call.rails_down) if kind == MethodKind.CARD else None
        if saves or rail is not None:
            is_down = (rail or saving_rail) in call.rails_down
            found.append(PaymentOption(kind, rail, saving_rail if saves else None, is_down))
    return tuple(found)


async def method(office: Office, call: Call, *, payment_method_id: UUID) -> PaymentMethodView:
    (found,) = await office.store.read(call.tenant_id, [One(PaymentMethod, payment_method_id)])
    if not found or not saving.sees(found[0], call):
        raise NotFound("payment method", payment_method_id)
    view: PaymentMethodView = view_of(found[0], call)
    return view


def known_source(office: Office, command: Any, call: Call) -> Any:
    """Raises Invalid for a kind that the rail does not keep, and for what it would refuse anyway."""
    rail = office.vendors.rail(call.policy.payment.collecting_rail(command.kind))
    if command.kind not in rail.capabilities.saves:
        allowed = ", ".join(sorted(rail.capabilities.saves)) or "none"
        raise Invalid("kind", f"{command.kind} is nothing that can be saved here", allowed)
    if command.source is not None:
        office.vendors.saving_rail(rail.name).check_source(command.source, field="source")
    return command


def _own(call: Call) -> dict[str, Any]:
    return {"customer_id": call.actor.user_id}


def _route(path: str, command: type, status: int = 200) -> CommandRoute:
    return CommandRoute(
        path=path,
        command=command,
        answer=PaymentMethodView,
        view=view_of,
        roles=CUSTOMER,
        status=status,
        tags=_TAGS,
    )


ROUTES: tuple[Route, ...] = (
    QuestionRoute(
        path="/v1/payment-options",
        ask=options,
        answer=tuple[PaymentOption, ...],
        summary="By what a customer can pay just now, and whose form to show for it.",
        public=True,
        tags=_TAGS,
    ),
    replace(_route("/v1/payment-methods", saving.SaveMethod, status=201), prepare=known_source),
    _route(f"{_ONE}/amend", saving.AmendMandate),
    _route(f"{_ONE}/remove", saving.RemoveMethod),
    list_row(
        "/v1/payment-methods",
        PAYMENT_METHODS,
        "state",
        own=_own,
        summary="The cards and mandates that you have saved, the latest first.",
        roles=CUSTOMER,
        tags=_TAGS,
    ),
    QuestionRoute(
        path=_ONE,
        ask=method,
        answer=PaymentMethodView,
        summary="One of your payment methods, and what is still to be done for it.",
        roles=CUSTOMER,
        tags=_TAGS,
    ),
)
