"""What failed for good is seen, tried again, or given up for a reason."""

from typing import Any

import rich_click as click
import structlog

from marketplace.adapters.postgres import queue
from marketplace.entrypoints import logs
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.listings import show_one
from marketplace.entrypoints.cli.screen import Column
from marketplace.entrypoints.cli.visit import Operator, Visit, acting, reading

log = structlog.get_logger(__name__)

COLUMNS = (
    Column("id", "id", right=True),
    Column("queue", "queue", whole=True),
    Column("since", "since", whole=True),
    Column("tries", "tries", right=True),
    Column("job", lambda one: one.job.get("name") or one.job.get("kind")),
    Column("subject", lambda one: one.job.get("subject_id")),
    Column("why", lambda one: one.why or one.error),
)
_ids = click.argument("ids", metavar="ID...", type=int, nargs=-1, required=True)
_reason = click.option("--reason", required=True, help="Why; it stays in the queue's log.")


@click.group()
def jobs() -> None:
    """
    See what waits to be done, and what failed for good.

    For example:
        $ marketplace jobs backlog
        $ marketplace jobs requeue 4711 --as $ADMIN --reason 'the rail is back'
    """


@jobs.command()
@reading
def backlog(operator: Operator) -> None:
    """
    Count the jobs of all marketplaces, and say how long the oldest has been due.

    For example:
        $ marketplace jobs backlog --json
    """
    found = operator.visit(lambda visit: queue.backlog(engine=visit.engine))
    show_one(found, reader=operator)


@jobs.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
@reading
def parked(operator: Operator, *, limit: int) -> None:
    """
    List the jobs of a marketplace that failed as often as they may.

    For example:
        $ marketplace jobs parked
    """
    found = operator.visit(
        lambda visit: queue.list_parked(engine=visit.engine, tenant_id=visit.tenant_id, limit=limit)
    )
    if operator.as_json:
        screen.show_json({"items": found})
    else:
        screen.show_table(found, COLUMNS, none="No job is parked.", local=operator.local)


@jobs.command()
@_ids
@_reason
@acting
def requeue(operator: Operator, *, ids: tuple[int, ...], reason: str) -> None:
    """
    Try parked jobs again.

    For example:
        $ marketplace jobs requeue 4711 4712 --as $ADMIN --reason 'the rail is back'
    """
    _settle(operator, queue.requeue, "requeued", ids=ids, reason=reason)


@jobs.command()
@_ids
@_reason
@acting
def discard(operator: Operator, *, ids: tuple[int, ...], reason: str) -> None:
    """
    Give parked jobs up.

    For example:
        $ marketplace jobs discard 4711 --as $ADMIN --reason 'settled by hand'
    """
    _settle(operator, queue.discard, "discarded", ids=ids, reason=reason)


def _settle(operator: Operator, how: Any, done: str, *, ids: tuple[int, ...], reason: str) -> None:
    async def carry_out(visit: Visit) -> int:
        logs.configure(log_format=visit.settings.log_format)
        by = visit.call.actor.user_id
        log.warning("parked jobs settled", actor_id=str(by), count=len(ids))
        number: int = await how(
            engine=visit.engine, ids=list(ids), tenant_id=visit.tenant_id, by=by, reason=reason
        )
        return number

    number = operator.visit(carry_out)
    if operator.as_json:
        screen.show_json({done: number})
    else:
        screen.stdout().print(f"{done}: {number}")
