"""What every rail that opens payees promises, whoever the vendor is."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.core.shared.payees import PayeeKind
from marketplace.ports.paying import PayeeStanding
from marketplace.ports.payments import Standing

HOSTED, BY_BANK = PayeeKind.HOSTED, PayeeKind.BANK_ACCOUNT
PAGES = {"return_url": "https://app.example/back", "refresh_url": "https://app.example/again"}
NUMBER = "4081234567"


async def standing(stage: Any, order: Any) -> PayeeStanding:
    report = await stage.paying.find_payee(order.reference)
    found: PayeeStanding = report.standing
    return found


class TestOpening:
    @pytest.mark.parametrize("kind", PayeeKind)
    async def test_makes_an_account_that_the_rail_takes_as_payee(self, stage: Any, kind: PayeeKind) -> None:
        order = await stage.opened(kind=kind)

        report = await stage.paying.find_payee(order.reference)

        assert (report.reference, report.standing) == (order.reference, PayeeStanding.ACTIVE)
        stage.rail.check_payee(report.token, field="payee")
        assert (bool(report.label), report.required, report.failure) == (True, (), None)

    async def test_answers_a_repeat_without_opening_two(self, stage: Any) -> None:
        order = stage.payee_order()

        reports = await asyncio.gather(*(stage.paying.open_payee(order) for _ in range(20)))

        assert len({(one.rail_reference, one.token) for one in reports}) == 1

    async def test_gives_each_reference_an_account_of_its_own(self, stage: Any) -> None:
        orders = [stage.payee_order(), stage.payee_order()]

        reports = [await stage.paying.open_payee(order) for order in orders]

        assert len({one.token for one in reports}) == 2

    @pytest.mark.parametrize("other", [{"provider_id": UUID(int=7)}, {"tenant_id": UUID(int=7)}], ids=str)
    async def test_refuses_a_reference_that_stands_for_another(
        self, stage: Any, other: dict[str, Any]
    ) -> None:
        order = stage.payee_order()
        await stage.paying.open_payee(order)

        with pytest.raises(Invalid, match="reference"):
            await stage.paying.open_payee(replace(order, **other))

    async def test_shows_of_a_number_its_last_digits_only(self, stage: Any) -> None:
        order = stage.payee_order(kind=BY_BANK)

        report = await stage.paying.open_payee(order)

        assert NUMBER[-4:] in report.label
        assert NUMBER not in repr(report)
        assert NUMBER not in repr(order)

    async def test_waits_for_its_owner_and_says_what_is_required(self, stage: Any) -> None:
        order = stage.payee_order("needs action", kind=HOSTED)

        report = await stage.paying.open_payee(order)
        await stage.onboard(order.reference)

        assert report.standing is PayeeStanding.NEEDS_ACTION
        assert report.required
        assert not any("_" in words or "." in words for words in report.required)
        after = await stage.paying.find_payee(order.reference)
        assert (after.standing, after.required) == (PayeeStanding.ACTIVE, ())

    @pytest.mark.parametrize(
        ("outcome", "first", "then"),
        [
            ("is looked at", PayeeStanding.PENDING, PayeeStanding.ACTIVE),
            ("is asked for more", PayeeStanding.PENDING, PayeeStanding.NEEDS_ACTION),
            ("is rejected", PayeeStanding.PENDING, PayeeStanding.REJECTED),
        ],
    )
    async def test_goes_on_as_the_rail_decides(
        self, stage: Any, outcome: str, first: PayeeStanding, then: PayeeStanding
    ) -> None:
        order = await stage.opened(outcome, kind=HOSTED)
        before = await standing(stage, order)

        stage.clock.forward(minutes=2)

        assert (before, await standing(stage, order)) == (first, then)

    async def test_may_stop_receiving_and_says_what_is_required(self, stage: Any) -> None:
        order = await stage.opened("is restricted", kind=HOSTED)
        before = await standing(stage, order)

        stage.clock.forward(minutes=2)

        after = await stage.paying.find_payee(order.reference)
        assert before is PayeeStanding.ACTIVE
        assert after.standing in {PayeeStanding.RESTRICTED, PayeeStanding.NEEDS_ACTION}
        assert after.required

    async def test_whose_answer_is_lost_is_found(self, stage: Any) -> None:
        order = stage.payee_order("answers too late")

        with pytest.raises(OutcomeUnknown):
            await stage.paying.open_payee(order)

        found = await stage.paying.find_payee(order.reference)
        assert found == await stage.paying.open_payee(order)

    @pytest.mark.parametrize(
        ("outcome", "error"), [("never arrives", OutcomeUnknown), ("is down once", Unavailable)]
    )
    async def test_that_did_not_come_may_come_again(
        self, stage: Any, outcome: str, error: type[Exception]
    ) -> None:
        order = stage.payee_order(outcome)
        with pytest.raises(error):
            await stage.paying.open_payee(order)
        assert await stage.paying.find_payee(order.reference) is None

        report = await stage.paying.open_payee(order)

        assert report.token


class TestChecking:
    async def test_names_the_field_that_cannot_be(self, stage: Any) -> None:
        checked = {"country": None, "bank_account": None, "source": "none_of_the_rails"}

        with pytest.raises(Invalid, match="source"):
            stage.paying.check_opening(kind=stage.payee_kind(), **checked)

    async def test_asks_for_the_bank_details_where_it_has_no_pages(self, stage: Any) -> None:
        order = stage.payee_order(kind=BY_BANK)
        given = {"kind": BY_BANK, "country": None, "source": None}

        with pytest.raises(Invalid, match="bank_account"):
            stage.paying.check_opening(**given, bank_account=None)
        odd = replace(order.bank_account, account_number="no number")
        with pytest.raises(Invalid, match=r"bank_account\.account_number") as refused:
            stage.paying.check_opening(**given, bank_account=odd)
        assert "no number" not in str(refused.value)

    async def test_takes_no_bank_details_where_its_pages_ask(self, stage: Any) -> None:
        details = stage.payee_order(kind=HOSTED)
        bank = stage.bank_account

        with pytest.raises(Invalid, match="bank_account"):
            stage.paying.check_opening(kind=HOSTED, country=None, source=None, bank_account=bank)
        assert await stage.paying.find_payee(details.reference) is None


class TestALink:
    async def test_leads_to_a_page_of_the_rails(self, stage: Any) -> None:
        order = await stage.opened(kind=HOSTED)

        assert await stage.paying.onboarding_link(order.reference, **PAGES)

    async def test_is_refused_where_the_rail_knows_of_no_account(self, stage: Any) -> None:
        with pytest.raises(Invalid, match="reference"):
            await stage.paying.onboarding_link(uuid4(), **PAGES)

    async def test_is_refused_for_what_is_known_by_its_bank_details(self, stage: Any) -> None:
        order = await stage.opened(kind=BY_BANK)

        with pytest.raises(Invalid, match="reference"):
            await stage.paying.onboarding_link(order.reference, **PAGES)


class TestPaying:
    async def test_goes_into_what_was_opened(self, stage: Any) -> None:
        transfer = await stage.transfer_into(await stage.opened())

        report = await stage.rail.release(transfer)

        assert report.standing in {Standing.SUCCEEDED, Standing.PENDING}
        assert await stage.held_minor() == -transfer.amount.minor

    async def test_of_another_marketplace_is_refused(self, stage: Any) -> None:
        transfer = await stage.transfer_into(await stage.opened(kind=BY_BANK))

        with pytest.raises(Invalid, match="payee"):
            await stage.rail.release(replace(transfer, tenant_id=uuid4()))

    async def test_pays_nothing_into_what_is_restricted(self, stage: Any) -> None:
        transfer = await stage.transfer_into(await stage.opened("is restricted", kind=HOSTED))
        stage.clock.forward(minutes=2)

        report = None
        with contextlib.suppress(Invalid):
            report = await stage.rail.release(transfer)

        assert report is None or report.standing is Standing.FAILED
        assert await stage.held_minor() == 0


class TestFinding:
    async def test_knows_nothing_of_what_never_came(self, stage: Any) -> None:
        assert await stage.paying.find_payee(uuid4()) is None
