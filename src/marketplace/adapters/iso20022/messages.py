"""Which messages, in which versions, are read and written: any other is refused by name."""

from collections.abc import Mapping
from types import MappingProxyType

from marketplace.adapters.iso20022.tree import Node, element, parsed, shown, written
from marketplace.core.shared.errors import Invalid

_PREFIX = "urn:iso:std:iso:20022:tech:xsd:"
COLLECTIONS = ("pain.008.001.10", "pain.008.001.09")
INITIATION, AMENDMENT, CANCELLATION = "pain.009.001.05", "pain.010.001.05", "pain.011.001.05"
ACCEPTANCE = "pain.012.001.05"
STATUSES = ("pain.002.001.12", "pain.002.001.11")
NOTIFICATION = "camt.054.001.08"
# Message → the element below `Document` that holds it.
ROOTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(COLLECTIONS, "CstmrDrctDbtInitn"),
        INITIATION: "MndtInitnReq",
        AMENDMENT: "MndtAmdmntReq",
        CANCELLATION: "MndtCxlReq",
        ACCEPTANCE: "MndtAccptncRpt",
        **dict.fromkeys(STATUSES, "CstmrPmtStsRpt"),
        NOTIFICATION: "BkToCstmrDbtCdtNtfctn",
    }
)


def wrapped(message: str, *content: Node | None) -> bytes:
    """The file of a message."""
    return written(element("Document", element(ROOTS[message], *content), xmlns=_PREFIX + message))


def unwrapped(content: bytes) -> tuple[str, Node]:
    """The message's name, and its content; raises Invalid, naming what is allowed, for any other."""
    namespace, root = parsed(content)
    message = namespace.removeprefix(_PREFIX)
    if root.tag != "Document" or message not in ROOTS or namespace != _PREFIX + message:
        told = f"is {shown(namespace) or 'of no namespace'}, element {shown(root.tag)}"
        raise Invalid("file", told, f"Document of {_PREFIX} and one of {', '.join(ROOTS)}")
    return message, root.need(ROOTS[message])


def expected(content: bytes, *allowed: str) -> tuple[str, Node]:
    """The same, where only some messages are looked for."""
    message, body = unwrapped(content)
    if message not in allowed:
        raise Invalid("file", f"is {message}", ", ".join(allowed))
    return message, body
