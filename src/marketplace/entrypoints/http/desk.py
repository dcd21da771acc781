"""What the routes of the platform's own people have in common: where they stand, who may, what is read."""

from typing import Any
from uuid import UUID

from marketplace.adapters.postgres.reads import Listing
from marketplace.core.shared.errors import NotFound
from marketplace.core.shared.rules import noun_of
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.lists import list_row
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.routes import ADMIN, DESK, CommandRoute, QuestionRoute, Route
from marketplace.entrypoints.http.views import view_of, view_type
from marketplace.ports.storage import One

ROOT = "/admin/v1"


def read_one(kind: type) -> Any:
    async def read(office: Office, call: Call, *, key: UUID) -> Any:
        (found,) = await office.store.read(call.tenant_id, [One(kind, key)])
        if not found:
            raise NotFound(noun_of(kind), key)
        return view_of(found[0], call)

    return read


def command_row(path: str, command: type, kind: type, tag: str, **facts: Any) -> CommandRoute:
    """Admin acts with a reason, whoever else may do the same without."""
    return CommandRoute(
        path=ROOT + path,
        command=command,
        answer=view_type(kind),
        view=view_of,
        roles=ADMIN,
        tags=(tag,),
        needed=frozenset({"reason"}),
        **facts,
    )


def question_row(path: str, ask: Any, answer: Any, summary: str, tag: str) -> QuestionRoute:
    return QuestionRoute(path=ROOT + path, ask=ask, answer=answer, summary=summary, roles=DESK, tags=(tag,))


def finding_rows(name: str, listing: Listing, filters: str, summary: str, tag: str) -> tuple[Route, Route]:
    """A list, and one of what it lists."""
    listed = listing_row(f"/{name}", listing, filters, summary, tag)
    return listed, reading_row(f"/{name}/{{key}}", listing.kind, tag)


def listing_row(path: str, listing: Listing, filters: str, summary: str, tag: str) -> QuestionRoute:
    return list_row(ROOT + path, listing, filters, summary=summary, roles=DESK, tags=(tag,))


def reading_row(path: str, kind: type, tag: str) -> QuestionRoute:
    return question_row(path, read_one(kind), view_type(kind), f"One {noun_of(kind)}.", tag)
