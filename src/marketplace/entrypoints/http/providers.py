"""A provider's own affairs: profile, hours, units, what it earned and what it was paid."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from marketplace.adapters.postgres import money
from marketplace.adapters.postgres.listings import EARNINGS, PAYOUTS, UNITS
from marketplace.core.providers import usecases as providers
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http import statements
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.representations import ProviderView, SkilledUnitView, UnitView
from marketplace.entrypoints.http.routes import CUSTOMER, PROVIDER, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.statements import own
from marketplace.entrypoints.http.views import view_of
from marketplace.ports.storage import One

_TAGS = ("Providers",)
_MONEY = ("Earnings and payouts",)


async def provider(office: Office, call: Call, *, provider_id: UUID) -> ProviderView:
    (found,) = await office.store.read(call.tenant_id, [One(Provider, provider_id)])
    if not found:
        raise NotFound("provider", provider_id)
    view: ProviderView = view_of(found[0], call)
    return view


async def own_provider(office: Office, call: Call) -> ProviderView:
    return await provider(office, call, provider_id=own(call))


async def balance(office: Office, call: Call) -> money.ProviderBalance:
    return await money.provider_balance(
        office.reads, call.tenant_id, provider_id=own(call), currency=call.policy.currency, at=call.at
    )


def _owned(call: Call) -> dict[str, UUID]:
    return {"provider_id": own(call)}


def known_payee(office: Office, command: Any, call: Call) -> Any:
    """Raises Invalid for an account that the rail could never pay."""
    if command.payee is not None:
        office.vendors.rail(call.policy.payment.paying_rail).check_payee(command.payee, field="payee")
    return command


def _route(
    path: str, command: type, answer: type, *, status: int = 200, roles: frozenset[Role] = PROVIDER
) -> CommandRoute:
    return CommandRoute(
        path=path, command=command, answer=answer, view=view_of, roles=roles, status=status, tags=_TAGS
    )


ROUTES: tuple[Route, ...] = (
    _route("/v1/providers", providers.ApplyAsProvider, ProviderView, status=201, roles=CUSTOMER),
    replace(
        _route("/v1/providers/{provider_id}", providers.AmendProvider, ProviderView), prepare=known_payee
    ),
    _route("/v1/providers/{provider_id}/moves", providers.MoveProvider, ProviderView),
    _route("/v1/providers/{provider_id}/units", providers.AddUnit, SkilledUnitView, status=201),
    _route("/v1/units/{unit_id}/retire", providers.RetireUnit, UnitView),
    _route("/v1/units/{unit_id}/return", providers.ReturnUnit, UnitView),
    QuestionRoute(
        path="/v1/providers/{provider_id}",
        ask=provider,
        answer=ProviderView,
        summary="A provider as strangers see it.",
        public=True,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/provider",
        ask=own_provider,
        answer=ProviderView,
        summary="The provider that you act for.",
        roles=PROVIDER,
        tags=_TAGS,
    ),
    list_row(
        "/v1/provider/units",
        UNITS,
        own=_owned,
        summary="Your units of capacity.",
        roles=PROVIDER,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/provider/balance",
        ask=balance,
        answer=money.ProviderBalance,
        summary="What you may draw now, later, and what is on its way.",
        roles=PROVIDER,
        tags=_MONEY,
    ),
    *statements.OWN,
    list_row(
        "/v1/provider/earnings",
        EARNINGS,
        "state",
        own=_owned,
        summary="What you earned, job by job.",
        roles=PROVIDER,
        tags=_MONEY,
    ),
    list_row(
        "/v1/provider/payouts",
        PAYOUTS,
        "state",
        own=_owned,
        summary="What was sent to your account.",
        roles=PROVIDER,
        tags=_MONEY,
    ),
)
