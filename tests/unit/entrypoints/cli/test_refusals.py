import errno
import json
from pathlib import Path

import pytest

from marketplace.adapters.embedded.refusals import EmbeddedError, NoRoom
from marketplace.adapters.postgres.migrate import DatabaseNewer
from marketplace.core.shared.errors import (
    Conflict,
    Invalid,
    LimitReached,
    MarketplaceError,
    MoveRefused,
    NotFound,
    OutcomeUnknown,
    Unavailable,
)
from marketplace.entrypoints.cli.refusals import DatabaseOlder, NoDatabase, exit_code, problem, sentence
from marketplace.entrypoints.settings import BadSetting


class TestExitCode:
    @pytest.mark.parametrize(
        "error",
        [
            Invalid("reason", "is missing"),
            NotFound("booking", 7),
            MoveRefused("booking", "cancel", "completed", ()),
            Conflict("somebody was faster"),
            LimitReached("too many"),
            OutcomeUnknown("who knows"),
        ],
    )
    def test_is_1_for_what_was_refused(self, error: MarketplaceError) -> None:
        assert exit_code(error) == 1

    @pytest.mark.parametrize(
        "error",
        [
            BadSetting("port", "is taken"),
            Unavailable("the database is down"),
            DatabaseNewer("from the future"),
            DatabaseOlder("from the past"),
            NoDatabase("none"),
            NoRoom(place=Path("data"), needed_mb=48),
            EmbeddedError("in use"),
            PermissionError(errno.EACCES, "Permission denied", "data"),
            OSError(errno.ENOSPC, "No space left on device"),
        ],
    )
    def test_is_2_for_settings_and_surroundings(self, error: Exception) -> None:
        assert exit_code(error) == 2

    @pytest.mark.parametrize("error", [KeyError("x"), FileNotFoundError(errno.ENOENT, "No such file")])
    def test_is_nothing_for_a_bug(self, error: Exception) -> None:
        assert exit_code(error) is None


class TestProblem:
    def test_says_to_a_program_what_the_api_would_say(self) -> None:
        told = json.loads(problem(Invalid("seconds", "is too small", "1 to 9")))

        assert told["code"] == "invalid"
        assert told["detail"] == "seconds: is too small; allowed: 1 to 9"
        assert told["facts"] == {"field": "seconds", "problem": "is too small", "allowed": "1 to 9"}

    def test_is_made_of_what_is_no_error_of_ours_too(self) -> None:
        error = PermissionError(errno.EACCES, "Permission denied", "data")

        assert json.loads(problem(error)) == {"code": "surroundings", "detail": "data: Permission denied"}

    def test_keeps_storages_names_to_itself(self) -> None:
        error = Conflict("stands already", rule="booking_pkey")

        assert "booking_pkey" not in problem(error) + sentence(error)


class TestSentence:
    def test_names_the_facts_that_it_lacks(self) -> None:
        error = LimitReached("too many codes", retry_after_seconds=3600, at=None, moves=("a",))

        assert sentence(error) == "too many codes (retry_after_seconds 3600)"

    def test_says_nothing_twice(self) -> None:
        error = NotFound("booking", 7)

        assert sentence(error) == "no booking 7"

    def test_names_the_file_that_the_system_refused(self) -> None:
        error = PermissionError(errno.EACCES, "Permission denied", "data")

        assert sentence(error) == "data: Permission denied"
