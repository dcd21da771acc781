"""A list is answered a page at a time; `after` of one page asks for the next."""

from typing import Annotated, Any, Generic, TypeVar

import msgspec

from marketplace.adapters.postgres.reads import PAGE_MAX, Page
from marketplace.core.shared.limits import Between, Length
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.views import view_of, view_type

Limit = Annotated[int, Between(1, PAGE_MAX)]
After = Annotated[str, Length(300, least=1)]

V = TypeVar("V")


class PageOf(msgspec.Struct, Generic[V], frozen=True):
    """`after` is null on the last page."""

    items: tuple[V, ...]
    after: str | None


def page_view(page: Page[Any], call: Call) -> PageOf[Any]:
    return PageOf(tuple(view_of(item, call) for item in page.items), page.after)


def page_of(kind: type) -> Any:
    """The type of a page of views of a kind, made at run time."""
    generic: Any = PageOf
    return generic[view_type(kind)]
