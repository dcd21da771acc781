"""A provider's statement of a month or any period: as JSON, as a sheet, and as a document to be filed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.adapters.postgres.provider_statement import Statement, provider_statement
from marketplace.core.providers.hours import zone
from marketplace.core.providers.provider import Provider
from marketplace.core.shared.errors import Invalid, NotAllowed, NotFound
from marketplace.core.shared.limits import Word
from marketplace.core.shared.period import Period, month
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.answer import JSON, File
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.parsing import span
from marketplace.entrypoints.http.routes import DESK, PROVIDER, QuestionRoute, Route
from marketplace.entrypoints.papers import sheet
from marketplace.entrypoints.papers.drawing import draw
from marketplace.entrypoints.papers.paper import Paper, paper_of
from marketplace.ports.storage import One

_PDF = "application/pdf"
_SAYS = "earned and were paid in a `month`, or `from` an instant `until` another"


def own(call: Call) -> UUID:
    if call.actor.provider_id is None:
        raise NotAllowed("you act for no provider")
    return call.actor.provider_id


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A local calendar month, or between two instants."""

    month: Word | None = None
    from_: datetime | None = None
    until: datetime | None = None


def _period(call: Call, **asked: Any) -> Period:
    """Raises Invalid for both or neither."""
    match Asked(**asked):
        case Asked(month=str() as named, from_=None, until=None):
            return month(named, zone(call.policy.time_zone))
        case Asked(month=None, from_=datetime() as start, until=datetime() as end):
            return span(start, end)
    raise Invalid("month", "is missing, or not alone", "a month like 2026-11, or both `from` and `until`")


async def _paper(office: Office, call: Call, provider_id: UUID, **asked: Any) -> Paper:
    period = _period(call, **asked)
    (found,) = await office.store.read(call.tenant_id, [One(Provider, provider_id)])
    if not found:
        raise NotFound("provider", provider_id)
    told = await provider_statement(
        office.reads, call.tenant_id, provider_id=provider_id, currency=call.policy.currency, period=period
    )
    return paper_of(told, provider=found[0], policy=call.policy)


async def _told(paper: Paper) -> Statement:
    return paper.statement


async def _sheet(paper: Paper) -> File:
    return File(sheet.statement_sheet(paper), f"{paper.name}.csv")


async def _document(paper: Paper) -> File:
    return File(await asyncio.to_thread(draw, paper), f"{paper.name}.pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How a statement is answered under a path that ends so."""

    ending: str
    made: Callable[[Paper], Awaitable[Any]]
    answer: type
    media: str
    called: str


_FORMS = (
    _Form(ending="", made=_told, answer=Statement, media=JSON.decode(), called=""),
    _Form(ending=".csv", made=_sheet, answer=bytes, media=sheet.MEDIA, called=", as CSV"),
    _Form(ending=".pdf", made=_document, answer=bytes, media=_PDF, called=", as a document to be filed"),
)


def _own(form: _Form) -> QuestionRoute:
    async def ask(office: Office, call: Call, **asked: Any) -> Any:
        return await form.made(await _paper(office, call, own(call), **asked))

    return QuestionRoute(
        path=f"/v1/provider/statement{form.ending}",
        ask=ask,
        answer=form.answer,
        query=Asked,
        media=form.media,
        summary=f"What you {_SAYS}{form.called}.",
        roles=PROVIDER,
        tags=("Earnings and payouts",),
    )


def _of_one(form: _Form) -> QuestionRoute:
    async def ask(office: Office, call: Call, *, provider_id: UUID, **asked: Any) -> Any:
        return await form.made(await _paper(office, call, provider_id, **asked))

    return QuestionRoute(
        path=f"/admin/v1/providers/{{provider_id}}/statement{form.ending}",
        ask=ask,
        answer=form.answer,
        query=Asked,
        media=form.media,
        summary=f"What a provider earned and was paid in a `month`, or from an instant{form.called}.",
        roles=DESK,
        tags=("Money",),
    )


OWN: tuple[Route, ...] = tuple(map(_own, _FORMS))
OF_ONE: tuple[Route, ...] = tuple(map(_of_one, _FORMS))
