"""Operators see what is searched for, who was asked, and why a unit was not."""

from typing import Any
from uuid import UUID

import rich_click as click

from marketplace.adapters.postgres import listings
from marketplace.core.dispatch import job, offer, presence
from marketplace.core.dispatch.explaining import Explanation, Now, explain
from marketplace.core.dispatch.job import DispatchJob
from marketplace.core.dispatch.presence import Presence, presence_id
from marketplace.core.dispatch.queries import DecisionsOn
from marketplace.core.dispatch.whereabouts import seen
from marketplace.core.providers.provider import Unit
from marketplace.core.shared.errors import NotFound
from marketplace.entrypoints import geography
from marketplace.entrypoints.cli.listings import Noun, in_state, paged, show_one, show_page
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Operator, Visit, reading
from marketplace.ports.storage import One, Work

_JOBS = (
    Column("id", "id", whole=True),
    Column("state", "state", whole=True),
    Column("skill", "skill"),
    Column("wave", "wave", right=True),
    Column("since", "queued_at", whole=True),
)
_OFFERS = (
    Column("id", "id", whole=True),
    Column("state", "state", whole=True),
    Column("unit", "unit_id", whole=True),
    Column("sent", "sent_at", whole=True),
)
_PRESENCES = (
    Column("unit", "unit_id", whole=True),
    Column("state", "state", whole=True),
    Column("seen", "placed_at", whole=True),
    Column("until", "ends_at", whole=True),
    Column("offered", "offered", right=True),
    Column("accepted", "accepted", right=True),
)


@click.group(cls=Noun)
def dispatch() -> None:
    """
    See who is searched for, who was asked, and why not.

    For example:
        $ marketplace dispatch jobs --state exhausted
        $ marketplace dispatch why-not $JOB --unit $UNIT
    """


@dispatch.command()
@in_state(job.State)
@paged
@reading
def jobs(operator: Operator, **asked: Any) -> None:
    """
    List searches, the latest first.

    For example:
        $ marketplace dispatch jobs --state exhausted
    """
    page = operator.visit(lambda visit: visit.page(listings.DISPATCH_JOBS, **asked))
    show_page(page, _JOBS, reader=operator, none="No searches.")


@dispatch.command()
@click.option("--job", "job_id", type=click.UUID, metavar="ID", help="Of this search only.")
@in_state(offer.State)
@paged
@reading
def offers(operator: Operator, **asked: Any) -> None:
    """
    List offers, the latest first.

    For example:
        $ marketplace dispatch offers --job $JOB
    """
    page = operator.visit(lambda visit: visit.page(listings.OFFERS, **asked))
    show_page(page, _OFFERS, reader=operator, none="No offers.")


@dispatch.command()
@click.option("--provider", "provider_id", type=click.UUID, metavar="ID", help="Of this provider only.")
@in_state(presence.State)
@paged
@reading
def presences(operator: Operator, **asked: Any) -> None:
    """
    List who is, or was, online; who was written down latest comes first.

    For example:
        $ marketplace dispatch presences --state online
    """
    page = operator.visit(lambda visit: visit.page(listings.PRESENCES, **asked))
    show_page(page, _PRESENCES, reader=operator, none="Nobody has been online.")


@dispatch.command("why-not")
@click.argument("job_id", metavar="JOB", type=click.UUID)
@click.option("--unit", "unit_id", type=click.UUID, metavar="ID", required=True, help="The unit.")
@reading
def why_not(operator: Operator, *, job_id: UUID, unit_id: UUID) -> None:
    """
    Say why a unit was asked to do a job, or was not.

    For example:
        $ marketplace dispatch why-not $JOB --unit $UNIT
    """
    show_one(operator.visit(lambda visit: _explained(visit, job_id, unit_id)), reader=operator)


async def _explained(visit: Visit, job_id: UUID, unit_id: UUID) -> Explanation:
    """By what was decided; by the live map too, or by storage where this process has no such map."""
    searched, units, present, decided = await visit.store.read(
        visit.tenant_id,
        [
            One(DispatchJob, job_id),
            One(Unit, unit_id),
            One(Presence, presence_id(unit_id)),
            DecisionsOn(job_id=job_id),
        ],
    )
    if not searched:
        raise NotFound("dispatch job", job_id)
    if not units:
        raise NotFound("unit", unit_id)
    live_map = geography.live_map_of(visit.settings, heard=False)
    work = Work(visit.store, visit.tenant_id)
    try:
        found = await seen(unit_id, call=visit.call, work=work, live_map=live_map)
    finally:
        await geography.close(live_map)
    now = Now(unit=units[0], presence=present[0] if present else None, seen=found)
    return explain(searched[0], decided, now, policy=visit.call.policy.dispatch)
