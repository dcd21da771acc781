"""Many random lives of bookings, in lanes that know nothing of each other, and then the audit."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from marketplace.adapters.sandbox.faults import Fault, FaultPlan, Operation, no_faults, seeded_faults
from marketplace.core.shared.ids import derive
from marketplace.core.tenants.tenant import Mode, Tenant
from marketplace.entrypoints.enquiry import Enquiry
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.policies import policy_of
from marketplace.entrypoints.simulation.share import Share
from marketplace.entrypoints.simulation.storages import Storage
from marketplace.entrypoints.simulation.trouble import CALM, USUAL
from marketplace.entrypoints.simulation.ways import way_of
from marketplace.ports.storage import Store

LANES = 9
BEGIN = datetime(2026, 11, 2, 6, tzinfo=UTC)
_FAULT_SHARE, _WEBHOOK_FAULT_SHARE = 0.04, 0.3
_TENANTS = UUID("0190c5a0-0000-7000-8000-000000000000")

Progress = Callable[[int, int], None]  # lives over, lives in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`faults` counts every kind there is; `history` is the same for the same seed, whatever the storage."""

    seed: int
    bookings: int
    moves: int
    faults: dict[str, int]
    violations: list[str]
    seconds: float
    history: str

    def summary(self) -> dict[str, Any]:
        """What the command line shows."""
        return {name: value for name, value in asdict(self).items() if name != "history"}


def unseen(_over: int, _of: int) -> None:
    """Progress that nobody watches."""


async def simulate(
    *, bookings: int, seed: int, faults: bool, storage: Storage, progress: Progress = unseen
) -> Report:
    """So many lives, until nothing moves any more; every promise that is found broken is a violation."""
    began, over = time.monotonic(), Counter[str]()

    def one_over() -> None:
        over["lives"] += 1
        progress(over["lives"], bookings)

    shares = [
        Share(
            number=number,
            lane=lane_of(number, seed=seed, faults=faults, storage=storage.store),
            bookings=bookings // LANES + (number < bookings % LANES),
            faults=faults,
            over=one_over,
        )
        for number in range(LANES)
    ]
    async with asyncio.TaskGroup() as group:
        for share in shares:
            group.create_task(share.run())
    return Report(
        seed=seed,
        bookings=bookings,
        moves=sum(share.lane.store.moves for share in shares),
        faults=_tally(shares) if faults else {},
        violations=[sentence for share in shares for sentence in await _broken(share, storage)],
        seconds=round(time.monotonic() - began, 3),
        history=sha256(b"".join(share.lane.store.history.digest() for share in shares)).hexdigest(),
    )


def lane_of(number: int, *, seed: int, faults: bool, storage: Store) -> Lane:
    name, key = f"{seed}/{number}", derive(_TENANTS, seed, number)
    slug = f"simulated-{seed}-{number}"
    tenant = Tenant(id=key, tenant_id=key, slug=slug, mode=Mode.TEST, policy=policy_of(number))
    plan = _plan(name) if faults else no_faults
    troubles = USUAL if faults else CALM
    return Lane(
        seed=name,
        tenant=tenant,
        storage=storage,
        now=BEGIN,
        troubles=troubles,
        faults=plan,
        abilities=way_of(number).rails,
    )


def _plan(seed: str) -> FaultPlan:
    """Webhooks get lost more often than calls: what nobody tells of has to be found all the same."""
    calls = seeded_faults(seed=seed, share=_FAULT_SHARE)
    webhooks = seeded_faults(seed=f"{seed}/webhooks", share=_WEBHOOK_FAULT_SHARE)

    def plan(operation: Operation, reference: UUID) -> Fault | None:
        return (webhooks if operation is Operation.WEBHOOK else calls)(operation, reference)

    return plan


def _tally(shares: Sequence[Share]) -> dict[str, int]:
    kinds = [*map(str, Fault), *USUAL]
    struck: Counter[str] = Counter()
    for share in shares:
        struck.update(share.lane.trouble.struck)
        struck.update({str(fault): times for fault, times in share.lane.tally.items()})
    return {kind: struck[kind] for kind in kinds}


async def _at_once(_seconds: float) -> None:
    """Nobody is to be spared."""


async def _broken(share: Share, storage: Storage) -> list[str]:
    lane = share.lane
    enquiry = Enquiry(claims=storage.claims, rails=lane.rails, now=lane.clock, sleep=_at_once)
    promises = (
        *await storage.auditor_of(lane).audit(lane.tenant.id, now=lane.now),
        await enquiry.ask(lane.tenant.id, since=None),
    )
    broken = [f"{promise.name}: {sentence}" for promise in promises for sentence in promise.violations]
    return [f"{lane.tenant.slug}: {sentence}" for sentence in (*share.violations, *broken)]
