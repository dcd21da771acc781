"""Ids come from outside or derive from an earlier id, so that a repeat finds what the first try made."""

from uuid import UUID, uuid5


def derive(parent: UUID, *names: object) -> UUID:
    """The one id that `names` have under `parent`; the same words give the same id for ever."""
    return uuid5(parent, "/".join(str(name) for name in names))


def uuid7(*, unix_milliseconds: int, entropy: bytes) -> UUID:
    """A time-ordered id (RFC 9562, version 7) of a moment and at least ten random bytes."""
    value = (unix_milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    return UUID(int=value)
