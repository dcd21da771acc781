"""R-transactions: what a bank says of a file, a group and a line, and what it takes back later."""

from datetime import date
from typing import Any

import pytest

from marketplace.adapters.iso20022.bankfile import IsoFiles
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.batches import Answers, Batch, Level, Sequence
from marketplace.ports.payments import Standing

from .bank import (
    FILE,
    SPONSOR,
    batch,
    booked_as_one,
    collection,
    moved,
    movement,
    notification,
    reference,
    status_of_group,
    status_of_line,
    status_report,
    violations,
    why,
)

STATUSES, NOTIFICATION = "pain.002.001.12", "camt.054.001.08"
ASKED = batch(collection(1), collection(2), collection(3, sequence=Sequence.FIRST))
# Groups stand in the order of day and sequence: first, then recurring.
FIRST, RECURRING = f"{FILE.hex}000", f"{FILE.hex}001"


def read(content: bytes) -> Answers:
    return IsoFiles(sponsor=SPONSOR).read(content)


def standings(content: bytes, asked: Batch = ASKED) -> dict[int, Standing | None]:
    """By the collection's number."""
    numbers = {reference(number): number for number in range(1, 10)}
    return {numbers[one]: answer.standing for one, answer in read(content).about(asked).items()}


class TestAStatusReport:
    def test_refuses_all_of_a_file(self) -> None:
        content = status_report(status="RJCT", reason=why("AM10", "Sum is", "wrong"))

        (answer,) = read(content).answers

        assert standings(content) == dict.fromkeys((1, 2, 3), Standing.FAILED)
        assert (answer.level, answer.code, answer.failure, answer.told) == (
            Level.FILE,
            "AM10",
            "file_wrong",
            "Sum is wrong",
        )

    def test_refuses_a_group(self) -> None:
        content = status_report(status_of_group(RECURRING, "RJCT", why("DT01")), status="PART")

        assert standings(content) == {1: Standing.FAILED, 2: Standing.FAILED}

    def test_refuses_some_lines(self) -> None:
        refused = status_of_line(reference(2).hex, "RJCT", why("AC04", "gone"))
        content = status_report(status_of_group(RECURRING, "PART", refused), status="PART")

        assert standings(content) == {2: Standing.FAILED}
        answer = read(content).about(ASKED)[reference(2)]
        assert (answer.failure, answer.code, answer.told, answer.status) == (
            "account_closed",
            "AC04",
            "gone",
            "RJCT",
        )

    def test_accepts_all_but_some_lines(self) -> None:
        refused = status_of_line(reference(2).hex, "RJCT", why("MD01"))
        content = status_report(status_of_group(RECURRING, None, refused), status="ACCP")

        assert standings(content) == {1: Standing.PENDING, 2: Standing.FAILED, 3: Standing.PENDING}

    def test_lets_a_line_have_the_word_before_its_group(self) -> None:
        accepted = status_of_line(reference(1).hex, "ACSC")
        content = status_report(status_of_group(RECURRING, "RJCT", accepted), status="RJCT")

        assert standings(content) == {1: Standing.SUCCEEDED, 2: Standing.FAILED, 3: Standing.FAILED}

    def test_lets_a_line_be_refused_in_a_group_that_is_settled(self) -> None:
        refused = status_of_line(reference(1).hex, "RJCT")
        content = status_report(status_of_group(RECURRING, "ACSC", refused))

        assert standings(content) == {1: Standing.FAILED, 2: Standing.SUCCEEDED}

    def test_gives_a_line_the_reason_of_its_group(self) -> None:
        group = status_of_group(RECURRING, "RJCT", why("AM10"), status_of_line(reference(1).hex, "RJCT"))

        answer = read(status_report(group)).about(ASKED)[reference(1)]

        assert (answer.code, answer.failure) == ("AM10", "file_wrong")

    def test_knows_a_banks_own_reason_for_nothing_but_a_no(self) -> None:
        line = status_of_line(reference(1).hex, "RJCT", why("TRK", proprietary=True))

        (answer,) = read(status_report(status_of_group(RECURRING, None, line))).answers

        assert (answer.code, answer.failure) == ("TRK", "declined")

    def test_settles_nothing_by_a_word_that_nobody_knows(self) -> None:
        line = status_of_line(reference(1).hex, "ZZZZ")
        content = status_report(status_of_group(RECURRING, None, line))

        assert standings(content) == {}
        (unclear,) = read(content).unclear(ASKED)
        assert (unclear.reference, unclear.status) == (reference(1), "ZZZZ")

    def test_settles_nothing_of_another_file(self) -> None:
        other = reference(99).hex

        assert standings(status_report(file=other, status="RJCT")) == {}
        assert standings(status_report(file="THEIRS", status="RJCT")) == {}
        assert standings(status_report(status_of_group(f"{other}000", "RJCT"))) == {}
        assert standings(status_report(status_of_group(f"{FILE.hex}fff", "RJCT"))) == {}

    def test_keeps_what_it_cannot_place(self) -> None:
        (answer,) = read(status_report(status_of_group("G-1", None, status_of_line("E-1", "RJCT")))).answers

        assert (answer.reference, answer.named) == (None, "E-1")

    def test_is_made_here_as_the_standard_says(self) -> None:
        line = status_of_line(reference(2).hex, "RJCT", why("AC04", "gone"))
        content = status_report(status_of_group(RECURRING, "PART", line), status="PART")

        assert violations(content, STATUSES) == []


class TestANotification:
    def test_says_what_was_collected(self) -> None:
        content = notification(movement(moved(reference(1).hex)))

        answer = read(content).about(ASKED)[reference(1)]

        assert (answer.standing, answer.amount, answer.on, answer.failure) == (
            Standing.SUCCEEDED,
            Money(25_001, "ZAR"),
            date(2026, 12, 3),
            None,
        )

    def test_says_what_was_taken_back_after_it_was_collected(self) -> None:
        back = movement(moved(reference(1).hex, returned="AM04"), side="DBIT")
        collected = movement(moved(reference(1).hex))

        for content in (notification(collected, back), notification(back, collected)):
            answer = read(content).about(ASKED)[reference(1)]
            assert (answer.standing, answer.code, answer.failure) == (
                Standing.RETURNED,
                "AM04",
                "insufficient_funds",
            )

    def test_takes_a_reversal_without_a_reason_for_a_return(self) -> None:
        content = notification(movement(moved(reference(1).hex), side="DBIT", reversal="true"))

        answer = read(content).about(ASKED)[reference(1)]
        assert (answer.standing, answer.failure) == (Standing.RETURNED, "declined")

    def test_takes_a_groups_sum_for_all_of_the_group(self) -> None:
        booked = booked_as_one(RECURRING, "500.03")

        assert standings(notification(booked)) == {1: Standing.SUCCEEDED, 2: Standing.SUCCEEDED}

    def test_settles_nothing_by_a_sum_that_is_not_the_groups(self) -> None:
        content = notification(booked_as_one(RECURRING, "250.01"))

        assert standings(content) == {}
        assert [one.named for one in read(content).unclear(ASKED)] == [RECURRING]

    def test_settles_nothing_by_a_part_of_an_amount(self) -> None:
        content = notification(movement(moved(reference(1).hex, "100.00")))

        assert standings(content) == {}
        assert [one.amount for one in read(content).unclear(ASKED)] == [Money(10_000, "ZAR")]

    def test_takes_the_amount_of_the_only_line_from_its_entry(self) -> None:
        content = notification(movement(moved(reference(1).hex, None)))

        assert read(content).about(ASKED)[reference(1)].amount == Money(25_001, "ZAR")
        assert standings(notification(movement(moved(reference(1).hex, None), amount="9.00"))) == {}

    @pytest.mark.parametrize(
        ("facts", "standing"),
        [
            ({"status": "PDNG"}, {1: Standing.PENDING}),
            ({"status": "INFO"}, {1: Standing.PENDING}),
            ({"status": "PDNG", "side": "DBIT"}, {}),
            ({"reversal": "true"}, {}),
        ],
    )
    def test_believes_only_what_is_booked(self, facts: dict[str, Any], standing: dict[int, Standing]) -> None:
        assert standings(notification(movement(moved(reference(1).hex), **facts))) == standing

    def test_keeps_movements_that_are_none_of_ours(self) -> None:
        content = notification(movement(moved("SALARY")), movement())

        answers = read(content)

        assert answers.about(ASKED) == {}
        assert [(one.reference, one.named) for one in answers.answers] == [(None, "SALARY"), (None, "-")]

    def test_is_made_here_as_the_standard_says(self) -> None:
        back = movement(moved(reference(1).hex, returned="AM04"), side="DBIT", reversal="true")
        content = notification(back, booked_as_one(RECURRING, "500.03"))

        assert violations(content, NOTIFICATION) == []

    @pytest.mark.parametrize(
        ("there", "instead"),
        [
            (b"<CdtDbtInd>CRDT<", b"<CdtDbtInd>BOTH<"),
            (b"<MsgId>BANK-1</MsgId>", b""),
            (b"<CreDtTm>2026-11-21T06:00:00<", b"<CreDtTm>0001-01-01T00:00:00+14:00<"),
            (b"<Dt>2026-12-03<", b"<Dt>2026-W49-4<"),
            (b"<Cd>BOOK</Cd>", b""),
        ],
    )
    def test_is_refused_where_it_lacks_what_it_must_have(self, there: bytes, instead: bytes) -> None:
        content = notification(movement(moved(reference(1).hex)))
        assert there in content

        with pytest.raises(Invalid):
            read(content.replace(there, instead))
