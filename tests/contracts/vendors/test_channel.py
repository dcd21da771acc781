from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.errors import Unavailable
from marketplace.ports.messaging import Rejection, Verdict


class TestSend:
    async def test_brings_a_message_to_its_address(self, channel_stage: Any) -> None:
        message = channel_stage.message()

        answer = await channel_stage.channel.send(message)

        assert answer.verdict == Verdict.ACCEPTED
        assert answer.channel_reference
        assert await channel_stage.texts(message) == [message.text]

    async def test_shows_a_message_that_was_sent_twice_twice(self, channel_stage: Any) -> None:
        message = channel_stage.message()

        first, second = [await channel_stage.channel.send(message) for _ in range(2)]

        assert first.channel_reference != second.channel_reference
        assert await channel_stage.texts(message) == [message.text] * 2

    @pytest.mark.parametrize(
        ("outcome", "rejection"),
        [
            ("has opted out", Rejection.OPTED_OUT),
            ("is no number", Rejection.BAD_ADDRESS),
            ("is blocked", Rejection.BLOCKED),
        ],
    )
    async def test_says_why_it_refuses(self, channel_stage: Any, outcome: str, rejection: Rejection) -> None:
        message = channel_stage.message(outcome)

        answer = await channel_stage.channel.send(message)

        assert (answer.verdict, answer.rejection) == (Verdict.REJECTED, rejection)
        assert await channel_stage.texts(message) == []

    async def test_refuses_what_is_too_long(self, channel_stage: Any) -> None:
        answer = await channel_stage.channel.send(channel_stage.message(text="x" * 100_000))

        assert answer.rejection == Rejection.TOO_LONG

    async def test_refuses_what_is_of_no_more_use(self, channel_stage: Any) -> None:
        message = replace(channel_stage.message(), expires_at=channel_stage.clock.now - timedelta(seconds=1))

        answer = await channel_stage.channel.send(message)

        assert answer.rejection == Rejection.EXPIRED

    @pytest.mark.parametrize("address", ["", "+27\x00", "\ud800", "x" * 5_000])
    async def test_refuses_what_is_no_address(self, channel_stage: Any, address: str) -> None:
        answer = await channel_stage.channel.send(replace(channel_stage.message(), address=address))

        assert answer.rejection == Rejection.BAD_ADDRESS

    async def test_carries_any_text(self, channel_stage: Any) -> None:
        message = channel_stage.message(text="Môre 👋 \x00 \\u0000 '\";--")

        await channel_stage.channel.send(message)

        assert await channel_stage.texts(message) == [message.text]


class TestDoubt:
    async def test_is_looked_up_when_the_answer_was_lost(self, channel_stage: Any) -> None:
        message = channel_stage.message("answers too late")

        answer = await channel_stage.channel.send(message)
        found = await channel_stage.channel.lookup(message.reference)

        assert answer.verdict == Verdict.UNKNOWN
        assert found is not None
        assert found.verdict == Verdict.ACCEPTED
        assert await channel_stage.texts(message) == [message.text]

    async def test_finds_nothing_of_a_message_that_was_lost(self, channel_stage: Any) -> None:
        message = channel_stage.message("never arrives")

        answer = await channel_stage.channel.send(message)

        assert answer.verdict == Verdict.UNKNOWN
        assert await channel_stage.channel.lookup(message.reference) is None
        assert await channel_stage.texts(message) == []

    async def test_sends_nothing_when_it_is_down(self, channel_stage: Any) -> None:
        message = channel_stage.message("is down once")

        with pytest.raises(Unavailable):
            await channel_stage.channel.send(message)
        again = await channel_stage.channel.send(message)

        assert again.verdict == Verdict.ACCEPTED
        assert await channel_stage.texts(message) == [message.text]

    async def test_remembers_a_refusal(self, channel_stage: Any) -> None:
        message = channel_stage.message("has opted out")
        answer = await channel_stage.channel.send(message)

        assert await channel_stage.channel.lookup(message.reference) == answer

    async def test_has_not_heard_of_a_reference_that_nobody_sent(self, channel_stage: Any) -> None:
        assert await channel_stage.channel.lookup(uuid4()) is None
