"""A file about mandates has one order after the other, each with all that the bank has to know."""

from uuid import UUID

from marketplace.adapters.iso20022 import parties, values
from marketplace.adapters.iso20022.charset import exact
from marketplace.adapters.iso20022.mandates import (
    About,
    MandateAnswer,
    MandateAnswers,
    MandateBatch,
    MandateChange,
    MandateEnd,
    MandateOrder,
    Order,
    WhoseWish,
)
from marketplace.adapters.iso20022.messages import AMENDMENT, CANCELLATION, INITIATION, wrapped
from marketplace.adapters.iso20022.parties import Sponsor
from marketplace.adapters.iso20022.statuses import TOLD_MAX
from marketplace.adapters.iso20022.terms import classification, read_terms, written_terms
from marketplace.adapters.iso20022.tree import Node, element, shown
from marketplace.core.shared.errors import Invalid
from marketplace.ports.reasons import failure_of

_WISHES = {WhoseWish.PAYER: "MD16", WhoseWish.CREDITOR: "MD17", WhoseWish.BOTH: "MD18"}
_WISH_OF = {code: wish for wish, code in _WISHES.items()}
_ABOUT = {"pain.009": About.INITIATION, "pain.010": About.AMENDMENT, "pain.011": About.CANCELLATION}


def write_initiations(batch: MandateBatch[MandateOrder], *, sponsor: Sponsor) -> bytes:
    """Raises Invalid for what no bank takes."""
    orders = (element("Mndt", *_mandate(order, sponsor)) for order in batch.orders)
    return wrapped(INITIATION, _header(batch, sponsor), *orders)


def write_amendments(batch: MandateBatch[MandateChange], *, sponsor: Sponsor) -> bytes:
    """Each change says all of the mandate as it shall be; raises Invalid for what no bank takes."""
    changes = (
        element(
            "UndrlygAmdmntDtls",
            element("AmdmntRsn", element("Rsn", element("Cd", _WISHES[change.wish]))),
            element("Mndt", _known_as("MndtId", change.mandate), *_mandate(change.order, sponsor)),
            element("OrgnlMndt", _known_as("OrgnlMndtId", change.mandate)),
        )
        for change in batch.orders
    )
    return wrapped(AMENDMENT, _header(batch, sponsor), *changes)


def write_cancellations(batch: MandateBatch[MandateEnd], *, sponsor: Sponsor) -> bytes:
    """Raises Invalid for what no bank takes."""
    ends = (
        element(
            "UndrlygCxlDtls",
            element("CxlRsn", element("Rsn", element("Cd", _WISHES[end.wish]))),
            element("OrgnlMndt", _known_as("OrgnlMndtId", end.mandate)),
        )
        for end in batch.orders
    )
    return wrapped(CANCELLATION, _header(batch, sponsor), *ends)


def read_initiations(body: Node) -> MandateBatch[MandateOrder]:
    """What a file asks for, whoever wrote it; raises Invalid for what we have no words for."""
    return _batch(body, tuple(_read_mandate(mandate) for mandate in body.all("Mndt")))


def read_amendments(body: Node) -> MandateBatch[MandateChange]:
    changes = (
        MandateChange(
            mandate=change.told("OrgnlMndt/OrgnlMndtId"),
            wish=_wish_in(change, "AmdmntRsn/Rsn/Cd"),
            order=_read_mandate(change.need("Mndt")),
        )
        for change in body.all("UndrlygAmdmntDtls")
    )
    return _batch(body, tuple(changes))


def read_cancellations(body: Node) -> MandateBatch[MandateEnd]:
    ends = (
        MandateEnd(mandate=end.told("OrgnlMndt/OrgnlMndtId"), wish=_wish_in(end, "CxlRsn/Rsn/Cd"))
        for end in body.all("UndrlygCxlDtls")
    )
    return _batch(body, tuple(ends))


def read_acceptances(body: Node) -> MandateAnswers:
    """What the bank has accepted of a file about mandates, and what not."""
    return MandateAnswers(
        file=body.told("GrpHdr/MsgId"),
        made_at=values.instant_in(body, "GrpHdr/CreDtTm"),
        answers=tuple(_answer(details) for details in body.all("UndrlygAccptncDtls")),
    )


def _header(batch: MandateBatch[Order], sponsor: Sponsor) -> Node:
    if not batch.orders:
        raise Invalid("orders", "are none", "at least one")
    return element(
        "GrpHdr",
        element("MsgId", _named(batch.reference)),
        element("CreDtTm", values.instant(batch.at)),
        element("InitgPty", parties.name(sponsor.name, field="name")),
    )


def _mandate(order: MandateOrder, sponsor: Sponsor) -> tuple[Node | None, ...]:
    """From `MndtReqId` on, in the order of the standard."""
    return (
        element("MndtReqId", _named(order.reference)),
        parties.kind("Tp", sponsor, classification(order.terms)),
        *written_terms(order),
        parties.scheme(sponsor),
        *parties.creditor(sponsor, currency=order.currency),
        parties.debtor(order.debtor),
        parties.debtor_account(order.debtor),
        parties.agent("DbtrAgt", order.debtor.branch_code),
        element("MndtRef", exact(order.contract, field="contract", most=values.REFERENCE_MAX)),
    )


def _read_mandate(mandate: Node) -> MandateOrder:
    return MandateOrder(
        reference=values.reference_of(mandate.said("MndtReqId")),
        contract=mandate.said("MndtRef") or mandate.told("MndtReqId"),
        debtor=parties.debtor_in(mandate),
        terms=read_terms(mandate),
        currency=values.amount_in(mandate.need("MaxAmt")).currency,
        tracked=values.truth_in(mandate, "TrckgInd"),
        final_collection_on=values.maybe_day(mandate, "Ocrncs/FnlColltnDt"),
    )


def _batch(body: Node, orders: tuple[Order, ...]) -> MandateBatch[Order]:
    return MandateBatch(
        reference=values.reference_of(body.told("GrpHdr/MsgId")),
        at=values.instant_in(body, "GrpHdr/CreDtTm"),
        orders=orders,
    )


def _answer(details: Node) -> MandateAnswer:
    accepted = values.truth_in(details, "AccptncRslt/Accptd")
    code = details.said("AccptncRslt/RjctRsn/Cd") or details.said("AccptncRslt/RjctRsn/Prtry")
    lines = details.need("AccptncRslt").all("AddtlRjctRsnInf")
    names = [
        details.said(f"OrgnlMndt/{path}")
        for path in ("OrgnlMndt/MndtReqId", "OrgnlMndtId", "OrgnlMndt/MndtId")
    ]
    ours = [reference for name in names if (reference := values.reference_of(name)) is not None]
    kind = (details.said("OrgnlMsgInf/MsgNmId") or "")[: len("pain.000")]
    return MandateAnswer(
        accepted=accepted,
        about=_ABOUT.get(kind),
        reference=ours[0] if ours else None,
        batch=values.reference_of(details.said("OrgnlMsgInf/MsgId")),
        mandate=next((name for name in names[1:] if name and values.reference_of(name) is None), None),
        code=code,
        failure=None if accepted else failure_of(code),
        told=" ".join(line.text for line in lines if line.text)[:TOLD_MAX] or None,
    )


def _wish_in(node: Node, path: str) -> WhoseWish:
    code = node.told(path)
    if code not in _WISH_OF:
        raise Invalid(path, f"{shown(code)!r} is not known", ", ".join(_WISH_OF))
    return _WISH_OF[code]


def _known_as(tag: str, mandate: str) -> Node:
    return element(tag, exact(mandate, field="mandate", most=values.REFERENCE_MAX))


def _named(reference: UUID | None) -> str:
    if reference is None:
        raise Invalid("reference", "is missing", "a UUID of ours")
    return values.reference_text(reference)
