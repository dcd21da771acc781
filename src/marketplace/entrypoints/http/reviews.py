"""Customers review what was done for them, providers answer, and everybody may read what is shown."""

from typing import Any
from uuid import UUID

from marketplace.adapters.postgres.listings import REVIEWS
from marketplace.core.reviews import usecases as reviews
from marketplace.core.reviews.review import Review, State
from marketplace.core.shared.errors import NotAllowed
from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import After, Limit, PageOf, page_of, page_view
from marketplace.entrypoints.http.providers import provider
from marketplace.entrypoints.http.representations import ReviewView
from marketplace.entrypoints.http.routes import (
    BOTH,
    CUSTOMER,
    PROVIDER,
    CommandRoute,
    QuestionRoute,
    Route,
)
from marketplace.entrypoints.http.views import view_of

_TAGS = ("Reviews",)


async def shown(
    office: Office, call: Call, *, provider_id: UUID, limit: Limit = 20, after: After | None = None
) -> PageOf[Any]:
    """Raises NotFound for a provider that is not there."""
    await provider(office, call, provider_id=provider_id)
    which: dict[str, Any] = {"provider_id": provider_id, "state": State.PUBLISHED}
    page = await office.reads.page(call.tenant_id, REVIEWS, limit=limit, after=after, **which)
    return page_view(page, call)


def _own(call: Call) -> dict[str, Any]:
    """Those that somebody gave, or got; hidden ones too, so that it knows."""
    if call.actor.role != Role.PROVIDER:
        return {"customer_id": call.actor.user_id}
    if call.actor.provider_id is None:
        raise NotAllowed("you act for no provider")
    return {"provider_id": call.actor.provider_id}


def _route(path: str, command: type, roles: frozenset[Role], status: int = 200) -> CommandRoute:
    return CommandRoute(
        path=path, command=command, answer=ReviewView, view=view_of, roles=roles, status=status, tags=_TAGS
    )


ROUTES: tuple[Route, ...] = (
    _route("/v1/bookings/{booking_id}/review", reviews.ReviewBooking, CUSTOMER, status=201),
    _route("/v1/reviews/{review_id}/reply", reviews.ReplyToReview, PROVIDER),
    list_row(
        "/v1/reviews",
        REVIEWS,
        "state",
        own=_own,
        summary="The reviews that you gave, or got, the latest first.",
        roles=BOTH,
        tags=_TAGS,
    ),
    QuestionRoute(
        path="/v1/providers/{provider_id}/reviews",
        ask=shown,
        answer=page_of(Review),
        summary="What customers say of a provider, the latest first.",
        public=True,
        tags=_TAGS,
    ),
)
