"""A statement as CSV comes in whole or not at all, and whoever made it reads what is wrong with each cell."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.postgres.reconciliation import Line
from marketplace.core.settlements.cause import Cause
from marketplace.core.settlements.importing import ImportedLine
from marketplace.core.shared.errors import Invalid
from marketplace.entrypoints.papers.lines import lines_sheet, read_lines
from marketplace.ports.payments import Subject

HEAD = "line_id,reference,subject,currency,gross,fee,settled_at"
REFERENCE = UUID(int=9)
GOOD = f"a,{REFERENCE},charge,ZAR,860.00,26.94,2026-11-20T08:00:00+02:00"


def text(*rows: str, head: str = HEAD) -> str:
    return "\r\n".join([head, *rows])


class TestReadLines:
    def test_takes_amounts_to_the_last_place(self) -> None:
        (line,) = read_lines(text(GOOD))

        assert line == ImportedLine(
            line_id="a",
            reference=REFERENCE,
            subject=Subject.CHARGE,
            currency="ZAR",
            gross_minor=86_000,
            fee_minor=2_694,
            settled_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
        )

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            (GOOD.replace("860.00", "860.001"), "line 2, gross: '860.001' is no amount of ZAR"),
            (GOOD.replace("860.00", "8,6"), "line 2, the row: has more or fewer cells"),
            (GOOD.replace("860.00", "1e3"), "line 2, gross: '1e3' is no amount"),
            (GOOD.replace("860.00", "0"), "line 2, gross: moves nothing"),
            (GOOD.replace("ZAR", "XXX"), "line 2, currency: 'XXX' is no currency, like ZAR"),
            (GOOD.replace("charge", "loan"), "line 2, subject: 'loan' is not one of charge"),
            (GOOD.replace(str(REFERENCE), "7"), "line 2, reference: '7' is not a UUID"),
            (GOOD.replace("+02:00", ""), "line 2, settled_at: must carry an offset"),
            (GOOD.replace("a,", ",", 1), "line 2, line_id: '' is not text of 1 to 120"),
            (GOOD.partition(",")[0], "line 2, the row: has more or fewer cells"),
        ],
    )
    def test_names_line_and_column_of_what_is_wrong(self, row: str, said: str) -> None:
        with pytest.raises(Invalid) as refused:
            read_lines(text(row))

        assert said in str(refused.value)

    def test_names_all_that_is_wrong_at_once(self) -> None:
        bad = GOOD.replace("a,", "b,", 1).replace("ZAR", "XXX").replace("charge", "loan")

        with pytest.raises(Invalid) as refused:
            read_lines(text(GOOD, bad, GOOD))

        told = str(refused.value)
        assert "line 3, subject" in told
        assert "line 3, currency" in told
        assert "line 4, line_id: 'a' stands in line 2 already" in told

    @pytest.mark.parametrize("head", [HEAD.replace("fee", "charge"), HEAD + ",colour", "a", ""])
    def test_wants_the_columns_that_are_documented(self, head: str) -> None:
        with pytest.raises(Invalid, match="column"):
            read_lines(text(GOOD, head=head))

    @pytest.mark.parametrize("mark", [";", "\t"])
    def test_says_by_what_else_the_cells_are_parted(self, mark: str) -> None:
        with pytest.raises(Invalid) as refused:
            read_lines(text(GOOD).replace(",", mark))

        assert f"line 1 parts its cells by {mark!r}; allowed: commas" in str(refused.value)

    def test_shows_how_an_amount_is_written(self) -> None:
        with pytest.raises(Invalid, match=r"gross: '7,00' is no amount of ZAR, as 120\.00 is"):
            read_lines(text(GOOD.replace("860.00", '"7,00"')))

    def test_checks_the_net_where_it_is_told(self) -> None:
        with pytest.raises(Invalid, match=r"net: .* is not gross less fee"):
            read_lines(text(GOOD + ",1.00", head=HEAD + ",net"))

    def test_is_not_for_nothing(self) -> None:
        with pytest.raises(Invalid, match="has 0 lines"):
            read_lines(HEAD)

    @pytest.mark.parametrize("line_id", ["po_1", "=SUM(A1)", "-7", "'quoted", 'with "quotes", and a comma'])
    def test_reads_what_was_written(self, line_id: str) -> None:
        line = Line(
            id=uuid4(),
            line_id=line_id,
            reference=REFERENCE,
            subject="refund",
            currency="JPY",
            gross_minor=-86_000,
            fee_minor=0,
            settled_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
            state="break",
            cause=Cause.AMOUNT_DIFFERS,
            movement_id=None,
            booking_id=None,
        )

        (found,) = read_lines(lines_sheet([line]).decode())

        assert (found.line_id, found.gross_minor, found.subject) == (line_id, -86_000, Subject.REFUND)
