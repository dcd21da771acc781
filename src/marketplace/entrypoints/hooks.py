"""A webhook counts once: what is heard stands before the rail is asked what is true, and brings it about."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from marketplace.core.marketplace import run
from marketplace.core.payments.usecases import HearHint
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Hint
from marketplace.ports.storage import AlreadyThere, Store

CallFor = Callable[[UUID], Awaitable[Call]]  # a tenant's id → a call in the system's name
REMEMBERED_MAX = 20_000


@dataclass
class Heard:
    """
    The last events that this process knows to be written down.

    Vendors tell again within minutes, and most of it comes here: an insert that is refused for each costs as
    much as one that stands. Whatever is not remembered is for the database to know.
    """

    most: int = REMEMBERED_MAX
    _known: OrderedDict[tuple[UUID, str, str], None] = field(default_factory=OrderedDict)

    def knows(self, rail: str, hint: Hint) -> bool:
        return (hint.tenant_id, rail, hint.event_id) in self._known

    def remember(self, rail: str, hint: Hint) -> None:
        self._known[hint.tenant_id, rail, hint.event_id] = None
        if len(self._known) > self.most:
            self._known.popitem(last=False)


async def hear(
    hints: Iterable[Hint], *, rail: str, call_for: CallFor, store: Store, heard: Heard | None = None
) -> int:
    """
    Write down each verified hint, with the job that asks the rail what is true; how many were new.

    Raises Unavailable or OutcomeUnknown: the vendor then tells again, and what stands already counts once.
    """
    heard, new = heard or Heard(), 0
    for hint in hints:
        if heard.knows(rail, hint):
            continue
        # Raised, it is not remembered: nobody knows whether it stands.
        new += await _heard_first(hint, rail, call_for, store)
        heard.remember(rail, hint)
    return new


async def _heard_first(hint: Hint, rail: str, call_for: CallFor, store: Store) -> bool:
    try:
        await run(HearHint(rail=rail, hint=hint), call=await call_for(hint.tenant_id), store=store)
    except AlreadyThere:
        return False
    return True
