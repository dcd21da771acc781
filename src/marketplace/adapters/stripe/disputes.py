"""Evidence goes to the bank once for each dispute, and for good: what it has, it has."""

from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from marketplace.adapters.stripe import charges, lists, reports
from marketplace.adapters.stripe.account import Account
from marketplace.adapters.stripe.objects import Dispute
from marketplace.adapters.stripe.refusals import Declined
from marketplace.core.shared.errors import Invalid
from marketplace.ports.payments import Report, Standing

_TAKES_EVIDENCE = "needs_response"


async def submit_evidence(account: Account, reference: UUID, *, text: str) -> Report:
    """
    https://docs.stripe.com/disputes/api: evidence that is submitted goes to the bank, and cannot be changed.

    Of a dispute that is decided, or that the bank is looking at, the answer is where it stands.
    """
    async with account.alone(reference):
        order, intent = await charges.known(account, reference)
        disputes = await charges.disputes_of(account, intent)
        report = reports.of_charge(order, intent, disputes)
        dispute = reports.contested_by(disputes)
        if dispute is None:
            raise Invalid("reference", f"is {report.standing}", "a charge that is disputed")
        if report.standing is not Standing.DISPUTED or dispute.status != _TAKES_EVIDENCE:
            return report
        key = dispute.id
        params: Any = {"evidence": {"uncategorized_text": text}, "submit": True}
        call = partial(account.client.v1.disputes.update_async, key, params)
        try:
            await account.send(order, f"evidence/{sha256(text.encode()).hexdigest()[:32]}", call, Dispute)
        except Declined as declined:
            raise Invalid("reference", "Stripe takes no evidence for it") from declined
        return reports.of_charge(order, intent, await lists.disputes(account, intent.id))
