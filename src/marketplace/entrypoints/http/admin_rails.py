"""How the payment rails do: what they can do, whether they answer, and what waits for them."""

from datetime import datetime, timedelta

import msgspec

from marketplace.adapters.postgres.waiting import Waiting, waiting
from marketplace.core.shared.methods import MethodKind
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.breaker import Breaker, Standing
from marketplace.entrypoints.http.desk import question_row
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.routes import Route
from marketplace.ports.payments import Capabilities


class RailAbilities(msgspec.Struct, frozen=True):
    """`hold_max_minutes` is null where no money is held, `live` where that is the marketplace's affair."""

    currencies: tuple[str, ...]
    collects: tuple[MethodKind, ...]
    saves: tuple[MethodKind, ...]
    hold_max_minutes: int | None
    pays_out: bool
    refunds: bool
    settles: bool
    live: bool | None


class RailView(msgspec.Struct, frozen=True, kw_only=True):
    """
    Calls, failures and times are those of the process that answers; each has its own.

    `down_until` is what any process has found, and the payments that wait are all of this marketplace's.
    """

    name: str
    in_use: bool
    capabilities: RailAbilities
    standing: Standing
    down_until: datetime | None
    calls: int
    failures: int
    p50_ms: float | None
    p99_ms: float | None
    succeeded_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    payments_created: int
    payments_unknown: int
    oldest_seconds: float | None


async def rails(office: Office, call: Call) -> tuple[RailView, ...]:
    health = office.rail_health
    assert health is not None
    until = {one.rail: one.until for one in await health.elsewhere()}
    stuck = await waiting(office.reads, call.tenant_id)
    return tuple(
        _view(
            name,
            able,
            health.breakers[name],
            call,
            down_until=until.get(name),
            stuck=stuck.get(name),
        )
        for name, able in sorted(office.vendors.capabilities.items())
    )


def _view(
    name: str,
    able: Capabilities,
    breaker: Breaker,
    call: Call,
    *,
    down_until: datetime | None,
    stuck: Waiting | None,
) -> RailView:
    seen, now = breaker.figures(), breaker.clock()

    def instant(at: float | None) -> datetime | None:
        return None if at is None else call.real_at - timedelta(seconds=now - at)

    return RailView(
        name=name,
        in_use=name in call.policy.payment.rails,
        capabilities=_abilities(able),
        standing=seen.standing,
        down_until=down_until,
        calls=seen.calls,
        failures=seen.failures,
        p50_ms=_milliseconds(seen.p50_seconds),
        p99_ms=_milliseconds(seen.p99_seconds),
        succeeded_at=instant(seen.succeeded_at),
        failed_at=instant(seen.failed_at),
        failure=seen.failure,
        payments_created=stuck.created if stuck else 0,
        payments_unknown=stuck.unknown if stuck else 0,
        oldest_seconds=stuck.oldest_seconds if stuck else None,
    )


def _abilities(able: Capabilities) -> RailAbilities:
    held = able.hold_max
    return RailAbilities(
        currencies=tuple(sorted(able.currencies)),
        collects=tuple(sorted(able.collects)),
        saves=tuple(sorted(able.saves)),
        hold_max_minutes=None if held is None else held // timedelta(minutes=1),
        pays_out=able.pays_out,
        refunds=able.refunds,
        settles=able.settles,
        live=able.live,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1_000, 1)


ROUTES: tuple[Route, ...] = (
    question_row(
        "/rails",
        rails,
        tuple[RailView, ...],
        "The payment rails: whether they answer, and what waits for them.",
        "Platform",
    ),
)
