"""Whatever we say of a reference, it is known what its rail may say."""

from dataclasses import replace
from typing import Any

import pytest

from marketplace.core.agreement import AGREEING, ASKED, claim_of, difference
from marketplace.core.payments.payment import Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payouts.payout import Payout
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Report, Standing

PRICE = 50_000
SHORT = "is succeeded with 50000 ZAR, sandbox says 49999 ZAR"


def told(claim: Any, standing: Standing, minor: int = PRICE) -> Report:
    return Report(
        reference=claim.reference, rail_reference="x", standing=standing, amount=Money(minor, "ZAR")
    )


async def claimed(world: Any, **changes: Any) -> Any:
    payment = await world.payment()
    return claim_of(replace(payment, **changes), since=world.lane.now)


class TestAClaim:
    def test_is_made_in_every_state(self) -> None:
        states: dict[type, Any] = {kind: kind.LIFECYCLE.states for kind in ASKED}

        assert {kind: set(agreeing) for kind, agreeing in AGREEING.items()} == {
            kind: set(every) for kind, every in states.items()
        }

    async def test_is_of_what_rails_know_alone(self, world: Any) -> None:
        await world.deliver("tok_refund_fails_once")
        (payment,) = world.all(Payment)
        refund = Refund(
            id=payment.id,
            tenant_id=payment.tenant_id,
            payment_id=payment.id,
            booking_id=payment.booking_id,
            customer_id=payment.customer_id,
            rail=payment.rail,
            currency="ZAR",
            amount_minor=1,
            requested_at=world.lane.now,
            reference=payment.id,
            state=RefundState.SUCCEEDED,
            by_hand=True,
        )

        assert claim_of(refund, since=world.lane.now) is None

    async def test_goes_by_the_reference_of_the_last_attempt(self, world: Any) -> None:
        await world.deliver()
        await world.forward(days=3)
        await world.pay_out()
        (payout,) = world.all(Payout)

        claim = claim_of(payout, since=world.lane.now)

        assert claim is not None
        assert claim.reference == payout.reference


class TestADifference:
    @pytest.mark.parametrize(
        ("state", "standing", "minor", "sentence"),
        [
            (PaymentState.SUCCEEDED, Standing.SUCCEEDED, PRICE, None),
            (PaymentState.SUCCEEDED, Standing.SUCCEEDED, PRICE - 1, SHORT),
            (PaymentState.SUCCEEDED, Standing.DISPUTED, PRICE, "is succeeded, sandbox has it disputed"),
            (PaymentState.SUCCEEDED, Standing.CANCELLED, PRICE, "is succeeded, sandbox has it cancelled"),
            (PaymentState.VOIDING, Standing.PENDING, PRICE, None),
            (PaymentState.VOIDING, Standing.SUCCEEDED, PRICE, "is voiding, sandbox has it succeeded"),
            (PaymentState.FAILED, Standing.CANCELLED, 1, None),
            (PaymentState.CANCELLED, Standing.SUCCEEDED, PRICE, "is cancelled, sandbox has it succeeded"),
        ],
    )
    async def test_is_told(
        self, world: Any, state: PaymentState, standing: Standing, minor: int, sentence: str | None
    ) -> None:
        await world.confirm()
        claim = await claimed(world, state=state)

        found = difference(claim, told(claim, standing, minor))

        assert found == (None if sentence is None else f"payment {claim.subject_id} {sentence}")

    async def test_is_told_of_what_a_rail_has_never_heard_of(self, world: Any) -> None:
        await world.confirm()
        claim = await claimed(world)

        assert (
            difference(claim, None)
            == f"payment {claim.subject_id} is succeeded, sandbox has never heard of it"
        )
        assert difference(await claimed(world, state=PaymentState.FAILED), None) is None
