"""Commands as their users give them: processes of their own, on data that is gone afterwards."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from marketplace.adapters.embedded import cluster, postgres, postmaster
from marketplace.entrypoints.cli.main import marketplace

COMMAND = (sys.executable, "-m", "marketplace.entrypoints.cli")
SECONDS_MAX = 120  # a machine may be busy with other tests


def environment(**more: str) -> dict[str, str]:
    """Without this machine's settings."""
    ours = (name for name in os.environ if not name.startswith("MARKETPLACE_") and name != "DATABASE_URL")
    return {**{name: os.environ[name] for name in ours}, **more}


def tell(*arguments: str, **environ: str) -> Result:
    """Give a command that ends by itself, in this process: that spares the imports."""
    ours = (name for name in os.environ if name.startswith("MARKETPLACE_") or name == "DATABASE_URL")
    return CliRunner().invoke(
        marketplace, arguments, env={**dict.fromkeys(ours), **environ}, catch_exceptions=False
    )


def told(*arguments: str, **environ: str) -> Any:
    """What a command answers a program."""
    result = tell(*arguments, "--json", **environ)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@dataclass
class Process:
    """A command that runs until it is stopped."""

    child: "subprocess.Popen[str]"
    log: Path

    @property
    def pid(self) -> int:
        return self.child.pid

    def first_line(self) -> str:
        """What it says first; fails with what it complained of where it says nothing."""
        assert self.child.stdout is not None
        waiting = threading.Timer(SECONDS_MAX, self.child.kill)
        waiting.start()
        line = self.child.stdout.readline()
        waiting.cancel()
        assert line, self.log.read_text()
        return line

    def facts(self) -> Any:
        return json.loads(self.first_line())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.child.send_signal(number)
        return self.child.wait(SECONDS_MAX)


Start = Callable[..., Process]


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """Whatever was started is ended, and its data erased, also where a test fails."""
    with contextlib.ExitStack() as stack:
        stack.callback(postgres.erase, data=folder / "data")

        def start(*arguments: str, **environ: str) -> Process:
            log = stack.enter_context((folder / f"log-{len(list(folder.iterdir()))}").open("w+"))
            child = stack.enter_context(
                subprocess.Popen(
                    [*COMMAND, *arguments],
                    cwd=folder,
                    env=environment(**environ),
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                )
            )
            stack.callback(child.kill)
            return Process(child, Path(log.name))

        yield start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with starting(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What a running marketplace says of itself; it is there for all tests, which only add to it."""
    with starting(tmp_path_factory.mktemp("cli")) as start_here:
        yield start_here("run", "--json", "--port", "0", "--data", "data").facts()


def server_of(data: Path) -> int | None:
    """The process of the embedded server that runs on this data."""
    found = postmaster.running(cluster.place(data).resolve())
    return found and found.pid


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/readyz", timeout=SECONDS_MAX).status_code == httpx.codes.OK
    return False
