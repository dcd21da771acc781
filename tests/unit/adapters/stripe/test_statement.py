from typing import Any
from uuid import uuid4

from marketplace.core.shared.money import Money
from marketplace.ports.payments import Subject


def zar(minor: int) -> Money:
    return Money(minor, "ZAR")


async def lines(scene: Any, after: str | None = None, limit: int = 1_000) -> Any:
    return await scene.rail.settlement_lines(scene.tenant_id, after=after, limit=limit)


class TestTheStatement:
    async def test_tells_gross_and_fee_with_their_signs(self, scene: Any) -> None:
        charge = await scene.take("pm_card_createDispute")
        scene.forward(days=14)

        told = (await lines(scene)).lines

        assert [(one.gross, one.fee, one.net) for one in told] == [
            (zar(10_000), zar(320), zar(9_680)),
            (zar(-10_000), zar(1_500), zar(-11_500)),
        ]
        assert {(one.reference, one.subject) for one in told} == {(charge.reference, Subject.CHARGE)}

    async def test_ends_before_what_is_not_available_though_more_is_behind(self, scene: Any) -> None:
        early = scene.transfer()
        await scene.rail.release(early)
        scene.forward(minutes=5)
        charge = await scene.take()
        await scene.rail.refund(charge.reference, refund=uuid4(), amount=zar(1_000))
        scene.forward(minutes=5)

        first = await lines(scene)
        scene.forward(days=2)
        second = await lines(scene, first.cursor)

        assert [one.reference for one in first.lines] == [early.reference]
        assert [one.gross for one in second.lines] == [zar(10_000), zar(-1_000)]

    async def test_is_read_over_many_pages_in_order(self, scene: Any) -> None:
        taken = []
        for minor in range(1, 260):
            taken.append((await scene.take(minor=minor * 10)).reference)
            scene.forward(minutes=1)
        scene.forward(days=3)

        first = await lines(scene, limit=150)
        second = await lines(scene, first.cursor)

        assert [one.reference for one in (*first.lines, *second.lines)] == taken

    async def test_passes_over_what_is_not_ours(self, scene: Any) -> None:
        """The account's own payouts and fees, and what another application sold by it."""
        foreign = {"currency": "zar", "id": "po_1"}
        scene.stripe.books.objects["po_1"] = {"id": "po_1", "object": "payout"}
        charge = await scene.take()
        scene.stripe.books.move("payout", -5_000, foreign)
        scene.stripe.books.create_intent(
            {"amount": 700, "currency": "zar", "payment_method": "pm_card_visa", "confirm": True}
        )
        scene.forward(days=3)

        told = await lines(scene)

        assert [one.reference for one in told.lines] == [charge.reference]
        assert (await lines(scene, told.cursor)).lines == ()

    async def test_tells_what_was_given_back_in_the_dashboard_as_of_the_payment(self, scene: Any) -> None:
        charge = await scene.take()
        intent = scene.stripe.books.of("payment_intent")[0]
        scene.stripe.books.create_refund({"payment_intent": intent["id"], "amount": 500})
        scene.forward(days=3)

        told = (await lines(scene)).lines

        assert [(one.subject, one.reference, one.gross) for one in told] == [
            (Subject.CHARGE, charge.reference, zar(10_000)),
            (Subject.REFUND, charge.reference, zar(-500)),
        ]

    async def test_tells_what_was_reversed(self, scene: Any) -> None:
        report = await scene.rail.release(scene.transfer())
        scene.stripe.books.reverse(report.rail_reference)
        scene.forward(days=1)

        told = (await lines(scene)).lines

        assert [(one.subject, one.gross) for one in told] == [
            (Subject.TRANSFER, zar(-8_000)),
            (Subject.TRANSFER, zar(8_000)),
        ]
