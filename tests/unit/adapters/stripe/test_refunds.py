from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.errors import Invalid, OutcomeUnknown
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing


def zar(minor: int) -> Money:
    return Money(minor, "ZAR")


class TestARefund:
    async def test_of_more_than_is_left_asks_stripe_for_nothing(self, scene: Any) -> None:
        charge = await scene.take()
        await scene.rail.refund(charge.reference, refund=uuid4(), amount=zar(4_000))
        orders = len(scene.posts())

        with pytest.raises(Invalid, match="amount"):
            await scene.rail.refund(charge.reference, refund=uuid4(), amount=zar(6_001))

        assert len(scene.posts()) == orders

    @pytest.mark.parametrize("fault", ["drop_after", "500_after"])
    async def test_that_was_given_without_an_answer_is_found_among_the_payments(
        self, scene: Any, fault: str
    ) -> None:
        charge, refund = await scene.take(), uuid4()
        scene.stripe.faults.append(fault)
        with pytest.raises(OutcomeUnknown):
            await scene.rail.refund(charge.reference, refund=refund, amount=zar(4_000))

        found = await scene.rail.find(refund)
        again = await scene.rail.refund(charge.reference, refund=refund, amount=zar(4_000))

        assert found == again
        assert found.standing == Standing.SUCCEEDED
        assert scene.stripe.balance(scene.tenant_id) == 6_000

    @pytest.mark.parametrize("fault", ["drop_before", "500_before"])
    async def test_that_never_came_is_sent_again(self, scene: Any, fault: str) -> None:
        charge, refund = await scene.take(), uuid4()
        scene.stripe.faults.append(fault)
        with pytest.raises(OutcomeUnknown):
            await scene.rail.refund(charge.reference, refund=refund, amount=zar(4_000))

        assert await scene.rail.find(refund) is None
        again = await scene.rail.refund(charge.reference, refund=refund, amount=zar(4_000))

        assert again.standing == Standing.SUCCEEDED

    async def test_that_fails_later_says_why(self, scene: Any) -> None:
        charge, refund = await scene.take("pm_played_refundFailsLater"), uuid4()
        await scene.rail.refund(charge.reference, refund=refund, amount=zar(4_000))

        scene.forward(minutes=2)

        assert (await scene.rail.find(refund)).failure == "refund_lost_or_stolen_card"


class TestADispute:
    async def test_that_is_an_inquiry_takes_nothing(self, scene: Any) -> None:
        charge = await scene.take("pm_card_createDisputeInquiry")

        scene.forward(minutes=2)

        assert (await scene.rail.find(charge.reference)).standing == Standing.SUCCEEDED
        with pytest.raises(Invalid):
            await scene.rail.submit_evidence(charge.reference, text="Signed for.")

    async def test_takes_evidence_once(self, scene: Any) -> None:
        charge = await scene.take("pm_card_createDispute")
        scene.forward(minutes=2)

        first, second = [
            await scene.rail.submit_evidence(charge.reference, text=text) for text in ("Signed", "Sealed")
        ]

        (sent,) = scene.stripe.orders("/v1/disputes")
        assert sent == {"evidence": {"uncategorized_text": "Signed"}, "submit": "true"}
        assert first.standing == second.standing == Standing.DISPUTED
