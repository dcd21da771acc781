from dataclasses import replace
from typing import Any
from uuid import uuid4

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

    async def test_from_a_charge_names_it_and_goes_before_the_balance_is_there(self, scene: Any) -> None:
        """https://docs.stripe.com/connect/separate-charges-and-transfers#transfer-availability."""
        charge = await scene.take()
        scene.stripe.books.available = 0

        report = await scene.rail.release(scene.transfer(charge=charge.reference))

        (intent,) = scene.stripe.books.of("payment_intent")
        (transfer,) = scene.stripe.books.of("transfer")
        assert report.standing == Standing.SUCCEEDED
        assert transfer["source_transaction"] == intent["latest_charge"]
        assert transfer["transfer_group"] == intent["transfer_group"] == str(charge.reference)

    async def test_from_a_charge_is_found_by_the_group_of_the_charge(self, scene: Any) -> None:
        charge = await scene.take()
        await scene.rail.release(scene.transfer(minor=1_000, charge=charge.reference))
        transfer = scene.transfer(minor=2_000, charge=charge.reference)
        scene.stripe.faults.append("drop_after")
        with pytest.raises(OutcomeUnknown):
            await scene.rail.release(transfer)

        report = await scene.rail.find(transfer.reference)

        assert (report.standing, report.amount) == (Standing.SUCCEEDED, transfer.amount)

    async def test_from_a_charge_of_another_marketplace_is_refused(self, scene: Any) -> None:
        charge = await scene.take()
        transfer = scene.transfer(charge=charge.reference)

        with pytest.raises(Invalid) as refused:
            await scene.rail.release(replace(transfer, tenant_id=uuid4()))

        assert refused.value.facts["field"] == "charge"
        assert scene.stripe.books.of("transfer") == []

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
