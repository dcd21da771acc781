import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .conftest import SECONDS_MAX, tell, told

ADMIN, CUSTOMER = "+27600000201", "+27600000204"
ACTING = ("--as", ADMIN, "--reason", "as agreed")


@pytest.fixture(scope="module")
def booked(running: Any) -> Any:
    """A booking that has gone its whole way, at a marketplace that goes on running."""
    return told("demo", "--url", running["url"])["booking"]


@pytest.fixture
def data(running: Any) -> tuple[str, str]:
    return ("--data", running["data"])


def time_at(url: str) -> datetime:
    """When a code that is asked for now would expire, by the clock of the process that runs."""
    asked = {"sign_in_id": str(uuid4()), "phone": CUSTOMER}
    sent = httpx.post(f"{url}/v1/sign-in/codes", json=asked, timeout=SECONDS_MAX).json()
    return datetime.fromisoformat(sent["expires_at"])


class TestReading:
    def test_finds_a_booking_and_its_money(self, booked: Any, data: tuple[str, str]) -> None:
        found = told("bookings", "list", "--state", "completed", *data)
        shown = told("bookings", "show", booked["id"], *data)
        ledger = told("ledger", "booking", booked["id"], *data)
        payments = told("payments", "list", "--booking", booked["id"], *data)

        assert booked["id"] in [one["id"] for one in found["items"]]
        assert shown["moves"] == []
        assert [movement["name"] for movement in ledger["movements"]] == ["payment_succeed", "released"]
        assert [one["state"] for one in payments["items"]] == ["succeeded"]

    def test_finds_what_belongs_to_it(self, booked: Any, data: tuple[str, str]) -> None:
        earnings = told("earnings", "list", "--booking", booked["id"], *data)["items"]
        messages = told("messages", "list", "--subject", booked["id"], *data)["items"]
        service = told("services", "show", booked["service_id"], *data)
        sessions = told("sessions", "list", "--user", booked["customer_id"], "--state", "active", *data)

        assert [one["reason"] for one in earnings] == ["job"]
        assert "booking.confirmed:customer" in {one["template"] for one in messages}
        assert (service["id"], service["state"]) == (booked["service_id"], "published")
        assert {one["role"] for one in sessions["items"]} == {"customer"}

    def test_finds_who_is_online(self, data: tuple[str, str]) -> None:
        unit = told("units", "list", *data)["items"][0]
        place = ("--latitude", "-26.1465", "--longitude", "28.0357")

        shown = told("units", "show", unit["id"], *data)
        told("units", "online", unit["id"], *place, *ACTING, *data)
        online = told("dispatch", "presences", "--state", "online", *data)["items"]
        told("units", "offline", unit["id"], *ACTING, *data)

        assert (shown["id"], shown["name"]) == (unit["id"], unit["name"])
        assert [one["unit_id"] for one in online] == [unit["id"]]
        assert told("dispatch", "presences", "--state", "online", *data)["items"] == []

    def test_shows_tables_to_people(self, booked: Any, data: tuple[str, str]) -> None:
        result = tell("bookings", "list", *data)

        head, *rows = result.stdout.splitlines()
        assert head.split() == ["id", "state", "starts", "service", "total"]
        assert any(row.startswith(booked["id"]) and row.endswith("ZAR 155.00") for row in rows)

    def test_shows_people_money_and_their_own_time(self, booked: Any, data: tuple[str, str]) -> None:
        said = tell("bookings", "show", booked["id"], *data).stdout

        assert re.search(r"^total +ZAR 155\.00$", said, re.MULTILINE)
        assert re.search(r"^starts_at +\S+ \S+ SAST$", said, re.MULTILINE)
        assert "_minor" not in said

    def test_finds_no_refund_where_none_was_made(self, data: tuple[str, str]) -> None:
        assert told("refunds", "list", "--state", "failed", *data)["items"] == []

    def test_sums_the_books_to_zero(self, booked: Any, data: tuple[str, str]) -> None:
        assert booked
        assert told("ledger", "accounts", *data)["sums"] == {"ZAR": 0}

    def test_tells_who_did_what_and_why(self, booked: Any, data: tuple[str, str]) -> None:
        found = told("events", "trail", booked["id"], *data)

        names = [event["name"] for event in found["items"]]
        assert (names[0], names[-1]) == ("booking.released", "booking.requested")

    def test_reads_the_messages(self, booked: Any, data: tuple[str, str]) -> None:
        found = told("inbox", "read", "--address", "060 000 0203", *data)

        assert booked
        assert {message["address"] for message in found["items"]} == {"+27600000203"}

    def test_goes_on_where_a_page_ended(self, data: tuple[str, str]) -> None:
        first = told("users", "list", "--limit", "3", *data)
        second = told("users", "list", "--limit", "100", "--after", first["after"], *data)

        phones = [one["phone"] for one in first["items"] + second["items"]]
        assert len(phones) == len(set(phones)) >= 7
        assert second["after"] is None

    def test_audits_what_is_stored(self, booked: Any, data: tuple[str, str]) -> None:
        found = told("audit", *data)

        assert booked
        assert found["ok"]
        assert all(promise["violations"] == [] for promise in found["promises"])
        assert any(promise["rows"] for promise in found["promises"])

    def test_asks_the_rails_where_that_is_wanted(self, booked: Any, data: tuple[str, str]) -> None:
        found = told("audit", "--ask-rails", "--since", "2020-01-01", *data)

        assert booked
        (agree,) = (one for one in found["promises"] if one["name"] == "rails_agree")
        assert agree["rows"]
        assert found["ok"]


class TestMoving:
    def test_names_the_admin_and_the_reason(self, data: tuple[str, str]) -> None:
        user = told("users", "show", CUSTOMER, *data)["id"]

        blocked = told("users", "block", user, *ACTING, *data)
        freed = told("users", "unblock", user, *ACTING, *data)

        assert (blocked["state"], freed["state"]) == ("blocked", "active")
        (last, *_) = told("events", "trail", user, *data)["items"]
        admin = told("users", "show", ADMIN, *data)["id"]
        assert (last["actor_id"], last["reason"]) == (admin, "as agreed")

    def test_is_refused_to_whoever_is_no_admin(self, booked: Any, data: tuple[str, str]) -> None:
        result = tell("bookings", "cancel", booked["id"], "--as", CUSTOMER, "--reason", "x", *data)

        assert result.exit_code == 1
        assert result.stderr == f"marketplace: {CUSTOMER} is no admin of curbside\n"

    def test_tells_programs_of_a_refusal_in_one_object(self, booked: Any, data: tuple[str, str]) -> None:
        refused = tell("bookings", "cancel", booked["id"], *ACTING, *data, "--json")
        misused = tell("bookings", "cancel", booked["id"], "--as", ADMIN, *data, "--json")

        assert (refused.exit_code, refused.stdout) == (1, "")
        assert json.loads(refused.stderr)["code"] == "move_refused"
        assert misused.exit_code == 2
        assert json.loads(misused.stderr) == {
            "code": "misused",
            "detail": "Missing option '--reason'.",
            "facts": {"field": "--reason"},
        }

    def test_is_refused_without_a_reason(self, booked: Any, data: tuple[str, str]) -> None:
        result = tell("bookings", "cancel", booked["id"], "--as", ADMIN, *data)

        assert result.exit_code == 2
        assert "Missing option '--reason'" in result.stderr

    @pytest.mark.parametrize("words", [("cancel",), ("move", "cancel")])
    def test_is_refused_where_the_state_forbids_it(
        self, booked: Any, data: tuple[str, str], words: tuple[str, ...]
    ) -> None:
        result = tell("bookings", *words, booked["id"], *ACTING, *data)

        assert result.exit_code == 1
        assert result.stderr.startswith("marketplace: booking is completed: cannot cancel")

    def test_is_refused_on_what_there_is_not(self, data: tuple[str, str]) -> None:
        key = str(uuid4())

        result = tell("payouts", "approve", key, *ACTING, *data)

        assert (result.exit_code, result.stderr) == (1, f"marketplace: no payout {key}\n")

    def test_grants_roles_to_a_number_in_any_spelling(self, data: tuple[str, str]) -> None:
        granted = told("users", "grant", "082 123 4567", "--role", "support", *ACTING, *data)

        assert (granted["phone"], granted["roles"]) == ("+27821234567", ["support"])

    def test_stops_a_provider_and_lets_it_go_on(self, data: tuple[str, str]) -> None:
        provider = told("providers", "list", "--text", "RollOn", *data)["items"][0]["id"]

        assert told("providers", "suspend", provider, *ACTING, *data)["state"] == "suspended"
        assert told("providers", "reinstate", provider, *ACTING, *data)["state"] == "active"

    def test_takes_a_service_off_and_puts_it_back(self, booked: Any, data: tuple[str, str]) -> None:
        key = booked["service_id"]

        assert told("services", "withdraw", key, *ACTING, *data)["state"] == "withdrawn"
        assert told("services", "publish", key, *ACTING, *data)["state"] == "published"

    def test_drafts_a_service_of_the_house_and_puts_it_on_show(self, data: tuple[str, str]) -> None:
        priced = ("--price", "18000", "--call-out", "5000", "--minutes", "40")
        said = ("--name", "Wax at the kerb", "--category", "wax", *priced)

        drafted = told("services", "draft", *said, *ACTING, *data)
        shown = told("services", "publish", drafted["id"], *ACTING, *data)
        unsaid = tell("services", "draft", *said, "--as", "+27600000203", "--reason", "test", *data)

        assert (drafted["state"], drafted["provider_id"]) == ("draft", None)
        assert (drafted["rule"]["kind"], drafted["rule"]["call_out_minor"]) == ("fixed", 5_000)
        assert (shown["state"], shown["name"], shown["duration_minutes"]) == (
            "published",
            "Wax at the kerb",
            40,
        )
        assert unsaid.exit_code == 1

    def test_starts_a_payout_run_once_for_an_id(self, data: tuple[str, str]) -> None:
        run_id = str(uuid4())

        first = tell("payouts", "run", "--run-id", run_id, *ACTING, *data)
        second = tell("payouts", "run", "--run-id", run_id, *ACTING, *data)

        assert (first.exit_code, second.exit_code) == (0, 1)

    def test_moves_the_clock_by_a_length_of_time(self, data: tuple[str, str]) -> None:
        before = told("tenants", "show", *data)["clock_ahead_seconds"]

        moved = told("tenants", "clock", "--forward", "3h", *ACTING, *data)

        assert moved["clock_ahead_seconds"] == before + 3 * 3600

    def test_is_over_when_every_process_goes_by_the_new_clock(
        self, running: Any, data: tuple[str, str]
    ) -> None:
        before = time_at(running["url"])

        told("tenants", "clock", "--forward", "5h", *ACTING, *data)

        assert time_at(running["url"]) - before >= timedelta(hours=5)

    def test_says_what_time_it_is_after_moving_the_clock(self, data: tuple[str, str]) -> None:
        said = tell("tenants", "clock", "--forward", "90m", *ACTING, *data).stdout

        assert re.fullmatch(r"It is \S+ \S+ SAST at curbside now: 1 h 30 min on, .* ahead in all\.\n", said)

    def test_refuses_a_length_that_is_none(self, data: tuple[str, str]) -> None:
        result = tell("tenants", "clock", "--forward", "soon", *ACTING, *data)

        assert result.exit_code == 2
        assert "write it like 90s, 45m, 3h or 2d" in " ".join(result.stderr.replace("│", "").split())


class TestTenants:
    def test_are_opened_with_an_admin_who_may_act(self, data: tuple[str, str]) -> None:
        opened = told("tenants", "open", "sparkle", "--blueprint", "curbside", "--admin", "0829999999", *data)
        again = tell("tenants", "open", "sparkle", "--blueprint", "curbside", *data)
        acting = ("--as", "+27829999999", "--reason", "x", "--tenant", "sparkle")

        assert (opened["slug"], opened["mode"]) == ("sparkle", "test")
        assert (again.exit_code, again.stderr) == (1, "marketplace: there is a marketplace sparkle already\n")
        assert told("tenants", "policy", "curbside", *acting, *data)["version"] == 2
        assert "sparkle" in [one["slug"] for one in told("tenants", "list", *data)["items"]]

    def test_show_nobody_what_their_users_ids_are_made_of(self, data: tuple[str, str]) -> None:
        opened = told("tenants", "open", "salty", "--blueprint", "curbside", *data)
        shown = [told("tenants", "list", *data)["items"], told("tenants", "show", *data), opened]

        assert "salt" not in str(shown).replace("salty", "")

    def test_have_no_demo_where_money_is_real(self, data: tuple[str, str]) -> None:
        result = tell("tenants", "open", "x", "--blueprint", "curbside", "--mode", "live", "--demo", *data)

        assert result.exit_code == 1
        assert result.stderr.startswith("marketplace: --demo: is for a test marketplace")


class TestDocs:
    def test_are_written_and_found_to_be_stale(self, tmp_path: Path) -> None:
        folder = ("--folder", str(tmp_path / "docs"))

        stale = tell("docs", "--check", *folder)
        written = told("docs", *folder)["written"]
        fresh = tell("docs", "--check", *folder)

        assert (stale.exit_code, fresh.exit_code) == (1, 0)
        assert str(tmp_path / "docs" / "settings.md") in written


class TestSimulate:
    def test_tells_what_happened(self) -> None:
        found = told("simulate", "lifecycles", "--bookings", "16", "--seed", "3", "--storage", "memory")

        assert found.keys() == {"seed", "bookings", "moves", "faults", "violations", "seconds"}
        assert (found["seed"], found["bookings"], found["violations"]) == (3, 16, [])

    def test_fails_where_a_fault_has_not_happened(self) -> None:
        result = tell(
            "simulate", "lifecycles", "--bookings", "8", "--faults", "--storage", "memory", "--json"
        )

        assert result.exit_code == 1
        assert "These faults have not happened: " in result.stderr
