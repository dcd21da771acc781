"""What every rail promises that can pay a provider from a single charge, played or real."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing


def zar(minor: int) -> Money:
    return Money(minor, "ZAR")


@pytest.fixture
def paying_by_charge(stage: Any) -> None:
    if not stage.rail.capabilities.pays_by_charge:
        pytest.skip(f"{stage.rail.name} pays from its balance only")


@pytest.mark.usefixtures("paying_by_charge")
class TestReleaseFromACharge:
    async def test_pays_once_however_often_it_is_sent(self, stage: Any) -> None:
        charge = await stage.take()
        transfer = stage.transfer(charge=charge.reference)

        reports = await asyncio.gather(*(stage.rail.release(transfer) for _ in range(20)))

        assert {report.standing for report in reports} == {Standing.SUCCEEDED}
        assert await stage.held_minor() == 2_000

    @pytest.mark.parametrize("outcome", ["answers too late", "never arrives"])
    async def test_tells_the_truth_after_a_doubt(self, stage: Any, outcome: str) -> None:
        charge = await stage.take()
        transfer = stage.transfer(outcome, charge=charge.reference)

        with pytest.raises(OutcomeUnknown):
            await stage.rail.release(transfer)
        found = await stage.rail.find(transfer.reference)

        assert (found is None) is (outcome == "never arrives")
        assert (await stage.rail.release(transfer)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 2_000

    async def test_is_never_of_more_than_was_taken(self, stage: Any) -> None:
        charge = await stage.hold()
        await stage.rail.capture(charge.reference, zar(6_000))

        with pytest.raises(Invalid, match="amount"):
            await stage.rail.release(stage.transfer(minor=6_001, charge=charge.reference))

        assert await stage.held_minor() == 6_000

    async def test_is_never_of_more_than_was_taken_in_all(self, stage: Any) -> None:
        charge = await stage.take()
        transfers = [stage.transfer(minor=3_000, charge=charge.reference) for _ in range(5)]

        results = await asyncio.gather(*map(stage.rail.release, transfers), return_exceptions=True)

        assert sum(not isinstance(result, Invalid) for result in results) == 3
        assert await stage.held_minor() == 1_000

    async def test_refuses_a_charge_that_took_nothing(self, stage: Any) -> None:
        declined = await stage.take("is declined")

        for charge in (declined.reference, uuid4()):
            with pytest.raises(Invalid):
                await stage.rail.release(stage.transfer(charge=charge))

        assert await stage.held_minor() == 0

    async def test_refuses_the_reference_for_another_charge(self, stage: Any) -> None:
        first, second = await stage.take(), await stage.take()
        transfer = stage.transfer(charge=first.reference)
        await stage.rail.release(transfer)

        with pytest.raises(Invalid, match="reference"):
            await stage.rail.release(replace(transfer, charge=second.reference))

    async def test_makes_room_again_when_it_is_returned(self, stage: Any) -> None:
        charge = await stage.take()
        transfer = stage.transfer("is returned", charge=charge.reference)
        await stage.rail.release(transfer)
        stage.clock.forward(minutes=2)

        await stage.truth(transfer.reference)
        again = await stage.rail.release(stage.transfer(minor=10_000, charge=charge.reference))

        assert again.standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 0
