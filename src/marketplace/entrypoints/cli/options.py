"""Options that many commands share mean the same everywhere, and become settings in one place."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import rich_click as click

from marketplace.core.shared.errors import Invalid
from marketplace.entrypoints import blueprints, configuration
from marketplace.entrypoints.blueprints import Blueprint
from marketplace.entrypoints.cli.screen import EVERYWHERE, Local
from marketplace.entrypoints.settings import BadSetting, Settings

_Path = click.Path(path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What every command may be told: where its settings and its data are, and whether a program reads."""

    config: Path | None
    data: Path | None
    as_json: bool

    @property
    def local(self) -> Local:
        """Of no marketplace in particular."""
        return EVERYWHERE

    def settings(self, **flags: Any) -> Settings:
        """Raises BadSetting. `flags` are options by their settings' names, None where not given."""
        flags = {"data_directory": self.data, **flags}
        settings = configuration.load(environ=os.environ, config=self.config, flags=flags)
        # Whole, because whoever reads of it may stand elsewhere.
        return replace(settings, data_directory=settings.data_directory.absolute())


def planned(settings: Settings) -> Blueprint:
    """The blueprint that the settings name; raises BadSetting."""
    try:
        return blueprints.load(settings.blueprint)
    except Invalid as error:
        facts = error.facts
        raise BadSetting(
            str(facts["field"]), str(facts["problem"]), cast("str | None", facts["allowed"])
        ) from error


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
