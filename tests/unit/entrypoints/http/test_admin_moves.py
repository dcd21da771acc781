"""Every move that a lifecycle gives to admin has a route, which asks for a reason."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest

from marketplace.core.lifecycles import LIFECYCLES
from marketplace.core.providers.usecases import MoveProvider
from marketplace.core.shared.roles import Role
from marketplace.entrypoints.http.app import ADMIN_ROUTES
from marketplace.entrypoints.http.document import schemas_required
from marketplace.entrypoints.http.routes import CommandRoute, inputs_of

ROUTES = {route.path: route for route in ADMIN_ROUTES if route.verb == "POST"}
BY_NAME = get_args(get_type_hints(MoveProvider)["move"])
# Everybody changes its own name, by the users' own route.
OWN = {("user", "amend")}
# Where the path is not "the kind's plural, its id, the move's name".
ELSEWHERE = {
    ("booking", "refund"): "/bookings/{booking_id}/resolve",
    ("user", "grant"): "/users",
    ("tenant", "amend"): "/tenant/policy",
    ("tenant", "move_clock"): "/tenant/clock",
    ("tenant", "close"): "/tenant/close",
    ("tenant", "reopen"): "/tenant/reopen",
    ("presence", "go_online"): "/units/{unit_id}/online",
    ("presence", "go_offline"): "/units/{unit_id}/offline",
    ("dispatch_job", "wait"): "/bookings/{booking_id}/search-on",
    ("dispatch_offer", "deliver"): "/dispatch/offers/{offer_id}/acknowledge",
    ("dispatch_offer", "see"): "/dispatch/offers/{offer_id}/see",
    ("dispatch_offer", "accept"): "/dispatch/offers/{offer_id}/accept",
    ("dispatch_offer", "decline"): "/dispatch/offers/{offer_id}/decline",
    ("block", "lift"): "/dispatch/blocks/{block_id}/lift",
    ("block", "set_again"): "/dispatch/blocks",
    **{("provider", move): "/providers/{provider_id}/moves" for move in BY_NAME},
}


def admins() -> Iterator[tuple[str, str]]:
    """Kind and name of each move that an admin may ask for."""
    for kind, table in LIFECYCLES.items():
        names = {move.name for move in table.moves if Role.ADMIN in move.by and not move.implied}
        yield from ((kind, name) for name in sorted(names))


def path_of(kind: str, move: str) -> str:
    usual = f"/{kind.replace('_', '-')}s/{{{kind}_id}}"
    if move != "amend":
        usual += "/" + move.replace("_", "-")
    return "/admin/v1" + ELSEWHERE.get((kind, move), usual)


class TestEveryMoveOfAdmin:
    @pytest.mark.parametrize(("kind", "move"), [one for one in admins() if one not in OWN])
    def test_has_a_route(self, kind: str, move: str) -> None:
        assert path_of(kind, move) in ROUTES

    def test_is_one_of_the_tables(self) -> None:
        assert OWN | ELSEWHERE.keys() <= set(admins())


class TestEveryRouteOfAdmin:
    @pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.path)
    def test_asks_for_a_reason(self, route: Any) -> None:
        body = inputs_of(route).body

        assert body is not None
        assert "reason" in schemas_required(body)

    @pytest.mark.parametrize("route", ROUTES.values(), ids=lambda route: route.path)
    def test_is_for_admin_alone(self, route: Any) -> None:
        assert route.roles == {Role.ADMIN}

    def test_makes_moves_or_settles_jobs(self) -> None:
        commands = [route for route in ROUTES.values() if isinstance(route, CommandRoute)]
        others = ROUTES.keys() - {route.path for route in commands}

        assert others == {"/admin/v1/jobs/parked/requeue", "/admin/v1/jobs/parked/discard"}
