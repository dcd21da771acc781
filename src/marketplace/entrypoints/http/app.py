"""The two applications and their documents: users' under /v1, the platform's people under /admin/v1."""

from collections.abc import Sequence
from typing import Any

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from marketplace.entrypoints.http import admin, bookings, catalogue, providers, sandbox, signin
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.problems import respond
from marketplace.entrypoints.http.routes import Route, handlers

VERSION = "0.1.0"
USER_ROUTES: tuple[Route, ...] = (
    *signin.ROUTES,
    *catalogue.ROUTES,
    *providers.ROUTES,
    *bookings.ROUTES,
)
ADMIN_ROUTES: tuple[Route, ...] = admin.ROUTES


def users_app(
    office: Office, extra: Sequence[HTTPRouteHandler] = (), *, body_bytes_max: int, **lifespan: Any
) -> Litestar:
    document = _document("Marketplace", "/v1", "For customers and providers.")
    routes = USER_ROUTES if office.sandbox is None else (*USER_ROUTES, *sandbox.ROUTES)
    made = [*handlers(routes, office), *extra]
    return _app(made, document, body_bytes_max, **lifespan)


def admin_app(office: Office, *, body_bytes_max: int) -> Litestar:
    document = _document("Marketplace admin", "/admin/v1", "For the platform's own people.")
    return _app(handlers(ADMIN_ROUTES, office), document, body_bytes_max)


def _app(
    made: list[HTTPRouteHandler], document: OpenAPIConfig, body_bytes_max: int, **lifespan: Any
) -> Litestar:
    return Litestar(
        route_handlers=made,
        openapi_config=document,
        exception_handlers={Exception: respond, HTTPException: respond},
        request_max_body_size=body_bytes_max,
        logging_config=None,
        **lifespan,
    )


def _document(title: str, path: str, description: str) -> OpenAPIConfig:
    bearer = SecurityScheme(type="http", scheme="bearer", description="The access token of a sign-in.")
    return OpenAPIConfig(
        title=title,
        version=VERSION,
        description=description,
        path=path,
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes={"bearer": bearer}),
        use_handler_docstrings=False,
    )
