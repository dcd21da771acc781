"""A Python without pip gets the pinned wheel from the index that pip is told to use, here one on loopback."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NAME = "pip-9-py3-none-any.whl"
LOCK = """
[[package]]
name = "pip"
wheels = [{{ url = "https://default.invalid/{name}", hash = "sha256:{pinned}" }}]
"""
DOWNLOAD = "import pathlib, pip_wheel; print(pip_wheel.download(pathlib.Path()))"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for folder in ("requirements", "downloads", "index/pip"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(REPOSITORY / "requirements/pip_wheel.py", tmp_path / "requirements")
    (tmp_path / "uv.lock").write_text(LOCK.format(name=NAME, pinned=hashlib.sha256(b"a wheel").hexdigest()))
    (tmp_path / "index/pip/index.html").write_text(f'<a href="../{NAME}#sha256=0">{NAME}</a>')
    (tmp_path / "index" / NAME).write_bytes(b"a wheel")
    return tmp_path


@pytest.fixture
def index(repository: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(repository / "index"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=partial(server.serve_forever, poll_interval=0.01)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def download(repository: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DOWNLOAD],
        env={"PYTHONPATH": str(repository / "requirements"), "HOME": str(repository), **settings},
        cwd=repository / "downloads",
        capture_output=True,
        text=True,
        check=False,
    )


class TestDownload:
    def test_takes_the_index_from_the_environment(self, repository: Path, index: str) -> None:
        done = download(repository, PIP_INDEX_URL=index)

        assert done.stdout == f"{NAME}\n", done.stderr
        assert (repository / "downloads" / NAME).read_bytes() == b"a wheel"

    def test_takes_the_index_from_pips_own_settings(self, repository: Path, index: str) -> None:
        (repository / "pip.conf").write_text(f"[global]\nindex-url = {index}/\n")

        done = download(repository, PIP_CONFIG_FILE=str(repository / "pip.conf"))

        assert done.stdout == f"{NAME}\n", done.stderr

    def test_otherwise_takes_the_address_in_the_lock(self, repository: Path) -> None:
        done = download(repository, PIP_CONFIG_FILE=os.devnull, https_proxy="http://127.0.0.1:9")

        assert "urlopen error" in done.stderr

    def test_refuses_a_file_that_is_not_the_pinned_one(self, repository: Path, index: str) -> None:
        (repository / "index" / NAME).write_bytes(b"another wheel")

        done = download(repository, PIP_INDEX_URL=index)

        assert "WrongFile" in done.stderr
        assert not list((repository / "downloads").iterdir())

    def test_refuses_an_index_that_lacks_it(self, repository: Path, index: str) -> None:
        (repository / "index/pip/index.html").write_text("<a href='pip-8.whl'>pip-8.whl</a>")

        assert "WrongFile" in download(repository, PIP_INDEX_URL=index).stderr
