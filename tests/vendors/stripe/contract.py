"""Stripe's own description of its requests, where it is at hand: what it does not know is a violation."""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

FOLDER = "MARKETPLACE_TEST_CONTRACTS"
_BESIDE = Path(__file__).parents[4] / "shared" / "contracts"


def folder() -> Path:
    return Path(os.environ.get(FOLDER, _BESIDE)) / "stripe"


@cache
def _described() -> Any:
    path = folder() / "request-schema-16.1.0.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def is_there() -> bool:
    return _described() is not None


def version() -> str:
    return str(_described()["api_version"])


def violations(method: str, path: str, form: Mapping[str, Any]) -> list[str]:
    """What Stripe would not understand of a request; nothing where the description is not at hand."""
    if not is_there():
        return []
    operation = _operation(method, path)
    if operation is None:
        return [f"{method} {path} is no operation"]
    schema = operation["params"] | {"$defs": _described()["$defs"]}
    given = _typed(form, schema)
    errors = _validator(operation["sdk"]).iter_errors(given)
    return [f"{method} {path}: {error.message}" for error in errors]


@cache
def _validator(sdk: str) -> Any:
    operation = next(one for one in _described()["operations"] if one["sdk"] == sdk)
    return jsonschema_rs.Draft202012Validator(operation["params"] | {"$defs": _described()["$defs"]})


def _operation(method: str, path: str) -> Any:
    """The one with the fewest blanks, so that `search` is no id."""
    fits = [
        one
        for one in _described()["operations"]
        if one["method"] == method and _fits(path.split("/"), one["path"].split("/"))
    ]
    return min(fits, key=lambda one: one["path"].count("{"), default=None)


def _fits(parts: list[str], pattern: list[str]) -> bool:
    return len(parts) == len(pattern) and all(
        one.startswith("{") or one == part for part, one in zip(parts, pattern, strict=True)
    )


def _typed(value: Any, schema: Any) -> Any:
    """A form knows only text: what looks like a number is one where the description asks for one."""
    if "$ref" in schema:
        return _typed(value, _described()["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return _first_typed(value, schema["anyOf"])
    if isinstance(value, dict):
        inner = schema.get("properties", {})
        return {name: _typed(one, inner.get(name, {})) for name, one in value.items()}
    if isinstance(value, list):
        return [_typed(one, schema.get("items", {})) for one in value]
    return _plain(value, schema.get("type"))


def _first_typed(value: Any, options: list[Any]) -> Any:
    typed = (_typed(value, option) for option in options)
    return next((one for one in typed if one != value or isinstance(value, dict)), value)


def _plain(value: str, kind: str | None) -> Any:
    if kind == "integer" and value.lstrip("-").isdecimal():
        return int(value)
    return value == "true" if kind == "boolean" and value in {"true", "false"} else value
