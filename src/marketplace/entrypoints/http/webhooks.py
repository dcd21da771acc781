"""What a vendor tells is verified, written down and answered; whom it sends back is told where to look."""

from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.roles import SYSTEM
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.directory import Directory
from marketplace.entrypoints.hooks import Heard, hear
from marketplace.entrypoints.http.document import problems
from marketplace.ports.payments import Tracing
from marketplace.ports.storage import Store
from marketplace.ports.vendors import Vendors

RETURN_PATH = "/payments/return"
RETURNED = "Thank you. What became of your payment stands in the app that you came from."
PATHS = {
    RETURN_PATH: {
        "get": {
            "operationId": "get_payments_return",
            "summary": "Where a customer comes back to from its bank, if the app has no page for that.",
            "description": "What became of the payment is asked of the rail.",
            "tags": ["Operations"],
            "security": [],
            "responses": {
                "200": {
                    "description": "Where to look.",
                    "content": {"text/plain": {"schema": {"type": "string"}, "example": RETURNED}},
                },
                **problems([500, 503]),
            },
        }
    },
    "/hooks/{rail}": {
        "post": {
            "operationId": "post_hooks_by_rail",
            "summary": "Where a payment rail tells of news.",
            "description": "For vendors, who sign what they send; what is told is asked for again.",
            "tags": ["Operations"],
            "security": [],
            "parameters": [
                {
                    "name": "rail",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string"},
                    "example": "sandbox",
                }
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"type": "object"}, "example": {"id": "evt_1"}}},
            },
            "responses": {
                "200": {
                    "description": "Heard; `heard` counts what was new.",
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"heard": {"type": "integer"}},
                                "required": ["heard"],
                            },
                            "example": {"heard": 1},
                        }
                    },
                },
                **problems([400, 403, 404, 413, 500, 503]),
            },
        }
    },
}


def webhook_handler(*, store: Store, directory: Directory, vendors: Vendors) -> HTTPRouteHandler:
    """`store` has connections of its own, so that a busy API loses no webhook."""
    heard = Heard()

    @post(
        "/hooks/{rail:str}",
        name="POST /hooks/{rail}",
        status_code=200,
        opt={"roles": frozenset(), "public": True},
    )
    async def hook(request: Request[Any, Any, Any], rail: FromPath[str]) -> Response[dict[str, int]]:
        if rail not in vendors.rails:
            raise NotFound("rail", rail)
        named, body = vendors.rails[rail], await request.body()
        hints = named.verify_and_parse(headers=request.headers, body=body, now=directory.clock.now())
        if not hints and isinstance(named, Tracing):
            hints = await named.trace(body)

        async def call_for(tenant_id: Any) -> Call:
            return await directory.call(tenant_id, SYSTEM, request.scope["state"]["request_id"])

        new = await hear(hints, rail=rail, call_for=call_for, store=store, heard=heard)
        return Response({"heard": new})

    return hook


def return_handler() -> HTTPRouteHandler:
    public = {"roles": frozenset(), "public": True}

    @get(RETURN_PATH, name=f"GET {RETURN_PATH}", media_type=MediaType.TEXT, opt=public)
    async def returned() -> str:
        return RETURNED

    return returned
