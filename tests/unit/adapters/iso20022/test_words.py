"""Names folded, references kept, reasons in our words."""

import json
import re
from collections import Counter
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from marketplace.adapters.iso20022 import values
from marketplace.adapters.iso20022.charset import exact, folded
from marketplace.adapters.iso20022.tree import element, parsed, written
from marketplace.core.shared.errors import Invalid
from marketplace.ports import reasons
from marketplace.ports.reasons import DECLINED, WORDS, failure_of

from .bank import contract

TAKEN = re.compile(r"[A-Za-z0-9/?:().,'+ -]*")
CODE_LISTS = ("external_status_reason_code", "external_return_reason_code", "external_mandate_reason_code")


class TestFolding:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("Café Zoë & Söhne", "Cafe Zoe + Sohne"),
            ("Łukasz Ørsted, ßtraße", "Lukasz Orsted, sstrasse"),
            ("  A\t\nB  ", "A B"),
            ("//A//B/", "A/B"),
            ("A <script> 洗", "A .script. ."),
            ("Jan\u2013Piet \u2018O\u2019Neil\u2019", "Jan-Piet 'O'Neil'"),
            ("A" * 200, "A" * 70),
        ],
    )
    def test_keeps_what_a_bank_takes(self, text: str, told: str) -> None:
        assert folded(text, field="name", most=70) == told

    @given(text=st.text(min_size=1, max_size=100))
    def test_leaves_nothing_else_and_changes_nothing_twice(self, text: str) -> None:
        try:
            told = folded(text, field="name", most=70)
        except Invalid:
            return

        assert TAKEN.fullmatch(told)
        assert 0 < len(told) <= 70
        assert folded(told, field="name", most=70) == told

    @given(text=st.text(max_size=40))
    def test_changes_no_reference(self, text: str) -> None:
        try:
            told = exact(text, field="mandate", most=35)
        except Invalid:
            return

        assert told == text
        assert TAKEN.fullmatch(told)


class TestATree:
    @given(text=st.text(alphabet="<>&\"' ab]é", max_size=20))
    def test_keeps_its_text_and_its_attributes(self, text: str) -> None:
        namespace, root = parsed(written(element("a", element("b", text, c=text), xmlns="urn:x")))

        (node,) = root.children
        assert (namespace, node.text, node.attributes) == ("urn:x", text.strip(), {"c": text})


class TestReferences:
    @given(reference=st.uuids())
    def test_come_back_as_they_went(self, reference: UUID) -> None:
        told = values.reference_text(reference)

        assert len(told) <= 35
        assert values.reference_of(told) == values.reference_of(told.upper()) == reference

    @given(reference=st.uuids(), group=st.integers(min_value=0, max_value=values.GROUPS_MAX - 1))
    def test_of_groups_come_back_too(self, reference: UUID, group: int) -> None:
        told = values.group_text(reference, group)

        assert len(told) <= 35
        assert values.group_of(told) == (reference, group)
        assert values.reference_of(told) is None

    @given(text=st.text(max_size=35))
    def test_are_of_nobody_else(self, text: str) -> None:
        assume(not re.fullmatch("[0-9a-fA-F]{32}|[0-9a-fA-F]{35}", text))

        assert values.reference_of(text) is None
        assert values.group_of(text) is None

    def test_of_too_many_groups_are_refused(self) -> None:
        with pytest.raises(Invalid, match="4096"):
            values.group_text(UUID(int=1), values.GROUPS_MAX)


class TestAmounts:
    @given(
        minor=st.integers(min_value=1, max_value=10**18 - 1), currency=st.sampled_from(["JPY", "ZAR", "KWD"])
    )
    def test_come_back_to_the_last_cent(self, minor: int, currency: str) -> None:
        told = values.decimal_of(minor, currency)

        assert values.minor_of(told, currency, field="Amt") == minor

    @pytest.mark.parametrize(
        ("text", "minor"), [("1", 100), ("1.5", 150), (".5", 50), ("+1.", 100), ("01.500", 150)]
    )
    def test_are_read_as_the_standard_lets_banks_write_them(self, text: str, minor: int) -> None:
        assert values.minor_of(text, "ZAR", field="Amt") == minor

    @pytest.mark.parametrize("text", ["", ".", "-1", "1e5", "1,5", "1.005", "NaN", "\u0661", "1 0", "1" * 40])
    def test_are_nothing_else(self, text: str) -> None:
        with pytest.raises(Invalid):
            values.minor_of(text, "ZAR", field="Amt")


class TestReasons:
    def test_have_one_word_each(self) -> None:
        codes = Counter(code for listed in reasons._CODES.values() for code in listed.split())

        assert [code for code, times in codes.items() if times > 1] == []

    def test_are_codes_that_there_are(self) -> None:
        listed = [
            json.loads(contract("codes", f"{name}.json").read_text("utf-8"))["codes"] for name in CODE_LISTS
        ]

        assert set(WORDS) - set().union(*listed) == set()

    @pytest.mark.parametrize("code", [None, "NARR", "MS03", "XXXX"])
    def test_without_a_word_are_a_no(self, code: str | None) -> None:
        assert failure_of(code) == DECLINED
