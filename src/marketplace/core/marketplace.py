"""A command is carried out here: read, decide, write once, decide again if somebody else was first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from marketplace.core.commands import EFFECTS, FOUND_DONE, OWN_AFFAIRS, USE_CASES
from marketplace.core.payments.usecases import VendorEvent
from marketplace.core.reactions import CLOCK, REACTIONS
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.events import Event
from marketplace.core.shared.limits import check_bounds
from marketplace.core.shared.roles import CLOCK as THE_CLOCK
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.core.tenants.tenant import Call
from marketplace.ports.storage import Alarm, AlreadyThere, Follow, Job, Overlap, Stale, Store, Work
from marketplace.ports.vendors import Vendors

STALE_TRIES_MAX = 3
# Every lost race for capacity has a winner, so a racer goes on while its reading shows a free unit.
OVERLAP_TRIES_MAX = 25

# What they ask for comes from what stands already, and from vendors.
_OURS = frozenset({Role.SYSTEM, Role.CLOCK})

Receipt = Callable[[Any], Any]


async def run(command: Any, *, call: Call, store: Store, receipt: Receipt | None = None) -> Any:
    """
    Carry out a command and return what its use case returned, once it is written.

    `receipt` makes, of the result, a row that is written with it. Raises what the use case refuses, Conflict
    after three lost races for a version, Unavailable and OutcomeUnknown from storage.
    """
    use_case = USE_CASES[type(command)]
    if call.actor.role not in _OURS:
        check_bounds(command)
    call = replace(call, reason=_reason(command, call))
    stale, overlaps = 0, 0
    while True:
        work = Work(store, call.tenant_id)
        result = await use_case(command, call=call, work=work)
        if receipt is not None:
            work.insert(receipt(result))
        try:
            await store.write(work.batch(jobs_of(work)))
        except Stale:
            stale += 1
            if stale >= STALE_TRIES_MAX:
                raise
        except Overlap:
            overlaps += 1
            if overlaps >= OVERLAP_TRIES_MAX:
                raise
        else:
            return result


def _reason(command: Any, call: Call) -> str | None:
    """Why it is done; admin acts with a reason or not at all, apart from what everybody does for itself."""
    reason: str | None = getattr(command, "reason", None)
    if reason is None and call.actor.role == Role.ADMIN and type(command) not in OWN_AFFAIRS:
        raise Invalid("reason", "is missing", "why you do it")
    return reason


def jobs_of(work: Work) -> list[Job]:
    """What follows what was recorded: a job for each event with reactions, an alarm for each deadline set."""
    follows = [_follow(event) for event in work.events if event.name in REACTIONS]
    heard = [_follow_up(row) for row in work.rows if isinstance(row, VendorEvent)]
    subjects = {subject.id: subject for subject in (*work.added, *work.saved.values())}
    alarms = [_alarm(event, subjects[event.subject_id]) for event in work.events]
    return [*follows, *heard, *filter(None, alarms)]


def _follow(event: Event) -> Follow:
    return Follow(
        tenant_id=event.tenant_id,
        event_id=event.id,
        name=event.name,
        subject_id=event.subject_id,
        at=event.at,
        request_id=event.request_id,
    )


def _follow_up(heard: VendorEvent) -> Follow:
    """In the write in which it is heard, so that nobody dies between hearing and asking."""
    return Follow(
        tenant_id=heard.tenant_id,
        event_id=heard.id,
        name=f"vendor.{heard.subject}_heard",
        subject_id=heard.reference,
        at=heard.at,
        request_id=heard.request_id,
    )


def _alarm(event: Event, subject: Any) -> Alarm | None:
    due_at = getattr(subject, "due_at", None)
    # The alarm of a deadline that a move leaves as it was still waits, unless the deadline has come: then
    # it may have gone off already, for the state before.
    stands = event.before is not None and "due_at" not in event.changes
    if due_at is None or (stands and due_at > event.at):
        return None
    return Alarm(
        tenant_id=event.tenant_id,
        kind=event.kind,
        subject_id=event.subject_id,
        version=event.version,
        due_at=due_at,
        request_id=event.request_id,
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """Where jobs are carried out: storage and the vendors within reach."""

    store: Store
    vendors: Vendors

    async def follow(self, job: Follow, call: Call) -> None:
        """
        Carry out the reactions to an event, in order. Raises the first failure; all may be repeated.

        Nothing follows an event before it: a deadline set by a clock that is behind would be over at once.
        """
        following = replace(call, actor=SYSTEM, at=max(call.at, job.at))
        for reaction in REACTIONS.get(job.name, ()):
            await self.carry_out(reaction(job), following)

    async def ring(self, job: Alarm, call: Call) -> None:
        """Make the clock's move, if it is still due; the queue's clock counts where this one is behind it."""
        rung = replace(call, actor=THE_CLOCK, at=max(call.at, job.due_at))
        await run(CLOCK[job.kind](job.subject_id), call=rung, store=self.store)

    async def carry_out(self, step: Any, call: Call) -> None:
        """A command, or an effect and then the step or steps that it comes back with. Done before is done."""
        if type(step) in EFFECTS:
            work = Work(self.store, call.tenant_id)
            found = await EFFECTS[type(step)](step, call=call, work=work, vendors=self.vendors)
            for following in found if isinstance(found, tuple) else (found,):
                await self.carry_out(following, call)
        elif step is not None and not await self._write(step, call):
            # What stood there may have been made on the side, as an area is by the first search in it.
            await self._write(step, call)

    async def _write(self, step: Any, call: Call) -> bool:
        """False where something that it makes stands already: it was done before, or is to be tried again."""
        try:
            await run(step, call=call, store=self.store)
        except AlreadyThere as there:
            if type(step) not in FOUND_DONE or not str(there.facts.get("rule")).endswith("_pkey"):
                raise
            return False
        return True
