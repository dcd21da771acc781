"""
The platform in a process that dies at a named point, as one that is killed there would.

Started once, it waits for orders on its input, a line of JSON each, and forks a child for each of them: so
that a test costs no start of Python. It says on its output when a child answers, and how it ended, if one
child at a time is what was ordered.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import event
from sqlalchemy.engine import Engine

from marketplace.adapters.postgres import jobs, queue
from marketplace.adapters.postgres.engine import create_engine
from marketplace.adapters.postgres.migrate import migrate
from marketplace.adapters.postgres.store import PostgresStore
from marketplace.adapters.redis.livemap import RedisLiveMap
from marketplace.adapters.sandbox.inbox import SandboxChannel
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.core.dispatch import redrawing
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.marketplace import Desk
from marketplace.core.payments.usecases import VendorEvent
from marketplace.core.payouts import drawing
from marketplace.core.payouts.run import PayoutRun
from marketplace.core.payouts.run import State as RunState
from marketplace.core.providers.provider import Unit
from marketplace.core.shared.receipts import Receipt
from marketplace.entrypoints import worker
from marketplace.entrypoints.blueprints import load
from marketplace.entrypoints.cartographer import Cartographer
from marketplace.entrypoints.platform import on_port
from marketplace.entrypoints.post import SandboxPost
from marketplace.entrypoints.seed import seed
from marketplace.entrypoints.server import listen, serve
from marketplace.entrypoints.settings import Settings
from marketplace.entrypoints.wiring import Platform
from marketplace.ports.storage import Batch

SECRET = "x" * 32
SEEDED = "home-services"

Die = Callable[[], None]
When = Callable[..., bool]
Install = Callable[[Platform, Die], None]


def always(*_: Any, **__: Any) -> bool:
    return True


def dying(kind: type, method: str, *, when: When = always, before: bool = False) -> Install:
    """A method that is the last thing which the process does, or that it dies before doing."""

    def install(_: Platform, die: Die) -> None:
        inner = getattr(kind, method)

        async def call(*given: Any, **named: Any) -> Any:
            meant = when(*given, **named)
            if meant and before:
                die()
            result = await inner(*given, **named)
            if meant:
                die()
            return result

        setattr(kind, method, call)

    return install


def writes(kind: type) -> When:
    """Whether a batch holds something of a kind, new or moved."""

    def does(_: PostgresStore, batch: Batch) -> bool:
        return any(isinstance(row, kind) for row in (*batch.added, *batch.saved, *batch.rows))

    return does


def tells(name: str) -> When:
    """Whether a batch holds an event of a name."""
    return lambda _, batch: any(event.name == name for event in batch.events)


def of(name: str) -> When:
    return lambda _desk, job, _call: job.name == name


def of_kind(kind: str) -> When:
    return lambda _desk, job, _call: job.kind == kind


def in_the_middle_of_a_run(made: Platform, die: Die) -> None:
    drawing.PROVIDERS_A_STEP = 1
    dying(PostgresStore, "write", when=lambda _, batch: any(map(_goes_on, batch.saved)))(made, die)


def _goes_on(row: Any) -> bool:
    return isinstance(row, PayoutRun) and row.state == RunState.RUNNING


def before_the_last_timers_follow(_: Platform, die: Die) -> None:
    """The clock moves twice in the scenario; nobody moves it after the second time."""
    turns, inner = iter((False, True)), queue.follow_clock

    async def follow_clock(**named: Any) -> int:
        if next(turns, False):
            die()
        return await inner(**named)

    queue.follow_clock = follow_clock


def in_the_middle_of_drawing(made: Platform, die: Die) -> None:
    """A unit a page, and the first of them is shown."""
    inner, redrawing.PAGE = Cartographer._draw, 1

    async def draw(cartographer: Cartographer) -> None:
        dying(RedisLiveMap, "report")(made, die)
        await inner(cartographer)

    Cartographer._draw = draw


# Whoever asked for them has more than one, and sees for itself how they end.
UNWATCHED = {"serve", "work"}


@dataclass(frozen=True)
class Point:
    """`scenario` is the test that reaches it."""

    scenario: str
    install: Install | None = None


POINTS: dict[str, Point] = {
    "booked, not answered": Point("path", dying(PostgresStore, "write", when=writes(Receipt))),
    "clock moved, timers not set": Point("path", before_the_last_timers_follow),
    "money held, not written": Point("path", dying(SandboxRail, "collect")),
    "money taken, not written": Point("path", dying(SandboxRail, "capture")),
    "money let go, not written": Point("path", dying(SandboxRail, "void")),
    "refund sent, not written": Point("path", dying(SandboxRail, "refund")),
    "payout about to be sent": Point("path", dying(SandboxRail, "release", before=True)),
    "payout sent, not written": Point("path", dying(SandboxRail, "release")),
    "payouts half drawn": Point("path", in_the_middle_of_a_run),
    "message marked, not sent": Point("path", dying(SandboxChannel, "send", before=True)),
    "message left, not recorded": Point("path", dying(SandboxChannel, "send")),
    "job taken, not begun": Point("path", dying(Desk, "follow", before=True)),
    "settled, not marked": Point("path", dying(Desk, "follow", when=of("booking.cancelled"))),
    "told, not marked": Point("path", dying(Desk, "follow", when=of("booking.confirmed"))),
    "alarm rung, not marked": Point("path", dying(Desk, "ring")),
    "webhook heard, not answered": Point("path", dying(PostgresStore, "write", when=writes(VendorEvent))),
    "webhook posted, not marked": Point("path", dying(SandboxPost, "_post")),
    "map half drawn": Point("dispatch", in_the_middle_of_drawing),
    "search begun, not marked": Point("dispatch", dying(Desk, "follow", when=of("booking.paid"))),
    "tick due, not made": Point("dispatch", dying(Desk, "ring", when=of_kind("area"), before=True)),
    "ticked, not decided": Point("dispatch", dying(Desk, "follow", when=of("area.ticked"), before=True)),
    "units held, not decided": Point("dispatch", dying(RedisLiveMap, "near")),
    "decided, units not let go": Point("dispatch", dying(RedisLiveMap, "let_go", before=True)),
    "decided, not recorded": Point(
        "dispatch", dying(PostgresStore, "write", when=writes(DispatchDecision), before=True)
    ),
    "offered, not marked": Point("dispatch", dying(PostgresStore, "write", when=writes(DispatchDecision))),
    "offered, not told": Point(
        "dispatch", dying(Desk, "follow", when=of("dispatch_offer.sent"), before=True)
    ),
    "declined, not answered": Point(
        "dispatch", dying(PostgresStore, "write", when=tells("dispatch_offer.declined"))
    ),
    "silence heard, not marked": Point("dispatch", dying(Desk, "ring", when=of_kind("dispatch_offer"))),
    "accepted, not answered": Point(
        "dispatch", dying(PostgresStore, "write", when=tells("dispatch_offer.accepted"))
    ),
    "accepted, not shown": Point(
        "dispatch", dying(Desk, "follow", when=of("presence.answered"), before=True)
    ),
    "accepted, not told": Point("dispatch", dying(Desk, "follow", when=of("booking.confirmed"), before=True)),
    "handed back, not answered": Point(
        "dispatch", dying(PostgresStore, "write", when=tells("booking.handed_back"))
    ),
    "handed back, not searched": Point(
        "dispatch", dying(Desk, "follow", when=of("booking.handed_back"), before=True)
    ),
    "freed, not shown": Point(
        "dispatch", dying(Desk, "follow", when=of("reservation.released"), before=True)
    ),
    "work counted, not marked": Point("dispatch", dying(Desk, "follow", when=of("booking.delivered"))),
    "nobody found, not told": Point(
        "dispatch", dying(Desk, "follow", when=of("dispatch_job.exhausted"), before=True)
    ),
    "migration half way": Point("migration"),
    "seed half way": Point("seed", dying(PostgresStore, "write", when=writes(Unit))),
}


async def serve_and_work(order: dict[str, Any], made: Platform, opened: socket.socket) -> None:
    """API and worker in one process, as `marketplace run` has them."""
    hurry()
    await migrate(order["url"])
    say({"port": made.settings().port}, order)
    stop = asyncio.Event()
    await asyncio.gather(
        serve(made.front(), settings=made.settings(), opened=opened, hub=made.hub(), stop=stop),
        made.worker().run(stop),
    )


async def serve_alone(_: dict[str, Any], made: Platform, opened: socket.socket) -> None:
    await serve(made.front(), settings=made.settings(), opened=opened, hub=made.hub(), stop=asyncio.Event())


async def work_alone(_order: dict[str, Any], made: Platform, _opened: socket.socket) -> None:
    hurry()
    jobs.HEARTBEAT = timedelta(seconds=1)
    await made.worker().run(asyncio.Event())


def hurry() -> None:
    """So that a test need not wait as long as a busy machine may."""
    worker.COURIER_SECONDS, worker.MAP_SECONDS, jobs.LOOK_AGAIN = 0.02, 0.1, timedelta(seconds=0.2)


async def bring_to_head(order: dict[str, Any], *_: Any) -> None:
    """Every statement of the migrations has run when the process dies, and none of them is committed."""
    if order["point"]:
        event.listen(Engine, "commit", lambda _: die(order))
    await migrate(order["url"])


async def plant(order: dict[str, Any], *_: Any) -> None:
    store = PostgresStore(create_engine(order["url"]))
    await seed(store=store, blueprint=load(SEEDED), slug=SEEDED, now=datetime.now(UTC), entropy=bytes(32))


SCENARIOS = {
    "path": serve_and_work,
    "dispatch": serve_and_work,
    "migration": bring_to_head,
    "seed": plant,
    "serve": serve_alone,
    "work": work_alone,
}


class Ahead(datetime):
    """The clock of a machine that is so far ahead, or behind."""

    by = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + cls.by


def set_clock(seconds: float) -> None:
    """Of this process, wherever our code reads it."""
    Ahead.by, real = timedelta(seconds=seconds), time.time
    time.time = lambda: real() + seconds
    for name, module in list(sys.modules.items()):
        if name.startswith("marketplace.") and getattr(module, "datetime", None) is datetime:
            module.datetime = Ahead


def die(order: dict[str, Any]) -> None:
    Path(order["marker"]).write_text(order["point"], encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)


def say(line: dict[str, Any], order: dict[str, Any]) -> None:
    os.write(order["output"], json.dumps(line).encode() + b"\n")


def child(order: dict[str, Any], made: Platform, opened: socket.socket) -> None:
    """All that is printed is thrown away, so that the output holds nothing but what is said."""
    quiet = os.open(os.devnull, os.O_RDWR)
    order["output"] = os.dup(1)
    for stream in (0, 1):
        os.dup2(quiet, stream)
    if order["seconds_ahead"]:
        set_clock(order["seconds_ahead"])
    point = POINTS.get(order["point"])
    if point is not None and point.install is not None:
        point.install(made, lambda: die(order))
    asyncio.run(SCENARIOS[order["scenario"]](order, made, opened))


def main(url: str, redis_url: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    # Few connections, so that a server has enough for many processes.
    settings = Settings(
        port=0,
        redis_url=redis_url,
        sandbox_webhook_secret=SECRET,
        api_connections=2,
        worker_connections=3,
        webhook_connections=1,
        sandbox_connections=1,
    )
    opened = listen(settings)
    settings = on_port(settings, opened.getsockname()[1])
    made = Platform(settings=settings, database_url=url, base_url=settings.base_url)
    made.front()  # takes a second, so it is made once, for every child
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(order, made, opened)
            os._exit(0)
        os.write(1, json.dumps({"pid": pid, "port": settings.port}).encode() + b"\n")
        if order["scenario"] in UNWATCHED:
            continue
        _, status = os.waitpid(pid, 0)
        os.write(1, json.dumps({"ended": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
