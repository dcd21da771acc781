import tempfile
from pathlib import Path
from typing import Any

import pytest

from marketplace.adapters.embedded import postgres
from marketplace.entrypoints import blueprints

from .conftest import SECONDS_MAX, tell, told

KEYS = {"booking", "steps", "messages", "ledger", "seconds"}


@pytest.fixture(scope="module")
def played(running: Any) -> dict[str, Any]:
    """What each blueprint's demo tells, all played at one process."""
    data = running["data"]
    for name in set(blueprints.names()) - {running["tenant"]}:
        told("tenants", "open", name, "--blueprint", name, "--demo", "--data", data)
    return {name: told("demo", "--blueprint", name, "--url", running["url"]) for name in blueprints.names()}


class TestDemo:
    @pytest.mark.parametrize("name", blueprints.names())
    def test_takes_a_booking_to_its_payout(self, played: dict[str, Any], name: str) -> None:
        found = played[name]

        assert found.keys() == KEYS
        assert found["booking"]["state"] == "completed"
        assert found["booking"]["released_at"]
        assert found["ledger"] == {"sums": {"ZAR": 0}}
        assert found["steps"][-1]["did"] == "reads its statement"
        earned, paid = found["steps"][-1]["result"].split(", ")
        assert earned.split()[1] == paid.split()[1] != "0.00"
        assert 0 < found["seconds"] < SECONDS_MAX

    @pytest.mark.parametrize("name", blueprints.names())
    def test_lets_everybody_do_their_part(self, played: dict[str, Any], name: str) -> None:
        steps = played[name]["steps"]

        assert {step["by"] for step in steps} == {"customer", "provider", "admin", "rail", "clock"}
        assert all(step["request"] and step["result"] for step in steps)

    @pytest.mark.parametrize("name", blueprints.names())
    def test_shows_what_was_sent_to_both_sides(self, played: dict[str, Any], name: str) -> None:
        messages = played[name]["messages"]

        assert len({message["address"] for message in messages}) == 2
        assert any("is released to you" in message["text"] for message in messages)

    def test_is_accepted_where_the_blueprint_asks_for_it(self, played: dict[str, Any]) -> None:
        accepting = {
            name for name, found in played.items() if any(step["did"] == "accepts" for step in found["steps"])
        }

        assert accepting == {"home-services", "live-music"}

    def test_finds_out_which_blueprint_is_served(self, running: Any) -> None:
        result = tell("demo", "--url", running["url"])

        assert result.exit_code == 0
        assert "Kerb, a booking from search to payout" in result.stdout
        assert "Together ZAR 0.00" in result.stdout


class TestDemoElsewhere:
    def test_plays_at_a_marketplace_of_its_own_where_none_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

        # A port where nobody answers, whatever else runs on this machine.
        found = told("demo", "--blueprint", "live-music", MARKETPLACE_PORT="9")

        assert found["booking"]["state"] == "completed"
        assert not list(tmp_path.iterdir())

    def test_leaves_everything_where_it_is_told_to(self, tmp_path: Path) -> None:
        data = ("--data", str(tmp_path / "kept"))
        try:
            played = told("demo", "--blueprint", "live-music", *data)
            (kept,) = told("bookings", "list", *data)["items"]
            told("tenants", "open", "other", "--blueprint", "home-services", *data)
            several = tell("bookings", "list", *data)
        finally:
            postgres.erase(data=tmp_path / "kept")

        assert kept["id"] == played["booking"]["id"]
        assert several.exit_code == 1
        assert "which of live-music, other?" in several.stderr

    def test_says_in_one_sentence_that_nobody_answers(self) -> None:
        result = tell("demo", "--url", "http://127.0.0.1:9")

        assert result.exit_code == 2
        assert result.stderr.startswith("marketplace: no marketplace answers at http://127.0.0.1:9")
        assert len(result.stderr.splitlines()) == 1
