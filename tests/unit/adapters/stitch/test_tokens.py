from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stitch.calendar import Calendar
from marketplace.adapters.stitch.files import Channel
from marketplace.adapters.stitch.payers import Payer, Payers
from marketplace.adapters.stitch.tokens import check_method, check_payee
from marketplace.core.shared.errors import Invalid

CALENDAR = Calendar(time(15))
KNOWN = {"contract": "C-1", "name": "T Mokoena", "account_number": "4081234567", "branch_code": "632005"}


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class TestMethods:
    def test_say_how_they_are_charged(self) -> None:
        assert check_method("consent:YQ==", field="method").channel is None
        assert check_method("mandate:YQ==:C-1", field="method")[:3] == (Channel.DEBICHECK, "YQ==", "C-1")
        assert check_method(f"account:{UUID(int=7)}", field="method").channel is Channel.DEBIT_ORDER

    @pytest.mark.parametrize(
        "token",
        ["", "consent:", "mandate:YQ==", "mandate:YQ==:a,b", "account:7", "consent:YQ==\n", "card:1"],
    )
    def test_are_refused_by_the_field_that_they_came_in(self, token: str) -> None:
        with pytest.raises(Invalid, match="payment_method: "):
            check_method(token, field="payment_method")


class TestPayees:
    def test_are_bank_accounts(self) -> None:
        assert check_payee("absa:savings:4081234567:T Mokoena", field="payee") == (
            "absa",
            "savings",
            "4081234567",
            "T Mokoena",
        )

    @pytest.mark.parametrize(
        "token",
        ["", "absa:current:12:T", "absa:credit:4081234567:T", "absa:current:4081234567:" + "T" * 21],
    )
    def test_are_refused_without_being_repeated(self, token: str) -> None:
        with pytest.raises(Invalid, match="payee: ") as refused:
            check_payee(token, field="payee")

        assert "credit" not in str(refused.value)

    def test_that_were_opened_here_are_named_by_their_reference(self) -> None:
        key = uuid4()

        assert check_payee(f"payee:{key}", field="payee") == key


class TestPayers:
    async def test_are_kept_once_under_a_key(self) -> None:
        payers, key = Payers(MemoryShelf()), uuid4()

        first = await payers.keep(key, Payer(**KNOWN), tenant_id=UUID(int=7))
        again = await payers.keep(key, Payer(**KNOWN), tenant_id=UUID(int=7))

        assert first == again == f"account:{key}"
        with pytest.raises(Invalid, match="reference"):
            await payers.keep(key, Payer(**KNOWN | {"name": "Other"}), tenant_id=UUID(int=7))

    @pytest.mark.parametrize(
        "other",
        [{"name": "a\nb"}, {"account_number": "12"}, {"branch_code": "6320"}, {"contract": "a,b"}],
        ids=str,
    )
    def test_are_refused_where_no_file_could_hold_them(self, other: dict[str, Any]) -> None:
        with pytest.raises(Invalid, match=next(iter(other))):
            Payer(**KNOWN | other)


class TestCalendar:
    @pytest.mark.parametrize(
        ("now", "sending"),
        [
            (utc(19, 9), utc(19, 12, 30)),
            (utc(19, 12, 30), utc(19, 12, 30)),
            (utc(19, 12, 31), utc(20, 12, 30)),
            (utc(19, 23), utc(20, 12, 30)),
        ],
    )
    def test_sends_half_an_hour_before_the_cut_off(self, now: datetime, sending: datetime) -> None:
        assert CALENDAR.sending_after(now) == sending

    @pytest.mark.parametrize(
        ("now", "day"),
        [
            (utc(19, 12, 30), 20),
            (utc(19, 13, 1), 21),
            (utc(20, 12, 30), 21),
            (utc(20, 13, 1), 23),
            (utc(21, 12, 30), 23),
            (utc(21, 23), 23),
        ],
    )
    def test_debits_on_no_sunday(self, now: datetime, day: int) -> None:
        assert CALENDAR.debit_day(now) == date(2026, 11, day)
