"""A file for a bank, or from one, is looked at without a database, and nothing is done with what it says."""

from codecs import BOM_UTF8
from typing import Any, BinaryIO

import rich_click as click

from marketplace.adapters.iso20022.bankfile import BankFile, read_any
from marketplace.adapters.iso20022.mandates import MandateAnswer, MandateAnswers
from marketplace.adapters.iso20022.tree import BYTES_MAX
from marketplace.adapters.stitch import batchfile
from marketplace.adapters.stitch.batchfile import StitchFile
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import format_plain
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.screen import Column
from marketplace.ports.batches import Answer, Answers, Batch


def _money(item: Any) -> str:
    return format_plain(item.amount) if item.amount is not None else "-"


def _why(answer: Answer | MandateAnswer) -> str:
    """Our word, then the bank's own."""
    return ", ".join(one for one in (answer.failure, answer.code, answer.told) if one) or "-"


ANSWERS = (
    Column("about", "level"),
    Column("reference", lambda answer: answer.reference or answer.named, whole=True),
    Column("standing", "standing"),
    Column("status", "status"),
    Column("amount", _money, right=True),
    Column("on", "on", whole=True),
    Column("why", _why),
)
COLLECTIONS = (
    Column("reference", "reference", whole=True),
    Column("due on", "due_on", whole=True),
    Column("sequence", "sequence"),
    Column("amount", _money, right=True),
    Column("mandate", "mandate"),
    Column("debtor", lambda collection: collection.debtor.holder),
)
MANDATES = (
    Column("about", "about"),
    Column("reference", lambda answer: answer.reference or answer.batch, whole=True),
    Column("mandate", "mandate"),
    Column("accepted", lambda answer: "yes" if answer.accepted else "no"),
    Column("why", _why),
)


@click.group()
def bankfiles() -> None:
    """
    Read the files that banks answer with.

    For example:
        $ marketplace bankfiles read answer.xml
    """


@bankfiles.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
def read(*, file: BinaryIO, as_json: bool) -> None:
    """
    Say what a file of ISO 20022 or of Stitch's says: collections, mandates, and answers to them.

    Messages are pain.008 to pain.012, pain.002 and camt.054, and Stitch's REPLY and OUTPUT. `-` reads from
    stdin. Nothing is stored.

    For example:
        $ marketplace bankfiles read answer.xml
        $ marketplace bankfiles read camt054.xml --json
    """
    content = file.read(BYTES_MAX + 1)
    found = _read(content)
    if as_json:
        screen.show_json(found)
    else:
        _show(found)


def _read(content: bytes) -> BankFile | StitchFile:
    """By how it begins; raises Invalid, of which FileRefused is one."""
    begins = content.removeprefix(BOM_UTF8).lstrip()
    if begins.startswith(batchfile.TITLES):
        return batchfile.read_any(content)
    if begins.startswith(b"<"):
        return read_any(content)
    titles = batchfile.TITLES.decode()
    raise Invalid(
        "file", "is no XML, and no file of Stitch's", f"a Document of ISO 20022, or CSV from {titles} on"
    )


def _show(found: BankFile | StitchFile) -> None:
    screen.stderr().print(str(found.message), style="dim")
    match found.content:
        case Answers(answers=answers):
            screen.show_table(answers, ANSWERS, none="It answers nothing.")
        case Batch(collections=collections):
            screen.show_table(collections, COLLECTIONS, none="It asks for nothing.")
        case MandateAnswers(answers=accepted):
            screen.show_table(accepted, MANDATES, none="It answers nothing.")
        case mandates:
            screen.show_details(mandates)
