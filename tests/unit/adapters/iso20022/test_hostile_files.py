"""Whatever comes as a file is read or refused: nothing else happens, and nothing grows."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.adapters.iso20022.bankfile import read_any
from marketplace.adapters.iso20022.messages import ROOTS
from marketplace.adapters.iso20022.tree import BYTES_MAX, DEPTH_MAX, ELEMENTS_MAX
from marketplace.core.shared.errors import Invalid

from .bank import (
    SPONSOR,
    acceptance,
    accepted,
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
    why,
)
from .test_direct_debits import FORMAT
from .test_mandates import ORDER, of_one, write_initiations

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>
<Document>&c;</Document>"""
OUTSIDE = b"""<?xml version="1.0"?>
<!DOCTYPE Document [<!ENTITY passwords SYSTEM "file:///etc/passwd">]><Document>&passwords;</Document>"""
ELSEWHERE = b'<?xml version="1.0"?><!DOCTYPE Document SYSTEM "http://127.0.0.1:1/x.dtd"><Document/>'
PARAMETER = b'<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><d/>'

WHOLE = [
    FORMAT.write(batch(collection(1), collection(2))),
    write_initiations(of_one(ORDER), sponsor=SPONSOR),
    acceptance(accepted("false", named=reference(1).hex, code="MD09", words=("no",))),
    status_report(
        status_of_group(f"{reference(1).hex}000", "PART", status_of_line("E", "RJCT", why("AC04"))),
        status="PART",
    ),
    notification(
        movement(moved("E", returned="AM04"), side="DBIT", reversal="true"), booked_as_one("G", "5.00")
    ),
]
fragments = st.sampled_from(
    [
        b"",
        b"<",
        b">",
        b"&a;",
        b"<A/>",
        b"-1",
        b"1e5",
        b"\xff",
        b"\x00",
        b"NaN",
        b"9" * 40,
        b"true",
        b"<!DOCTYPE a>",
    ]
) | st.binary(max_size=8)


def refusal(content: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        read_any(content)
    return refused.value.detail


def outcome(content: bytes) -> str:
    """Any error but ours is a failure."""
    try:
        return read_any(content).message
    except Invalid as refused:
        return refused.detail


class TestAHostileFile:
    @pytest.mark.parametrize("content", [LAUGHS, OUTSIDE, ELSEWHERE, PARAMETER])
    def test_declares_no_document_type(self, content: bytes) -> None:
        assert "declares a document type" in refusal(content)

    def test_names_no_entity_that_is_not_xmls_own(self) -> None:
        assert "undefined entity" in refusal(b"<Document>&passwords;</Document>")

    def test_of_50_megabytes_is_not_looked_at(self) -> None:
        content = b"<Document>" + b"x" * (50 * 2**20)

        tracemalloc.start()
        said = refusal(content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert said == f"file: is too large; allowed: {BYTES_MAX} bytes; banks split what is larger"
        assert peak < 2**20

    def test_has_no_more_elements_than_a_machine_bears(self) -> None:
        assert "too many elements" in refusal(b"<a>" + b"<b/>" * ELEMENTS_MAX + b"</a>")

    @pytest.mark.parametrize(
        "content",
        [
            b"<a " + b"".join(b'a%d="" ' % number for number in range(300_000)) + b"/>",
            b"<a><!-- " + b"x" * 3_000_000 + b" --></a>",
            b"<a>" + b"x " * 1_000_000 + b"</a>",
        ],
    )
    def test_has_nothing_in_it_that_goes_on_and_on(self, content: bytes) -> None:
        tracemalloc.start()
        said = refusal(content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert "has a tag without an end" in said or "has too long a text" in said
        assert peak < 10 * 2**20

    def test_is_not_nested_without_end(self) -> None:
        assert "nested too deeply" in refusal(b"<a>" * 100_000)
        assert "nested too deeply" not in refusal(b"<a>" * DEPTH_MAX + b"</a>" * DEPTH_MAX)

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
    def test_is_of_no_other_encoding(self, encoding: str) -> None:
        assert "UTF-8" in refusal("<Document>é</Document>".encode(encoding))

    def test_that_says_another_encoding_is_still_read_as_utf_8(self) -> None:
        content = WHOLE[0].replace(b'encoding="UTF-8"', b'encoding="ISO-8859-1"')

        assert read_any(content) == read_any(WHOLE[0])

    @pytest.mark.parametrize("content", [b"", b" ", b"{}", b"<a>", b"<a></b>", b'<a b="1" b="2"/>'])
    def test_is_well_formed(self, content: bytes) -> None:
        assert "is no XML" in refusal(content)

    def test_puts_nothing_of_another_namespace_in_place_of_ours(self) -> None:
        content = WHOLE[3].replace(b"<GrpSts>PART</GrpSts>", b'<GrpSts xmlns="urn:x">RJCT</GrpSts>')

        assert "RJCT" not in repr(read_any(content).content.answers[0])


class TestAnUnknownMessage:
    @pytest.mark.parametrize(
        "content",
        [
            b"<Document/>",
            f'<Document xmlns="{NAMESPACE}pain.008.001.02"><CstmrDrctDbtInitn/></Document>'.encode(),
            b'<Document xmlns="urn:x:pain.008.001.10"/>',
            b'<Document xmlns="pain.008.001.10"/>',
            f'<Envelope xmlns="{NAMESPACE}pain.008.001.10"/>'.encode(),
        ],
    )
    def test_is_refused_with_those_that_are_known(self, content: bytes) -> None:
        said = refusal(content)

        assert NAMESPACE in said
        assert all(message in said for message in ROOTS)

    def test_without_its_content_is_refused(self) -> None:
        content = f'<Document xmlns="{NAMESPACE}pain.008.001.10"/>'.encode()

        assert refusal(content) == "Document/CstmrDrctDbtInitn: is missing; allowed: one"


class TestAnyFile:
    @pytest.mark.parametrize("content", WHOLE)
    def test_is_read_as_it_should_be(self, content: bytes) -> None:
        assert read_any(content).message in ROOTS

    @given(content=st.binary(max_size=300))
    @settings(deadline=None)
    def test_is_read_or_refused(self, content: bytes) -> None:
        refusal(content)

    @given(data=st.data(), content=st.sampled_from(WHOLE))
    @settings(max_examples=400, deadline=None)
    def test_that_was_changed_is_read_or_refused(self, data: st.DataObject, content: bytes) -> None:
        for _ in range(data.draw(st.integers(min_value=1, max_value=3))):
            start = data.draw(st.integers(min_value=0, max_value=len(content)))
            end = data.draw(st.integers(min_value=start, max_value=min(len(content), start + 40)))
            content = content[:start] + data.draw(fragments) + content[end:]

        assert len(outcome(content)) < 1_000

    @given(
        data=st.data(),
        content=st.sampled_from(WHOLE),
        text=st.text(max_size=40) | st.sampled_from(["1e5", "-1", "٣"]),
    )
    @settings(max_examples=400, deadline=None)
    def test_with_any_text_in_any_place_is_read_or_refused(
        self, data: st.DataObject, content: bytes, text: str
    ) -> None:
        """One element's text, or all of an element, is another."""
        pieces = content.split(b">")
        place = data.draw(st.integers(min_value=0, max_value=len(pieces) - 1))
        before, _, rest = pieces[place].partition(b"<")
        pieces[place] = (
            text.encode("utf-8", "replace").replace(b"<", b"&lt;") + b"<" + rest if before.strip() else b""
        )

        assert len(outcome(b">".join(pieces))) < 1_000
