import pytest

from marketplace.adapters.postgres.refusals import reading_failed, writing_failed
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.ports.storage import AlreadyThere, Broken, Overlap, Stale


class DatabaseError(Exception):
    """As asyncpg's, with the state and the constraint that the server names."""

    def __init__(self, sqlstate: str, constraint_name: str | None = None) -> None:
        super().__init__("refused")
        self.sqlstate = sqlstate
        self.constraint_name = constraint_name


class InterfaceError(Exception):
    """As asyncpg's own: no state, the driver complains."""


class TestRefusals:
    @pytest.mark.parametrize(
        ("state", "meaning"),
        [
            ("MP001", Stale),
            ("40001", Stale),
            ("40P01", Stale),
            ("23P01", Overlap),
            ("23505", AlreadyThere),
            ("23514", Broken),
            ("MP002", Broken),
            ("42501", Broken),
            ("22P05", Invalid),
            ("22003", Invalid),
            ("57014", Unavailable),
            ("53300", Unavailable),
        ],
    )
    def test_mean_the_same_for_reading_and_writing(self, state: str, meaning: type[Exception]) -> None:
        error = DatabaseError(state)

        assert type(writing_failed(error)) is meaning
        assert type(reading_failed(error)) is meaning

    def test_name_the_rule(self) -> None:
        refusal = writing_failed(DatabaseError("23505", "movement_key_key"))

        assert refusal is not None
        assert refusal.facts["rule"] == "movement_key_key"

    @pytest.mark.parametrize("state", ["42601", "42703", "XX000"])
    def test_leave_a_bug_a_bug(self, state: str) -> None:
        assert writing_failed(DatabaseError(state)) is None
        assert reading_failed(DatabaseError(state)) is None


class TestLostConnections:
    @pytest.mark.parametrize(
        "error",
        [
            DatabaseError("57P01"),
            DatabaseError("08006"),
            ConnectionResetError(),
            TimeoutError(),
        ],
    )
    def test_leave_a_write_in_doubt_and_a_read_to_be_repeated(self, error: Exception) -> None:
        assert type(writing_failed(error)) is OutcomeUnknown
        assert type(reading_failed(error)) is Unavailable

    def test_leave_no_doubt_where_the_driver_knew_before(self) -> None:
        assert type(writing_failed(InterfaceError("connection is closed"))) is Unavailable

    def test_are_not_every_complaint_of_the_driver(self) -> None:
        assert writing_failed(InterfaceError("another operation is in progress")) is None
