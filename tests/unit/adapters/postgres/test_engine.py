import pytest

from marketplace.adapters.postgres.engine import parse_url
from marketplace.core.shared.errors import Invalid


class TestParseUrl:
    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
    def test_knows_the_usual_schemes(self, scheme: str) -> None:
        url = parse_url(f"{scheme}://user:secret@db.example:5433/market")

        assert url.drivername == "postgresql+asyncpg"
        assert (url.username, url.host, url.port, url.database) == ("user", "db.example", 5433, "market")

    def test_keeps_the_folder_of_a_socket(self) -> None:
        assert parse_url("postgresql://user@/market?host=/run/postgresql").query["host"] == "/run/postgresql"

    def test_calls_encryption_what_the_driver_calls_it(self) -> None:
        assert dict(parse_url("postgresql://db/market?sslmode=require").query) == {"ssl": "require"}

    @pytest.mark.parametrize(
        "url", ["mysql://user:secret@db/market", "secret", "postgresql://user:secret@db/market?frobnicate=1"]
    )
    def test_refuses_what_it_does_not_know_without_telling_the_password(self, url: str) -> None:
        with pytest.raises(Invalid) as refused:
            parse_url(url)

        assert "secret" not in str(refused.value)
        assert refused.value.facts["field"] == "database_url"
