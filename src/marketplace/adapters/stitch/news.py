"""
What a file says is written beside each order that it names; what it names that we do not know is a problem.

Reading a file twice, or after one that is newer, changes nothing. A line or a file that was
refused as a repeat is no failure: its first copy is being processed. Assumed: such a refusal says DUPLICATE,
as DUPLICATE_COLLECTION_NONCE does. A REPLY that does not say which file it answers, and may be that of
several, settles none of them: an operator says so by the name that it is put back under.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import NamedTuple
from uuid import UUID

from marketplace.adapters.stitch.answers import Answer, Output, Reply, Result
from marketplace.adapters.stitch.batches import Batch, Batches, Line
from marketplace.adapters.stitch.orders import Order, Orders, told
from marketplace.ports.payments import Hint, Standing

_NAMED_MAX = 3


class News(NamedTuple):
    """What became known of orders, and what of the file could not be brought to any."""

    hints: Sequence[Hint]
    problems: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    orders: Orders
    batches: Batches

    async def take(self, file: Reply | Output, *, name: str) -> News:
        if isinstance(file, Output):
            await self._answered({result.batch for result in file.results})
            return _joined([await self._of_result(result) for result in file.results])
        found = await self._answered_by(file, name)
        if len(found) == 1:
            return await self._of_reply(file, found[0])
        return News((), [_unclear(found)])

    async def _of_reply(self, reply: Reply, batch: Batch) -> News:
        refusal = reply.refusal
        if refusal is not None and (batch.replied or refusal.is_repeat):
            return News((), [f"{refusal.record}: a copy of {batch.name} was refused"])
        if refusal is not None:
            told_all = [await self._failed(line, "batch_refused") for line in batch.lines]
            await self.batches.replied(batch, refusal=refusal.failure)
            return _joined(told_all)
        found = [await self._of_answer(answer, batch) for answer in reply.debits]
        await self.batches.replied(batch, refusal=None)
        return _joined(found)

    async def _of_answer(self, answer: Answer, batch: Batch) -> News:
        line = batch.at(answer.line)
        if line is None or not _fits(answer, line):
            return News((), [f"LINE {answer.line}: is another in our file {batch.name}"])
        if not answer.taken:
            return News((), ()) if answer.is_repeat else await self._failed(line, answer.failure)
        if answer.action_on is not None:
            moved = answer.action_on
            order = await self.orders.find(line.reference)
            if order is not None:
                await self.orders.amend(order, lambda standing: _moved(standing, moved))
        return News((), ())

    async def _of_result(self, result: Result) -> News:
        order = await self._ordered(result.reference)
        if order is None:
            return News((), [f"line {result.line}, EXTERNAL_COLLECTION_REFERENCE: is none of ours"])
        if order.minor != result.minor:
            return News((), [f"line {result.line}, VALUE: is another than was ordered"])
        return await self._told(order, result.status.standing, result.failure)

    async def _failed(self, line: Line, failure: str) -> News:
        order = await self.orders.find(line.reference)
        return News((), ()) if order is None else await self._told(order, Standing.FAILED, failure)

    async def _told(self, order: Order, standing: Standing, failure: str | None) -> News:
        """The hint is given each time, as whoever was to hear it may have died before."""
        if standing is Standing.PENDING:
            return News((), ())
        await self.orders.amend(order, partial(told, standing=standing, failure=failure))
        hint = Hint(
            event_id=f"{order.reference.hex}:{standing}",
            tenant_id=order.tenant_id,
            reference=order.reference,
            subject=str(order.subject),
        )
        return News((hint,), ())

    async def _ordered(self, reference: str) -> Order | None:
        try:
            return await self.orders.find(UUID(reference))
        except ValueError:
            return None

    async def _answered(self, references: Collection[str]) -> None:
        """What an OUTPUT tells of was taken, and waits for a REPLY no more."""
        for reference in references:
            batch = await self.batches.find(reference)
            if batch is not None and not batch.replied:
                await self.batches.replied(batch, refusal=None)

    async def _answered_by(self, reply: Reply, name: str) -> Sequence[Batch]:
        """
        The files of ours that it may answer: that of its reference or its own name, else by its lines.

        Assumed: a REPLY may be named after our file, or not.
        """
        named = {answer.batch for answer in reply.answers if answer.batch}
        if named:
            found = [await self.batches.find(reference) for reference in named]
            return [batch for batch in found if batch is not None and batch.channel is reply.channel]
        sent = [one for one in await self.batches.latest() if one.due_at is None]
        of_channel = [batch for batch in sent if batch.channel is reply.channel]
        after = [batch for batch in of_channel if _is_named(batch, name)]
        return after or _likely([batch for batch in of_channel if _has_all(batch, reply.debits)], reply)


def _is_named(batch: Batch, name: str) -> bool:
    return re.search(rf"(?<![0-9]){re.escape(batch.stem)}(?![0-9])", name) is not None


def _likely(fitting: Sequence[Batch], reply: Reply) -> Sequence[Batch]:
    """Those that wait for an answer before others, and of these those of which it has every line."""
    waiting = [batch for batch in fitting if not batch.replied] or fitting
    return [batch for batch in waiting if len(batch.lines) == len(reply.debits)] or waiting


def _unclear(found: Sequence[Batch]) -> str:
    if not found:
        return "LINE: no batch of ours has these lines"
    names = ", ".join(batch.name for batch in found[:_NAMED_MAX])
    return f"LINE: may answer {names}: name it after one of these"


def _has_all(batch: Batch, answers: Sequence[Answer]) -> bool:
    lines = [(answer, batch.at(answer.line)) for answer in answers]
    return all(line is not None and _fits(answer, line) for answer, line in lines)


def _fits(answer: Answer, line: Line) -> bool:
    """As far as the answer says whose line it is."""
    told_of = (
        (answer.reference, line.reference.hex),
        (answer.consent_id, line.consent_id),
        (answer.contract, line.contract),
    )
    return all(said in {None, known} for said, known in told_of)


def _moved(order: Order, on: date) -> Order:
    return replace(order, debit_on=on)


def _joined(found: Sequence[News]) -> News:
    return News(
        [hint for news in found for hint in news.hints], [one for news in found for one in news.problems]
    )
