from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.adapters.iso20022.bankfile import IsoFiles, read_any
from marketplace.adapters.iso20022.charset import folded
from marketplace.adapters.iso20022.messages import COLLECTIONS, unwrapped
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.batches import Batch, BatchFormat, Collection, Debtor, Sequence

from .bank import AT, FILE, SPONSOR, batch, collection, violations

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
FORMAT: BatchFormat = IsoFiles(sponsor=SPONSOR)

words = st.text(min_size=1, max_size=60).map(lambda text: "A " + text)
codes = st.text(alphabet=LETTERS + "+-.()", min_size=1, max_size=34)
days = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31))
debtors = st.builds(
    Debtor,
    holder=words,
    branch_code=codes,
    account_number=codes,
    account_type=st.sampled_from(["current", "savings", "transmission", None]),
    identity_number=st.none() | codes,
)
amounts = st.integers(min_value=1, max_value=10**12)
collections = st.builds(
    Collection,
    reference=st.uuids(),
    amount=st.builds(Money, amounts, st.just("ZAR")),
    due_on=days,
    sequence=st.sampled_from(Sequence),
    mandate=codes,
    debtor=debtors,
    description=words,
    contract=st.none(),
    signed_on=st.none() | days,
    tracking_days=st.integers(min_value=0, max_value=99),
)
batches = st.builds(
    Batch,
    reference=st.uuids(),
    at=st.just(AT),
    collections=st.lists(collections, min_size=1, max_size=5, unique_by=lambda one: one.reference).map(tuple),
)


def as_told(one: Collection) -> Collection:
    """With its words in the bank's letters."""
    holder = folded(one.debtor.holder, field="holder", most=70)
    description = folded(one.description, field="description", most=140)
    return replace(one, debtor=replace(one.debtor, holder=holder), description=description)


def read_back(content: bytes) -> Batch:
    found = read_any(content).content
    assert isinstance(found, Batch)
    return found


class TestWriteCollections:
    @given(asked=batches)
    @settings(max_examples=60, deadline=None)
    def test_is_read_back_as_it_was(self, asked: Batch) -> None:
        content = FORMAT.write(asked)

        told = tuple(as_told(one) for group in asked.groups for one in group)
        assert read_back(content) == replace(asked, collections=told)

    @pytest.mark.parametrize("message", COLLECTIONS)
    def test_keeps_to_the_standard(self, message: str) -> None:
        files = IsoFiles(sponsor=replace(SPONSOR, scheme_name="AC"), message=message)

        @given(asked=batches)
        @settings(max_examples=60, deadline=None)
        def kept(asked: Batch) -> None:
            assert violations(files.write(asked), message) == []

        kept()

    def test_writes_the_same_file_each_time(self) -> None:
        asked = batch(collection(1), collection(2, sequence=Sequence.FIRST))

        assert FORMAT.write(asked) == FORMAT.write(asked)

    def test_counts_and_sums_the_file_and_each_group(self) -> None:
        asked = batch(collection(1), collection(2), collection(3, due_on=date(2026, 12, 2)))

        _, body = unwrapped(FORMAT.write(asked))

        sums = [
            (one.told("NbOfTxs"), one.told("CtrlSum")) for one in (body.need("GrpHdr"), *body.all("PmtInf"))
        ]
        assert sums == [("3", "750.06"), ("2", "500.03"), ("1", "250.03")]

    def test_groups_by_day_and_sequence_booked_as_one(self) -> None:
        asked = batch(*(collection(number, sequence=one) for number, one in enumerate(Sequence)))

        _, body = unwrapped(FORMAT.write(asked))

        groups = list(body.all("PmtInf"))
        assert sorted(one.told("PmtTpInf/SeqTp") for one in groups) == ["FNAL", "FRST", "OOFF", "RCUR"]
        assert [one.told("PmtInfId") for one in groups] == [f"{FILE.hex}{number:03x}" for number in range(4)]
        assert {one.told("BtchBookg") for one in groups} == {"true"}
        assert {one.told("ReqdColltnDt") for one in groups} == {"2026-12-01"}
        assert {one.told("CdtrSchmeId/Id/PrvtId/Othr/Id") for one in groups} == {SPONSOR.scheme_id}

    def test_names_european_accounts_and_banks_as_such(self) -> None:
        debtor = Debtor(holder="A", branch_code="MARKDEF1100", account_number="DE89370400440532013000")
        sepa = replace(SPONSOR, service_level="SEPA", local_instrument="CORE", scheme_name="SEPA")
        content = IsoFiles(sponsor=sepa).write(
            batch(collection(1, debtor=debtor, amount=Money(1_999, "EUR")))
        )

        _, body = unwrapped(content)

        line = body.need("PmtInf/DrctDbtTxInf")
        assert line.told("DbtrAcct/Id/IBAN") == debtor.account_number
        assert line.told("DbtrAgt/FinInstnId/BICFI") == debtor.branch_code
        assert body.told("PmtInf/PmtTpInf/SvcLvl/Cd") == "SEPA"
        assert body.told("PmtInf/PmtTpInf/LclInstrm/Cd") == "CORE"
        assert violations(content, COLLECTIONS[0]) == []

    def test_takes_a_number_with_wrong_check_digits_for_no_iban(self) -> None:
        debtor = Debtor(holder="A", branch_code="250655", account_number="DE89370400440532013001")

        _, body = unwrapped(FORMAT.write(batch(collection(1, debtor=debtor))))

        assert body.told("PmtInf/DrctDbtTxInf/DbtrAcct/Id/Othr/Id") == debtor.account_number

    @pytest.mark.parametrize(
        ("currency", "minor", "told"), [("JPY", 120, "120"), ("ZAR", 5, "0.05"), ("KWD", 1_005, "1.005")]
    )
    def test_writes_as_many_places_as_the_currency_has(self, currency: str, minor: int, told: str) -> None:
        _, body = unwrapped(FORMAT.write(batch(collection(1, amount=Money(minor, currency)))))

        assert body.told("PmtInf/DrctDbtTxInf/InstdAmt") == told
        assert body.told("GrpHdr/CtrlSum") == told

    @pytest.mark.parametrize(
        ("asked", "field"),
        [
            (batch(), "collections"),
            (batch(collection(1), collection(1)), "collections"),
            (batch(collection(1), collection(2, amount=Money(1, "EUR"))), "currency"),
            (batch(collection(1, amount=Money(0, "ZAR"))), "amount"),
            (batch(collection(1, amount=Money(-5, "ZAR"))), "amount"),
            (batch(collection(1, amount=Money(10**18, "ZAR"))), "amount"),
            (batch(collection(1, mandate="M" * 36)), "mandate"),
            (batch(collection(1, mandate="Ménage")), "mandate"),
            (batch(collection(1, mandate="A//B")), "mandate"),
            (batch(collection(1, tracking_days=100)), "tracking_days"),
            (batch(collection(1, description="洗車")), "description"),
            (batch(collection(1, debtor=Debtor(holder="A", branch_code="250655"))), "account_number"),
            (batch(collection(1, debtor=Debtor(holder="A", account_number="1"))), "branch_code"),
        ],
    )
    def test_refuses_what_no_bank_takes(self, asked: Batch, field: str) -> None:
        with pytest.raises(Invalid) as refused:
            FORMAT.write(asked)

        assert refused.value.facts["field"] == field

    def test_refuses_a_message_that_it_does_not_know(self) -> None:
        with pytest.raises(Invalid, match=r"pain\.008\.001\.10"):
            IsoFiles(sponsor=SPONSOR, message="pain.008.001.02").write(batch(collection(1)))


class TestReadCollections:
    @pytest.mark.parametrize(
        ("there", "instead"),
        [
            (b"<NbOfTxs>2</NbOfTxs>", b"<NbOfTxs>3</NbOfTxs>"),
            (b"<CtrlSum>500.03</CtrlSum>", b"<CtrlSum>500.04</CtrlSum>"),
            (b'Ccy="ZAR">250.01<', b'Ccy="ZAR">250.010001<'),
            (b'Ccy="ZAR">250.01<', b'Ccy="EUR">250.01<'),
            (b'Ccy="ZAR">250.01<', b'Ccy="XXX">250.01<'),
            (b"<SeqTp>RCUR</SeqTp>", b"<SeqTp>RPRE</SeqTp>"),
            (b"<ReqdColltnDt>2026-12-01<", b"<ReqdColltnDt>2026-13-01<"),
        ],
    )
    def test_refuses_a_file_that_was_changed(self, there: bytes, instead: bytes) -> None:
        content = FORMAT.write(batch(collection(1), collection(2)))
        assert there in content

        with pytest.raises(Invalid):
            read_any(content.replace(there, instead))

    def test_is_no_answer(self) -> None:
        with pytest.raises(Invalid, match=r"is pain\.008\.001\.10; allowed: pain\.002\.001\.12"):
            FORMAT.read(FORMAT.write(batch(collection(1))))
