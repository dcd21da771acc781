"""What every rail promises that takes back what it has transferred, played or real."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing, Subject


def zar(minor: int) -> Money:
    return Money(minor, "ZAR")


class TestAClawBack:
    async def test_takes_back_once_however_often_it_is_sent(self, stage: Any) -> None:
        rail, reversal = stage.clawing, uuid4()
        transfer = await stage.pay()

        reports = await asyncio.gather(
            *(rail.claw_back(transfer.reference, reversal=reversal, amount=zar(5_000)) for _ in range(20))
        )

        assert {report.standing for report in reports} == {Standing.SUCCEEDED}
        assert {(report.subject, report.amount) for report in reports} == {
            (Subject.TRANSFER_REVERSAL, zar(5_000))
        }
        assert await stage.truth(reversal) == reports[0]
        assert await stage.held_minor() == -3_000

    async def test_takes_back_in_parts_and_never_more_than_was_paid(self, stage: Any) -> None:
        rail = stage.clawing
        transfer = await stage.pay()

        results = await asyncio.gather(
            *(rail.claw_back(transfer.reference, reversal=uuid4(), amount=zar(3_000)) for _ in range(5)),
            return_exceptions=True,
        )
        with pytest.raises(Invalid, match="amount"):
            await rail.claw_back(transfer.reference, reversal=uuid4(), amount=zar(2_001))

        assert sum(not isinstance(result, Invalid) for result in results) == 2
        assert await stage.held_minor() == -2_000

    async def test_of_all_is_no_transfer_that_came_back_by_itself(self, stage: Any) -> None:
        rail = stage.clawing
        transfer = await stage.pay()

        await rail.claw_back(transfer.reference, reversal=uuid4(), amount=zar(8_000))

        assert (await stage.truth(transfer.reference)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 0

    async def test_of_one_that_is_from_a_charge(self, stage: Any) -> None:
        rail = stage.clawing
        charge = await stage.take()
        transfer = stage.transfer(charge=charge.reference)
        await rail.release(transfer)

        report = await rail.claw_back(transfer.reference, reversal=uuid4(), amount=zar(8_000))

        assert report.standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 10_000

    async def test_is_refused_where_the_payee_has_spent_it(self, stage: Any) -> None:
        rail, reversal = stage.clawing, uuid4()
        transfer = await stage.pay("has spent it")

        for _ in range(2):
            with pytest.raises(Invalid, match="payee"):
                await rail.claw_back(transfer.reference, reversal=reversal, amount=zar(8_000))

        assert await rail.find(reversal) is None
        assert await stage.held_minor() == -8_000

    @pytest.mark.parametrize("outcome", ["is taken back too late", "is taken back never"])
    async def test_tells_the_truth_after_a_doubt(self, stage: Any, outcome: str) -> None:
        rail, reversal = stage.clawing, uuid4()
        transfer = await stage.pay(outcome)

        with pytest.raises(OutcomeUnknown):
            await rail.claw_back(transfer.reference, reversal=reversal, amount=zar(8_000))
        found = await rail.find(reversal)
        again = await rail.claw_back(transfer.reference, reversal=reversal, amount=zar(8_000))

        assert (found is None) is (outcome == "is taken back never")
        assert again.standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 0

    async def test_refuses_a_reference_that_stands_for_another_order(self, stage: Any) -> None:
        rail, reversal = stage.clawing, uuid4()
        first, second = await stage.pay(), await stage.pay()
        await rail.claw_back(first.reference, reversal=reversal, amount=zar(1_000))

        with pytest.raises(Invalid):
            await rail.claw_back(first.reference, reversal=reversal, amount=zar(2_000))
        with pytest.raises(Invalid):
            await rail.claw_back(second.reference, reversal=reversal, amount=zar(1_000))
        with pytest.raises(Invalid, match="reference"):
            await rail.release(replace(first, reference=reversal))

        assert await stage.held_minor() == -15_000

    async def test_refuses_a_transfer_that_nobody_sent(self, stage: Any) -> None:
        charge = await stage.take()

        for reference in (uuid4(), charge.reference):
            with pytest.raises(Invalid, match="reference"):
                await stage.clawing.claw_back(reference, reversal=uuid4(), amount=zar(1_000))
