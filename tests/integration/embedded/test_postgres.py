import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from marketplace.adapters.embedded import account, binaries, cluster, postgres, postmaster
from marketplace.adapters.embedded.refusals import EmbeddedError, InUse, NoRoom, NotACluster, OtherVersion

OWNER = """
import sys, time
from pathlib import Path
from marketplace.adapters.embedded import postgres
print(postgres.start(data=Path(sys.argv[1]), settings=postgres.THROWAWAY).pid, flush=True)
time.sleep(600)
"""
# Its terminal's Ctrl-C comes when the server is there and nobody has noted yet that it is.
INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from marketplace.adapters.embedded import account, cluster, postgres, postmaster

def spawn(*given, **options):
    child = account.spawn(*given, **options)
    assert postmaster.wait_until(lambda: postgres.is_ready(here, child.pid), 60)
    os.kill(os.getpid(), signal.SIGINT)
    return child

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is born without one
data, postgres.spawn = Path(sys.argv[1]), spawn
here = cluster.place(data).resolve()
try:
    postgres.start(data=data, settings=postgres.THROWAWAY)
except KeyboardInterrupt:
    print("interrupted")
"""


def start(data: Path) -> postgres.Running:
    return postgres.start(data=data, settings=postgres.THROWAWAY)


def sql(url: str, statement: str) -> str:
    command = [binaries.binaries() / "psql", url, "-XAtqc", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def empty() -> Iterator[Path]:
    """A place that any account can reach, so that data of root's is made there too and not elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder, "data")
        postgres.erase(data=Path(folder, "data"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Data that was made once, for the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("made") / "data"
    start(folder).stop()
    yield folder
    postgres.erase(data=folder)


class TestStart:
    def test_makes_the_database_and_answers(self, data: Path) -> None:
        with start(data) as server:
            answer = sql(
                server.url, "SELECT current_user, current_database(), current_setting('server_encoding')"
            )

        assert answer == "marketplace|marketplace|UTF8"

    async def test_answers_asyncpg_through_sqlalchemy(self, data: Path) -> None:
        with start(data) as server:
            engine = create_async_engine(server.url.replace("postgresql:", "postgresql+asyncpg:"))
            async with engine.connect() as connection:
                version = await connection.scalar(text("SHOW server_version"))
            await engine.dispose()

        assert str(version).startswith(f"{binaries.MAJOR}.")

    def test_finds_the_data_of_the_last_time(self, data: Path) -> None:
        with start(data) as server:
            sql(server.url, "CREATE TABLE kept AS SELECT 7 AS value")

        with start(data) as server:
            assert sql(server.url, "SELECT value FROM kept") == "7"

    def test_keeps_commits_on_disk_unless_told_otherwise(self, data: Path) -> None:
        with postgres.start(data=data) as server:
            promised = sql(server.url, "SELECT name FROM pg_settings WHERE setting = 'off' AND name IN "
                           "('fsync', 'full_page_writes', 'synchronous_commit')")  # fmt: skip

        assert not promised

    def test_lets_nobody_else_in(self, data: Path) -> None:
        with start(data) as server:
            addresses = sql(server.url, "SHOW listen_addresses")
            folder = Path(server.url.partition("host=")[2])

            assert addresses == ""
            assert folder.stat().st_mode & 0o077 == 0

    def test_goes_on_after_one_that_was_killed_while_making_the_data(self, empty: Path) -> None:
        left = empty / "postgres.new"
        left.mkdir(parents=True)
        (left / "PG_VERSION").write_text("18")

        with start(empty) as server:
            assert sql(server.url, "SELECT 1") == "1"


class TestStop:
    def test_leaves_no_process_and_no_socket(self, data: Path) -> None:
        server = start(data)
        folder = Path(server.url.partition("host=")[2])

        server.stop()
        server.stop()

        assert not postmaster.works_in(server.pid, server.cluster)
        assert not postmaster.sessions(server.cluster)
        assert not folder.exists()
        assert postgres.running_url(data=data) is None

    def test_comes_to_one_that_was_just_being_started(self, data: Path) -> None:
        command = [sys.executable, "-c", INTERRUPTED, str(data)]

        done = subprocess.run(command, check=True, capture_output=True, text=True)

        assert done.stdout == "interrupted\n"
        assert postmaster.running(cluster.place(data).resolve()) is None

    def test_is_ours_to_decide_not_the_terminals(self, data: Path) -> None:
        with start(data) as server:
            assert os.getsid(server.pid) != os.getsid(0)


class TestKilled:
    def test_leaves_a_server_that_the_next_start_adopts(self, data: Path) -> None:
        owner = subprocess.Popen([sys.executable, "-c", OWNER, data], stdout=subprocess.PIPE, text=True)
        assert owner.stdout
        pid = int(owner.stdout.readline())
        owner.kill()
        owner.communicate()

        with start(data) as server:
            assert (server.pid, server.was_adopted) == (pid, True)
            assert sql(server.url, "SELECT 1") == "1"

        assert not postmaster.works_in(pid, server.cluster)

    def test_server_is_started_anew_with_its_data(self, data: Path) -> None:
        with start(data) as killed:
            sql(killed.url, "CREATE TABLE written AS SELECT 7 AS value")
            os.kill(killed.pid, signal.SIGKILL)

        with start(data) as server:
            assert not server.was_adopted
            assert sql(server.url, "SELECT value FROM written") == "7"

    def test_server_whose_number_another_process_got_is_not_taken_for_it(self, data: Path) -> None:
        with start(data) as server:
            stale = server.cluster / "postmaster.pid"
            record = stale.read_text()
        stranger = account.spawn(account.account_for(server.cluster), ["sleep", "60"])
        stale.write_text(record.replace(str(server.pid), str(stranger.pid), 1))

        with start(data) as server:
            assert sql(server.url, "SELECT 1") == "1"

        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()


class TestData:
    def test_has_one_owner_at_a_time(self, data: Path) -> None:
        with start(data), pytest.raises(InUse, match=str(os.getpid())):
            start(data)

        start(data).stop()

    def test_goes_to_one_of_two_that_start_together(self, empty: Path) -> None:
        def attempt(_: int) -> postgres.Running | InUse:
            try:
                return start(empty)
            except InUse as refused:
                return refused

        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(attempt, range(2)))

        winners = [result for result in results if isinstance(result, postgres.Running)]
        assert len(winners) == 1
        winners[0].stop()

    def test_can_be_visited_while_somebody_owns_it(self, data: Path) -> None:
        with start(data) as server:
            assert postgres.running_url(data=data) == server.url

    @pytest.mark.parametrize(("version", "age"), [("19", "newer"), ("17", "older")])
    def test_of_another_version_is_refused_by_name(self, data: Path, version: str, age: str) -> None:
        with start(data) as server:
            marker = server.cluster / "PG_VERSION"
        ours = marker.read_text()
        marker.write_text(version)

        with pytest.raises(OtherVersion, match=f"PostgreSQL {version}, {age} than the 18"):
            start(data)

        marker.write_text(ours)

    def test_that_leads_nowhere_is_not_made_anew(self, empty: Path) -> None:
        empty.mkdir()
        (empty / "postgres").symlink_to(empty / "on a disk that is not there")

        with pytest.raises(NotACluster):
            start(empty)

    def test_needs_room(self, empty: Path) -> None:
        empty.mkdir()

        with pytest.raises(NoRoom, match=str(empty)):
            cluster.check_room(empty, needed_mb=10**9)

    def test_is_let_go_where_the_start_fails(self, data: Path) -> None:
        with pytest.raises(EmbeddedError, match="no_such_setting"):
            postgres.start(data=data, settings={"no_such_setting": "1"})

        start(data).stop()


class TestBinaries:
    def test_run_from_a_copy(self, tmp_path: Path) -> None:
        binaries.copy_to(tmp_path / "copy")

        program = tmp_path / "copy" / binaries.INSTALL / "bin" / "psql"
        answer = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout

        assert f"{binaries.MAJOR}." in answer

    def test_have_the_benchmark(self) -> None:
        assert os.access(binaries.binaries() / "pgbench", os.X_OK)
