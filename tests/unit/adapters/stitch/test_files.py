import contextlib
import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.adapters.stitch import answers, files, titled
from marketplace.adapters.stitch.amounts import to_cents, to_decimal
from marketplace.adapters.stitch.answers import Output, Reply, Status
from marketplace.adapters.stitch.batchfile import StitchFiles
from marketplace.adapters.stitch.files import Channel
from marketplace.adapters.stitch.titled import FileRefused
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.batches import Batch, Collection, Debtor, Level, Sequence
from marketplace.ports.payments import Standing

CLIENT = "played-client"
MANDATES = StitchFiles(client_id=CLIENT, channel=Channel.DEBICHECK)
AT = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
BATCH, ONE, TWO = UUID(int=99), UUID(int=1), UUID(int=2)
PRODUCT = f"RECORD_TYPE,CLIENT_ID,PRODUCT,CHANNEL,FILE_TYPE\nP,{CLIENT},COLLECTIONS,DEBIT ORDER,"
REPLIED = "RECORD_TYPE,LINE,EXTERNAL_BATCH_REFERENCE,EXTERNAL_COLLECTION_REFERENCE,CONTRACT_REFERENCE,"
REPLY = PRODUCT + "REPLY\n" + REPLIED + "STATUS,STATUS_CODE,STATUS_REASON,ACTION_DATE\n"
OUTPUT = (
    PRODUCT + "OUTPUT\nRECORD_TYPE,EXTERNAL_BATCH_REFERENCE,EXTERNAL_COLLECTION_REFERENCE,CONTRACT_REFERENCE,"
    "COLLECTION_ID,COLLECTION_DATE,VALUE,COLLECTION_STATUS,COLLECTION_REASON,BANK_CODE\n"
)


def collection(**fields: Any) -> Collection:
    account = Debtor(
        holder="T Mokoena", account_number="1234567890", branch_code="470010", account_type="savings"
    )
    known: dict[str, Any] = {
        "reference": ONE,
        "amount": Money(60_000, "ZAR"),
        "due_on": date(2026, 11, 21),
        "sequence": Sequence.RECURRING,
        "mandate": "Y29uc2VudA==",
        "contract": "c1",
        "debtor": account,
        "description": "Wash",
    }
    return Collection(**known | fields)


def batch(*collections: Collection) -> Batch:
    return Batch(reference=BATCH, at=AT, collections=collections)


def written(*collections: Collection, channel: Channel = Channel.DEBICHECK) -> str:
    return files.written(batch(*collections), client_id=CLIENT, channel=channel)


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
        text = written(collection(), collection(reference=TWO, amount=Money(5, "ZAR"), tracking_days=2))

        assert text.splitlines() == [
            "RECORD_TYPE,CLIENT_ID,PRODUCT,CHANNEL,FILE_TYPE",
            "P,played-client,COLLECTIONS,DEBICHECK,COLLECTION",
            "RECORD_TYPE,EXTERNAL_BATCH_REFERENCE,SUBMISSION_DATETIME",
            f"H,{BATCH.hex},2026-11-20T12:30:00Z",
            ",".join(["RECORD_TYPE", *files.DEBICHECK_TITLES]),
            f"D,{ONE.hex},Y29uc2VudA==,c1,600.00,{ONE.hex},2026-11-21,0",
            f"D,{TWO.hex},Y29uc2VudA==,c1,0.05,{TWO.hex},2026-11-21,2",
            "RECORD_TYPE,TOTAL_RECORDS,TOTAL_VALUE,TOTAL_TRACKING_RECORDS,TOTAL_TRACKING_VALUE",
            "T,2,600.05,1,0.05",
        ]

    def test_writes_a_file_of_debit_orders(self) -> None:
        quoted = replace(collection().debtor, holder='Mokoena, "T"')
        other = collection(reference=TWO, debtor=quoted, amount=Money(1, "ZAR"))

        text = written(collection(), other, channel=Channel.DEBIT_ORDER)

        assert text.splitlines()[4:] == [
            ",".join(["RECORD_TYPE", *files.DEBIT_ORDER_TITLES]),
            f"D,{ONE.hex},{ONE.hex},600.00,2026-11-21,c1,T Mokoena,1234567890,470010,savings",
            f'D,{TWO.hex},{TWO.hex},0.01,2026-11-21,c1,"Mokoena, ""T""",1234567890,470010,savings',
            "RECORD_TYPE,TOTAL_RECORDS,TOTAL_VALUE",
            "T,2,600.01",
        ]

    @pytest.mark.parametrize("name", ["Mokoena\nD,n9", "a\rb", "a\x00b", "a\x7f"])
    def test_refuses_a_value_that_would_make_a_line_of_its_own(self, name: str) -> None:
        wrong = collection(debtor=replace(collection().debtor, holder=name))

        with pytest.raises(Invalid, match="DEBTOR_NAME"):
            written(wrong, channel=Channel.DEBIT_ORDER)

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"debtor": Debtor(holder="T Mokoena")}, "account_number"),
            ({"contract": None}, "contract"),
            ({"amount": Money(1, "EUR")}, "currency"),
        ],
        ids=str,
    )
    def test_refuses_what_a_debit_cannot_do_without(self, wrong: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid, match=field):
            written(collection(**wrong), channel=Channel.DEBIT_ORDER)

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


class TestAnswers:
    """What a REPLY and an OUTPUT say in the words of any bank's files."""

    def test_know_a_collection_by_its_line_and_the_mandate_there(self) -> None:
        asked = batch(collection(), collection(reference=TWO, mandate="Mg==", contract="c2"))
        titles = "RECORD_TYPE,LINE,CONSENT_ID,CONTRACT_REFERENCE,STATUS,STATUS_CODE,STATUS_REASON\n"
        body = PRODUCT.replace("DEBIT ORDER", "DEBICHECK") + "REPLY\n" + titles
        body += "D,6,Y29uc2VudA==,c1,SUCCESS\nD,7,Mg==,c2,FAILED,DATA_VALIDATION_ERROR,INVALID_CONSENT\n"

        found = MANDATES.read(trailed(body, 2))

        about = found.about(asked)
        assert {one: answer.standing for one, answer in about.items()} == {
            ONE: Standing.PENDING,
            TWO: Standing.FAILED,
        }
        assert (about[TWO].failure, about[TWO].told) == ("invalid_consent", "INVALID_CONSENT")
        assert found.about(batch(*reversed(asked.collections))) == {}
        assert found.about(batch(asked.collections[0])).keys() == {ONE}

    def test_fail_all_of_a_file_that_was_refused(self) -> None:
        refused = f"P,2,{BATCH.hex},,,FAILED,SCHEMA_VALIDATION_ERROR,INVALID_HEADER_RECORD_TITLE\n"

        found = MANDATES.read(trailed(REPLY + refused, 1))

        assert [answer.level for answer in found.answers] == [Level.FILE]
        assert found.about(batch(collection()))[ONE].standing is Standing.FAILED
        assert found.about(replace(batch(collection()), reference=TWO)) == {}

    def test_take_a_repeat_for_no_failure(self) -> None:
        body = (
            REPLY + f"D,6,{BATCH.hex},{ONE.hex},c1,FAILED,DATA_VALIDATION_ERROR,DUPLICATE_COLLECTION_NONCE\n"
        )

        found = MANDATES.read(trailed(body, 1))

        assert found.about(batch(collection())) == {}
        assert [answer.named for answer in found.unclear(batch(collection()))] == [ONE.hex]

    @pytest.mark.parametrize(
        ("status", "standing"),
        [
            ("PENDING", Standing.PENDING),
            ("SUCCESS", Standing.SUCCEEDED),
            ("FAILED", Standing.FAILED),
            ("UNPAID", Standing.RETURNED),
        ],
    )
    def test_say_what_an_output_says(self, status: str, standing: Standing) -> None:
        body = OUTPUT + f"D,{BATCH.hex},{ONE.hex},c1,id1,2026-11-21,600.00,{status},ACCOUNT_CLOSED,900002\n"

        found = MANDATES.read(trailed(body, 1)).about(batch(collection()))

        assert (found[ONE].standing, found[ONE].on, found[ONE].code) == (
            standing,
            date(2026, 11, 21),
            "900002",
        )
        assert (found[ONE].failure == "account_closed") is (status in {"FAILED", "UNPAID"})

    def test_settle_nothing_by_another_amount(self) -> None:
        body = OUTPUT + f"D,{BATCH.hex},{ONE.hex},c1,id1,2026-11-21,6.00,SUCCESS,PROCESSED\n"

        assert MANDATES.read(trailed(body, 1)).about(batch(collection())) == {}


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
zar = st.builds(Money, amounts, st.just("ZAR"))


def numbered(found: list[Collection]) -> list[Collection]:
    return [replace(one, reference=UUID(int=number)) for number, one in enumerate(found)]


class TestRoundTrip:
    @given(st.lists(st.tuples(words, words, zar), min_size=1, max_size=20))
    def test_reads_what_was_written_of_debit_orders(self, told: list[tuple[str, str, Money]]) -> None:
        lines = numbered(
            [
                collection(debtor=replace(collection().debtor, holder=name), contract=contract, amount=amount)
                for name, contract, amount in told
            ]
        )

        rows = list(titled.rows(written(*lines, channel=Channel.DEBIT_ORDER)))

        debits, trailer = rows[2:-1], rows[-1]
        assert [row.fields["DEBTOR_NAME"] for row in debits] == [line.debtor.holder for line in lines]
        assert [row.fields["CONTRACT_REFERENCE"] for row in debits] == [line.contract for line in lines]
        assert [to_cents(row.fields["VALUE"], field="VALUE") for row in debits] == [
            line.amount.minor for line in lines
        ]
        assert [row.line for row in debits] == [files.FIRST_LINE + index for index in range(len(lines))]
        assert trailer.fields["TOTAL_RECORDS"] == str(len(lines))
        assert to_cents(trailer.fields["TOTAL_VALUE"], field="T") == sum(line.amount.minor for line in lines)

    @given(st.lists(st.builds(collection, amount=zar, tracking_days=st.integers(0, 10)), min_size=1))
    def test_adds_up_what_is_tracked(self, lines: list[Collection]) -> None:
        trailer = list(titled.rows(written(*numbered(lines))))[-1]

        tracked = [line.amount.minor for line in lines if line.tracking_days]
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
