import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from marketplace.adapters.embedded import cluster
from marketplace.adapters.postgres.engine import create_owner_engine
from marketplace.adapters.postgres.migrate import VERSION_TABLE

from .conftest import tell

NOWHERE = "postgresql://me:hunter2@127.0.0.1:1/market"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def complaint(*arguments: str, code: int = 2, **environ: str) -> str:
    """The one sentence that a refused command says."""
    result = tell(*arguments, **environ)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


async def carry_out(url: str, statement: str) -> None:
    engine = create_owner_engine(url)
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()


class TestRunRefuses:
    def test_a_port_that_is_taken(self, taken: int, tmp_path: Path) -> None:
        said = complaint("run", "--port", str(taken), "--data", str(tmp_path))

        assert said.startswith(f"marketplace: port: {taken} on 127.0.0.1: Address already in use")

    def test_data_that_somebody_uses(self, running: Any) -> None:
        said = complaint("run", "--port", "0", "--data", running["data"])

        assert "is in use by another marketplace (process " in said

    def test_to_erase_data_that_somebody_uses(self, running: Any) -> None:
        said = complaint("run", "--port", "0", "--fresh", "--data", running["data"])

        assert "is in use by another marketplace (process " in said

    def test_data_of_a_newer_version_of_postgresql(self, tmp_path: Path) -> None:
        place = cluster.place(tmp_path)
        place.mkdir(mode=0o700)
        (place / "PG_VERSION").write_text("99\n")

        said = complaint("run", "--port", "0", "--data", str(tmp_path))

        assert "made by PostgreSQL 99, newer than the" in said or "belongs to the user root" in said

    def test_data_of_a_newer_version_of_its_own(self, database_url: str) -> None:
        asyncio.run(carry_out(database_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))

        said = complaint("migrate", DATABASE_URL=database_url)

        assert said.startswith("marketplace: the database is of version 9999, this program knows ")

    def test_a_data_directory_that_cannot_be_one(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        said = complaint("run", "--port", "0", "--data", str(tmp_path / "file"))

        assert "cannot be made: File exists; allowed: a directory that you may write to" in said

    def test_a_database_that_cannot_be_reached(self) -> None:
        said = complaint("run", "--port", "0", DATABASE_URL=NOWHERE)

        assert said == ("marketplace: the database market at 127.0.0.1:1 cannot be used: Connection refused")

    def test_to_erase_a_database_that_is_not_its_own(self) -> None:
        said = complaint("run", "--port", "0", "--fresh", DATABASE_URL=NOWHERE)

        assert said == "marketplace: --fresh: erases an embedded database, and DATABASE_URL names another"

    def test_a_blueprint_that_there_is_not(self) -> None:
        said = complaint("run", "--blueprint", "nix")

        assert said.startswith("marketplace: blueprint: nix is not known; allowed: curbside, home-services")

    def test_production(self) -> None:
        said = complaint("run", MARKETPLACE_MODE="production", DATABASE_URL=NOWHERE)

        assert "in production use `marketplace serve` and `marketplace worker`" in said


class TestSettings:
    @pytest.mark.parametrize(
        ("environ", "said"),
        [
            ({"MARKETPLACE_PORT": "many"}, "MARKETPLACE_PORT: is 'many'; allowed: 0 to 65535"),
            ({"MARKETPLACE_PROT": "1"}, "MARKETPLACE_PROT: is no setting, did you mean MARKETPLACE_PORT?"),
        ],
    )
    def test_are_refused_by_name(self, environ: dict[str, str], said: str) -> None:
        assert complaint("run", **environ) == f"marketplace: {said}"

    def test_are_refused_as_options(self) -> None:
        assert complaint("serve", "--port", "99999") == "marketplace: --port: is 99999; allowed: 0 to 65535"


class TestReading:
    def test_needs_a_database(self, tmp_path: Path) -> None:
        said = complaint("bookings", "list", "--data", str(tmp_path))

        assert said.startswith(f"marketplace: there is no database in {tmp_path}: start one with")

    def test_needs_a_schema(self, empty_url: str) -> None:
        said = complaint("bookings", "list", DATABASE_URL=empty_url)

        assert "the schema is of version none" in said
        assert said.endswith("with `marketplace migrate`")

    def test_names_the_marketplace_that_there_is_not(self, running: Any) -> None:
        said = complaint("users", "list", "--tenant", "nix", "--data", running["data"], code=1)

        assert said == "marketplace: no marketplace nix: `marketplace tenants list` shows which there are"


class TestDoctor:
    def test_fails_where_nothing_answers(self) -> None:
        result = tell("doctor", "--json", DATABASE_URL=NOWHERE)

        assert result.exit_code == 3
        found = json.loads(result.stdout)
        assert not found["ok"]
        assert [check["name"] for check in found["checks"] if not check["ok"]] == ["database"]
        assert "hunter2" not in result.output

    def test_fails_where_no_router_answers(self, running: Any) -> None:
        result = tell("doctor", "--json", "--data", running["data"], OSRM_URL="http://127.0.0.1:1")

        assert result.exit_code == 3
        (roads,) = [one for one in json.loads(result.stdout)["checks"] if one["name"] == "roads"]
        assert not roads["ok"]
        assert "OSRM does not answer" in roads["saw"]

    def test_says_where_a_setting_comes_from(self, running: Any) -> None:
        result = tell("doctor", "--json", "--data", running["data"], MARKETPLACE_LOG_LEVEL="error")

        settings = {one["name"]: one for one in json.loads(result.stdout)["settings"]}
        assert settings["MARKETPLACE_LOG_LEVEL"] | {"description": ""} == {
            "name": "MARKETPLACE_LOG_LEVEL",
            "value": "error",
            "source": "environment",
            "description": "",
        }
        assert settings["MARKETPLACE_DATA_DIRECTORY"]["source"] == "option"
