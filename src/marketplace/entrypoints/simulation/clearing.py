"""At the end no rail holds anything of ours; of one without a statement the ledger says what it has moved."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from marketplace.adapters.sandbox.books import Books
from marketplace.core.ledger.movement import psp_clearing
from marketplace.core.settlements.queries import MovementsOf, PostingsOf
from marketplace.core.settlements.statement import RailStatement, rail_statement_id
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.ports.storage import One

_Told = Counter[tuple[UUID, str]]  # (reference, currency) → minor units


async def unsettled(lane: Lane) -> list[str]:
    """Sentences for what is left in the clearing of a lane's rails, and for what nobody explains."""
    found: list[str] = []
    for name, rail in lane.rails.items():
        if rail.capabilities.settles:
            found += await _never_settled(lane, name, rail.books)
        else:
            found += await _unexplained(lane, name, rail.books)
    return found


async def _never_settled(lane: Lane, name: str, books: Books) -> list[str]:
    key = rail_statement_id(lane.tenant.id, name)
    ((statement,),) = await lane.storage.read(lane.tenant.id, [One(RailStatement, key)])
    held = await books.balance(lane.tenant.id, read_to=statement.cursor)
    return [f"{m.minor} {m.currency} were never settled by {name}" for m in held.values() if m.minor]


async def _unexplained(lane: Lane, name: str, books: Books) -> list[str]:
    """The audit compares the sums; here each reference has moved at the rail what it has in our ledger."""
    theirs: _Told = Counter()
    for order in await books.orders(lane.tenant.id):
        theirs[order.reference, order.currency] += order.moved_minor
    ours = await _moved(lane, name, tuple({reference for reference, _ in theirs}))
    return list(_unlike(name, ours, theirs))


async def _moved(lane: Lane, name: str, references: tuple[UUID, ...]) -> _Told:
    moved: _Told = Counter()
    (movements,) = await lane.storage.read(lane.tenant.id, [MovementsOf(subject_ids=references)])
    about = {movement.id: movement.subject_id for movement in movements}
    (postings,) = await lane.storage.read(lane.tenant.id, [PostingsOf(movement_ids=tuple(about))])
    for posting in postings:
        if posting.account == psp_clearing(name):
            moved[about[posting.movement_id], posting.currency] += posting.amount_minor
    return moved


def _unlike(name: str, ours: _Told, theirs: _Told) -> Iterator[str]:
    for reference, currency in sorted(ours.keys() | theirs.keys()):
        here, there = ours[reference, currency], theirs[reference, currency]
        if here != there:
            yield f"{name} has moved {there} {currency} under {reference}, our ledger says {here}"
