"""Options that many commands share mean the same everywhere, and become settings in one place."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich_click as click

from marketplace.entrypoints import configuration
from marketplace.entrypoints.settings import Settings

_Path = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What every command may be told: where its settings and its data are, and whether a program reads."""

    config: Path | None
    data: Path | None
    as_json: bool

    def settings(self, **flags: Any) -> Settings:
        """Raises BadSetting. `flags` are options by their settings' names, None where not given."""
        return configuration.load(
            environ=os.environ, config=self.config, flags={"data_directory": self.data, **flags}
        )


def given(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of `Given`, which the command takes as its first argument."""

    @click.option("--config", type=_Path, metavar="FILE", help="A TOML file of settings.")
    @click.option(
        "--data", type=_Path, metavar="DIR", help="Where the embedded database is kept (.marketplace)."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
    @functools.wraps(command)
    def taken(*, config: Path | None, data: Path | None, as_json: bool, **others: Any) -> Any:
        return command(Given(config=config, data=data, as_json=as_json), **others)

    return taken
