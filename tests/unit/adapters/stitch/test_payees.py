"""A provider's account is kept at the rail, and its token opens it for its own marketplace only."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stitch.payees import SHELF, Payees
from marketplace.adapters.stitch.tokens import check_payee
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.payees import BankAccount, PayeeKind
from marketplace.ports.paying import PayeeOrder, PayeeStanding

TENANT, OTHER = UUID(int=7), UUID(int=8)
BANK = BankAccount(holder="T Mokoena", bank="absa", account_number="4081234567")


def order(**given: Any) -> PayeeOrder:
    asked = PayeeOrder(
        reference=uuid4(),
        tenant_id=TENANT,
        provider_id=uuid4(),
        kind=PayeeKind.BANK_ACCOUNT,
        name="Sparkle Mobile",
        currency="ZAR",
        at=datetime(2026, 11, 2, 9, tzinfo=UTC),
        country="ZA",
        bank_account=BANK,
    )
    return replace(asked, **given)


class TestAnAccount:
    async def test_is_opened_at_once_under_a_token_that_says_nothing(self) -> None:
        asked = order()

        report = await Payees(MemoryShelf()).open(asked)

        assert (report.standing, report.token) == (PayeeStanding.ACTIVE, f"payee:{asked.reference}")
        assert report.label == "absa 4567"

    async def test_is_itself_for_its_own_marketplace_alone(self) -> None:
        payees, asked = Payees(MemoryShelf()), order()
        report = await payees.open(asked)
        named = check_payee(str(report.token), field="payee")

        paid = await payees.paid(named, tenant_id=TENANT)

        assert paid == ("absa", "current", "4081234567", "T Mokoena")
        with pytest.raises(Invalid, match="payee"):
            await payees.paid(named, tenant_id=OTHER)
        with pytest.raises(Invalid, match="payee"):
            await payees.paid(uuid4(), tenant_id=TENANT)

    async def test_that_is_named_whole_goes_on_to_work(self) -> None:
        named = check_payee("absa:savings:4081234567:T Mokoena", field="payee")

        assert await Payees(MemoryShelf()).paid(named, tenant_id=OTHER) == named

    async def test_is_not_changed_under_its_reference(self) -> None:
        payees, asked = Payees(MemoryShelf()), order()
        await payees.open(asked)

        with pytest.raises(Invalid, match="reference") as refused:
            await payees.open(replace(asked, bank_account=replace(BANK, account_number="4081234568")))

        assert "408123456" not in str(refused.value)

    async def test_is_kept_under_its_reference_and_its_marketplace(self) -> None:
        shelf, asked = MemoryShelf(), order()
        await Payees(shelf).open(asked)

        document = await shelf.fetch(shelf=SHELF, key=str(asked.reference))

        assert document is not None
        assert document.tenant_id == TENANT

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("holder", "T" * 21),
            ("bank", "ABSA!"),
            ("account_number", "12"),
            ("account_number", "40812-34567"),
            ("account_type", "credit"),
        ],
    )
    async def test_that_cannot_be_paid_is_refused_by_its_field_and_not_repeated(
        self, field: str, value: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            await Payees(MemoryShelf()).open(order(bank_account=replace(BANK, **{field: value})))

        assert refused.value.facts["field"] == f"bank_account.{field}"
        assert value not in str(refused.value)

    async def test_is_in_the_country_that_stitch_pays_in(self) -> None:
        with pytest.raises(Invalid, match="country"):
            await Payees(MemoryShelf()).open(order(country="US"))
