"""The two applications and their documents: users' under /v1, the platform's people under /admin/v1."""

from collections.abc import Sequence

from litestar import Litestar, Response, get
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from marketplace.entrypoints.http import (
    admin,
    bookings,
    callouts,
    catalogue,
    chances,
    methods,
    operators,
    payout_accounts,
    providers,
    reviews,
    sandbox,
    signin,
    stream,
    watch,
    webhooks,
)
from marketplace.entrypoints.http.document import document
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.problems import respond
from marketplace.entrypoints.http.routes import ANYONE, Route, handlers

VERSION = "0.1.0"
USER_ROUTES: tuple[Route, ...] = (
    *signin.ROUTES,
    *catalogue.ROUTES,
    *providers.ROUTES,
    *bookings.ROUTES,
    *methods.ROUTES,
    *payout_accounts.ROUTES,
    *reviews.ROUTES,
    *callouts.ROUTES,
    *operators.ROUTES,
    *chances.ROUTES,
)
ADMIN_ROUTES: tuple[Route, ...] = admin.ROUTES


_DOCUMENT = {"roles": ANYONE, "public": True}


def users_app(
    office: Office,
    extra: Sequence[HTTPRouteHandler] = (),
    *,
    body_bytes_max: int,
) -> Litestar:
    """`extra` are handlers that are no rows."""
    routes = USER_ROUTES if office.sandbox is None else (*USER_ROUTES, *sandbox.ROUTES)
    text = document(
        title="Marketplace",
        description="For customers and providers.",
        version=VERSION,
        routes=routes,
        more={**stream.PATHS, **watch.PATHS, **webhooks.PATHS},
    )
    return _app([*handlers(routes, office), *extra, _served("/v1/openapi.json", text)], body_bytes_max)


def admin_app(
    office: Office,
    extra: Sequence[HTTPRouteHandler] = (),
    *,
    body_bytes_max: int,
) -> Litestar:
    text = document(
        title="Marketplace admin",
        description="For the platform's own people.",
        version=VERSION,
        routes=ADMIN_ROUTES,
        more=stream.DESK_PATHS,
    )
    return _app(
        [*handlers(ADMIN_ROUTES, office), *extra, _served("/admin/v1/openapi.json", text)], body_bytes_max
    )


def _served(path: str, text: bytes) -> HTTPRouteHandler:
    @get(path, name=f"GET {path}", opt=_DOCUMENT)
    async def openapi() -> Response[bytes]:
        return Response(content=text, media_type="application/json")

    return openapi


def _app(made: list[HTTPRouteHandler], body_bytes_max: int) -> Litestar:
    return Litestar(
        route_handlers=made,
        openapi_config=None,
        exception_handlers={Exception: respond, HTTPException: respond},
        request_max_body_size=body_bytes_max,
        logging_config=None,
    )
