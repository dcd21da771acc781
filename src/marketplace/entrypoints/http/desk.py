"""What the routes of the platform's own people have in common: where they stand, who may, what is read."""

from typing import Any
from uuid import UUID

from marketplace.adapters.postgres.reads import Listing
from marketplace.core.shared.errors import NotFound
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import PageOf, page_view
from marketplace.entrypoints.http.routes import ADMIN, DESK, CommandRoute, QuestionRoute
from marketplace.entrypoints.http.views import view_of, view_type
from marketplace.ports.storage import One

ROOT = "/admin/v1"


def read_one(kind: type) -> Any:
    async def read(office: Office, call: Call, *, key: UUID) -> Any:
        (found,) = await office.store.read(call.tenant_id, [One(kind, key)])
        if not found:
            raise NotFound(kind.__name__.lower(), key)
        return view_of(found[0], call)

    return read


async def list_page(office: Office, call: Call, listing: Listing, **asked: Any) -> PageOf[Any]:
    """`asked` are the page's limit and cursor, and the filters."""
    return page_view(await office.reads.page(call.tenant_id, listing, **asked), call)


def command_row(path: str, command: type, kind: type, tag: str, **facts: Any) -> CommandRoute:
    return CommandRoute(
        path=ROOT + path,
        command=command,
        answer=view_type(kind),
        view=view_of,
        roles=ADMIN,
        tags=(tag,),
        **facts,
    )


def question_row(path: str, ask: Any, answer: Any, summary: str, tag: str) -> QuestionRoute:
    return QuestionRoute(path=ROOT + path, ask=ask, answer=answer, summary=summary, roles=DESK, tags=(tag,))


def reading_row(path: str, kind: type, tag: str) -> QuestionRoute:
    return question_row(path, read_one(kind), view_type(kind), f"One {kind.__name__.lower()}.", tag)
