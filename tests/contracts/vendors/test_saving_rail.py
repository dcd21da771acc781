"""What every rail that keeps methods promises, whoever the vendor is."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import SetupStanding, Standing

HIGHER = MandateTerms(
    value=DebitValue.USAGE_BASED, frequency=Frequency.AD_HOC, collection_day=99, maximum_minor=120_000
)
CARD, DEBIT_ORDER = MethodKind.CARD, MethodKind.DEBIT_ORDER


async def standing(stage: Any, setup: Any) -> SetupStanding:
    report = await stage.saving.find_setup(setup.reference)
    found: SetupStanding = report.standing
    return found


async def agreed(stage: Any, setup: Any, *, yes: bool = True) -> None:
    if stage.authorise is None:
        pytest.skip(f"{stage.rail.name} plays no payer")
    await stage.authorise(setup.reference, yes)


class TestBeginning:
    @pytest.mark.parametrize("kind", MethodKind)
    async def test_makes_a_method_that_can_be_charged(self, stage: Any, kind: MethodKind) -> None:
        setup = stage.setup(kind=kind)

        begun = await stage.saving.begin_setup(setup)
        asked_for = await stage.saving.find_setup(setup.reference)
        report = await stage.settle(setup)

        assert begun == asked_for
        assert (report.reference, report.standing) == (setup.reference, SetupStanding.ACTIVE)
        assert report.token
        assert report.label

    async def test_answers_a_repeat_without_making_two(self, stage: Any) -> None:
        setup = stage.setup()

        reports = await asyncio.gather(*(stage.saving.begin_setup(setup) for _ in range(20)))

        assert len({(one.rail_reference, one.token) for one in reports}) == 1

    @pytest.mark.parametrize(
        "other",
        [{"customer_id": UUID(int=7)}, {"tenant_id": UUID(int=7)}, {"source": "needs action"}],
        ids=str,
    )
    async def test_refuses_a_reference_that_stands_for_another(
        self, stage: Any, other: dict[str, Any]
    ) -> None:
        setup = await stage.keep()
        if "source" in other:
            other = {"source": stage.source(other["source"])}

        with pytest.raises(Invalid, match="reference"):
            await stage.saving.begin_setup(replace(setup, **other))

    async def test_refuses_an_unknown_source(self, stage: Any) -> None:
        setup = replace(stage.setup(), source="none_of_the_rails")

        with pytest.raises(Invalid, match="source"):
            await stage.saving.begin_setup(setup)

        with pytest.raises(Invalid, match="its_field"):
            stage.saving.check_source("none_of_the_rails", field="its_field")
        assert await stage.saving.find_setup(setup.reference) is None

    async def test_waits_for_its_payer(self, stage: Any) -> None:
        setup = stage.setup("needs action")

        report = await stage.saving.begin_setup(setup)
        await agreed(stage, setup)

        assert (report.standing, bool(report.next_action)) == (SetupStanding.NEEDS_ACTION, True)
        after = await stage.saving.find_setup(setup.reference)
        assert (after.standing, after.next_action) == (SetupStanding.ACTIVE, None)

    async def test_ends_where_its_payer_says_no(self, stage: Any) -> None:
        setup = stage.setup("needs action")
        await stage.saving.begin_setup(setup)

        await agreed(stage, setup, yes=False)

        assert await standing(stage, setup) is SetupStanding.REJECTED

    @pytest.mark.parametrize(
        ("outcome", "first", "then"),
        [
            ("succeeds later", SetupStanding.PENDING, SetupStanding.ACTIVE),
            ("is rejected", SetupStanding.PENDING, SetupStanding.REJECTED),
            ("lapses", SetupStanding.PENDING, SetupStanding.EXPIRED),
            ("is suspended", SetupStanding.ACTIVE, SetupStanding.SUSPENDED),
            ("is revoked at the bank", SetupStanding.ACTIVE, SetupStanding.CANCELLED),
        ],
    )
    async def test_goes_on_as_its_bank_decides(
        self, stage: Any, outcome: str, first: SetupStanding, then: SetupStanding
    ) -> None:
        setup = await stage.keep(outcome, kind=DEBIT_ORDER)

        before = await standing(stage, setup)
        stage.clock.forward(minutes=2)

        assert (before, await standing(stage, setup)) == (first, then)

    async def test_whose_answer_is_lost_is_found(self, stage: Any) -> None:
        setup = stage.setup("answers too late")

        with pytest.raises(OutcomeUnknown):
            await stage.saving.begin_setup(setup)

        assert (await stage.settle(setup)).standing is SetupStanding.ACTIVE

    @pytest.mark.parametrize(
        ("outcome", "error"), [("never arrives", OutcomeUnknown), ("is down once", Unavailable)]
    )
    async def test_that_did_not_come_may_come_again(
        self, stage: Any, outcome: str, error: type[Exception]
    ) -> None:
        setup = stage.setup(outcome)
        with pytest.raises(error):
            await stage.saving.begin_setup(setup)
        assert await stage.saving.find_setup(setup.reference) is None

        await stage.saving.begin_setup(setup)

        assert (await stage.settle(setup)).standing is SetupStanding.ACTIVE


class TestCharging:
    async def test_takes_the_money_by_what_was_saved(self, stage: Any) -> None:
        charge = await stage.charge_of(await stage.keep())

        report = await stage.rail.collect(charge)

        assert report.standing is Standing.SUCCEEDED
        assert await stage.held_minor() == 10_000

    async def test_is_declined_where_the_bank_says_no(self, stage: Any) -> None:
        charge = await stage.charge_of(await stage.keep("declines charges"))

        report = await stage.rail.collect(charge)

        assert (report.standing, bool(report.failure)) == (Standing.FAILED, True)

    async def test_is_declined_once_it_is_revoked(self, stage: Any) -> None:
        setup = await stage.keep()
        charge = await stage.charge_of(setup)
        await stage.saving.revoke_setup(setup.reference)

        report = await stage.rail.collect(charge)

        assert report.standing is Standing.FAILED
        assert await stage.held_minor() == 0

    async def test_by_a_name_that_was_never_given_is_refused(self, stage: Any) -> None:
        charge = await stage.charge_of(await stage.keep())

        with pytest.raises(Invalid, match="method"):
            await stage.rail.collect(replace(charge, method=f"{charge.method}0", reference=uuid4()))


class TestRevoking:
    async def test_is_done_once_however_often_it_is_asked_for(self, stage: Any) -> None:
        setup = await stage.keep()

        first = await stage.saving.revoke_setup(setup.reference)
        again = await stage.saving.revoke_setup(setup.reference)

        assert first.standing is again.standing is SetupStanding.CANCELLED

    async def test_before_it_came_lets_it_not_come(self, stage: Any) -> None:
        setup = stage.setup()
        before = await stage.saving.revoke_setup(setup.reference)

        late = await stage.saving.begin_setup(setup)

        assert before.standing is late.standing is SetupStanding.CANCELLED

    async def test_and_beginning_at_once_leaves_nothing_to_charge(self, stage: Any) -> None:
        setup = stage.setup()

        await asyncio.gather(stage.saving.begin_setup(setup), stage.saving.revoke_setup(setup.reference))

        assert await standing(stage, setup) is SetupStanding.CANCELLED


class TestAmending:
    @pytest.mark.parametrize(
        ("outcome", "ends"),
        [("succeeds", SetupStanding.ACTIVE), ("refuses amendments", SetupStanding.REJECTED)],
    )
    async def test_ends_as_the_payer_says_and_leaves_the_mandate_standing(
        self, stage: Any, outcome: str, ends: SetupStanding
    ) -> None:
        setup, amendment = await stage.keep(outcome, kind=DEBIT_ORDER), uuid4()

        asked = await stage.saving.amend_setup(setup.reference, amendment=amendment, terms=HIGHER)
        stage.clock.forward(minutes=2)

        after = await stage.saving.find_setup(setup.reference)
        assert (asked.amendment, asked.amended) == (amendment, SetupStanding.PENDING)
        assert (after.standing, after.amended) == (SetupStanding.ACTIVE, ends)

    async def test_is_made_once_under_one_id(self, stage: Any) -> None:
        setup, amendment = await stage.keep(kind=DEBIT_ORDER), uuid4()
        await stage.saving.amend_setup(setup.reference, amendment=amendment, terms=HIGHER)
        stage.clock.forward(minutes=2)

        again = await stage.saving.amend_setup(setup.reference, amendment=amendment, terms=HIGHER)

        assert again.amended is SetupStanding.ACTIVE

    async def test_of_what_does_not_stand_is_refused(self, stage: Any) -> None:
        setup = await stage.keep(kind=DEBIT_ORDER)
        await stage.saving.revoke_setup(setup.reference)

        with pytest.raises(Invalid):
            await stage.saving.amend_setup(setup.reference, amendment=uuid4(), terms=HIGHER)


class TestFinding:
    async def test_knows_nothing_of_what_never_came(self, stage: Any) -> None:
        assert await stage.saving.find_setup(uuid4()) is None
