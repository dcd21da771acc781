"""A method is a PaymentMethod, alone or with the customer it is saved for; a payee is a connected account."""

import re
from typing import NamedTuple

from marketplace.core.shared.errors import Invalid

_METHOD = re.compile(r"(?:(?P<customer>cus_[A-Za-z0-9_]{1,100})/)?(?P<method>pm_[A-Za-z0-9_]{1,100})")
_SOURCE = re.compile(r"pm_[A-Za-z0-9_]{1,100}")
_PAYEE = re.compile(r"acct_[A-Za-z0-9]{1,100}")
_METHODS = "pm_… of a customer who is there, as pm_card_visa with a test key, or cus_…/pm_… of a saved one"
_SOURCES = "pm_… of Stripe's own form, as pm_card_visa with a test key; none where the app confirms by itself"
_PAYEES = "acct_… of a connected account, as acct_1032D82eZvKYlo2C"


class Method(NamedTuple):
    """`customer` is whose saved method it is; the customer need not be there when it is charged."""

    method: str
    customer: str | None


def check_method(token: str, *, field: str) -> Method:
    found = _METHOD.fullmatch(token)
    if found is None:
        raise Invalid(field, f"{token[:60]!r} is none of Stripe's", _METHODS)
    return Method(found["method"], found["customer"])


def check_unsaved(token: str, *, field: str) -> None:
    """What an app may name: a saved one is somebody's, and goes by its id here."""
    if check_method(token, field=field).customer is not None:
        raise Invalid(field, "is a saved card's token at Stripe", "pm_…, or the id of the saved method")


def check_source(source: str, *, field: str) -> str:
    if _SOURCE.fullmatch(source) is None:
        raise Invalid(field, f"{source[:60]!r} is none of Stripe's", _SOURCES)
    return source


def check_payee(token: str, *, field: str) -> str:
    if _PAYEE.fullmatch(token) is None:
        raise Invalid(field, f"{token[:60]!r} is none of Stripe's", _PAYEES)
    return token
