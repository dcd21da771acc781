"""What every format of files for a bank promises: who adds one adds it here, with an answer of its bank's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

import pytest

from marketplace.adapters.iso20022.bankfile import IsoFiles
from marketplace.adapters.iso20022.parties import Sponsor
from marketplace.adapters.stitch.batchfile import StitchFiles
from marketplace.adapters.stitch.files import Channel
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.batches import Batch, BatchFormat, Collection, Debtor, Sequence
from marketplace.ports.payments import Standing

PAIN_002 = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"><CstmrPmtStsRpt>
<GrpHdr><MsgId>BANK-1</MsgId><CreDtTm>2026-11-21T06:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{batch}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.10</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>{batch}000</OrgnlPmtInfId><TxInfAndSts>
<OrgnlEndToEndId>{line}</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>
</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""


@dataclass(frozen=True)
class Bank:
    """A format, and the file by which its bank says that one account is closed."""

    files: BatchFormat
    refuse: Callable[[Batch, Collection], bytes]


def by_pain_002(batch: Batch, one: Collection) -> bytes:
    return PAIN_002.format(batch=batch.reference.hex, line=one.reference.hex).encode()


def by_reply(batch: Batch, one: Collection, *, channel: Channel) -> bytes:
    """Of mandates it names the line alone."""
    line = batch.collections.index(one) + 6
    by_line = ("CONSENT_ID,CONTRACT_REFERENCE", f"{one.mandate},{one.contract}")
    by_name = ("EXTERNAL_COLLECTION_REFERENCE", one.reference.hex)
    titles, values = by_line if channel is Channel.DEBICHECK else by_name
    return (
        f"RECORD_TYPE,CLIENT_ID,PRODUCT,CHANNEL,FILE_TYPE\nP,us,COLLECTIONS,{channel},REPLY\n"
        f"RECORD_TYPE,LINE,{titles},STATUS,STATUS_REASON\nD,{line},{values},FAILED,ACCOUNT_CLOSED\n"
        "RECORD_TYPE,TOTAL_RECORDS\nT,1\n"
    ).encode()


BANKS = {
    "iso20022": Bank(
        IsoFiles(
            sponsor=Sponsor(name="Us", scheme_id="US1", account_number="62000000001", branch_code="250655")
        ),
        by_pain_002,
    ),
    **{
        f"stitch {channel}": Bank(
            StitchFiles(client_id="us", channel=channel), partial(by_reply, channel=channel)
        )
        for channel in Channel
    },
}


@pytest.fixture(params=BANKS)
def bank(request: pytest.FixtureRequest) -> Bank:
    return BANKS[request.param]


def collection(number: int, currency: str = "ZAR") -> Collection:
    return Collection(
        reference=UUID(int=number),
        amount=Money(25_000, currency),
        due_on=date(2026, 12, 1),
        sequence=Sequence.RECURRING,
        mandate=f"MND-{number}",
        contract=f"CONTRACT-{number}",
        debtor=Debtor(
            holder="A Debtor", branch_code="250655", account_number="1234567890", account_type="current"
        ),
        description="Wash",
    )


def batch(*collections: Collection) -> Batch:
    return Batch(reference=UUID(int=99), at=datetime(2026, 11, 20, 8, tzinfo=UTC), collections=collections)


class TestABatchFormat:
    def test_writes_the_same_file_of_the_same_batch(self, bank: Bank) -> None:
        asked = batch(collection(1), collection(2))

        assert bank.files.write(asked) == bank.files.write(asked)

    def test_writes_no_file_of_nothing_of_one_twice_or_of_two_currencies(self, bank: Bank) -> None:
        for wrong in (
            batch(),
            batch(collection(1), collection(1)),
            batch(collection(1), collection(2, "EUR")),
        ):
            with pytest.raises(Invalid):
                bank.files.write(wrong)

    def test_reads_what_became_of_one_collection(self, bank: Bank) -> None:
        asked = batch(collection(1), collection(2))

        answers = bank.files.read(bank.refuse(asked, asked.collections[1])).about(asked)

        ((reference, answer),) = answers.items()
        assert (reference, answer.standing, answer.failure) == (
            UUID(int=2),
            Standing.FAILED,
            "account_closed",
        )

    def test_says_nothing_of_another_batch(self, bank: Bank) -> None:
        asked, other = batch(collection(1)), batch(collection(2))

        assert bank.files.read(bank.refuse(asked, asked.collections[0])).about(other) == {}

    @pytest.mark.parametrize("content", [b"", b"\x00", b"H,1,2", b"<a/>"])
    def test_refuses_what_is_no_answer(self, bank: Bank, content: bytes) -> None:
        with pytest.raises(Invalid):
            bank.files.read(content)
