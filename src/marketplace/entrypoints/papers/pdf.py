"""A statement as a bookkeeper files it: whose, of when, what it adds up to, and every movement, on A4."""

import unicodedata
from collections.abc import Iterator

from fpdf import FPDF
from fpdf.enums import TableCellFillMode, XPos, YPos
from fpdf.fonts import FontFace

from marketplace.entrypoints.papers.paper import KINDS, Paper

MEDIA = "application/pdf"
_MARGIN_MM, _FOOT_MM = 15, 18
_GREY, _PALE = (110, 110, 110), (242, 242, 242)
_FONT = "Helvetica"
_HEAD = ("Date", "What", "Booking", "Gross", "Fee", "VAT", "Adjust.", "Payout", "Balance")
_WIDTHS_MM = (20, 27, 19, 19, 18, 16, 18, 20, 23)
_FOOT_CHARACTERS_MAX = 95
_LATIN_MAX = 0xFF
_SIGNS = {"\u2013": "-", "\u2014": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
_WORDS = 3  # so many columns are words, the others amounts


def statement_pdf(paper: Paper) -> bytes:
    made = _Pages(paper)
    made.add_page()
    _head(made, paper)
    _sums(made, paper)
    _lines(made, paper)
    return bytes(made.output())


class _Pages(FPDF):
    """Every page says at its foot whose it is, and which of how many."""

    def __init__(self, paper: Paper) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self._paper = paper
        first, last = paper.first_and_last()
        self.set_margin(_MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=_FOOT_MM)
        self.set_title(_latin(f"Statement of {paper.provider}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"))
        self.set_author(_latin(paper.brand))
        # The same statement is the same file, whenever it is asked for.
        self.set_creation_date(paper.statement.until)

    def footer(self) -> None:
        first, last = self._paper.first_and_last()
        self.set_y(-_FOOT_MM + 4)
        self.set_font(_FONT, size=8)
        self.set_text_color(*_GREY)
        named = f"{self._paper.brand} - {self._paper.provider} - {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        self.cell(self.epw * 3 / 4, 5, _latin(_cut(named)))
        self.cell(0, 5, f"Page {self.page_no()} of {{nb}}", align="R")


def _head(pages: FPDF, paper: Paper) -> None:
    first, last = paper.first_and_last()
    _write(pages, paper.brand, size=18, style="B", height=9)
    if paper.vat_number is not None:
        _write(pages, f"VAT no. {paper.vat_number}", colour=_GREY)
    pages.ln(4)
    _write(pages, "Statement of account", size=13, style="B", height=7)
    facts = {
        "Provider": paper.provider,
        "Provider no.": str(paper.statement.provider_id),
        "Period": f"{first:%d %B %Y} to {last:%d %B %Y}, both included ({paper.zone.key})",
        "Currency": paper.statement.currency,
    }
    for name, said in facts.items():
        pages.set_font(_FONT, size=9)
        pages.set_text_color(*_GREY)
        pages.cell(28, 5, name)
        _write(pages, said)
    pages.ln(5)


def _write(
    pages: FPDF,
    text: str,
    *,
    size: int = 9,
    style: str = "",
    height: float = 5,
    colour: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """A line, broken where it is too long."""
    pages.set_font(_FONT, style=style, size=size)
    pages.set_text_color(*colour)
    pages.multi_cell(0, height, _latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")


def _sums(pages: FPDF, paper: Paper) -> None:
    """From balance to balance, as a column that can be added up."""
    sums = paper.sums()
    for place, (name, minor) in enumerate(sums):
        ends = place in {0, len(sums) - 1}
        pages.set_font(_FONT, style="B" if ends else "", size=10)
        border = "T" if place == len(sums) - 1 else ""
        pages.cell(55, 6, name, border=border)
        pages.cell(35, 6, _grouped(paper.amount(minor)), align="R", border=border)
        pages.ln(6)
    pages.ln(6)


def _lines(pages: FPDF, paper: Paper) -> None:
    """The head is repeated on every page."""
    if not paper.statement.lines:
        _write(pages, "Nothing moved in this period.", colour=_GREY)
        return
    pages.set_font(_FONT, size=8)
    aligned = ("LEFT",) * _WORDS + ("RIGHT",) * (len(_HEAD) - _WORDS)
    with pages.table(
        borders_layout="HORIZONTAL_LINES",
        cell_fill_color=_PALE,
        cell_fill_mode=TableCellFillMode.NONE,
        col_widths=_WIDTHS_MM,
        headings_style=FontFace(emphasis="BOLD", fill_color=_PALE),
        line_height=5,
        text_align=aligned,
        width=sum(_WIDTHS_MM),
    ) as table:
        for cells in (_HEAD, *_rows(paper)):
            row = table.row()
            for cell in cells:
                row.cell(_latin(cell))


def _rows(paper: Paper) -> Iterator[tuple[str, ...]]:
    told = paper.statement
    first, last = paper.first_and_last()
    empty = ("",) * 5
    yield (f"{first:%Y-%m-%d}", "Opening balance", "", *empty, _grouped(paper.amount(told.opening_minor)))
    for line, balance in paper.balances():
        amounts = (
            line.gross_minor,
            -line.fee_minor,
            -line.vat_minor,
            line.adjustment_minor,
            -line.payout_minor,
        )
        yield (
            f"{paper.local(line.at):%Y-%m-%d}",
            KINDS.get(line.kind, line.kind),
            "" if line.booking_id is None else str(line.booking_id)[-8:],
            *(_grouped(paper.amount(minor)) if minor else "" for minor in amounts),
            _grouped(paper.amount(balance)),
        )
    yield (f"{last:%Y-%m-%d}", "Closing balance", "", *empty, _grouped(paper.amount(told.closing_minor)))


def _grouped(amount: str) -> str:
    """1234567.50 is 1 234 567.50: a comma is a decimal sign in half of the world."""
    whole, dot, fraction = amount.partition(".")
    return f"{int(whole):,}".replace(",", " ") + dot + fraction if int(whole) else amount


def _cut(text: str) -> str:
    return text if len(text) <= _FOOT_CHARACTERS_MAX else text[: _FOOT_CHARACTERS_MAX - 3] + "..."


def _latin(text: str) -> str:
    """What the built-in fonts have; of other letters the nearest, and a question mark where there is none."""
    return "".join(one if one.isascii() else _nearest(one) for one in text)


def _nearest(letter: str) -> str:
    letter = _SIGNS.get(letter, letter)
    if ord(letter) <= _LATIN_MAX:
        return letter
    return unicodedata.normalize("NFKD", letter)[0].encode("latin-1", "replace").decode("latin-1")
