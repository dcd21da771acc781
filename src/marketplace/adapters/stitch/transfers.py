"""A transfer is a disbursement from the float account to a bank account, under a nonce that is taken once."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from marketplace.adapters.stitch import documents, reports
from marketplace.adapters.stitch.account import Account
from marketplace.adapters.stitch.amounts import CURRENCY, check_amount, to_decimal
from marketplace.adapters.stitch.documents import Disbursed, Disbursement, FoundDisbursements
from marketplace.adapters.stitch.nonces import made_once, under
from marketplace.adapters.stitch.orders import Order, Orders, of_transfer
from marketplace.adapters.stitch.payees import Payees
from marketplace.adapters.stitch.tokens import Payee, check_payee
from marketplace.ports.payments import Report, Transfer

# What a bank statement has room for.
_WORDS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    account: Account
    orders: Orders

    @property
    def payees(self) -> Payees:
        return Payees(self.orders.shelf)

    async def release(self, wanted: Transfer) -> Report:
        named = check_payee(wanted.payee, field="payee")
        check_amount(wanted.amount)
        await self.account.check_mode(wanted.tenant_id)
        payee, now = await self.payees.paid(named, tenant_id=wanted.tenant_id), self.account.clock()
        async with self.account.alone(wanted.reference):
            order, is_new = await self.orders.place(of_transfer(wanted, at=now))
            found = None if is_new else await self._sought(order)
            if found is None:
                order = await self.orders.amend(order, lambda standing: replace(standing, last_sent_at=now))
                found = await self._made(order, payee)
            return reports.of_disbursement(order, found)

    async def find(self, order: Order) -> Report | None:
        found = await self._sought(order)
        return None if found is None else reports.of_disbursement(order, found)

    async def _made(self, order: Order, payee: Payee) -> Disbursement:
        asked = {
            "amount": {"quantity": to_decimal(order.minor), "currency": CURRENCY},
            "nonce": order.nonce,
            "beneficiaryReference": order.description[:_WORDS_MAX],
            "externalReference": order.external_reference,
            "bankBeneficiary": {
                "bankId": payee.bank,
                "name": payee.name,
                "accountNumber": payee.account_number,
                "accountType": payee.account_type,
            },
        }
        return await made_once(self._disbursed(asked), sought=partial(self._sought, order))

    async def _disbursed(self, asked: dict[str, Any]) -> Disbursement:
        made = await self.account.do(documents.DISBURSE, {"input": asked}, Disbursed)
        return made.made.disbursement

    async def _sought(self, order: Order) -> Disbursement | None:
        asked = {"nonce": order.nonce}
        found = await self.account.ask(documents.DISBURSEMENTS, asked, FoundDisbursements)
        return under(order.nonce, (edge.node for edge in found.client.found.edges))
