import contextlib
import os
import shlex
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketplace.adapters.embedded.postmaster import command_line

from .conftest import SECONDS_MAX, Process, Start, answers, server_of, starting, tell, told

RUN = ("run", "--json", "--port", "0", "--data", "data")


class TestRun:
    def test_keeps_its_data_through_a_stop_and_a_kill(self, start: Start, tmp_path: Path) -> None:
        data = tmp_path / "data"
        first = start(*RUN)
        url = first.facts()["url"]
        booked = demo(url)

        assert answers(url)
        server = server_of(data)
        assert first.stop(signal.SIGTERM) == 0
        assert_gone(first, server, data, url)

        second = start(*RUN)
        url = second.facts()["url"]
        assert bookings(data) == [booked]
        second.child.kill()
        second.child.wait()

        third = start(*RUN)
        url = third.facts()["url"]
        again = demo(url)
        assert bookings(data) == [again, booked]
        server = server_of(data)
        assert third.stop(signal.SIGINT) == 0
        assert_gone(third, server, data, url)

    def test_leaves_nothing_behind_when_it_is_stopped_while_it_starts(
        self, start: Start, tmp_path: Path
    ) -> None:
        data = tmp_path / "data"
        process = start(*RUN)
        wait_for_server(data)

        process.child.send_signal(signal.SIGINT)  # somebody is impatient
        code = process.stop(signal.SIGTERM)

        assert code == 0
        assert server_of(data) is None


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    folder = tmp_path_factory.mktemp("shown")
    (folder / "data" / "postgres").mkdir(parents=True)  # in the way of any start that is not fresh
    with starting(folder) as start_here:
        process = start_here("run", "--fresh", *RUN[2:], "--blueprint", "home-services")
        lines = [process.first_line()]
        assert process.child.stdout is not None
        while not lines[-1].startswith("Ctrl-C"):
            lines.append(process.child.stdout.readline())
        yield [line.strip() for line in lines]


class TestWhatRunShows:
    def test_can_be_copied_and_pasted(self, shown: list[str]) -> None:
        code, inbox, tokens, services = (shlex.split(line) for line in shown if line.startswith("curl "))

        assert asked(code).status_code == httpx.codes.ACCEPTED
        text = asked(inbox).json()["items"][0]["text"]
        proof = [word.replace("THE CODE", digits(text)) for word in tokens]
        assert asked(proof).json()["role"] == "customer"
        assert asked(services).json()["items"]

    def test_names_documents_and_everybody_who_can_sign_in(self, shown: list[str]) -> None:
        roles = [line.split()[0] for line in shown if "+276" in line and not line.startswith("curl")]
        documents = [line.split()[1] for line in shown if line.startswith("OpenAPI")]

        assert set(roles) == {"customer", "provider", "support", "admin"}
        assert all(httpx.get(url, timeout=SECONDS_MAX).json()["openapi"] for url in documents)


class TestServeAndWorker:
    def test_share_a_database_and_stop_in_order(self, start: Start, database_url: str) -> None:
        environ = {"DATABASE_URL": database_url, "MARKETPLACE_SANDBOX_WEBHOOK_SECRET": "x" * 32}
        told("tenants", "open", "curbside", "--blueprint", "curbside", "--demo", **environ)
        served = start("serve", "--json", "--port", "0", **environ)
        url = served.facts()["url"]
        worker = start("worker", **environ, MARKETPLACE_PUBLIC_BASE_URL=url)

        demo(url)

        assert eventually_sound(**environ)
        assert worker.stop(signal.SIGTERM) == 0
        assert served.stop(signal.SIGTERM) == 0


def demo(url: str) -> Any:
    found = told("demo", "--url", url)
    assert found["booking"]["state"] == "completed"
    return found["booking"]["id"]


def eventually_sound(**environ: str) -> bool:
    """A busy machine may be behind with its jobs for a moment."""
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        if tell("doctor", **environ).exit_code == 0:
            return True
        time.sleep(0.5)
    return False


def bookings(data: Path) -> list[str]:
    return [one["id"] for one in told("bookings", "list", "--data", str(data))["items"]]


def assert_gone(process: Process, server: int | None, data: Path, url: str) -> None:
    assert server is not None
    assert not command_line(server)
    assert server_of(data) is None
    assert not answers(url)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def wait_for_server(data: Path) -> None:
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if server_of(data) is not None:
                return
        time.sleep(0.01)


def asked(words: list[str]) -> httpx.Response:
    """What curl would be answered."""
    url = next(word for word in words if word.startswith("http"))
    body = words[words.index("-d") + 1] if "-d" in words else None
    headers = dict([words[words.index("-H") + 1].split(": ")]) if "-H" in words else {}
    return httpx.request("POST" if body else "GET", url, content=body, headers=headers, timeout=SECONDS_MAX)


def digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))
