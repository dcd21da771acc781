"""A consent is charged at once, under a nonce that is taken once; what goes by file waits for its file."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from marketplace.adapters.stitch import documents, reports
from marketplace.adapters.stitch.account import Account
from marketplace.adapters.stitch.amounts import CURRENCY, check_amount, to_decimal
from marketplace.adapters.stitch.calendar import Calendar
from marketplace.adapters.stitch.documents import FoundTransactions, Initiated, Transaction
from marketplace.adapters.stitch.keeping import Keeping, Kept
from marketplace.adapters.stitch.nonces import made_once, under
from marketplace.adapters.stitch.orders import Order, Orders, of_charge, refused_by_us, report_of
from marketplace.adapters.stitch.tokens import Method, check_method
from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.ports.payments import Charge, Report, Standing, Subject

# How long a call that we gave up may still be on its way to Stitch.
_UNDER_WAY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    account: Account
    orders: Orders
    calendar: Calendar
    keeping: Keeping

    async def collect(self, charge: Charge) -> Report:
        method = check_method(charge.method, field="method")
        await self.account.check_mode(charge.tenant_id)
        revoked = await self._is_revoked(charge, method)
        now = self.account.clock()
        due_at = None if method.channel is None else self.calendar.sending_after(now)
        async with self.account.alone(charge.reference):
            if await self.orders.find(charge.reference) is None:
                _check(charge)
            order, is_new = await self.orders.place(of_charge(charge, at=now, due_at=due_at))
            if is_new and revoked:
                order = await self.orders.amend(order, refused_by_us)
            if _is_told(order):
                return report_of(order)
            return await self._charged(order, is_new=is_new)

    async def find(self, order: Order) -> Report | None:
        if _is_told(order):
            return report_of(order)
        found = await self._sought(order)
        return None if found is None else reports.of_transaction(order, found)

    async def void(self, reference: UUID) -> Report:
        """Nothing calls back what Stitch has: neither a line of a file nor a charge that is pending."""
        async with self.account.alone(reference):
            order = await self.orders.void(reference, at=self.account.clock())
            if order.subject is not Subject.CHARGE:
                raise Invalid("reference", f"is a {order.subject}", "a charge")
            if _is_told(order):
                return report_of(order)
            found = await self._sought(order)
            return await self._kept_away(order) if found is None else reports.of_transaction(order, found)

    async def _is_revoked(self, charge: Charge, method: Method) -> bool:
        """Raises Invalid for a token that was never given for the saved method, and one of a saved other."""
        if charge.setup is None:
            await self._check_unsaved(charge, method)
            return False
        kept = await self.keeping.find(charge.setup)
        if kept is None:
            return False
        if kept.tenant_id != charge.tenant_id or not _is_of(method, kept):
            raise Invalid("method", "is none that was given for this saved method", "its token")
        return kept.revoked

    async def _check_unsaved(self, charge: Charge, method: Method) -> None:
        """A saved method is its owner's: whoever knows its token alone does not pay by it."""
        if method.payer is not None:
            kept = await self.keeping.find(method.payer)
        else:
            kept = await self.keeping.of_consent(method.consent_id, tenant_id=charge.tenant_id)
        if kept is not None:
            raise Invalid("method", "is a saved method's token", "the id of the saved method")

    async def _charged(self, order: Order, *, is_new: bool) -> Report:
        found = None if is_new else await self._sought(order)
        if found is None:
            now = self.account.clock()
            order = order if is_new else await self.orders.amend(order, lambda one: _sent_again(one, now))
            if order.voided:
                return report_of(order)
            found = await self._made(order)
        return reports.of_transaction(order, found)

    async def _made(self, order: Order) -> Transaction:
        method = check_method(order.token, field="method")
        asked = {
            "token": method.consent_id,
            "nonce": order.nonce,
            "amount": {"quantity": to_decimal(order.minor), "currency": CURRENCY},
            "externalReference": order.external_reference,
        }
        return await made_once(self._initiated(asked), sought=partial(self._sought, order))

    async def _initiated(self, asked: dict[str, Any]) -> Transaction:
        made = await self.account.do(documents.INITIATE, {"input": asked}, Initiated)
        return made.made.transaction

    async def _sought(self, order: Order) -> Transaction | None:
        asked = {"nonce": order.nonce}
        found = await self.account.ask(documents.TRANSACTIONS, asked, FoundTransactions)
        return under(order.nonce, (edge.node for edge in found.client.found.edges))

    async def _kept_away(self, order: Order) -> Report:
        """One that may still be under way is in doubt; one that did not arrive will never be sent."""
        if self.account.clock() - order.last_sent_at < _UNDER_WAY:
            raise OutcomeUnknown("the charge may still be under way to Stitch")
        unsent = await self.orders.amend(
            order,
            lambda standing: replace(standing, voided=standing.last_sent_at == order.last_sent_at),
        )
        if not unsent.voided:
            raise OutcomeUnknown("the charge has just been sent again")
        return report_of(unsent)


def _check(charge: Charge) -> None:
    check_amount(charge.amount)
    if charge.hold:
        raise Invalid("hold", "Stitch holds no money", "False")


def _is_of(method: Method, kept: Kept) -> bool:
    """Whether the token is that of the saved method, as far as we know its id at Stitch."""
    if kept.is_account:
        return method.payer == kept.reference
    return method.payer is None and kept.consent_id in {None, method.consent_id}


def _is_told(order: Order) -> bool:
    """By files, or by what we did ourselves: Stitch is not asked."""
    if order.voided or order.standing is not Standing.PENDING:
        return True
    return check_method(order.token, field="method").channel is not None


def _sent_again(order: Order, now: datetime) -> Order:
    return order if order.voided else replace(order, last_sent_at=now)
