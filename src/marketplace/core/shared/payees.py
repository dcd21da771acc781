"""A provider is paid into an account that it opens with a rail: on the rail's pages, or by bank details."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from marketplace.core.shared.limits import Length, Name, Word

Country = Annotated[str, Length(2, least=2)]


class PayeeKind(StrEnum):
    HOSTED = "hosted"
    BANK_ACCOUNT = "bank_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Where a provider banks: told to the rail once, and then forgotten."""

    holder: Name = field(repr=False)
    bank: Word
    account_number: Annotated[str, Length(34, least=1)] = field(repr=False)
    account_type: Annotated[str, Length(20, least=1)] = "current"
