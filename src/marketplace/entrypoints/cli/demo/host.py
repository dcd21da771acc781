"""A marketplace of the demo's own, in a directory that is given, or goes when the demo is over."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from marketplace.adapters.embedded import postgres
from marketplace.core.shared.errors import Unavailable
from marketplace.entrypoints.settings import PREFIX

_STOP_SECONDS_MAX = 40
_COMMAND = (sys.executable, "-m", "marketplace.entrypoints.cli", "run", "--json", "--port", "0")


@contextlib.contextmanager
def own_marketplace(blueprint: str, *, data: Path | None = None) -> Iterator[str]:
    """
    The URL of one under this blueprint; raises Unavailable with what it said where it fails.

    Fresh, and gone afterwards, but where `data` is given: there it stays as it is left.
    """
    with tempfile.TemporaryDirectory(prefix="marketplace-demo-") as folder, contextlib.ExitStack() as stack:
        log = Path(folder, "log")
        if data is None:
            data = Path(folder, "data")
            # As root the database stands elsewhere, and does not go with the folder.
            stack.callback(postgres.erase, data=data)
        yield stack.enter_context(_running([*_COMMAND, "--blueprint", blueprint, "--data", str(data)], log))


@contextlib.contextmanager
def _running(command: list[str], log: Path) -> Iterator[str]:
    with (
        log.open("wb") as written,
        subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=subprocess.PIPE, stderr=written, env=_environment(), start_new_session=True
        ) as child,
    ):
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            if not line:
                said = log.read_text("utf-8", "replace").strip().splitlines()
                raise Unavailable(
                    f"a marketplace for the demo did not start: {said[-1] if said else 'no word'}"
                )
            yield msgspec.json.decode(line)["url"]
        finally:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_STOP_SECONDS_MAX)
            child.kill()


def _environment() -> dict[str, str]:
    """Without our settings: the demo's own marketplace is nobody else's, wherever theirs is kept."""
    names = (name for name in os.environ if not name.startswith(PREFIX) and name != "DATABASE_URL")
    return {name: os.environ[name] for name in names}
