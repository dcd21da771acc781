"""Orders as Hypothesis and we make them, and the bank that answers them, by the standard's own schemas."""

import os
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from marketplace.adapters.iso20022.messages import wrapped
from marketplace.adapters.iso20022.parties import Sponsor
from marketplace.adapters.iso20022.tree import Node, element, optional
from marketplace.core.shared.money import Money
from marketplace.ports.batches import Batch, Collection, Debtor, Sequence

FOLDER = "MARKETPLACE_TEST_CONTRACTS"
_BESIDE = Path(__file__).parents[5] / "shared" / "contracts"

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
FILE = UUID("019a0000-0000-7000-8000-00000000f11e")
SPONSOR = Sponsor(
    name="Curb & Side",
    scheme_id="ZA55CURB0001",
    account_number="62000000001",
    branch_code="250655",
    service_level="AC",
    local_instrument="TT1",
)


def contract(*path: str) -> Path:
    """A file of the standard's; skips where it is not at hand."""
    found = Path(os.environ.get(FOLDER, _BESIDE)).joinpath("iso20022", *path)
    if not found.exists():
        pytest.skip(f"the standard's files are not at hand: {FOLDER} names their folder")
    return found


@cache
def _schema(path: Path) -> Any:
    etree = pytest.importorskip("lxml.etree")
    return etree.XMLSchema(etree.parse(path))


def violations(content: bytes, message: str) -> list[str]:
    """What the standard's schema has against a file; skips where it, or lxml, is not at hand."""
    schema = _schema(contract("xsd", f"{message}.xsd"))
    from lxml import etree  # noqa: PLC0415 - where it is at hand

    schema.validate(etree.fromstring(content))
    return [str(error) for error in schema.error_log]


def reference(number: int) -> UUID:
    return UUID(int=number + (1 << 120))


def collection(number: int = 1, **facts: Any) -> Collection:
    known = {
        "reference": reference(number),
        "amount": Money(25_000 + number, "ZAR"),
        "due_on": date(2026, 12, 1),
        "sequence": Sequence.RECURRING,
        "mandate": f"MND-{number}",
        "debtor": Debtor(holder="A Debtor", branch_code="250655", account_number="1234567890"),
        "description": "Wash on 1 December",
    }
    return Collection(**(known | facts))


def batch(*collections: Collection, **facts: Any) -> Batch:
    return Batch(**({"reference": FILE, "at": AT, "collections": collections} | facts))


def header(name: str = "BANK-1") -> Node:
    return element("GrpHdr", element("MsgId", name), element("CreDtTm", "2026-11-21T06:00:00"))


def why(code: str | None = None, *words: str, proprietary: bool = False) -> Node | None:
    reason = optional("Rsn", optional("Prtry" if proprietary else "Cd", code))
    return optional("StsRsnInf", reason, *(element("AddtlInf", one) for one in words))


def status_of_line(end_to_end: str, status: str | None, *more: Node | None) -> Node:
    return element("TxInfAndSts", element("OrgnlEndToEndId", end_to_end), optional("TxSts", status), *more)


def status_of_group(name: str, status: str | None, *more: Node | None) -> Node:
    return element("OrgnlPmtInfAndSts", element("OrgnlPmtInfId", name), optional("PmtInfSts", status), *more)


def status_report(
    *groups: Node, file: str = FILE.hex, status: str | None = None, reason: Node | None = None
) -> bytes:
    original = element(
        "OrgnlGrpInfAndSts",
        element("OrgnlMsgId", file),
        element("OrgnlMsgNmId", "pain.008.001.10"),
        optional("GrpSts", status),
        reason,
    )
    return wrapped("pain.002.001.12", header(), original, *groups)


def movement(
    *details: Node | None,
    amount: str = "250.01",
    side: str = "CRDT",
    status: str = "BOOK",
    reversal: str | None = None,
) -> Node:
    return element(
        "Ntry",
        element("Amt", amount, Ccy="ZAR"),
        element("CdtDbtInd", side),
        optional("RvslInd", reversal),
        element("Sts", element("Cd", status)),
        element("BookgDt", element("Dt", "2026-12-03")),
        element("BkTxCd"),
        optional("NtryDtls", *details),
    )


def moved(end_to_end: str, amount: str | None = "250.01", *, returned: str | None = None) -> Node:
    return element(
        "TxDtls",
        element("Refs", element("EndToEndId", end_to_end)),
        element("Amt", amount, Ccy="ZAR") if amount else None,
        optional("RtrInf", optional("Rsn", optional("Cd", returned))),
    )


def booked_as_one(group: str, total: str) -> Node:
    return movement(element("Btch", element("PmtInfId", group)), amount=total)


def notification(*entries: Node) -> bytes:
    account = element("Acct", element("Id", element("Othr", element("Id", "62000000001"))))
    return wrapped("camt.054.001.08", header(), element("Ntfctn", element("Id", "N-1"), account, *entries))


def acceptance(*details: Node) -> bytes:
    return wrapped("pain.012.001.05", header(), *details)


def accepted(
    accepts: str,
    *,
    named: str,
    kind: str = "pain.009.001.05",
    code: str | None = None,
    words: Iterable[str] = (),
) -> Node:
    return element(
        "UndrlygAccptncDtls",
        element("OrgnlMsgInf", element("MsgId", FILE.hex), element("MsgNmId", kind)),
        element(
            "AccptncRslt",
            element("Accptd", accepts),
            optional("RjctRsn", optional("Cd", code)),
            *(element("AddtlRjctRsnInf", one) for one in words),
        ),
        element("OrgnlMndt", element("OrgnlMndtId", named)),
    )
