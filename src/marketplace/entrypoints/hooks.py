"""A webhook counts once: what is heard stands before the rail is asked what is true, and brings it about."""

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

from marketplace.core.marketplace import run
from marketplace.core.payments.usecases import HearHint
from marketplace.core.tenants.tenant import Call
from marketplace.ports.payments import Hint
from marketplace.ports.storage import AlreadyThere, Store

CallFor = Callable[[UUID], Awaitable[Call]]  # a tenant's id → a call in the system's name


async def hear(hints: Iterable[Hint], *, rail: str, call_for: CallFor, store: Store) -> int:
    """
    Write down each verified hint, with the job that asks the rail what is true; how many were new.

    Raises Unavailable or OutcomeUnknown: the vendor then tells again, and what stands already counts once.
    """
    new = 0
    for hint in hints:
        try:
            await run(HearHint(rail=rail, hint=hint), call=await call_for(hint.tenant_id), store=store)
        except AlreadyThere:
            continue
        new += 1
    return new
