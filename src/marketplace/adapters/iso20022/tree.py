"""
XML is a small tree here, made by nobody but us: no DTD, no entity, no other encoding, and bounded all over.

The standard library's expat reads it, which knows how to; what it is told to refuse, it refuses before any of
it is made into anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import NoReturn
from xml.parsers import expat

from marketplace.core.shared.errors import Invalid

BYTES_MAX = 20 * 2**20
ELEMENTS_MAX = 1_000_000
DEPTH_MAX = 32
TEXT_MAX = 100_000  # of one element
# What one tag or comment takes before it has an end; what is read at a time is less.
_TAG_BYTES_MAX, _CHUNK_BYTES = 2**20, 2**16
_SHOWN_MAX = 60
_NAMESPACE_END = " "  # no namespace has a blank in it


@dataclass(slots=True)
class Node:
    """An element: its text is what stands in it beside other elements, without blanks around it."""

    tag: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def all(self, tag: str) -> Iterator["Node"]:
        return (child for child in self.children if child.tag == tag)

    def find(self, path: str) -> "Node | None":
        """The first element down a path like `GrpHdr/MsgId`."""
        node: Node | None = self
        for tag in path.split("/"):
            node = next(node.all(tag), None) if node is not None else None
        return node

    def need(self, path: str) -> "Node":
        """Raises Invalid where there is none."""
        node = self.find(path)
        if node is None:
            raise Invalid(f"{self.tag}/{path}", "is missing", "one")
        return node

    def said(self, path: str, *, most: int = 35) -> str | None:
        """The text down a path, None where there is none; raises Invalid where it is longer than `most`."""
        node = self.find(path)
        if node is None or not node.text:
            return None
        if len(node.text) > most:
            raise Invalid(f"{self.tag}/{path}", "is too long", f"{most} characters")
        return node.text

    def told(self, path: str, *, most: int = 35) -> str:
        """The same, where there has to be one."""
        text = self.said(path, most=most)
        if text is None:
            raise Invalid(f"{self.tag}/{path}", "is missing", f"1 to {most} characters")
        return text


def element(tag: str, *content: Node | str | None, **attributes: str) -> Node:
    """An element of a text, or of others; what is None is left out."""
    text = "".join(part for part in content if isinstance(part, str))
    return Node(tag, text, attributes, [part for part in content if isinstance(part, Node)])


def optional(tag: str, *content: Node | str | None) -> Node | None:
    """No element at all where there is nothing to be in it."""
    made = element(tag, *content)
    return made if made.text or made.children else None


def written(root: Node) -> bytes:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    _write(root, "", lines)
    return ("\n".join(lines) + "\n").encode()


def parsed(content: bytes) -> tuple[str, Node]:
    """The namespace of the root, and the root; raises Invalid, and nothing else, for whatever else it is."""
    if len(content) > BYTES_MAX:
        raise Invalid("file", "is too large", f"{BYTES_MAX} bytes; banks split what is larger")
    return _Reader().read(content)


def shown(text: str) -> str:
    """As much of what stands in a file as a sentence about it can bear."""
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _write(node: Node, indent: str, lines: list[str]) -> None:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in node.attributes.items())
    start = f"{indent}<{node.tag}{attributes}>"
    if not node.children:
        lines.append(f"{start}{escape(node.text, quote=False)}</{node.tag}>")
        return
    lines.append(start)
    for child in node.children:
        _write(child, indent + "  ", lines)
    lines.append(f"{indent}</{node.tag}>")


class _Reader:
    """
    Elements of the root's namespace are known by their names alone, others keep their namespace in it, so
    that nothing of theirs is taken for ours.
    """

    def __init__(self) -> None:
        self._parser = expat.ParserCreate(encoding="UTF-8", namespace_separator=_NAMESPACE_END)
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add
        self._open: list[Node] = []
        self._root: Node | None = None
        self._namespace = ""
        self._elements = 0

    def read(self, content: bytes) -> tuple[str, Node]:
        if b"\0" in content:  # expat knows UTF-16 by it, whatever it is told
            raise Invalid("file", "is not in UTF-8", "well-formed XML in UTF-8")
        try:
            for start in range(0, len(content), _CHUNK_BYTES):
                self._parser.Parse(content[start : start + _CHUNK_BYTES], False)
                if start - self._parser.CurrentByteIndex > _TAG_BYTES_MAX:
                    raise Invalid("file", "has a tag without an end", f"{_TAG_BYTES_MAX} bytes of one")
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            problem = f"is no XML: {expat.ErrorString(error.code)} in line {error.lineno}"
            raise Invalid("file", problem, "well-formed XML in UTF-8") from error
        assert self._root is not None  # without one it is not well-formed
        return self._namespace, self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise Invalid("file", "has too many elements", f"{ELEMENTS_MAX} elements")
        if len(self._open) >= DEPTH_MAX:
            raise Invalid("file", "is nested too deeply", f"{DEPTH_MAX} levels")
        namespace, _, local = name.rpartition(_NAMESPACE_END)
        if self._root is None:
            self._namespace = namespace
        node = Node(local if namespace == self._namespace else name, "", attributes)
        if self._root is None:
            self._root = node
        else:
            self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, _name: str) -> None:
        node = self._open.pop()
        node.text = node.text.strip()

    def _add(self, text: str) -> None:
        node = self._open[-1]
        node.text += text
        if len(node.text) > TEXT_MAX:
            raise Invalid(node.tag, "has too long a text", f"{TEXT_MAX} characters")

    def _refuse_doctype(self, *_declared: object) -> NoReturn:
        raise Invalid("file", "declares a document type", "XML without a DTD and without entities")
