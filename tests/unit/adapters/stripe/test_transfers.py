from typing import Any

import pytest
from tests.vendors.stripe.cards import RESTRICTED

from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.ports.payments import Standing


class TestATransfer:
    async def test_is_found_by_its_group(self, scene: Any) -> None:
        transfer = scene.transfer()
        scene.stripe.faults.append("drop_after")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.release(transfer)
        orders = len(scene.posts())

        report = await scene.rail.find(transfer.reference)

        assert (report.standing, report.amount) == (Standing.SUCCEEDED, transfer.amount)
        assert len(scene.posts()) == orders

    async def test_that_the_balance_does_not_cover_goes_when_it_does(self, scene: Any) -> None:
        """Stripe keeps that answer for the key, too."""
        transfer = scene.transfer()
        scene.stripe.books.available = 0
        with pytest.raises(Unavailable) as refused:
            await scene.rail.release(transfer)

        scene.stripe.books.available = 10_000
        report = await scene.rail.release(transfer)

        assert refused.value.code == "stripe_balance_too_low"
        assert report.standing == Standing.SUCCEEDED

    @pytest.mark.parametrize("payee", [RESTRICTED, "acct_1Nobody"])
    async def test_to_an_account_that_cannot_be_paid_names_the_payee(self, scene: Any, payee: str) -> None:
        with pytest.raises(Invalid) as refused:
            await scene.rail.release(scene.transfer(payee))

        assert refused.value.facts["field"] == "payee"

    async def test_that_is_reversed_has_come_back(self, scene: Any) -> None:
        transfer = scene.transfer()
        report = await scene.rail.release(transfer)

        scene.stripe.books.reverse(report.rail_reference)

        assert (await scene.rail.find(transfer.reference)).standing == Standing.RETURNED
        assert scene.stripe.balance(scene.tenant_id) == 0
