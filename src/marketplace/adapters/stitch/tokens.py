"""
A method is a consent that is charged at once, a mandate or an account that is debited by file; a payee is a
bank account that was opened here, or one that is named whole, as `bank:type:number:name`.
"""

import re
from typing import NamedTuple
from uuid import UUID

from marketplace.adapters.stitch.files import Channel
from marketplace.core.shared.errors import Invalid

_CONSENT = re.compile(r"consent:(?P<consent>[A-Za-z0-9+/=_-]{1,120})")
_MANDATE = re.compile(r"mandate:(?P<consent>[A-Za-z0-9+/=_-]{1,120}):(?P<contract>[A-Za-z0-9_-]{1,35})")
_ACCOUNT = re.compile(r"account:(?P<payer>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_PAYEE = re.compile(
    r"(?P<bank>[a-z_]{2,40}):(?P<type>current|savings):(?P<number>[0-9]{5,20}):"
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9 .&'-]{0,19})"
)
OPENED = "payee:"
_OPENED = re.compile(rf"{OPENED}(?P<payee>[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})")
_METHODS = "consent:ID, mandate:ID:CONTRACT or account:ID, as consent:cGxheWVkL3N1Y2NlZWRz"
_PAYEES = "BANK:current or savings:NUMBER:NAME, as absa:current:4081234567:T Mokoena"


class Method(NamedTuple):
    """`channel` is the kind of file that it is debited by; None where it is charged at once."""

    channel: Channel | None
    consent_id: str = ""
    contract: str = ""
    payer: UUID | None = None


class Payee(NamedTuple):
    bank: str
    account_type: str
    account_number: str
    name: str


def check_method(token: str, *, field: str) -> Method:
    if found := _CONSENT.fullmatch(token):
        return Method(None, consent_id=found["consent"])
    if found := _MANDATE.fullmatch(token):
        return Method(Channel.DEBICHECK, consent_id=found["consent"], contract=found["contract"])
    if found := _ACCOUNT.fullmatch(token):
        return Method(Channel.DEBIT_ORDER, payer=UUID(found["payer"]))
    raise Invalid(field, "is none of Stitch's methods", _METHODS)


def check_unsaved(token: str, *, field: str) -> None:
    """What an app may name: an account is always a saved method, whose id is no secret."""
    if check_method(token, field=field).payer is not None:
        raise Invalid(
            field, "is a saved method's token", "consent:ID, mandate:ID:CONTRACT, or the method's id"
        )


def check_payee(token: str, *, field: str) -> Payee | UUID:
    """By its reference where it was opened. It is not told what it was: that may be somebody's account."""
    if opened := _OPENED.fullmatch(token):
        return UUID(opened["payee"])
    found = _PAYEE.fullmatch(token)
    if found is None:
        raise Invalid(field, "is no bank account that Stitch pays into", _PAYEES)
    return Payee(found["bank"], found["type"], found["number"], found["name"])
