"""A list is a row of data: where it stands, what it lists, by which filters, and whose rows it keeps to."""

from collections.abc import Callable, Mapping
from dataclasses import field, make_dataclass
from typing import Any

from marketplace.adapters.postgres.reads import Listing
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.pages import After, Limit, PageOf, page_of, page_view
from marketplace.entrypoints.http.routes import QuestionRoute

LIMIT = 20
Own = Callable[[Call], Mapping[str, Any]]


def list_row(
    path: str, listing: Listing, filters: str = "", *, own: Own | None = None, **facts: Any
) -> QuestionRoute:
    """
    A route that answers a page at a time; `facts` are the route's own.

    `filters` are the names of those that the caller may use, `own` are those that are not for it to choose.
    """

    async def ask(office: Office, call: Call, **asked: Any) -> PageOf[Any]:
        fixed = {} if own is None else own(call)
        return page_view(await office.reads.page(call.tenant_id, listing, **asked, **fixed), call)

    return QuestionRoute(
        path=path, ask=ask, answer=page_of(listing.item), query=_query(listing, filters.split()), **facts
    )


def _query(listing: Listing, names: list[str]) -> type:
    asked: list[Any] = [(name, listing.filters[name].kind | None, field(default=None)) for name in names]
    asked += [("limit", Limit, field(default=LIMIT)), ("after", After | None, field(default=None))]
    return make_dataclass("Query", asked, kw_only=True)
