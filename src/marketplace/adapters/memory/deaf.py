"""The live map of a process that no position reaches: whoever asks it is sent to storage, which is told."""

from uuid import UUID

from marketplace.adapters.memory.livemap import MemoryLiveMap
from marketplace.core.shared.errors import Unavailable
from marketplace.ports.geo import Found, Search

_WHY = "positions reach other processes alone"


class DeafLiveMap(MemoryLiveMap):
    """It takes what it is shown, so that no job fails for want of a map, and answers nothing by it."""

    async def near(self, search: Search) -> tuple[Found, ...]:
        raise Unavailable(_WHY, skill=search.skill)

    async def where(self, *, tenant_id: UUID, unit_id: UUID) -> Found | None:
        raise Unavailable(_WHY, tenant_id=tenant_id, unit_id=unit_id)

    async def blank(self) -> bool:
        return False
