"""A pain.002 says what became of a file of ours: of all of it, of a group, or of each collection."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from marketplace.adapters.iso20022 import values
from marketplace.adapters.iso20022.tree import Node
from marketplace.ports.batches import Answer, Answers, Level
from marketplace.ports.payments import Standing
from marketplace.ports.reasons import failure_of

TOLD_MAX = 500
_STATUS_MAX = 4
NO_STATUS = "-"
_GONE = frozenset({Standing.FAILED, Standing.CANCELLED})

# ISO 20022's ExternalPaymentTransactionStatus1Code and ExternalPaymentGroupStatus1Code. A word that is not
# here, `PART` among them, says nothing of every collection that it is about.
STANDINGS: Mapping[str, Standing] = MappingProxyType(
    {
        **dict.fromkeys(
            ("RCVD", "ACTC", "ACCP", "ACSP", "ACWC", "ACWP", "ACFC", "PATC", "PDNG"), Standing.PENDING
        ),
        **dict.fromkeys(("ACSC", "ACCC"), Standing.SUCCEEDED),
        "RJCT": Standing.FAILED,
        "CANC": Standing.CANCELLED,
    }
)


@dataclass(frozen=True, slots=True)
class _Said:
    """A status with its reason, which holds for what is below it too where that has none of its own."""

    status: str | None
    code: str | None
    told: str | None

    @property
    def words(self) -> dict[str, Any]:
        standing = STANDINGS.get(self.status or "")
        failure = failure_of(self.code) if standing in _GONE else None
        return {
            "standing": standing,
            "status": self.status or NO_STATUS,
            "code": self.code,
            "failure": failure,
            "told": self.told,
        }


def read_statuses(body: Node) -> Answers:
    """Raises Invalid for what lacks what it must have."""
    original = body.need("OrgnlGrpInfAndSts")
    batch = values.reference_of(named := original.told("OrgnlMsgId"))
    of_file = _said(original, "GrpSts", _Said(None, None, None))
    whole = Answer(level=Level.FILE, named=named, reference=batch, **of_file.words)
    parts = [answer for group in body.all("OrgnlPmtInfAndSts") for answer in _of_group(group, of_file)]
    return Answers(
        file=body.told("GrpHdr/MsgId"),
        made_at=values.instant_in(body, "GrpHdr/CreDtTm"),
        batch=batch,
        answers=((whole, *parts) if of_file.status else tuple(parts)),
    )


def reason_in(node: Node | None) -> tuple[str | None, str | None]:
    """The code, the standard's or the bank's own, and the words beside it."""
    if node is None:
        return None, None
    told = " ".join(line.text for line in node.all("AddtlInf") if line.text)
    return node.said("Rsn/Cd") or node.said("Rsn/Prtry"), told[:TOLD_MAX] or None


def _of_group(group: Node, of_file: _Said) -> Iterator[Answer]:
    named = group.told("OrgnlPmtInfId")
    known = values.group_of(named)
    said = _said(group, "PmtInfSts", of_file)
    if group.said("PmtInfSts", most=_STATUS_MAX):
        yield Answer(
            level=Level.GROUP,
            named=named,
            reference=known and known[0],
            group=known and known[1],
            **said.words,
        )
    for line in group.all("TxInfAndSts"):
        yield _of_line(line, said)


def _of_line(line: Node, of_group: _Said) -> Answer:
    names = [line.said(path) for path in ("OrgnlEndToEndId", "OrgnlInstrId", "StsId")]
    known = [reference for name in names if (reference := values.reference_of(name)) is not None]
    return Answer(
        level=Level.LINE,
        named=next((name for name in names if name), NO_STATUS),
        reference=known[0] if known else None,
        amount=values.maybe_amount(line, "OrgnlTxRef/Amt/InstdAmt"),
        **_said(line, "TxSts", of_group).words,
    )


def _said(node: Node, path: str, above: _Said) -> _Said:
    status = node.said(path, most=_STATUS_MAX) or above.status
    code, told = reason_in(node.find("StsRsnInf"))
    if code is None and status == above.status:
        return _Said(status, above.code, told or above.told)
    return _Said(status, code, told)
