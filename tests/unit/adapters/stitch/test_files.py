import contextlib
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.adapters.stitch import answers, files, titled
from marketplace.adapters.stitch.amounts import to_cents, to_decimal
from marketplace.adapters.stitch.answers import Output, Reply, Status
from marketplace.adapters.stitch.files import Collection, Debited, Mandated
from marketplace.adapters.stitch.titled import FileRefused
from marketplace.core.shared.errors import Invalid

CLIENT = "played-client"
AT = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
PRODUCT = f"RECORD_TYPE,CLIENT_ID,PRODUCT,CHANNEL,FILE_TYPE\nP,{CLIENT},COLLECTIONS,DEBIT ORDER,"
REPLIED = "RECORD_TYPE,LINE,EXTERNAL_BATCH_REFERENCE,EXTERNAL_COLLECTION_REFERENCE,CONTRACT_REFERENCE,"
REPLY = PRODUCT + "REPLY\n" + REPLIED + "STATUS,STATUS_CODE,STATUS_REASON,ACTION_DATE\n"
OUTPUT = (
    PRODUCT + "OUTPUT\nRECORD_TYPE,EXTERNAL_BATCH_REFERENCE,EXTERNAL_COLLECTION_REFERENCE,CONTRACT_REFERENCE,"
    "COLLECTION_ID,COLLECTION_DATE,VALUE,COLLECTION_STATUS,COLLECTION_REASON,BANK_CODE\n"
)


def mandated(**fields: Any) -> Mandated:
    known = {"nonce": "n1", "reference": "r1", "minor": 60_000, "on": date(2026, 11, 21)}
    return Mandated(**known | {"consent_id": "Y29uc2VudA==", "contract": "c1"} | fields)


def debited(**fields: Any) -> Debited:
    account = {"name": "T Mokoena", "account_number": "1234567890", "branch_code": "470010"}
    known = {"nonce": "n1", "reference": "r1", "minor": 20_034, "on": date(2026, 11, 21), "contract": "c1"}
    return Debited(**known | account | {"account_type": "savings"} | fields)


def collection(*lines: Any) -> Collection:
    return Collection(client_id=CLIENT, batch="b1", submitted_at=AT, lines=lines)


def trailed(text: str, count: int) -> bytes:
    return f"{text}RECORD_TYPE,TOTAL_RECORDS\nT,{count}\n".encode()


def facts() -> Any:
    beside = Path(__file__).parents[5] / "shared" / "contracts"
    path = Path(os.environ.get("MARKETPLACE_TEST_CONTRACTS", beside)) / "stitch" / "facts.json"
    if not path.exists():
        pytest.skip("the vendor's facts are not at hand")
    return json.loads(path.read_text("utf-8"))


class TestWritten:
    def test_writes_a_file_of_mandates(self) -> None:
        text = files.written(collection(mandated(), mandated(nonce="n2", minor=5, tracking_days=2)))

        assert text.splitlines() == [
            "RECORD_TYPE,CLIENT_ID,PRODUCT,CHANNEL,FILE_TYPE",
            "P,played-client,COLLECTIONS,DEBICHECK,COLLECTION",
            "RECORD_TYPE,EXTERNAL_BATCH_REFERENCE,SUBMISSION_DATETIME",
            "H,b1,2026-11-20T12:30:00Z",
            ",".join(["RECORD_TYPE", *files.DEBICHECK_TITLES]),
            "D,n1,Y29uc2VudA==,c1,600.00,r1,2026-11-21,0",
            "D,n2,Y29uc2VudA==,c1,0.05,r1,2026-11-21,2",
            "RECORD_TYPE,TOTAL_RECORDS,TOTAL_VALUE,TOTAL_TRACKING_RECORDS,TOTAL_TRACKING_VALUE",
            "T,2,600.05,1,0.05",
        ]

    def test_writes_a_file_of_debit_orders(self) -> None:
        text = files.written(collection(debited(), debited(name='Mokoena, "T"', minor=1)))

        assert text.splitlines()[4:] == [
            ",".join(["RECORD_TYPE", *files.DEBIT_ORDER_TITLES]),
            "D,n1,r1,200.34,2026-11-21,c1,T Mokoena,1234567890,470010,savings",
            'D,n1,r1,0.01,2026-11-21,c1,"Mokoena, ""T""",1234567890,470010,savings',
            "RECORD_TYPE,TOTAL_RECORDS,TOTAL_VALUE",
            "T,2,200.35",
        ]

    @pytest.mark.parametrize("name", ["Mokoena\nD,n9", "a\rb", "a\x00b", "a\x7f"])
    def test_refuses_a_value_that_would_make_a_line_of_its_own(self, name: str) -> None:
        with pytest.raises(Invalid, match="DEBTOR_NAME"):
            files.written(collection(debited(name=name)))

    def test_refuses_two_channels_in_one_file(self) -> None:
        with pytest.raises(ValueError, match="one channel"):
            files.written(collection(mandated(), debited()))

    def test_has_the_columns_of_the_vendors_facts(self) -> None:
        known = facts()["collections_sftp"]["record_types"]

        assert list(files.DEBICHECK_TITLES) == known["D_debicheck"]
        assert list(files.DEBIT_ORDER_TITLES) == known["D_debit_order"]
        assert list(files.HEADER_TITLES) == known["H"]
        assert [name.partition("=")[0] for name in known["P"]] == list(files.PRODUCT_TITLES)
        assert [name.partition(" ")[0] for name in known["T"]] == [
            *files.TOTAL_TITLES,
            *files.TRACKING_TITLES,
        ]


class TestReply:
    def test_tells_the_lines_that_were_taken_from_those_that_were_not(self) -> None:
        body = REPLY + (
            "D,6,b1,r1,c1,FAILED,DATA_VALIDATION_ERROR,INVALID_ACCOUNT_NUMBER,\n"
            "D,7,b1,r2,c2,SUCCESS,,NON_PROCESSING_DAY_SUNDAY,2026-11-23\n"
            "D,8,b1,r3,c3,SUCCESS\n"
        )

        reply = answers.read(trailed(body, 3), client_id=CLIENT)

        assert isinstance(reply, Reply)
        assert [(one.line, one.reference, one.taken, one.reason) for one in reply.debits] == [
            (6, "r1", False, "INVALID_ACCOUNT_NUMBER"),
            (7, "r2", True, "NON_PROCESSING_DAY_SUNDAY"),
            (8, "r3", True, None),
        ]
        assert [one.action_on for one in reply.debits] == [None, date(2026, 11, 23), None]
        assert reply.refusal is None

    def test_tells_that_the_whole_file_was_refused(self) -> None:
        body = REPLY + "P,2,,,,FAILED,SCHEMA_VALIDATION_ERROR,INVALID_PRODUCT_HEADER_RECORD_TITLE\n"

        reply = answers.read(trailed(body, 1), client_id=CLIENT)

        assert isinstance(reply, Reply)
        assert reply.refusal is not None
        assert reply.refusal.reason == "INVALID_PRODUCT_HEADER_RECORD_TITLE"

    @pytest.mark.parametrize(
        ("line", "named"),
        [
            ("D,6,b1,r1,c1,PERHAPS", "line 4, STATUS"),
            ("D,six,b1,r1,c1,SUCCESS", "line 4, LINE"),
            ("D,6,b1,r1,c1,SUCCESS,,,21 November", "line 4, ACTION_DATE"),
            ("X,6,b1,r1,c1,SUCCESS", "line 4, RECORD_TYPE"),
            ("D,6,b1,r1,c1,SUCCESS,,,,more", "line 4, ACTION_DATE"),
            ('D,6,"b1,r1,c1,SUCCESS', "line 4, RECORD_TYPE"),
        ],
    )
    def test_names_the_line_and_the_column_of_what_it_does_not_know(self, line: str, named: str) -> None:
        with pytest.raises(FileRefused) as refused:
            answers.read(trailed(f"{REPLY}{line}\n", 1), client_id=CLIENT)

        assert refused.value.facts["field"] == named

    def test_refuses_a_column_that_it_does_not_know(self) -> None:
        body = REPLY.replace("ACTION_DATE", "SURPRISE") + "D,6,b1,r1,c1,SUCCESS,,,1\n"

        with pytest.raises(FileRefused, match="line 4, SURPRISE"):
            answers.read(trailed(body, 1), client_id=CLIENT)

    def test_refuses_another_clients_file(self) -> None:
        with pytest.raises(FileRefused, match="line 2, CLIENT_ID"):
            answers.read(trailed(REPLY, 0), client_id="somebody-else")


class TestOutput:
    def test_tells_where_each_debit_stands(self) -> None:
        body = OUTPUT + (
            "D,b1,r1,c1,id1,2026-11-21,200.00,SUCCESS,PROCESSED,900001\n"
            "D,b1,r2,c2,id2,2026-11-21,200.1,UNPAID,INSUFFICIENT_FUNDS,900002\n"
            "D,b1,r3,c3,,2026-11-21,7,PENDING\n"
        )

        output = answers.read(trailed(body, 3), client_id=CLIENT)

        assert isinstance(output, Output)
        assert [(one.reference, one.status, one.minor, one.reason) for one in output.results] == [
            ("r1", Status.SUCCESS, 20_000, "PROCESSED"),
            ("r2", Status.UNPAID, 20_010, "INSUFFICIENT_FUNDS"),
            ("r3", Status.PENDING, 700, None),
        ]

    @pytest.mark.parametrize("count", [0, 2])
    def test_refuses_a_file_that_is_not_whole(self, count: int) -> None:
        body = OUTPUT + "D,b1,r1,c1,id1,2026-11-21,200.00,SUCCESS\n"

        with pytest.raises(FileRefused, match="line 6, TOTAL_RECORDS"):
            answers.read(trailed(body, count), client_id=CLIENT)

    def test_refuses_a_file_that_broke_off_before_its_end(self) -> None:
        body = OUTPUT + "D,b1,r1,c1,id1,2026-11-21,200.00,SUCCESS\n"

        with pytest.raises(FileRefused, match="line 4, TOTAL_RECORDS"):
            answers.read(body.encode(), client_id=CLIENT)

    @pytest.mark.parametrize(
        "body",
        [b"", b"\xff", b"RECORD_TYPE,LINE\n", b"D,6\n", b"RECORD_TYPE,A,A\n", b"<html>", b"\n" * 9],
    )
    def test_refuses_what_is_no_file_of_theirs(self, body: bytes) -> None:
        with pytest.raises(FileRefused, match="line "):
            answers.read(body, client_id=CLIENT)

    @given(
        st.binary(max_size=200) | st.text(alphabet="PHDT,RECORD_TYPE\n\"' 1.", max_size=200).map(str.encode)
    )
    def test_never_breaks_on_anything(self, body: bytes) -> None:
        with contextlib.suppress(FileRefused):
            answers.read(body, client_id=CLIENT)


words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
amounts = st.integers(min_value=1, max_value=10**13)


class TestRoundTrip:
    @given(st.lists(st.builds(debited, name=words, contract=words, minor=amounts), min_size=1, max_size=20))
    def test_reads_what_was_written_of_debit_orders(self, lines: list[Debited]) -> None:
        rows = list(titled.rows(files.written(collection(*lines))))

        debits, trailer = rows[2:-1], rows[-1]
        assert [row.fields["DEBTOR_NAME"] for row in debits] == [line.name for line in lines]
        assert [row.fields["CONTRACT_REFERENCE"] for row in debits] == [line.contract for line in lines]
        assert [to_cents(row.fields["VALUE"], field="VALUE") for row in debits] == [
            line.minor for line in lines
        ]
        assert [row.line for row in debits] == [files.FIRST_LINE + index for index in range(len(lines))]
        assert trailer.fields["TOTAL_RECORDS"] == str(len(lines))
        assert to_cents(trailer.fields["TOTAL_VALUE"], field="T") == sum(line.minor for line in lines)

    @given(st.lists(st.builds(mandated, minor=amounts, tracking_days=st.integers(0, 10)), min_size=1))
    def test_adds_up_what_is_tracked(self, lines: list[Mandated]) -> None:
        trailer = list(titled.rows(files.written(collection(*lines))))[-1]

        tracked = [line.minor for line in lines if line.tracking_days]
        assert trailer.fields["TOTAL_TRACKING_RECORDS"] == str(len(tracked))
        assert to_cents(trailer.fields["TOTAL_TRACKING_VALUE"], field="T") == sum(tracked)


class TestAmounts:
    @given(amounts)
    def test_are_the_same_in_rand_and_in_cents(self, minor: int) -> None:
        assert to_cents(to_decimal(minor), field="VALUE") == minor

    @pytest.mark.parametrize("text", ["", "1.234", "-1", "1e3", "1,00", "٣", "NaN", " 1"])
    def test_refuse_what_is_none(self, text: str) -> None:
        with pytest.raises(Invalid, match="VALUE"):
            to_cents(text, field="VALUE")
