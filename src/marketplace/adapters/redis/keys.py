"""All that a tenant has on the map lies in one slot of a cluster, so that one script may touch all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from uuid import UUID

from redis.crc import key_slot

from marketplace.ports.geo import Room

_SLOTS, _MARKS = 16_384, 64


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of everything that the map keeps. What stands in braces decides the slot."""

    prefix: str

    def units(self, tenant_id: UUID) -> bytes:
        return self._of(tenant_id, "units")

    def holds(self, tenant_id: UUID) -> bytes:
        return self._of(tenant_id, "holds")

    def able(self, tenant_id: UUID, skill: str, room: Room) -> bytes:
        """The set of who has a skill and room."""
        return self.sets(tenant_id) + f"{room}:{skill}".encode()

    def sets(self, tenant_id: UUID) -> bytes:
        """How the names of all these sets begin."""
        return self._of(tenant_id, "able:")

    def marks(self) -> Iterator[bytes]:
        """Keys all over the slots: a server that lost its data lost some of them, whichever it is."""
        return (f"{self.prefix}:map:{{{word}}}:drawn".encode() for word in _marks())

    def _of(self, tenant_id: UUID, name: str) -> bytes:
        return f"{self.prefix}:map:{{{tenant_id.hex}}}:{name}".encode()


@cache
def _marks() -> tuple[str, ...]:
    """One word for each 64th of the slots."""
    words: dict[int, str] = {}
    for number in count():
        words.setdefault(key_slot(str(number).encode()) * _MARKS // _SLOTS, str(number))
        if len(words) == _MARKS:
            return tuple(words.values())
    raise AssertionError  # count() does not end
