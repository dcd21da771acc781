"""Whose account at which bank is said alike everywhere: an IBAN and a BIC, or the country's own numbers."""

import re
from dataclasses import dataclass

from marketplace.adapters.iso20022.charset import exact, folded
from marketplace.adapters.iso20022.tree import Node, element, optional
from marketplace.core.shared.errors import Invalid
from marketplace.ports.batches import Debtor

NAME_MAX = 70  # of the 140 in the standard, what banks take
ACCOUNT_MAX = 34
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?")
# ISO 20022's external codes for kinds of accounts; any other is said in its own word.
_TYPES = {"current": "CACC", "savings": "SVGS"}
_TYPE_NAMES = {code: name for name, code in _TYPES.items()}
# What stands in an external code list; all else is the word of a bank or a country.
_SERVICE_LEVELS = frozenset({"SEPA"})
_INSTRUMENTS = frozenset({"CORE", "B2B"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sponsor:
    """
    Who collects, by which bank, and the words that this bank agreed on for its files.

    `scheme_id` is the creditor's number in the scheme ("creditor identifier"), `scheme_name` the scheme's
    own name where it stands beside it; `service_level` and `local_instrument` are like SEPA and CORE.
    """

    name: str
    scheme_id: str
    account_number: str
    branch_code: str
    scheme_name: str | None = None
    service_level: str | None = None
    local_instrument: str | None = None


def creditor(sponsor: Sponsor, *, currency: str) -> tuple[Node, Node, Node]:
    """Name, account and bank of who collects; raises Invalid for what no bank takes."""
    return (
        element("Cdtr", name(sponsor.name, field="name")),
        account("CdtrAcct", number=sponsor.account_number, currency=currency),
        agent("CdtrAgt", sponsor.branch_code),
    )


def scheme(sponsor: Sponsor) -> Node:
    scheme_id = exact(sponsor.scheme_id, field="scheme_id", most=35)
    called = optional("SchmeNm", optional("Prtry", _word(sponsor.scheme_name, "scheme_name")))
    return element("CdtrSchmeId", _inside(("Id", "PrvtId", "Othr"), element("Id", scheme_id), called))


def kind(tag: str, sponsor: Sponsor, *others: Node) -> Node | None:
    """Service level, local instrument, and what else says what kind of payment it is."""
    level = _code("SvcLvl", _word(sponsor.service_level, "service_level"), _SERVICE_LEVELS)
    instrument = _code("LclInstrm", _word(sponsor.local_instrument, "local_instrument"), _INSTRUMENTS)
    return optional(tag, level, instrument, *others)


def debtor(of: Debtor) -> Node:
    identity = _given(of.identity_number, "identity_number", 35)
    identified = identity and _inside(("Id", "PrvtId", "Othr"), element("Id", identity))
    return element("Dbtr", name(of.holder, field="holder"), identified or None)


def debtor_account(of: Debtor) -> Node | None:
    """None where the bank keeps the account with the mandate."""
    if of.account_number is None:
        return None
    return account("DbtrAcct", number=of.account_number, kind=of.account_type)


def debtor_in(node: Node) -> Debtor:
    """The payer in an element that holds `Dbtr` and its siblings."""
    return Debtor(
        holder=node.told("Dbtr/Nm", most=140),
        branch_code=agent_in(node.find("DbtrAgt")),
        account_number=account_in(node.find("DbtrAcct")),
        account_type=_type_in(node.find("DbtrAcct")),
        identity_number=node.said("Dbtr/Id/PrvtId/Othr/Id"),
    )


def name(text: str, *, field: str) -> Node:
    return element("Nm", folded(text, field=field, most=NAME_MAX))


def account(tag: str, *, number: str, kind: str | None = None, currency: str | None = None) -> Node:
    number = exact(number, field="account_number", most=ACCOUNT_MAX)
    numbered = element("IBAN", number) if is_iban(number) else element("Othr", element("Id", number))
    typed = _code("Tp", kind and _TYPES.get(kind, _word(kind, "account_type")), frozenset(_TYPES.values()))
    return element(tag, element("Id", numbered), typed, optional("Ccy", currency))


def agent(tag: str, branch_code: str | None) -> Node:
    """A bank, by its BIC, or by its branch's number in the country's clearing."""
    code = exact(branch_code or "", field="branch_code", most=35)
    member = element("ClrSysMmbId", element("MmbId", code))
    return element(tag, element("FinInstnId", element("BICFI", code) if _BIC.fullmatch(code) else member))


def account_in(node: Node | None) -> str | None:
    if node is None:
        return None
    return node.said("Id/IBAN") or node.said("Id/Othr/Id")


def agent_in(node: Node | None) -> str | None:
    if node is None:
        return None
    return node.said("FinInstnId/BICFI") or node.said("FinInstnId/ClrSysMmbId/MmbId")


def is_iban(number: str) -> bool:
    """Whether its check digits say so (ISO 13616): else it is a number of the country's own."""
    if not _IBAN.fullmatch(number):
        return False
    turned = number[4:] + number[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def _type_in(node: Node | None) -> str | None:
    if node is None:
        return None
    code = node.said("Tp/Cd") or node.said("Tp/Prtry")
    return _TYPE_NAMES.get(code, code) if code else None


def _code(tag: str, code: str | None, listed: frozenset[str]) -> Node | None:
    return element(tag, element("Cd" if code in listed else "Prtry", code)) if code else None


def _word(text: str | None, field: str) -> str | None:
    return _given(text, field, 35)


def _given(text: str | None, field: str, most: int) -> str | None:
    return exact(text, field=field, most=most) if text is not None else None


def _inside(tags: tuple[str, ...], *content: Node | None) -> Node:
    """The content in an element in an element: the outermost first."""
    *outer, inner = tags
    made = element(inner, *content)
    for tag in reversed(outer):
        made = element(tag, made)
    return made


def needed(text: str | None, *, field: str) -> str:
    """Raises Invalid where a file cannot do without."""
    if text is None:
        raise Invalid(field, "is missing", "what the debtor's bank knows the account by")
    return text
