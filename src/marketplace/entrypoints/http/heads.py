"""What the head of a request says."""

from typing import Any

# Of an ASGI scope: a mapping whose headers are pairs of bytes, with names in lower case.
Head = Any


def header(head: Head, name: bytes) -> str | None:
    """The first header of this name, which is in lower case; None where there is none."""
    for given, value in head["headers"]:
        if given == name:
            text: str = value.decode("latin-1")
            return text
    return None
