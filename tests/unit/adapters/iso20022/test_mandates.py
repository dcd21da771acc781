from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.adapters.iso20022.bankfile import read_any
from marketplace.adapters.iso20022.charset import folded
from marketplace.adapters.iso20022.mandate_files import (
    write_amendments,
    write_cancellations,
    write_initiations,
)
from marketplace.adapters.iso20022.mandates import (
    About,
    MandateAnswer,
    MandateAnswers,
    MandateBatch,
    MandateChange,
    MandateEnd,
    MandateOrder,
    WhoseWish,
)
from marketplace.adapters.iso20022.messages import AMENDMENT, CANCELLATION, INITIATION
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.mandates import Adjustment, DebitValue, Frequency, MandateTerms
from marketplace.ports.batches import Debtor

from .bank import AT, FILE, SPONSOR, acceptance, accepted, contract, reference, violations
from .test_direct_debits import codes, days, debtors

minors = st.integers(min_value=1, max_value=10**12)
terms = st.builds(
    MandateTerms,
    value=st.sampled_from(DebitValue),
    frequency=st.sampled_from(Frequency),
    collection_day=st.integers(min_value=1, max_value=99),
    maximum_minor=minors,
    instalment_minor=st.none() | minors,
    initial_minor=st.none() | minors,
    first_collection_on=st.none() | days,
    adjustment=st.sampled_from(Adjustment),
    adjustment_minor=st.none() | minors,
    adjustment_basis_points=st.none() | st.integers(min_value=0, max_value=10_000),
    day_may_move=st.booleans(),
)
orders = st.builds(
    MandateOrder,
    reference=st.uuids(),
    contract=codes,
    debtor=debtors,
    terms=terms,
    currency=st.just("ZAR"),
    tracked=st.booleans(),
    final_collection_on=st.none() | days,
)
wishes = st.sampled_from(WhoseWish)
changes = st.builds(MandateChange, mandate=codes, wish=wishes, order=orders)
ends = st.builds(MandateEnd, mandate=codes, wish=wishes)

ORDER = MandateOrder(
    reference=reference(1),
    contract="CURB-0001",
    debtor=Debtor(holder="A Debtor", branch_code="250655", account_number="1234567890"),
    terms=MandateTerms(
        value=DebitValue.VARIABLE,
        frequency=Frequency.MONTHLY,
        collection_day=1,
        maximum_minor=37_500,
        instalment_minor=25_000,
    ),
    currency="ZAR",
)


def batches(of: st.SearchStrategy[Any]) -> st.SearchStrategy[MandateBatch[Any]]:
    asked = st.lists(of, min_size=1, max_size=3).map(tuple)
    return st.builds(MandateBatch, reference=st.uuids(), at=st.just(AT), orders=asked)


def as_told(order: Any) -> Any:
    """With its names in the bank's letters."""
    if isinstance(order, MandateChange):
        return replace(order, order=as_told(order.order))
    if isinstance(order, MandateOrder):
        holder = folded(order.debtor.holder, field="holder", most=70)
        return replace(order, debtor=replace(order.debtor, holder=holder))
    return order


def of_one(order: Any) -> MandateBatch[Any]:
    return MandateBatch(reference=FILE, at=AT, orders=(order,))


FILES = [
    pytest.param(write_initiations, orders, INITIATION, id="initiation"),
    pytest.param(write_amendments, changes, AMENDMENT, id="amendment"),
    pytest.param(write_cancellations, ends, CANCELLATION, id="cancellation"),
]


class TestAFileAboutMandates:
    @pytest.mark.parametrize(("write", "asked", "message"), FILES)
    def test_is_read_back_as_it_was(
        self, write: Callable[..., bytes], asked: st.SearchStrategy[Any], message: str
    ) -> None:
        @given(batch=batches(asked))
        @settings(max_examples=60, deadline=None)
        def read_back(batch: MandateBatch[Any]) -> None:
            found = read_any(write(batch, sponsor=SPONSOR))

            assert found.message == message
            assert found.content == replace(batch, orders=tuple(map(as_told, batch.orders)))

        read_back()

    @pytest.mark.parametrize(("write", "asked", "message"), FILES)
    def test_keeps_to_the_standard(
        self, write: Callable[..., bytes], asked: st.SearchStrategy[Any], message: str
    ) -> None:
        @given(batch=batches(asked))
        @settings(max_examples=60, deadline=None)
        def kept(batch: MandateBatch[Any]) -> None:
            assert violations(write(batch, sponsor=SPONSOR), message) == []

        kept()

    def test_needs_no_account_where_the_bank_asks_its_customer(self) -> None:
        asked = of_one(replace(ORDER, debtor=Debtor(holder="A", branch_code="250655")))

        content = write_initiations(asked, sponsor=SPONSOR)

        assert b"DbtrAcct" not in content
        assert violations(content, INITIATION) == []

    @pytest.mark.parametrize(
        ("facts", "field"),
        [
            ({"contract": "C" * 36}, "contract"),
            ({"reference": None}, "reference"),
            ({"terms": replace(ORDER.terms, collection_day=100)}, "collection_day"),
            ({"terms": replace(ORDER.terms, maximum_minor=0)}, "amount"),
            ({"debtor": Debtor(holder="!", branch_code="250655")}, "holder"),
        ],
    )
    def test_is_refused_with_what_no_bank_takes(self, facts: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as refused:
            write_initiations(of_one(replace(ORDER, **facts)), sponsor=SPONSOR)

        assert refused.value.facts["field"] == field

    def test_is_refused_without_orders(self) -> None:
        with pytest.raises(Invalid, match="at least one"):
            write_initiations(MandateBatch(reference=FILE, at=AT, orders=()), sponsor=SPONSOR)

    def test_is_read_whoever_wrote_it(self) -> None:
        content = contract("sample-pain.009.001.05.xml").read_bytes()

        found = read_any(content).content

        assert isinstance(found, MandateBatch)
        (order,) = found.orders
        assert (found.reference, order.reference, order.contract) == (None, None, "CLIENTREF-1")
        assert order.debtor == Debtor(holder="A Debtor", branch_code="250655")
        assert order.terms == MandateTerms(
            value=DebitValue.FIXED,
            frequency=Frequency.MONTHLY,
            collection_day=1,
            maximum_minor=37_500,
            instalment_minor=25_000,
            first_collection_on=date(2026, 12, 1),
        )


class TestAnAcceptanceReport:
    def answers(self, *details: Any) -> tuple[MandateAnswer, ...]:
        found = read_any(acceptance(*details)).content
        assert isinstance(found, MandateAnswers)
        return found.answers

    def test_accepts_and_refuses_order_by_order(self) -> None:
        no = accepted("false", named=reference(2).hex, code="MD09", words=("not", "this account"))

        yes, refused = self.answers(accepted("true", named=reference(1).hex), no)

        assert yes == MandateAnswer(
            accepted=True, about=About.INITIATION, reference=reference(1), batch=FILE, mandate=None
        )
        assert (refused.accepted, refused.reference, refused.code, refused.failure, refused.told) == (
            False,
            reference(2),
            "MD09",
            "account_not_allowed",
            "not this account",
        )

    @pytest.mark.parametrize(
        ("kind", "about"), [("pain.010.001.05", About.AMENDMENT), ("pain.011.001.05", About.CANCELLATION)]
    )
    def test_names_the_mandate_where_the_bank_knows_it_by_a_name_of_its_own(
        self, kind: str, about: About
    ) -> None:
        (answer,) = self.answers(accepted("1", named="MND-1", kind=kind))

        assert (answer.about, answer.reference, answer.mandate, answer.batch) == (about, None, "MND-1", FILE)

    def test_neither_yes_nor_no_is_refused(self) -> None:
        with pytest.raises(Invalid, match="true, 1, false, 0"):
            self.answers(accepted("maybe", named="MND-1"))

    def test_is_made_here_as_the_standard_says(self) -> None:
        content = acceptance(accepted("false", named="MND-1", code="MD09", words=("no",)))

        assert violations(content, "pain.012.001.05") == []
