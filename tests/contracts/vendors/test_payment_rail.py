import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Standing


def zar(minor: int) -> Money:
    return Money(minor, "ZAR")


class TestCollect:
    async def test_takes_the_money(self, stage: Any) -> None:
        charge = stage.charge()

        report = await stage.rail.collect(charge)

        assert (report.reference, report.standing, report.amount) == (
            charge.reference,
            Standing.SUCCEEDED,
            zar(10_000),
        )
        assert await stage.held_minor() == 10_000

    async def test_answers_a_repeat_without_taking_twice(self, stage: Any) -> None:
        charge = await stage.take()

        again = await stage.rail.collect(charge)

        assert again == await stage.truth(charge.reference)
        assert await stage.held_minor() == 10_000

    async def test_takes_once_for_fifty_at_once(self, stage: Any) -> None:
        charge = stage.charge()

        reports = await asyncio.gather(*(stage.rail.collect(charge) for _ in range(50)))

        assert len(set(reports)) == 1
        assert await stage.held_minor() == 10_000

    @pytest.mark.parametrize(
        "other",
        [
            {"amount": Money(1, "ZAR")},
            {"amount": Money(10_000, "USD")},
            {"hold": True},
            {"tenant_id": UUID(int=7)},
        ],
        ids=str,
    )
    async def test_refuses_a_reference_that_stands_for_another_order(
        self, stage: Any, other: dict[str, Any]
    ) -> None:
        charge = await stage.take()

        with pytest.raises(Invalid, match="reference"):
            await stage.rail.collect(replace(charge, **other))

        assert await stage.held_minor() == 10_000

    @pytest.mark.parametrize("minor", [0, -1])
    async def test_refuses_an_amount_that_is_none(self, stage: Any, minor: int) -> None:
        with pytest.raises(Invalid, match="amount"):
            await stage.rail.collect(stage.charge(minor=minor))

    async def test_refuses_an_unknown_method_and_names_those_allowed(self, stage: Any) -> None:
        charge = replace(stage.charge(), method="tok_no_such")

        with pytest.raises(Invalid, match="method") as refused:
            await stage.rail.collect(charge)

        assert stage.methods["succeeds"] in str(refused.value.facts["allowed"])
        assert await stage.rail.find(charge.reference) is None

    async def test_knows_its_methods_without_being_asked_to_collect(self, stage: Any) -> None:
        for method in stage.methods.values():
            stage.rail.check_method(method, field="payment_method")

        with pytest.raises(Invalid, match="payment_method"):
            stage.rail.check_method("tok_no_such", field="payment_method")

    @pytest.mark.parametrize("outcome", ["is declined", "lacks funds"])
    async def test_says_why_it_failed(self, stage: Any, outcome: str) -> None:
        report = await stage.rail.collect(stage.charge(outcome))

        assert report.standing == Standing.FAILED
        assert report.failure
        assert await stage.held_minor() == 0

    async def test_waits_for_the_customer_to_act(self, stage: Any) -> None:
        charge = stage.charge("needs action")

        asked = await stage.rail.collect(charge)
        await stage.act(charge.reference)

        assert asked.standing == Standing.NEEDS_ACTION
        assert asked.next_action
        assert (await stage.truth(charge.reference)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 10_000

    async def test_fails_when_the_customer_does_not_prove_to_be_one(self, stage: Any) -> None:
        charge = await stage.take("needs action")

        await stage.refuse(charge.reference)

        assert (await stage.truth(charge.reference)).standing == Standing.FAILED
        assert await stage.held_minor() == 0

    @pytest.mark.parametrize(
        ("outcome", "standing", "held"),
        [("succeeds later", Standing.SUCCEEDED, 10_000), ("is declined later", Standing.FAILED, 0)],
    )
    async def test_settles_later(self, stage: Any, outcome: str, standing: Standing, held: int) -> None:
        charge = stage.charge(outcome)

        first = await stage.rail.collect(charge)
        stage.clock.forward(minutes=2)

        assert first.standing == Standing.PENDING
        assert (await stage.truth(charge.reference)).standing == standing
        assert await stage.held_minor() == held

    async def test_may_be_returned_unpaid_after_it_succeeded(self, stage: Any) -> None:
        charge = await stage.take("is returned")
        before = await stage.held_minor()

        stage.clock.forward(minutes=2)

        assert before == 10_000
        assert (await stage.truth(charge.reference)).standing == Standing.RETURNED
        assert await stage.held_minor() == 0


class TestDoubt:
    async def test_tells_the_truth_about_money_taken_without_an_answer(self, stage: Any) -> None:
        charge = stage.charge("answers too late")

        with pytest.raises(OutcomeUnknown):
            await stage.rail.collect(charge)

        assert (await stage.truth(charge.reference)).standing == Standing.SUCCEEDED
        assert (await stage.rail.collect(charge)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 10_000

    async def test_tells_the_truth_about_a_charge_that_never_arrived(self, stage: Any) -> None:
        charge = stage.charge("never arrives")

        with pytest.raises(OutcomeUnknown):
            await stage.rail.collect(charge)

        assert await stage.rail.find(charge.reference) is None
        assert (await stage.rail.collect(charge)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 10_000

    async def test_does_nothing_when_it_is_down(self, stage: Any) -> None:
        charge = stage.charge("is down once")

        with pytest.raises(Unavailable):
            await stage.rail.collect(charge)

        assert await stage.rail.find(charge.reference) is None
        assert (await stage.rail.collect(charge)).standing == Standing.SUCCEEDED

    async def test_has_not_heard_of_a_reference_that_nobody_sent(self, stage: Any) -> None:
        assert await stage.rail.find(uuid4()) is None


class TestCapture:
    async def test_takes_part_of_a_hold_and_lets_the_rest_go(self, stage: Any) -> None:
        charge = await stage.hold()
        held = await stage.truth(charge.reference)

        report = await stage.rail.capture(charge.reference, zar(6_000))

        assert (held.standing, held.amount) == (Standing.AUTHORISED, zar(10_000))
        assert held.hold_until >= stage.clock.now + stage.rail.capabilities.hold_max
        assert (report.standing, report.amount) == (Standing.SUCCEEDED, zar(6_000))
        assert await stage.held_minor() == 6_000

    async def test_takes_nothing_before(self, stage: Any) -> None:
        await stage.hold()

        assert await stage.held_minor() == 0

    async def test_refuses_more_than_was_authorised(self, stage: Any) -> None:
        charge = await stage.hold()

        with pytest.raises(Invalid, match="amount"):
            await stage.rail.capture(charge.reference, zar(10_001))

        assert (await stage.truth(charge.reference)).standing == Standing.AUTHORISED

    async def test_refuses_another_currency(self, stage: Any) -> None:
        charge = await stage.hold()

        with pytest.raises(Invalid, match="currency"):
            await stage.rail.capture(charge.reference, Money(1, "USD"))

    async def test_answers_a_repeat_and_refuses_a_second_capture(self, stage: Any) -> None:
        charge = await stage.hold()
        first = await stage.rail.capture(charge.reference, zar(6_000))

        again = await stage.rail.capture(charge.reference, zar(6_000))
        with pytest.raises(Invalid, match="amount"):
            await stage.rail.capture(charge.reference, zar(4_000))

        assert again == first
        assert await stage.held_minor() == 6_000

    async def test_takes_once_for_twenty_at_once(self, stage: Any) -> None:
        charge = await stage.hold()

        await asyncio.gather(*(stage.rail.capture(charge.reference, zar(6_000)) for _ in range(20)))

        assert await stage.held_minor() == 6_000

    async def test_takes_nothing_from_a_hold_that_expired(self, stage: Any) -> None:
        charge = await stage.hold("holds briefly")
        stage.clock.forward(minutes=2)

        report = await stage.rail.capture(charge.reference, zar(10_000))

        assert (report.standing, report.failure) == (Standing.CANCELLED, "hold_expired")
        assert await stage.held_minor() == 0

    async def test_refuses_a_reference_that_nobody_sent(self, stage: Any) -> None:
        with pytest.raises(Invalid, match="reference"):
            await stage.rail.capture(uuid4(), zar(1))


class TestVoid:
    async def test_lets_a_hold_go_for_good(self, stage: Any) -> None:
        charge = await stage.hold()

        report = await stage.rail.void(charge.reference)
        late = await stage.rail.capture(charge.reference, zar(10_000))

        assert report.standing == late.standing == Standing.CANCELLED
        assert await stage.held_minor() == 0

    async def test_calls_a_pending_charge_back(self, stage: Any) -> None:
        charge = await stage.take("succeeds later")

        await stage.rail.void(charge.reference)
        stage.clock.forward(minutes=2)

        assert (await stage.truth(charge.reference)).standing == Standing.CANCELLED
        assert await stage.held_minor() == 0

    async def test_keeps_a_charge_away_that_comes_after_it(self, stage: Any) -> None:
        charge = stage.charge()
        voided = await stage.rail.void(charge.reference)

        late = await stage.rail.collect(charge)

        assert voided.standing == late.standing == Standing.CANCELLED
        assert (await stage.truth(charge.reference)).standing == Standing.CANCELLED
        assert await stage.held_minor() == 0

    async def test_lets_either_the_charge_or_the_void_win(self, stage: Any) -> None:
        charge = stage.charge(hold=True)

        await asyncio.gather(
            *(f for _ in range(5) for f in (stage.rail.collect(charge), stage.rail.void(charge.reference)))
        )

        assert (await stage.rail.void(charge.reference)).standing == Standing.CANCELLED

    async def test_leaves_money_that_was_taken(self, stage: Any) -> None:
        charge = await stage.take()

        report = await stage.rail.void(charge.reference)

        assert report.standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 10_000


@pytest.fixture
def refunding(stage: Any) -> None:
    if not stage.rail.capabilities.refunds:
        pytest.skip(f"{stage.rail.name} gives nothing back")


@pytest.mark.usefixtures("refunding")
class TestRefund:
    async def test_gives_back_in_parts_up_to_the_whole(self, stage: Any) -> None:
        charge = await stage.take()

        reports = [
            await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(minor))
            for minor in (4_000, 6_000)
        ]

        assert [report.standing for report in reports] == [Standing.SUCCEEDED] * 2
        assert await stage.held_minor() == 0

    async def test_refuses_more_than_is_left(self, stage: Any) -> None:
        charge = await stage.take()
        await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(4_000))

        with pytest.raises(Invalid, match="amount"):
            await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(6_001))

        assert await stage.held_minor() == 6_000

    async def test_refuses_more_than_was_captured(self, stage: Any) -> None:
        charge = await stage.hold()
        await stage.rail.capture(charge.reference, zar(6_000))

        with pytest.raises(Invalid, match="amount"):
            await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(6_001))

    async def test_answers_a_repeat_without_giving_twice(self, stage: Any) -> None:
        charge, refund = await stage.take(), uuid4()
        first = await stage.rail.refund(charge.reference, refund=refund, amount=zar(4_000))

        again = await stage.rail.refund(charge.reference, refund=refund, amount=zar(4_000))
        with pytest.raises(Invalid, match="reference"):
            await stage.rail.refund(charge.reference, refund=refund, amount=zar(5_000))

        assert again == first == await stage.truth(refund)
        assert await stage.held_minor() == 6_000

    async def test_never_gives_more_than_there_is_to_many_at_once(self, stage: Any) -> None:
        charge = await stage.take()

        results = await asyncio.gather(
            *(stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(3_000)) for _ in range(20)),
            return_exceptions=True,
        )

        assert sum(not isinstance(result, Invalid) for result in results) == 3
        assert await stage.held_minor() == 1_000

    async def test_succeeds_under_another_reference_after_it_failed(self, stage: Any) -> None:
        charge, refund = await stage.take("fails the first refund"), uuid4()

        failed = await stage.rail.refund(charge.reference, refund=refund, amount=zar(10_000))
        again = await stage.rail.refund(charge.reference, refund=refund, amount=zar(10_000))
        other = await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(10_000))

        assert failed == again
        assert (failed.standing, other.standing) == (Standing.FAILED, Standing.SUCCEEDED)
        assert await stage.held_minor() == 0

    async def test_counts_a_pending_refund_as_given(self, stage: Any) -> None:
        charge, refund = await stage.take("refunds later"), uuid4()

        first = await stage.rail.refund(charge.reference, refund=refund, amount=zar(10_000))
        with pytest.raises(Invalid, match="amount"):
            await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(1))
        stage.clock.forward(minutes=2)

        assert first.standing == Standing.PENDING
        assert (await stage.truth(refund)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 0

    async def test_makes_room_again_when_it_fails_later(self, stage: Any) -> None:
        charge, refund = await stage.take("fails refunds later"), uuid4()
        await stage.rail.refund(charge.reference, refund=refund, amount=zar(10_000))

        stage.clock.forward(minutes=2)
        report = await stage.truth(refund)
        second = await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(10_000))

        assert (report.standing, second.standing) == (Standing.FAILED, Standing.PENDING)
        assert await stage.held_minor() == 10_000

    async def test_that_fails_weeks_after_it_succeeded_brings_the_money_back(self, stage: Any) -> None:
        charge, refund = await stage.take("sends refunds back"), uuid4()

        first = await stage.rail.refund(charge.reference, refund=refund, amount=zar(4_000))
        given = await stage.held_minor()
        stage.clock.forward(days=21)
        report = await stage.truth(refund)
        again = await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(10_000))

        assert (first.standing, given) == (Standing.SUCCEEDED, 6_000)
        assert (report.standing, report.amount, bool(report.failure)) == (Standing.FAILED, zar(4_000), True)
        assert again.standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 0

    @pytest.mark.parametrize("outcome", ["is declined", "succeeds later"])
    async def test_refuses_a_charge_that_took_nothing(self, stage: Any, outcome: str) -> None:
        charge = await stage.take(outcome)

        with pytest.raises(Invalid):
            await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(1))

    async def test_refuses_a_charge_that_nobody_sent(self, stage: Any) -> None:
        with pytest.raises(Invalid):
            await stage.rail.refund(uuid4(), refund=uuid4(), amount=zar(1))


class TestRelease:
    async def test_pays_once_however_often_it_is_sent(self, stage: Any) -> None:
        transfer = stage.transfer()

        reports = await asyncio.gather(*(stage.rail.release(transfer) for _ in range(50)))

        assert {report.standing for report in reports} == {Standing.SUCCEEDED}
        assert await stage.held_minor() == -8_000

    async def test_refuses_a_reference_that_stands_for_another_order(self, stage: Any) -> None:
        transfer = stage.transfer()
        await stage.rail.release(transfer)

        with pytest.raises(Invalid, match="reference"):
            await stage.rail.release(replace(transfer, amount=zar(1)))

    async def test_pays_later(self, stage: Any) -> None:
        transfer = stage.transfer("succeeds later")

        first = await stage.rail.release(transfer)
        stage.clock.forward(minutes=2)

        assert first.standing == Standing.PENDING
        assert (await stage.truth(transfer.reference)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == -8_000

    async def test_gets_returned_money_back(self, stage: Any) -> None:
        transfer = stage.transfer("is returned")

        first = await stage.rail.release(transfer)
        stage.clock.forward(minutes=2)
        report = await stage.truth(transfer.reference)

        assert (first.standing, report.standing) == (Standing.SUCCEEDED, Standing.RETURNED)
        assert report.failure
        assert await stage.held_minor() == 0

    async def test_says_why_a_payee_cannot_be_paid(self, stage: Any) -> None:
        report = await stage.rail.release(stage.transfer("is rejected"))

        assert report.standing == Standing.FAILED
        assert report.failure
        assert await stage.held_minor() == 0

    async def test_tells_the_truth_after_a_doubt(self, stage: Any) -> None:
        transfer = stage.transfer("answers too late")

        with pytest.raises(OutcomeUnknown):
            await stage.rail.release(transfer)

        assert (await stage.truth(transfer.reference)).standing == Standing.SUCCEEDED
        assert (await stage.rail.release(transfer)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == -8_000

    @pytest.mark.parametrize(
        ("outcome", "error"), [("never arrives", OutcomeUnknown), ("is down once", Unavailable)]
    )
    async def test_pays_nothing_when_it_was_not_reached(
        self, stage: Any, outcome: str, error: type[Exception]
    ) -> None:
        transfer = stage.transfer(outcome)

        with pytest.raises(error):
            await stage.rail.release(transfer)

        assert await stage.rail.find(transfer.reference) is None
        assert (await stage.rail.release(transfer)).standing == Standing.SUCCEEDED

    async def test_refuses_an_unknown_payee_and_names_those_allowed(self, stage: Any) -> None:
        with pytest.raises(Invalid, match="payee") as refused:
            await stage.rail.release(replace(stage.transfer(), payee="payee_no_such"))

        assert stage.payees["succeeds"] in str(refused.value.facts["allowed"])

    async def test_knows_its_payees_without_being_asked_to_pay(self, stage: Any) -> None:
        for payee in stage.payees.values():
            stage.rail.check_payee(payee, field="payee")

        with pytest.raises(Invalid, match="payee"):
            stage.rail.check_payee("payee_no_such", field="payee")


class TestDispute:
    async def test_takes_back_what_is_contested(self, stage: Any) -> None:
        charge = await stage.take("is disputed")
        await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(4_000))

        stage.clock.forward(minutes=2)
        report = await stage.truth(charge.reference)

        assert (report.standing, report.amount) == (Standing.DISPUTED, zar(6_000))
        assert await stage.held_minor() == 0

    async def test_does_not_come_when_all_was_refunded(self, stage: Any) -> None:
        charge = await stage.take("is disputed")
        await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(10_000))

        stage.clock.forward(minutes=2)

        assert (await stage.truth(charge.reference)).standing == Standing.SUCCEEDED
        assert await stage.held_minor() == 0

    async def test_refuses_a_refund_of_what_is_contested(self, stage: Any) -> None:
        charge = await stage.take("is disputed")
        stage.clock.forward(minutes=2)

        with pytest.raises(Invalid, match="amount"):
            await stage.rail.refund(charge.reference, refund=uuid4(), amount=zar(1))

    @pytest.mark.parametrize(
        ("outcome", "standing", "held"),
        [("is disputed", Standing.LOST, 0), ("is disputed, and won", Standing.WON, 10_000)],
    )
    async def test_is_decided_on_evidence(
        self, stage: Any, outcome: str, standing: Standing, held: int
    ) -> None:
        charge = await stage.take(outcome)
        stage.clock.forward(minutes=2)

        first = await stage.rail.submit_evidence(charge.reference, text="Signed for at the kerb.")
        stage.clock.forward(minutes=2)

        assert first.standing == Standing.DISPUTED
        assert (await stage.truth(charge.reference)).standing == standing
        assert await stage.held_minor() == held

    async def test_is_lost_when_no_evidence_comes(self, stage: Any) -> None:
        charge = await stage.take("is disputed, and won")

        stage.clock.forward(days=30)

        assert (await stage.truth(charge.reference)).standing == Standing.LOST

    async def test_takes_no_evidence_where_nothing_is_disputed(self, stage: Any) -> None:
        charge = await stage.take()

        with pytest.raises(Invalid):
            await stage.rail.submit_evidence(charge.reference, text="Signed for.")
