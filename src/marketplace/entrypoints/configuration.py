"""Settings come from options, the environment and a file, in this order, and an unknown one is refused."""

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from marketplace.entrypoints.settings import (
    PREFIX,
    PRODUCTION_DEFAULTS,
    SETTINGS,
    BadSetting,
    Mode,
    Settings,
    variable,
)

CONFIG = "MARKETPLACE_CONFIG"
# Set and read by the tests, which tell their processes of the server that they have started.
_TESTS = "MARKETPLACE_TEST_"
_MASK = "***"


class _Given(NamedTuple):
    """A setting as it came: what it says, and what whoever gave it calls it."""

    value: Any
    called: str
    source: str


class Described(NamedTuple):
    name: str
    value: str
    source: str
    description: str


class Documented(NamedTuple):
    """A setting as the documents show it."""

    section: str
    name: str
    key: str
    default: str
    allowed: str
    description: str


def load(
    *, environ: Mapping[str, str], config: Path | None = None, flags: Mapping[str, Any] | None = None
) -> Settings:
    """
    Options over the environment over a TOML file over defaults; raises BadSetting.

    `flags` are a command's options by their settings' names, None where not given.
    """
    path = config or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    given = {
        **(_from_file(path) if path else {}),
        **_from_environment(environ),
        **_from_options(flags or {}),
    }
    values = {name: _converted(name, one) for name, one in given.items()}
    if values.get("mode") is Mode.PRODUCTION:
        values = {**PRODUCTION_DEFAULTS, **values}
    return Settings(**values, sources={name: one.source for name, one in given.items()})


def describe(settings: Settings) -> list[Described]:
    """Every setting as it is now, secrets masked."""
    return [
        Described(
            variable(name),
            _shown(name, getattr(settings, name)),
            settings.sources.get(name, "default"),
            one.metadata["description"],
        )
        for name, one in SETTINGS.items()
    ]


def documented() -> list[Documented]:
    return [
        Documented(
            section=one.metadata["section"],
            name=variable(name),
            key=name,
            default=_shown(name, one.default),
            allowed=_allowed(name),
            description=one.metadata["description"],
        )
        for name, one in SETTINGS.items()
    ]


def _from_file(path: Path) -> dict[str, _Given]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSetting(CONFIG, f"{path}: {error.strerror}", "a TOML file that can be read") from error
    except ValueError as error:
        raise BadSetting(CONFIG, f"{path} is no TOML", None) from error
    for name in table:
        if name not in SETTINGS:
            raise BadSetting(f"{name} in {path}", f"is no setting, did you mean {_nearest(name, SETTINGS)}?")
    return {name: _Given(value, f"{name} in {path}", str(path)) for name, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    """An empty variable counts as not given: that is how compose files leave one out."""
    names = {variable(name): name for name in SETTINGS}
    for called in sorted(environ):
        ours = called.startswith(PREFIX) and not called.startswith(_TESTS) and called != CONFIG
        if ours and called not in names:
            raise BadSetting(called, f"is no setting, did you mean {_nearest(called, [*names, CONFIG])}?")
    return {
        name: _Given(environ[called], called, "environment")
        for called, name in names.items()
        if environ.get(called)
    }


def _from_options(flags: Mapping[str, Any]) -> dict[str, _Given]:
    return {
        name: _Given(value, f"--{name.replace('_', '-')}", "option")
        for name, value in flags.items()
        if value is not None
    }


def _nearest(name: str, known: Iterable[str]) -> str:
    """The prefix is no likeness: MARKETPLACE_DATABASE_URL means DATABASE_URL."""
    bare = {one.removeprefix(PREFIX): one for one in known}
    (near,) = get_close_matches(name.removeprefix(PREFIX), list(bare), n=1, cutoff=0)
    return bare[near]


def _converted(name: str, given: _Given) -> Any:
    """Only text is read leniently: a file that says "8000" for a number is wrong."""
    from_text = given.source == "environment"
    try:
        return msgspec.convert(given.value, _TYPES[name], strict=not from_text, dec_hook=_decoded)
    except msgspec.ValidationError as error:
        secret = SETTINGS[name].metadata["secret"]
        problem = "cannot be used" if secret else f"is {given.value!r}"
        raise BadSetting(given.called, problem, _allowed(name)) from error


def _decoded(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(os.path.expanduser(value))  # noqa: PTH111 - Path's own raises for an unknown user
    raise TypeError(f"no {kind.__name__}")


_TYPES: Mapping[str, Any] = get_type_hints(Settings, include_extras=True)


def _allowed(name: str) -> str:
    kind, meta = _parts(_TYPES[name])
    if meta is not None and meta.description:
        return meta.description
    if meta is not None:
        return f"{meta.ge} to {meta.le}"
    if issubclass(kind, StrEnum):
        return ", ".join(kind)
    return _PLAIN[kind]


_PLAIN: Mapping[type, str] = {bool: "true, false", str: "text", Path: "a path"}


def _parts(annotation: Any) -> tuple[type, Meta | None]:
    """The type without None, and what narrows it."""
    if get_origin(annotation) is Annotated:
        kind, meta = get_args(annotation)[:2]
        return kind, meta
    members = [member for member in get_args(annotation) if member is not NoneType]
    return _parts(members[0]) if members else (annotation, None)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "not set"
    show = _SHOWN.get(name)
    if show is not None:
        return show(value)
    if SETTINGS[name].metadata["secret"]:
        return _MASK
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_password(url: str) -> str:
    """Options may carry a password too, so they are left out."""
    parts = urlsplit(url)
    who, _, where = parts.netloc.rpartition("@")
    user = who.partition(":")[0]
    return f"{parts.scheme}://{f'{user}:{_MASK}@' if who else ''}{where}{parts.path}"


_SHOWN: Mapping[str, Callable[[Any], str]] = {"database_url": _without_password}
