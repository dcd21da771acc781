from pathlib import Path

import pytest

from marketplace.entrypoints.configuration import describe, documented, load
from marketplace.entrypoints.settings import SETTINGS, BadSetting, LogFormat, LogLevel, Mode, Settings

URL = "postgresql://app:hunter2@db.example:5432/market?ssl=require"
PRODUCTION = {"MARKETPLACE_MODE": "production", "DATABASE_URL": URL}


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def refusal(environ: dict[str, str], **given: object) -> BadSetting:
    with pytest.raises(BadSetting) as caught:
        load(environ=environ, **given)
    return caught.value


class TestLoad:
    def test_knows_a_default_for_everything(self) -> None:
        assert load(environ={}) == Settings()

    def test_reads_each_type_from_text(self) -> None:
        settings = load(
            environ={
                "MARKETPLACE_PORT": "9001",
                "MARKETPLACE_METRICS": "false",
                "MARKETPLACE_DRAIN_SECONDS": "2.5",
                "MARKETPLACE_LOG_LEVEL": "debug",
                "MARKETPLACE_DATA_DIRECTORY": "~/market",
                "DATABASE_URL": URL,
            }
        )

        assert (settings.port, settings.metrics, settings.drain_seconds) == (9001, False, 2.5)
        assert settings.log_level is LogLevel.DEBUG
        assert settings.data_directory == Path.home() / "market"
        assert settings.database_url == URL

    def test_lets_options_win_over_environment_over_file_over_default(self, tmp_path: Path) -> None:
        config = written(tmp_path / "m.toml", 'host = "0.0.0.0"\nport = 1111\nblueprint = "live-music"')
        environ = {"MARKETPLACE_PORT": "2222", "MARKETPLACE_BLUEPRINT": "home-services"}

        settings = load(environ=environ, config=config, flags={"blueprint": "curbside", "host": None})

        assert (settings.host, settings.port, settings.blueprint) == ("0.0.0.0", 2222, "curbside")
        assert settings.sources == {"host": str(config), "port": "environment", "blueprint": "option"}

    def test_finds_the_file_that_the_environment_names(self, tmp_path: Path) -> None:
        config = written(tmp_path / "m.toml", "port = 1111")

        assert load(environ={"MARKETPLACE_CONFIG": str(config)}).port == 1111

    def test_takes_an_empty_variable_for_none(self) -> None:
        assert load(environ={"MARKETPLACE_PORT": "", "DATABASE_URL": ""}) == Settings()

    def test_leaves_the_variables_of_others_and_of_the_tests_alone(self) -> None:
        environ = {"PATH": "/bin", "MARKETPLACE_TEST_DATABASE_URL": URL, "PORT": "x"}

        assert load(environ=environ) == Settings()

    @pytest.mark.parametrize(
        ("environ", "said"),
        [
            ({"MARKETPLACE_PORT": "x"}, "MARKETPLACE_PORT: is 'x'; allowed: 0 to 65535"),
            ({"MARKETPLACE_PORT": "65536"}, "MARKETPLACE_PORT: is '65536'; allowed: 0 to 65535"),
            ({"MARKETPLACE_METRICS": "maybe"}, "MARKETPLACE_METRICS: is 'maybe'; allowed: true, false"),
            ({"MARKETPLACE_MODE": "prod"}, "MARKETPLACE_MODE: is 'prod'; allowed: development, production"),
            (
                {"MARKETPLACE_DRAIN_SECONDS": "nan"},
                "MARKETPLACE_DRAIN_SECONDS: is 'nan'; allowed: 0.1 to 600",
            ),
            (
                {"MARKETPLACE_PUBLIC_BASE_URL": "api.example.com"},
                "MARKETPLACE_PUBLIC_BASE_URL: is 'api.example.com'; allowed: a URL like https://api.example.com",
            ),
            (
                {"MARKETPLACE_DEFAULT_TENANT": "My Shop"},
                "MARKETPLACE_DEFAULT_TENANT: is 'My Shop'; allowed: a-z, 0-9 and -, up to 63",
            ),
            (
                {"OSRM_URL": "http://me:hunter2@osrm:5000"},
                (
                    "OSRM_URL: is 'http://me:hunter2@osrm:5000'; "
                    "allowed: a URL like http://osrm.example.com:5000, without a password"
                ),
            ),
        ],
    )
    def test_names_what_is_wrong_and_what_is_allowed(self, environ: dict[str, str], said: str) -> None:
        assert str(refusal(environ)) == said

    @pytest.mark.parametrize("url", ["http://osrm", "https://osrm.example.com/za/", "http://[::1]:5000"])
    def test_takes_a_router_by_its_address(self, url: str) -> None:
        assert load(environ={"OSRM_URL": url}).osrm_url == url

    @pytest.mark.parametrize(
        ("unknown", "meant"),
        [
            ("MARKETPLACE_PROT", "MARKETPLACE_PORT"),
            ("MARKETPLACE_DATABASE_URL", "DATABASE_URL"),
            ("MARKETPLACE_WORKERS_CONCURRENCY", "MARKETPLACE_WORKER_CONCURRENCY"),
            ("MARKETPLACE_CONFIGURATION", "MARKETPLACE_CONFIG"),
        ],
    )
    def test_points_from_an_unknown_variable_to_the_nearest_known(self, unknown: str, meant: str) -> None:
        refused = refusal({unknown: "1"})

        assert (refused.name, refused.problem) == (unknown, f"is no setting, did you mean {meant}?")

    def test_does_not_repeat_a_secret_that_is_wrong(self) -> None:
        refused = [
            refusal({"MARKETPLACE_SANDBOX_WEBHOOK_SECRET": "hunter2"}),
            refusal({"DATABASE_URL": "mysql://app:hunter2@db/market"}),
        ]

        assert not any("hunter2" in str(one) + repr(one.__cause__) for one in refused)

    def test_names_the_file_and_the_key_that_are_wrong(self, tmp_path: Path) -> None:
        config = written(tmp_path / "m.toml", 'port = "8000"')

        assert str(refusal({}, config=config)) == f"port in {config}: is '8000'; allowed: 0 to 65535"

    def test_refuses_an_unknown_key_of_the_file(self, tmp_path: Path) -> None:
        config = written(tmp_path / "m.toml", "prot = 8000")

        assert str(refusal({}, config=config)) == f"prot in {config}: is no setting, did you mean port?"

    @pytest.mark.parametrize("text", [None, "port = = 1"])
    def test_refuses_a_file_that_it_cannot_read(self, tmp_path: Path, text: str | None) -> None:
        config = tmp_path / "m.toml"
        if text is not None:
            written(config, text)

        assert refusal({"MARKETPLACE_CONFIG": str(config)}).name == "MARKETPLACE_CONFIG"

    def test_names_an_option_as_it_is_typed(self) -> None:
        assert refusal({}, flags={"data_directory": 5}).name == "--data-directory"


class TestProduction:
    def test_has_no_sandbox_and_logs_for_machines(self) -> None:
        settings = load(environ=PRODUCTION)

        assert (settings.mode, settings.sandbox) == (Mode.PRODUCTION, False)
        assert settings.log_format is LogFormat.JSON

    def test_keeps_what_it_is_told(self) -> None:
        assert (
            load(environ={**PRODUCTION, "MARKETPLACE_LOG_FORMAT": "console"}).log_format is LogFormat.CONSOLE
        )

    @pytest.mark.parametrize(
        ("environ", "name"),
        [
            ({"MARKETPLACE_MODE": "production"}, "DATABASE_URL"),
            ({**PRODUCTION, "MARKETPLACE_SANDBOX": "true"}, "MARKETPLACE_SANDBOX"),
            (
                {**PRODUCTION, "MARKETPLACE_SANDBOX_WEBHOOK_SECRET": "generated-0123456789"},
                "MARKETPLACE_SANDBOX_WEBHOOK_SECRET",
            ),
        ],
    )
    def test_refuses_what_is_for_trying_things_out(self, environ: dict[str, str], name: str) -> None:
        assert refusal(environ).name == name

    def test_is_held_to_by_whoever_makes_settings_by_hand(self) -> None:
        with pytest.raises(BadSetting, match="MARKETPLACE_SANDBOX"):
            Settings(mode=Mode.PRODUCTION, database_url=URL)


class TestDescribe:
    def test_tells_where_a_value_comes_from(self) -> None:
        told = {
            one.name: (one.value, one.source) for one in describe(load(environ={"MARKETPLACE_PORT": "9001"}))
        }

        assert told["MARKETPLACE_PORT"] == ("9001", "environment")
        assert told["MARKETPLACE_HOST"] == ("127.0.0.1", "default")
        assert told["DATABASE_URL"] == ("not set", "default")

    def test_masks_every_secret(self) -> None:
        secret = "a-secret-of-32-characters-or-so"
        environ = {
            "DATABASE_URL": URL.replace("require", "hunter2"),
            "MARKETPLACE_SANDBOX_WEBHOOK_SECRET": secret,
        }

        settings = load(environ=environ)

        shown = str(describe(settings)) + repr(settings)
        assert "hunter2" not in shown
        assert secret not in shown
        assert "postgresql://app:***@db.example:5432/market" in shown

    def test_masks_every_field_that_says_it_is_secret(self) -> None:
        secrets = [name for name, one in SETTINGS.items() if one.metadata["secret"]]

        assert all(not SETTINGS[name].repr for name in secrets)
        named = {name for name in SETTINGS if "secret" in name or "url" in name}
        open_ones = {"public_base_url", "osrm_url", "stripe_return_url", "stripe_api_url", "stitch_api_url"}
        assert set(secrets) == named - open_ones

    def test_explains_every_setting(self) -> None:
        rows = documented()

        assert [row.key for row in rows] == list(SETTINGS)
        assert all(row.description and row.allowed and row.section for row in rows)


class TestDerived:
    def test_base_url_is_the_public_one_without_its_slash(self) -> None:
        settings = load(environ={"MARKETPLACE_PUBLIC_BASE_URL": "https://api.example.com/"})

        assert settings.base_url == "https://api.example.com"

    def test_base_url_falls_back_to_where_it_listens(self) -> None:
        assert load(environ={"MARKETPLACE_PORT": "9001"}).base_url == "http://127.0.0.1:9001"

    @pytest.mark.parametrize(
        ("flags", "slug"),
        [
            ({"blueprint": "live-music"}, "live-music"),
            ({"blueprint": "some/where/mine.toml"}, "mine"),
            ({"blueprint": "live-music", "default_tenant": "jazz"}, "jazz"),
        ],
    )
    def test_tenant_slug_is_the_blueprint_s_unless_given(self, flags: dict[str, str], slug: str) -> None:
        assert load(environ={}, flags=flags).tenant_slug == slug
