"""Who may come in by which door: every route of both applications, for everybody there is."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from tests.integration.http.objects import (
    DOING,
    a_break,
    a_reversal,
    a_review,
    fresh,
    objects,
    online,
)
from tests.integration.http.sent import BODIES, CANCELLED, SPECIAL, now

COLUMNS = (
    "nobody",
    "foreign customer",
    "foreign provider",
    "foreign admin",
    "other customer",
    "other provider",
    "support",
    "customer",
    "provider",
    "admin",
)
Row = dict[str, int]


def row(*statuses: int) -> Row:
    return dict(zip(COLUMNS, statuses, strict=True))


def anyone(status: int, foreign: int | None = None) -> Row:
    other = status if foreign is None else foreign
    return row(status, other, other, other, status, status, status, status, status, status)


def signed_in(status: int, other: int | None = None) -> Row:
    of_another = status if other is None else other
    return row(
        401,
        *(of_another,) * 5,
        of_another,
        status,
        of_another,
        of_another,
    )


def customer(status: int, other: int = 404) -> Row:
    """`other` is what the customers meet whose object it is not."""
    return row(401, other, 403, 403, other, 403, 403, status, 403, 403)


def provider(status: int, other: int = 404) -> Row:
    return row(401, 403, other, 403, 403, other, 403, 403, status, 403)


def both(first: int, second: int, other: int = 404) -> Row:
    """The customer is first; what the provider meets may be the customer's doing."""
    return row(401, other, other, 403, other, other, 403, first, second, 403)


def desk(status: int, foreign: int = 404) -> Row:
    return row(401, 403, 403, foreign, 403, 403, status, 403, 403, status)


def admin(status: int, foreign: int = 404) -> Row:
    return row(401, 403, 403, foreign, 403, 403, 403, 403, 403, status)


# Each booking that is acted upon is one of its own, paid, and waits for its provider.
TABLE: dict[str, Row] = {
    "GET /livez": anyone(200),
    "GET /payments/return": anyone(200),
    "GET /readyz": anyone(200),
    "GET /metrics": anyone(200),
    "GET /v1/openapi.json": anyone(200),
    "GET /admin/v1/openapi.json": anyone(200),
    "POST /hooks/{rail}": anyone(403),
    "POST /v1/sign-in/codes": anyone(202),
    "POST /v1/sign-in/tokens": anyone(401),
    "POST /v1/sign-in/refresh": anyone(401),
    "POST /v1/sign-in/out": signed_in(200, other=404),
    "POST /v1/me": signed_in(200),
    "GET /v1/me": signed_in(200),
    "GET /v1/services": anyone(200),
    "GET /v1/services/{service_id}": anyone(200, foreign=404),
    "GET /v1/services/{service_id}/slots": anyone(200, foreign=404),
    "POST /v1/services/{service_id}/price": anyone(200, foreign=404),
    "GET /v1/provider/services": provider(200, other=200),
    "POST /v1/services": provider(201, other=404),
    "POST /v1/services/{service_id}": provider(200),
    "POST /v1/services/{service_id}/publish": provider(200),
    "POST /v1/services/{service_id}/withdraw": provider(200),
    "POST /v1/providers": customer(201, other=201),
    "POST /v1/providers/{provider_id}": provider(200),
    "POST /v1/providers/{provider_id}/moves": provider(409),
    "POST /v1/providers/{provider_id}/units": provider(201),
    "POST /v1/units/{unit_id}/retire": provider(200),
    "POST /v1/units/{unit_id}/return": provider(409),
    "GET /v1/providers/{provider_id}": anyone(200, foreign=404),
    "GET /v1/provider": provider(200, other=200),
    "GET /v1/provider/units": provider(200, other=200),
    "GET /v1/provider/presences": provider(200, other=200),
    "GET /v1/provider/units/{unit_id}/chances": provider(200),
    "GET /v1/provider/balance": provider(200, other=200),
    "GET /v1/provider/statement": provider(200, other=200),
    "GET /v1/provider/statement.csv": provider(200, other=200),
    "GET /v1/provider/statement.pdf": provider(200, other=200),
    "GET /v1/provider/earnings": provider(200, other=200),
    "GET /v1/provider/payouts": provider(200, other=200),
    "POST /v1/bookings": row(401, 404, 403, 403, 201, 403, 403, 201, 403, 403),
    "POST /v1/bookings/{booking_id}/retry-payment": customer(409),
    "POST /v1/bookings/{booking_id}/accept": provider(200),
    "POST /v1/bookings/{booking_id}/decline": provider(200),
    "POST /v1/bookings/{booking_id}/set-out": provider(409),
    "POST /v1/bookings/{booking_id}/arrive": provider(409),
    "POST /v1/bookings/{booking_id}/start": provider(409),
    "POST /v1/bookings/{booking_id}/deliver": provider(409),
    "POST /v1/bookings/{booking_id}/hand-back": provider(409),
    "POST /v1/bookings/{booking_id}/approve": customer(409),
    "POST /v1/bookings/{booking_id}/dispute": customer(409),
    "POST /v1/bookings/{booking_id}/cancel": both(200, 409),
    "POST /v1/bookings/{booking_id}/report-no-show": both(409, 409),
    "POST /v1/bookings/{booking_id}/propose-time": both(409, 409),
    "POST /v1/bookings/{booking_id}/decline-time": both(409, 409),
    "POST /v1/bookings/{booking_id}/reschedule": both(409, 409),
    "GET /v1/bookings": both(200, 200, other=200),
    "GET /v1/bookings/{booking_id}": both(200, 200),
    "GET /v1/bookings/{booking_id}/receipt": customer(200),
    "GET /v1/payments/{payment_id}": customer(200),
    "GET /v1/payment-options": anyone(200),
    "POST /v1/payment-methods": customer(201, other=201),
    "GET /v1/payment-methods": customer(200, other=200),
    "GET /v1/payment-methods/{payment_method_id}": customer(200),
    "POST /v1/payment-methods/{payment_method_id}/amend": customer(200),
    "POST /v1/payment-methods/{payment_method_id}/remove": customer(200),
    "POST /v1/providers/{provider_id}/payout-accounts": provider(201),
    "GET /v1/provider/payout-accounts": provider(200, other=200),
    "GET /v1/payout-accounts/{payout_account_id}": provider(200),
    "POST /v1/payout-accounts/{payout_account_id}/link": provider(200),
    "POST /v1/payout-accounts/{payout_account_id}/close": provider(200),
    "POST /v1/bookings/{booking_id}/review": customer(409),
    "POST /v1/reviews/{review_id}/reply": provider(200),
    "GET /v1/reviews": both(200, 200, other=200),
    "GET /v1/providers/{provider_id}/reviews": anyone(200, foreign=404),
    "POST /v1/call-outs": customer(201, other=201) | {"foreign customer": 404},
    "POST /v1/bookings/{booking_id}/search-on": customer(404),
    "GET /v1/bookings/{booking_id}/search": customer(404),
    "GET /v1/bookings/{booking_id}/way": both(404, 404),
    "POST /v1/units/{unit_id}/online": provider(200),
    "POST /v1/units/{unit_id}/offline": provider(200),
    "POST /v1/units/{unit_id}/amend": provider(200),
    "POST /v1/units/{unit_id}/positions": provider(202),
    "GET /v1/offers": provider(200, other=200),
    "GET /v1/offers/{offer_id}": provider(200),
    "POST /v1/offers/{offer_id}/acknowledge": provider(200),
    "POST /v1/offers/{offer_id}/see": provider(200),
    "POST /v1/offers/{offer_id}/accept": provider(409),
    "POST /v1/offers/{offer_id}/decline": provider(200),
    "POST /v1/blocks": both(200, 200, other=200)
    | dict.fromkeys(("foreign customer", "foreign provider", "other provider"), 404),
    "POST /v1/blocks/{block_id}/lift": both(200, 404),
    "GET /v1/blocks": both(200, 200, other=200),
    # Who may listen is told that it cannot resume from there.
    "GET /v1/events": both(400, 400, other=400),
    "GET /v1/sandbox/inbox": anyone(200),
    "GET /v1/sandbox/tokens": anyone(200),
    "POST /v1/sandbox/payments/{payment_id}/action": anyone(200, foreign=404),
    "POST /v1/sandbox/payment-methods/{payment_method_id}/action": anyone(200, foreign=404),
    "POST /v1/sandbox/payout-accounts/{payout_account_id}/action": anyone(200, foreign=404),
    "GET /admin/v1/bookings": desk(200, foreign=200),
    "GET /admin/v1/bookings/{key}": desk(200),
    "GET /admin/v1/bookings/{booking_id}/movements": desk(200),
    "POST /admin/v1/bookings/{booking_id}/retry-payment": admin(409),
    "POST /admin/v1/bookings/{booking_id}/accept": admin(200),
    "POST /admin/v1/bookings/{booking_id}/decline": admin(200),
    "POST /admin/v1/bookings/{booking_id}/assign": admin(409),
    "POST /admin/v1/bookings/{booking_id}/set-out": admin(409),
    "POST /admin/v1/bookings/{booking_id}/arrive": admin(409),
    "POST /admin/v1/bookings/{booking_id}/start": admin(409),
    "POST /admin/v1/bookings/{booking_id}/deliver": admin(409),
    "POST /admin/v1/bookings/{booking_id}/approve": admin(409),
    "POST /admin/v1/bookings/{booking_id}/cancel": admin(200),
    "POST /admin/v1/bookings/{booking_id}/report-no-show": admin(409),
    "POST /admin/v1/bookings/{booking_id}/hand-back": admin(409),
    "POST /admin/v1/bookings/{booking_id}/reschedule": admin(409),
    "POST /admin/v1/bookings/{booking_id}/dispute": admin(409),
    "POST /admin/v1/bookings/{booking_id}/resolve": admin(409),
    "GET /admin/v1/payments": desk(200, foreign=200),
    "GET /admin/v1/payments/{key}": desk(200),
    "POST /admin/v1/payments/{payment_id}/look-up": admin(200),
    "POST /admin/v1/payments/{payment_id}/submit-evidence": admin(409),
    "GET /admin/v1/payout-accounts": desk(200, foreign=200),
    "GET /admin/v1/payout-accounts/{key}": desk(200),
    "POST /admin/v1/providers/{provider_id}/payout-accounts": admin(201),
    "POST /admin/v1/payout-accounts/{payout_account_id}/look-up": admin(200),
    "POST /admin/v1/payout-accounts/{payout_account_id}/close": admin(200),
    "GET /admin/v1/rails": desk(200, foreign=200),
    "GET /admin/v1/payment-methods": desk(200, foreign=200),
    "GET /admin/v1/payment-methods/{key}": desk(200),
    "POST /admin/v1/payment-methods/{payment_method_id}/look-up": admin(200),
    "POST /admin/v1/payment-methods/{payment_method_id}/remove": admin(200),
    "GET /admin/v1/refunds": desk(200, foreign=200),
    "GET /admin/v1/refunds/{key}": desk(200),
    "POST /admin/v1/refunds/{refund_id}/look-up": admin(409),
    "POST /admin/v1/refunds/{refund_id}/retry": admin(200),
    "POST /admin/v1/refunds/{refund_id}/pay-by-hand": admin(409),
    "GET /admin/v1/payouts": desk(200, foreign=200),
    "GET /admin/v1/payouts/{key}": desk(200),
    "POST /admin/v1/payouts/{payout_id}/approve": admin(409),
    "POST /admin/v1/payouts/{payout_id}/hold": admin(409),
    "POST /admin/v1/payouts/{payout_id}/resume": admin(409),
    "POST /admin/v1/payouts/{payout_id}/retry": admin(409),
    "POST /admin/v1/payouts/{payout_id}/look-up": admin(200),
    "GET /admin/v1/payout-reversals": desk(200, foreign=200),
    "GET /admin/v1/payout-reversals/{key}": desk(200),
    "POST /admin/v1/payout-reversals/{payout_reversal_id}/look-up": admin(200),
    "GET /admin/v1/settlements": desk(200, foreign=200),
    "GET /admin/v1/settlements/{key}": desk(200),
    "POST /admin/v1/settlements/{settlement_id}/recheck": admin(200),
    "POST /admin/v1/settlements/{settlement_id}/resolve": admin(200),
    "POST /admin/v1/settlements/import": admin(200, foreign=200),
    "GET /admin/v1/reconciliation": desk(200, foreign=200),
    "GET /admin/v1/providers/{provider_id}/statement": desk(200),
    "GET /admin/v1/providers/{provider_id}/statement.csv": desk(200),
    "GET /admin/v1/providers/{provider_id}/statement.pdf": desk(200),
    "GET /admin/v1/payout-runs/{key}": desk(200),
    "POST /admin/v1/payout-runs": admin(202, foreign=202),
    "GET /admin/v1/ledger/accounts": desk(200, foreign=200),
    "GET /admin/v1/users": desk(200, foreign=200),
    "GET /admin/v1/users/{key}": desk(200),
    "POST /admin/v1/users": admin(200, foreign=200),
    "POST /admin/v1/users/{user_id}/block": admin(200),
    "POST /admin/v1/users/{user_id}/unblock": admin(409),
    "GET /admin/v1/providers": desk(200, foreign=200),
    "GET /admin/v1/providers/{key}": desk(200),
    "POST /admin/v1/providers/{provider_id}/moves": admin(409),
    "POST /admin/v1/services": admin(201),
    "POST /admin/v1/services/{service_id}": admin(200),
    "POST /admin/v1/services/{service_id}/publish": admin(200),
    "POST /admin/v1/services/{service_id}/withdraw": admin(200),
    "GET /admin/v1/memberships": desk(200, foreign=200),
    "GET /admin/v1/memberships/{key}": desk(200),
    "POST /admin/v1/memberships": admin(409),
    "POST /admin/v1/memberships/{membership_id}/renew": admin(200),
    "POST /admin/v1/memberships/{membership_id}/end": admin(200),
    "GET /admin/v1/sessions": desk(200, foreign=200),
    "GET /admin/v1/sessions/{key}": desk(200),
    "POST /admin/v1/sessions/{session_id}/revoke": admin(200),
    "GET /admin/v1/messages": desk(200, foreign=200),
    "GET /admin/v1/messages/{key}": desk(200),
    "GET /admin/v1/units": desk(200, foreign=200),
    "GET /admin/v1/units/{key}": desk(200),
    "POST /admin/v1/providers/{provider_id}": admin(200),
    "POST /admin/v1/providers/{provider_id}/units": admin(201),
    "POST /admin/v1/units/{unit_id}/retire": admin(200),
    "POST /admin/v1/units/{unit_id}/return": admin(409),
    "GET /admin/v1/reservations": desk(200, foreign=200),
    "GET /admin/v1/reservations/{key}": desk(200),
    "GET /admin/v1/services": desk(200, foreign=200),
    "GET /admin/v1/services/{key}": desk(200),
    "GET /admin/v1/earnings": desk(200, foreign=200),
    "GET /admin/v1/earnings/{key}": desk(200),
    "GET /admin/v1/vendor-events": desk(200, foreign=200),
    "GET /admin/v1/vendor-events/{key}": desk(200),
    "GET /admin/v1/payout-runs": desk(200, foreign=200),
    "GET /admin/v1/ledger/movements": desk(200, foreign=200),
    "GET /admin/v1/bookings/{booking_id}/way": desk(404),
    "POST /admin/v1/bookings/{booking_id}/search-on": admin(404),
    "POST /admin/v1/units/{unit_id}": admin(200),
    "POST /admin/v1/units/{unit_id}/online": admin(200),
    "POST /admin/v1/units/{unit_id}/offline": admin(200),
    "GET /admin/v1/dispatch/presences": desk(200, foreign=200),
    "GET /admin/v1/dispatch/presences/{key}": desk(200),
    "GET /admin/v1/dispatch/jobs": desk(200, foreign=200),
    "GET /admin/v1/dispatch/jobs/{key}": desk(200),
    "GET /admin/v1/dispatch/jobs/{job_id}/decisions": desk(200),
    "GET /admin/v1/dispatch/jobs/{job_id}/why-not": desk(200),
    "GET /admin/v1/dispatch/offers": desk(200, foreign=200),
    "GET /admin/v1/dispatch/offers/{key}": desk(200),
    "POST /admin/v1/dispatch/offers/{offer_id}/acknowledge": admin(200),
    "POST /admin/v1/dispatch/offers/{offer_id}/see": admin(200),
    "POST /admin/v1/dispatch/offers/{offer_id}/accept": admin(409),
    "POST /admin/v1/dispatch/offers/{offer_id}/decline": admin(200),
    "GET /admin/v1/dispatch/blocks": desk(200, foreign=200),
    "GET /admin/v1/dispatch/blocks/{key}": desk(200),
    "POST /admin/v1/dispatch/blocks": admin(200),
    "POST /admin/v1/dispatch/blocks/{block_id}/lift": admin(200),
    "GET /admin/v1/reviews": desk(200, foreign=200),
    "GET /admin/v1/reviews/{key}": desk(200),
    "POST /admin/v1/reviews/{review_id}/hide": admin(200),
    "POST /admin/v1/reviews/{review_id}/restore": admin(409),
    "GET /admin/v1/trail": desk(200, foreign=200),
    "GET /admin/v1/events": desk(400, foreign=400),
    "GET /admin/v1/jobs/parked": desk(200, foreign=200),
    "POST /admin/v1/jobs/parked/requeue": admin(200, foreign=200),
    "POST /admin/v1/jobs/parked/discard": admin(200, foreign=200),
    "GET /admin/v1/tenant": desk(200, foreign=200),
    "POST /admin/v1/tenant/policy": admin(200, foreign=200),
    "POST /admin/v1/tenant/close": admin(200, foreign=200),
    "POST /admin/v1/tenant/reopen": admin(200, foreign=200),
    "POST /admin/v1/tenant/clock": admin(200, foreign=200),
}


@dataclass
class World:
    """Two marketplaces, everybody in them, and one object of each kind in the first."""

    shop: Any
    people: dict[str, Any]
    paths: dict[str, str]
    policy: Any
    starts: Iterator[str]
    numbers: Iterator[int]

    @property
    def phone(self) -> str:
        return f"+2760000{next(self.numbers)}"

    def path(self, route: str, booking_id: str) -> str:
        """The row's own objects where its name or its end says so, else those of the world."""
        known = self.paths | {"booking_id": booking_id, "key": self.key(route)}
        found = {"rail": "sandbox", **known, **SPECIAL.get(route.partition(" ")[2], lambda _: {})(self)}
        return re.sub(r"{(\w+)}", lambda m: found[m[1]], route.partition(" ")[2])

    def key(self, route: str) -> str:
        plural = route.removesuffix("/{key}").rpartition("/")[2]
        return self.paths.get(plural.removesuffix("s").replace("-", "_") + "_id", "")


def body_of(route: str, world: World) -> dict[str, Any]:
    """By the whole path, else by its last word, else with a reason alone."""
    path = route.partition(" ")[2]
    last = "/" + path.rpartition("/")[2]
    made = BODIES.get(path) or BODIES.get(last) or (lambda _: DOING)
    return made(world)


QUESTIONS: dict[str, Callable[[World], dict[str, str]]] = {
    "GET /admin/v1/dispatch/jobs/{job_id}/why-not": lambda w: {"unit_id": w.paths["van_id"]},
    "GET /v1/services/{service_id}/slots": lambda _: {"from": now(), "until": _later()},
    "GET /admin/v1/reconciliation": lambda _: {"rail": "sandbox", "from": now(), "until": _later()},
    "GET /v1/provider/statement": lambda _: {"from": "2026-01-01T00:00:00Z", "until": _later()},
    "GET /v1/provider/statement.csv": lambda _: {"month": "2026-11"},
    "GET /v1/provider/statement.pdf": lambda _: {"month": "2026-11"},
    "GET /admin/v1/providers/{provider_id}/statement": lambda _: {"month": "2026-11"},
    "GET /admin/v1/providers/{provider_id}/statement.csv": lambda _: {"month": "2026-11"},
    "GET /admin/v1/providers/{provider_id}/statement.pdf": lambda _: {"month": "2026-11"},
}


def _later() -> str:
    return (datetime.now(UTC) + timedelta(days=3)).isoformat()


_TYPED = re.compile(r":\w+}")


def routes_of(app: Any) -> set[str]:
    return {
        f"{method} {_TYPED.sub('}', path)}"
        for route in app.routes
        for handler in route.route_handlers
        for path in handler.paths
        for method in handler.http_methods
        if method != "OPTIONS"
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(market: Any) -> World:
    shop, foreign = await market.open(), await market.open()
    booking = await shop.confirmed(payment_method="tok_refund_fails_once")
    paid = await shop.released(provider=2)
    await (await shop.admin()).do("/admin/v1/payout-runs", run_id=(run_id := fresh()), **DOING)
    cancelled = await shop.confirmed(by=1, payment_method="tok_refund_fails_once")
    customers = await shop.customer(1)
    await customers.do(f"/v1/bookings/{cancelled['id']}/cancel", **CANCELLED)
    await market.drain()
    return World(
        shop=shop,
        people=await everybody(shop, foreign),
        paths=await objects(shop)
        | {"booking_id": booking["id"], "settlement_id": await a_break(shop), "payout_run_id": run_id}
        | {"payout_reversal_id": await a_reversal(shop)}
        | {"payment_id": paid["payment_id"], "starts_at": paid["starts_at"]}
        | {"review_id": await a_review(shop), "other_review_id": await a_review(shop)}
        | await online(shop)
        | await shop.offered(booking["id"]),
        policy=(await (await shop.admin()).read("/admin/v1/tenant"))["policy"],
        starts=iter([slot["start"] for slot in await shop.slots(days=28, skip=2)][::9]),
        numbers=count(1000),
    )


async def everybody(shop: Any, foreign: Any) -> dict[str, Any]:
    return {
        "nobody": shop.nobody,
        "foreign customer": await foreign.customer(),
        "foreign provider": await foreign.provider(),
        "foreign admin": await foreign.admin(),
        "other customer": await shop.customer(1),
        "other provider": await shop.provider(1),
        "support": await shop.support(),
        "customer": await shop.customer(),
        "provider": await shop.provider(),
        "admin": await shop.admin(),
    }


class TestRoutes:
    async def test_have_each_an_entry_and_the_other_way_round(self, market: Any) -> None:
        front = market.front

        assert routes_of(front._users) | routes_of(front._admin) == TABLE.keys()


class TestEverybody:
    @pytest.mark.parametrize("route", TABLE)
    async def test_meets_what_the_table_says(self, world: World, route: str) -> None:
        booking_id = await a_booking(world, route)
        if route.startswith("POST") and "{offer_id}" in route:
            world.paths |= await world.shop.offered(booking_id)
        if route.endswith("/units/{unit_id}/retire"):
            world.paths |= await an_idle_unit(world)
        if route.endswith("/tenant/reopen"):
            await each_tenant(world, "close")

        met = {column: await status(world, route, column, booking_id) for column in COLUMNS}
        if route.endswith("/tenant/close"):
            await each_tenant(world, "reopen")

        assert met == TABLE[route]


async def an_idle_unit(world: World) -> dict[str, str]:
    """Of those that stand some have been booked by the rows before."""
    path, key = f"/v1/providers/{world.paths['provider_id']}/units", fresh()
    await world.people["provider"].do(path, unit_id=key, name="Crew")
    return {"idle_id": key}


async def each_tenant(world: World, move: str) -> None:
    """Rows are met in any order, and by several workers: each leaves the marketplaces open."""
    for admin in ("admin", "foreign admin"):
        await world.people[admin].do(f"/admin/v1/tenant/{move}", **DOING)


async def a_booking(world: World, route: str) -> str:
    """A paid one for each row that may change it."""
    if not route.startswith("POST") or "{booking_id}" not in route:
        return world.paths["booking_id"]
    found: str = (await world.shop.booked(at=next(world.starts)))["id"]
    return found


async def status(world: World, route: str, column: str, booking_id: str) -> int:
    person, path = world.people[column], world.path(route, booking_id)
    if route.startswith("GET"):
        asked = QUESTIONS.get(route, lambda _: {})(world)
        response = await person.get(path, headers={"last-event-id": "none of ours"}, **asked)
    else:
        response = await person.post(path, **body_of(route, world))
    found: int = response.status_code
    return found
