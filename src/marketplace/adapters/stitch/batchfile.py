"""
A format of batches, by the files of Stitch's channels: collections out, REPLY and OUTPUT back.

A REPLY of mandates names neither batch nor collection, only the line, and what stood there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from marketplace.adapters.stitch import answers, files
from marketplace.adapters.stitch.amounts import CURRENCY
from marketplace.adapters.stitch.answers import Output, Reply, Result
from marketplace.adapters.stitch.files import FIRST_LINE, Channel, FileType
from marketplace.core.shared.money import Money
from marketplace.ports.batches import Answer, Answers, Batch, Level
from marketplace.ports.payments import Standing

# What each file begins with, whatever it holds.
TITLES = b"RECORD_TYPE,"


@dataclass(frozen=True, slots=True)
class StitchFile:
    """A file that was read: what it is and what it says."""

    message: str
    content: Answers


@dataclass(frozen=True, slots=True, kw_only=True)
class StitchFiles:
    """A `BatchFormat` for one of Stitch's channels; either's answers are read."""

    client_id: str
    channel: Channel

    def write(self, batch: Batch) -> bytes:
        return files.written(batch, client_id=self.client_id, channel=self.channel).encode()

    def read(self, content: bytes) -> Answers:
        return _told(answers.read(content, client_id=self.client_id))


def read_any(content: bytes) -> StitchFile:
    """Whoever's it is. Raises FileRefused, with line and column."""
    found = answers.read(content, client_id=None)
    message = FileType.REPLY if isinstance(found, Reply) else FileType.OUTPUT
    return StitchFile(message, _told(found))


def _told(found: Reply | Output) -> Answers:
    if isinstance(found, Output):
        results = tuple(map(_of_result, found.results))
        return Answers(file=FileType.OUTPUT, made_at=None, batch=None, answers=results)
    named = {answer.batch for answer in found.answers if answer.batch}
    batch = _id(named.pop()) if len(named) == 1 else None
    return Answers(file=FileType.REPLY, made_at=None, batch=batch, answers=tuple(_of_reply(found, batch)))


def _of_reply(reply: Reply, batch: UUID | None) -> Iterator[Answer]:
    """What is taken has still to be collected; what is refused as a repeat says nothing of the first."""
    if reply.refusal is not None:
        yield _of_answer(reply.refusal, Level.FILE, batch)
    for answer in reply.debits:
        yield _of_answer(answer, Level.LINE, _id(answer.reference))


def _of_answer(answer: answers.Answer, level: Level, reference: UUID | None) -> Answer:
    refused = None if answer.is_repeat else Standing.FAILED
    of_line = level is Level.LINE
    return Answer(
        level=level,
        named=answer.reference or f"line {answer.line}",
        standing=Standing.PENDING if answer.taken else refused,
        status="SUCCESS" if answer.taken else "FAILED",
        reference=reference,
        line=answer.line - FIRST_LINE if of_line else None,
        mandate=answer.consent_id,
        contract=answer.contract,
        on=answer.action_on,
        code=answer.code,
        failure=None if answer.taken else answer.failure,
        told=answer.reason,
    )


def _of_result(result: Result) -> Answer:
    return Answer(
        level=Level.LINE,
        named=result.reference,
        standing=result.status.standing,
        status=result.status,
        reference=_id(result.reference),
        amount=Money(result.minor, CURRENCY),
        on=result.on,
        code=result.bank_code,
        failure=result.failure,
        told=result.reason,
    )


def _id(text: str | None) -> UUID | None:
    """None for what is no reference of ours."""
    try:
        return UUID(hex=text) if text else None
    except ValueError:
        return None
