"""A batch of collections is one pain.008: a group for each day and sequence, and sums that are checked."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from marketplace.adapters.iso20022 import parties, values
from marketplace.adapters.iso20022.charset import exact, folded
from marketplace.adapters.iso20022.messages import COLLECTIONS, wrapped
from marketplace.adapters.iso20022.parties import Sponsor
from marketplace.adapters.iso20022.tree import Node, element, optional, shown
from marketplace.core.shared.errors import Invalid
from marketplace.ports.batches import Batch, Collection, Sequence, one_currency

DESCRIPTION_MAX = 140
TRACKING_DAYS_MAX = 99
SEQUENCES: Mapping[Sequence, str] = MappingProxyType(
    {
        Sequence.ONE_OFF: "OOFF",
        Sequence.FIRST: "FRST",
        Sequence.RECURRING: "RCUR",
        Sequence.FINAL: "FNAL",
    }
)
_SEQUENCES = {code: sequence for sequence, code in SEQUENCES.items()}


def write_collections(batch: Batch, *, sponsor: Sponsor, message: str = COLLECTIONS[0]) -> bytes:
    """Raises Invalid for what no bank takes: nothing is left out, and nothing but words is changed."""
    if message not in COLLECTIONS:
        raise Invalid("message", f"{shown(message)} is no such message", ", ".join(COLLECTIONS))
    currency = one_currency(batch)
    header = element(
        "GrpHdr",
        element("MsgId", values.reference_text(batch.reference)),
        element("CreDtTm", values.instant(batch.at)),
        *_sums(batch.collections, currency),
        element("InitgPty", parties.name(sponsor.name, field="name")),
    )
    groups = [
        _group(group, name=values.group_text(batch.reference, number), sponsor=sponsor, currency=currency)
        for number, group in enumerate(batch.groups)
    ]
    return wrapped(message, header, *groups)


def read_collections(body: Node) -> Batch:
    """What a file of ours asks for; raises Invalid where its sums are not those of what stands in it."""
    collections = tuple(one for group in body.all("PmtInf") for one in _read_group(group))
    _check_sums(body.need("GrpHdr"), collections)
    reference = values.reference_of(name := body.told("GrpHdr/MsgId"))
    if reference is None:
        raise Invalid("GrpHdr/MsgId", f"{name!r} is no file of ours", "32 hexadecimal digits")
    return Batch(reference=reference, at=values.instant_in(body, "GrpHdr/CreDtTm"), collections=collections)


def _group(group: tuple[Collection, ...], *, name: str, sponsor: Sponsor, currency: str) -> Node:
    sequence = element("SeqTp", SEQUENCES[group[0].sequence])
    return element(
        "PmtInf",
        element("PmtInfId", name),
        element("PmtMtd", "DD"),
        element("BtchBookg", "true"),
        *_sums(group, currency),
        parties.kind("PmtTpInf", sponsor, sequence),
        element("ReqdColltnDt", group[0].due_on.isoformat()),
        *parties.creditor(sponsor, currency=currency),
        element("ChrgBr", "SLEV"),
        parties.scheme(sponsor),
        *(_line(one) for one in group),
    )


def _line(one: Collection) -> Node:
    reference = values.reference_text(one.reference)
    description = folded(one.description, field="description", most=DESCRIPTION_MAX)
    account_number = parties.needed(one.debtor.account_number, field="account_number")
    return element(
        "DrctDbtTxInf",
        element("PmtId", element("InstrId", reference), element("EndToEndId", reference)),
        values.amount("InstdAmt", one.amount),
        element("DrctDbtTx", _mandate(one)),
        parties.agent("DbtrAgt", one.debtor.branch_code),
        parties.debtor(one.debtor),
        parties.account("DbtrAcct", number=account_number, kind=one.debtor.account_type),
        element("RmtInf", element("Ustrd", description)),
    )


def _mandate(one: Collection) -> Node:
    if not 0 <= one.tracking_days <= TRACKING_DAYS_MAX:
        raise Invalid("tracking_days", f"{one.tracking_days} is too many", f"0 to {TRACKING_DAYS_MAX}")
    return element(
        "MndtRltdInf",
        element("MndtId", exact(one.mandate, field="mandate", most=values.REFERENCE_MAX)),
        optional("DtOfSgntr", one.signed_on.isoformat() if one.signed_on else None),
        optional("TrckgDays", f"{one.tracking_days:02d}" if one.tracking_days else None),
    )


def _sums(collections: tuple[Collection, ...], currency: str) -> tuple[Node, Node]:
    sum_minor = sum(one.amount.minor for one in collections)
    return (
        element("NbOfTxs", str(len(collections))),
        element("CtrlSum", values.decimal_of(sum_minor, currency)),
    )


def _read_group(group: Node) -> Iterator[Collection]:
    collections = tuple(_read_line(line, group) for line in group.all("DrctDbtTxInf"))
    _check_sums(group, collections)
    return iter(collections)


def _read_line(line: Node, group: Node) -> Collection:
    reference = values.reference_of(name := line.told("PmtId/EndToEndId"))
    if reference is None:
        raise Invalid("PmtId/EndToEndId", f"{name!r} is no reference of ours", "32 hexadecimal digits")
    mandate = line.need("DrctDbtTx/MndtRltdInf")
    return Collection(
        reference=reference,
        amount=values.amount_in(line.need("InstdAmt")),
        due_on=values.day_in(group, "ReqdColltnDt"),
        sequence=_sequence_in(line.said("PmtTpInf/SeqTp") or group.told("PmtTpInf/SeqTp")),
        mandate=mandate.told("MndtId"),
        signed_on=values.maybe_day(mandate, "DtOfSgntr"),
        tracking_days=values.scaled(mandate.said("TrckgDays") or "0", 0, field="TrckgDays"),
        debtor=parties.debtor_in(line),
        description=line.told("RmtInf/Ustrd", most=DESCRIPTION_MAX),
    )


def _sequence_in(code: str) -> Sequence:
    if code not in _SEQUENCES:
        raise Invalid("PmtTpInf/SeqTp", f"{shown(code)!r} is not known", ", ".join(_SEQUENCES))
    return _SEQUENCES[code]


def _check_sums(node: Node, collections: tuple[Collection, ...]) -> None:
    """A file that was cut or changed on its way does not add up."""
    number = node.said("NbOfTxs")
    if number is not None and values.scaled(number, 0, field="NbOfTxs") != len(collections):
        raise Invalid(f"{node.tag}/NbOfTxs", f"is {number}", f"{len(collections)}, as many as there are")
    currencies = sorted({one.amount.currency for one in collections})
    if len(currencies) > 1:
        raise Invalid("currency", f"is {' and '.join(currencies)} in one file", "one currency")
    said = node.said("CtrlSum")
    if said is None or not currencies:
        return
    if values.minor_of(said, currencies[0], field="CtrlSum") != sum(one.amount.minor for one in collections):
        raise Invalid(f"{node.tag}/CtrlSum", f"is {shown(said)}", "the sum of what stands in it")
