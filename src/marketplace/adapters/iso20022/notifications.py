"""A camt.054 says what moved on our account: what was collected, and what was taken back days later."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from marketplace.adapters.iso20022 import values
from marketplace.adapters.iso20022.statuses import NO_STATUS, reason_in
from marketplace.adapters.iso20022.tree import Node, shown
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.batches import Answer, Answers, Level
from marketplace.ports.payments import Standing
from marketplace.ports.reasons import failure_of

BOOKED = "BOOK"
_CREDIT, _DEBIT = "CRDT", "DBIT"


def read_notifications(body: Node) -> Answers:
    """
    An answer for each movement, those that are none of our collections among them, without a reference.

    Raises Invalid for what lacks what it must have.
    """
    entries = [entry for account in body.all("Ntfctn") for entry in account.all("Ntry")]
    return Answers(
        file=body.told("GrpHdr/MsgId"),
        made_at=values.instant_in(body, "GrpHdr/CreDtTm"),
        batch=None,
        answers=tuple(answer for entry in entries for answer in _of_entry(entry)),
    )


def _of_entry(entry: Node) -> Iterator[Answer]:
    details = list(entry.all("NtryDtls"))
    lines = [line for detail in details for line in detail.all("TxDtls")]
    if lines:
        yield from (_of_line(line, entry, alone=len(lines) == 1) for line in lines)
    else:
        yield _of_sum(entry, details[0].find("Btch") if details else None)


def _of_line(line: Node, entry: Node, *, alone: bool) -> Answer:
    names = [line.said(f"Refs/{one}") for one in ("EndToEndId", "InstrId", "TxId", "AcctSvcrRef")]
    known = [reference for name in names[:2] if (reference := values.reference_of(name)) is not None]
    amount = values.maybe_amount(line, "Amt") or values.maybe_amount(line, "AmtDtls/TxAmt/Amt")
    if amount is None and alone:
        amount = values.amount_in(entry.need("Amt"))
    side = line.said("CdtDbtInd") or entry.told("CdtDbtInd")
    return Answer(
        level=Level.LINE,
        named=next((name for name in names if name), NO_STATUS),
        reference=known[0] if known else None,
        **_words(entry, side, line.find("RtrInf"), amount),
    )


def _of_sum(entry: Node, batch: Node | None) -> Answer:
    """A group of ours that was booked as one, or a movement of which no more is told."""
    named = batch.said("PmtInfId") if batch is not None else None
    known = values.group_of(named)
    amount = values.amount_in(entry.need("Amt"))
    return Answer(
        level=Level.GROUP,
        named=named or entry.said("NtryRef") or entry.said("AcctSvcrRef") or NO_STATUS,
        reference=known and known[0],
        group=known and known[1],
        **_words(entry, entry.told("CdtDbtInd"), None, amount),
    )


def _words(entry: Node, side: str, returned: Node | None, amount: Money | None) -> dict[str, Any]:
    if side not in {_CREDIT, _DEBIT}:
        raise Invalid("Ntry/CdtDbtInd", f"{shown(side)!r} is neither", f"{_CREDIT}, {_DEBIT}")
    status = entry.said("Sts/Cd") or entry.said("Sts/Prtry") or entry.told("Sts")
    undone = returned is not None or (entry.find("RvslInd") is not None and values.truth_in(entry, "RvslInd"))
    standing = _standing(side, booked=status == BOOKED, undone=undone)
    code, told = reason_in(returned)
    return {
        "standing": standing,
        "status": f"{side} {status}",
        "amount": amount,
        "on": _day(entry, "ValDt") or _day(entry, "BookgDt"),
        "code": code,
        "failure": failure_of(code) if standing == Standing.RETURNED else None,
        "told": told,
    }


def _standing(side: str, *, booked: bool, undone: bool) -> Standing | None:
    """
    Money that comes was collected, money that goes was taken back: of a collection nothing else is booked.

    What is undone and comes back is something that we had paid, and no collection.
    """
    if side == _DEBIT:
        return Standing.RETURNED if booked else None
    if undone:
        return None
    return Standing.SUCCEEDED if booked else Standing.PENDING


def _day(entry: Node, path: str) -> date | None:
    day = values.maybe_day(entry, f"{path}/Dt")
    if day is None and entry.find(f"{path}/DtTm") is not None:
        return values.instant_in(entry, f"{path}/DtTm").date()
    return day
