"""The account of a payer without a mandate at its bank is kept here, so that no token has to carry it."""

import re
from dataclasses import dataclass, field, replace
from uuid import UUID

import msgspec

from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.batches import Debtor
from marketplace.ports.payments import Setup
from marketplace.ports.shelf import Document, Found, Shelf

SHELF = "stitch.payer"
# One account that no file can hold would keep a whole day's debits from being sent.
_HELD = {
    "contract": re.compile(r"[A-Za-z0-9_-]{1,35}"),
    "name": re.compile(r"[^\x00-\x1f\x7f]{1,60}"),
    "account_number": re.compile(r"[0-9]{5,20}"),
    "branch_code": re.compile(r"[0-9]{6}"),
    "account_type": re.compile(r"[A-Za-z]{1,20}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Whose account is debited, under which contract."""

    contract: str
    name: str = field(repr=False)
    account_number: str = field(repr=False)
    branch_code: str = field(repr=False)
    account_type: str = "current"

    def __post_init__(self) -> None:
        for name, pattern in _HELD.items():
            if pattern.fullmatch(getattr(self, name)) is None:
                raise Invalid(name, "cannot be debited", pattern.pattern)

    @property
    def debtor(self) -> Debtor:
        return Debtor(
            holder=self.name,
            branch_code=self.branch_code,
            account_number=self.account_number,
            account_type=self.account_type,
        )


def payer_of(setup: Setup) -> Payer:
    """Raises Invalid for what no file could hold."""
    if setup.kind is not MethodKind.DEBIT_ORDER or setup.terms is None or setup.contract is None:
        raise Invalid("source", "is that of an account", "a debit order with terms and a contract")
    if setup.payer is None:
        raise Invalid("payer", "is missing: no bank is asked for the account", "whose account is debited")
    return Payer(
        contract=setup.contract,
        name=setup.payer.holder,
        account_number=setup.payer.account_number,
        branch_code=setup.payer.branch_code,
        account_type=setup.payer.account_type,
    )


@dataclass(frozen=True, slots=True)
class Payers:
    shelf: Shelf

    async def keep(self, key: UUID, payer: Payer, *, tenant_id: UUID) -> str:
        """The method's token. Raises Invalid where another account is kept under the key."""
        document = Document(
            shelf=SHELF,
            key=str(key),
            tenant_id=tenant_id,
            body=msgspec.json.encode(payer),
            label=payer.contract,
        )
        if not await self.shelf.keep(document) and await self.find(key, tenant_id=tenant_id) != payer:
            raise Invalid("reference", f"{key} was used for another account")
        return f"account:{key}"

    async def forget(self, key: UUID) -> None:
        """Nothing is debited by it any more, not even what waits for a file."""

        def decide(found: Found) -> tuple[None, list[Document]]:
            return None, [replace(document, body=_FORGOTTEN, label="") for document in found.values()]

        await self.shelf.change([(SHELF, str(key))], decide)

    async def find(self, key: UUID, *, tenant_id: UUID) -> Payer | None:
        """Of this tenant's alone: another's token opens nothing."""
        document = await self.shelf.fetch(shelf=SHELF, key=str(key))
        if document is None or document.tenant_id != tenant_id:
            return None
        return _DECODER.decode(document.body)


_FORGOTTEN = b"null"
_DECODER: msgspec.json.Decoder[Payer | None] = msgspec.json.Decoder(Payer | None)
