"""A secret that nobody set is made up once, kept beside the data, and read by every process that needs it."""

import os
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_urlsafe

from marketplace.entrypoints.settings import GENERATED, Settings

FILE = "sandbox-webhook-secret"


def with_secrets(settings: Settings) -> Settings:
    """The same settings with the sandbox's secret filled in, where there is a sandbox."""
    if not settings.sandbox or settings.sandbox_webhook_secret is not None:
        return settings
    kept = _kept(settings.data_directory / FILE)
    sources = {**settings.sources, "sandbox_webhook_secret": "made up"}
    return replace(settings, sandbox_webhook_secret=kept, sources=sources)


def _kept(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole_or_not(path, GENERATED + token_urlsafe(32))
    return path.read_text(encoding="ascii")


def _write_whole_or_not(path: Path, text: str) -> None:
    """Of two processes that start together the first one's secret stands, and neither reads half of one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # readable by its owner only
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as draft:
            draft.write(text)
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
