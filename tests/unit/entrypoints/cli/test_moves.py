from datetime import UTC, datetime
from uuid import UUID

import pytest
import rich_click as click

from marketplace.core.bookings.commands import CancelBooking, ResolveDispute
from marketplace.core.providers.usecases import MoveProvider
from marketplace.core.shared.errors import Invalid
from marketplace.entrypoints.cli.bookings import ACTS
from marketplace.entrypoints.cli.bookings import bookings as bookings_group
from marketplace.entrypoints.cli.moves import INSTANT, Act, made
from marketplace.entrypoints.http import admin

KEY = UUID(int=7)
CANCEL, RESOLVE = ACTS["cancel"], ACTS["resolve"]


class TestMade:
    def test_is_the_command_of_the_core(self) -> None:
        command = made(CANCEL, KEY, {"reason": "rain", "reason_code": "weather"})

        assert command == CancelBooking(booking_id=KEY, reason="rain", reason_code="weather")

    def test_reads_text_leniently(self) -> None:
        command = made(RESOLVE, KEY, {"reason": "half done", "refund_minor": "5000"})

        assert command == ResolveDispute(booking_id=KEY, reason="half done", refund_minor=5000)

    def test_fills_in_what_the_name_says(self) -> None:
        act = Act(command=MoveProvider, subject="provider_id", says="", fixed={"move": "ban"})

        assert made(act, KEY, {"reason": "fraud"}).move == "ban"

    def test_refuses_a_field_that_there_is_not(self) -> None:
        with pytest.raises(Invalid, match="colour: is not known here; allowed: reason, reason_code"):
            made(CANCEL, KEY, {"reason": "rain", "colour": "red"})

    def test_refuses_a_value_that_cannot_be(self) -> None:
        with pytest.raises(Invalid, match="Invalid enum value 'snow'"):
            made(CANCEL, KEY, {"reason": "rain", "reason_code": "snow"})

    def test_refuses_to_go_without_what_is_needed(self) -> None:
        with pytest.raises(Invalid, match="refund_minor"):
            made(RESOLVE, KEY, {"reason": "half done"})


class TestOptions:
    @pytest.mark.parametrize("name", ACTS)
    def test_ask_everybody_who_acts_for_a_name_and_a_reason(self, name: str) -> None:
        command = bookings_group.commands[name]

        required = {parameter.name for parameter in command.params if parameter.required}

        assert {"subject", "reason", "acting_phone"} <= required

    @pytest.mark.parametrize("text", ["2027-01-01", "2027-01-01T09:00:00", "tomorrow"])
    def test_say_how_to_write_an_instant(self, text: str) -> None:
        with pytest.raises(
            click.BadParameter, match=f"{text} is no instant; write it like 2027-01-01T09:00:00Z"
        ):
            INSTANT.convert(text, None, None)

    def test_take_an_instant_with_its_offset(self) -> None:
        noon = datetime(2027, 1, 1, 10, tzinfo=UTC)

        assert INSTANT.convert("2027-01-01T12:00:00+02:00", None, None) == noon

    def test_offer_the_choices_that_the_command_knows(self) -> None:
        (code,) = (one for one in bookings_group.commands["cancel"].params if one.name == "reason_code")

        assert isinstance(code.type, click.Choice)
        assert "hospitalisation" in code.type.choices

    def test_hold_every_move_that_admin_has_over_http(self) -> None:
        moves = [route for route in admin.ROUTES if route.verb == "POST"]
        paths = {route.path for route in moves if "/bookings/{booking_id}/" in route.path}
        over_http = {path.rpartition("/")[2] for path in paths}

        # A retry needs a payment method, which only the customer has.
        assert over_http - {"retry-payment"} == set(ACTS)
