import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from marketplace.entrypoints.generated_secrets import FILE, with_secrets
from marketplace.entrypoints.settings import BadSetting, Mode, Settings

URL = "postgresql://db/market"


class TestWithSecrets:
    def test_makes_one_up_that_only_its_owner_can_read(self, tmp_path: Path) -> None:
        settings = with_secrets(Settings(data_directory=tmp_path / "new"))

        assert len(settings.sandbox_webhook_secret or "") >= 40
        assert stat.S_IMODE((tmp_path / "new" / FILE).stat().st_mode) == 0o600

    def test_gives_every_process_the_same_one(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as threads:
            made = list(threads.map(lambda _: with_secrets(Settings(data_directory=tmp_path)), range(8)))

        assert len({one.sandbox_webhook_secret for one in made}) == 1
        assert [path.name for path in tmp_path.iterdir()] == [FILE]

    def test_gives_every_data_directory_its_own(self, tmp_path: Path) -> None:
        one, other = (with_secrets(Settings(data_directory=tmp_path / name)) for name in "ab")

        assert one.sandbox_webhook_secret != other.sandbox_webhook_secret

    def test_leaves_the_one_that_is_set(self, tmp_path: Path) -> None:
        settings = Settings(data_directory=tmp_path, sandbox_webhook_secret="x" * 32)

        assert with_secrets(settings) == settings
        assert not list(tmp_path.iterdir())

    def test_makes_none_where_there_is_no_sandbox(self, tmp_path: Path) -> None:
        settings = Settings(data_directory=tmp_path, sandbox=False)

        assert with_secrets(settings).sandbox_webhook_secret is None

    def test_makes_one_that_production_refuses(self, tmp_path: Path) -> None:
        made = with_secrets(Settings(data_directory=tmp_path))

        with pytest.raises(BadSetting, match="MARKETPLACE_SANDBOX_WEBHOOK_SECRET"):
            replace(made, mode=Mode.PRODUCTION, sandbox=False, database_url=URL)
