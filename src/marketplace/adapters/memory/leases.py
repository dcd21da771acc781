"""A lease in memory is held by one holder of one process."""

from dataclasses import dataclass


class MemoryLeases:
    def __init__(self) -> None:
        self._holders: dict[str, MemoryLease] = {}

    async def take(self, name: str) -> "MemoryLease | None":
        if name in self._holders:
            return None
        self._holders[name] = MemoryLease(name, self._holders)
        return self._holders[name]


@dataclass(eq=False)
class MemoryLease:
    name: str
    holders: "dict[str, MemoryLease]"

    async def held(self) -> bool:
        return self.holders.get(self.name) is self

    async def release(self) -> None:
        if await self.held():
            del self.holders[self.name]
