"""The OpenAPI document is made from the rows that serve, so that it can't say anything else."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from marketplace.entrypoints.http.examples import example_of
from marketplace.entrypoints.http.idempotency import KEY_MAX, Memory
from marketplace.entrypoints.http.parsing import Reader
from marketplace.entrypoints.http.problems import MEANINGS, MEDIA_TYPE, Problem, title_of
from marketplace.entrypoints.http.routes import CommandRoute, Inputs, QuestionRoute, Route, inputs_of

_SCHEMAS = "#/components/schemas/"
_DESCRIPTION = """
Amounts are whole minor units (cents), instants RFC 3339 with an offset, text without U+0000.
Every error is a problem (RFC 9457) whose `code` is stable and whose `request_id` is in the log.
"""
_HEADERS: Mapping[str, Any] = {
    "Marketplace-Tenant": {
        "description": "The marketplace's slug, where it is not the default one; a token knows its own.",
        "schema": {"type": "string", "maxLength": 63},
        "example": "home-services",
    },
    "Idempotency-Key": {
        "description": "Makes a repeat harmless: the same key and request give the same answer, marked "
        "Idempotent-Replayed; another request under a key that stands is refused with 422.",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MAX, "pattern": "^[!-~]+$"},
        "example": "8d0d6f8e-27f2-4f2b-9b9a-2f8f6f3f7a11",
    },
    "If-None-Match": {
        "description": "The ETag of an answer that you have; if it stands, the answer is 304.",
        "schema": {"type": "string"},
    },
}
_ANSWER_HEADERS: Mapping[str, Any] = {
    "X-Request-ID": {"description": "Names this request in logs and events.", "schema": {"type": "string"}},
    "ETag": {"description": "Names this answer.", "schema": {"type": "string"}},
    "Idempotent-Replayed": {
        "description": "true where the answer is that of an earlier request.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}
_WAITING = frozenset({429, 503})


def document(
    *, title: str, description: str, version: str, routes: Iterable[Route], more: Mapping[str, Any]
) -> bytes:
    """`more` are the paths of handlers that are no rows."""
    rows = [(route, inputs_of(route)) for route in routes]
    schemas, components = _schemas(rows)
    paths: dict[str, Any] = {}
    for route, inputs in rows:
        paths.setdefault(route.path, {})[route.verb.lower()] = _operation(route, inputs, schemas)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": title, "version": version, "description": description + _DESCRIPTION},
            "servers": [{"url": "/"}],
            "paths": paths | dict(more),
            "components": _components(components),
        }
    )


def _schemas(rows: Iterable[tuple[Route, Inputs]]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type that is read or written, and what they refer to."""
    types: list[Any] = [Problem]
    for route, inputs in rows:
        types += [route.answer, *([inputs.body.shape] if inputs.body is not None else [])]
    unique = list(dict.fromkeys(types))
    found = msgspec.json.schema_components(unique, ref_template=_SCHEMAS + "{name}")
    schemas, components = msgspec.json.decode(_MODULE.sub(_noun, msgspec.json.encode(found)))
    return dict(zip(unique, schemas, strict=True)), components


# Where two classes have one name, msgspec puts their modules before it; and a page's kind stands behind it.
_MODULE = re.compile(rb"marketplace\.[.\w]*?(\w+)\.(\w+)(?=\")|(PageOf)_(\w+?)_(?=\")")


def _noun(match: re.Match[bytes]) -> bytes:
    """The `State` of the module `payout_run` is a `PayoutRunState`, a page of views a `PageOfViews`."""
    module, name, page, kind = match.groups()
    return page + kind if page else module.title().replace(b"_", b"") + name


def _components(schemas: dict[str, Any]) -> dict[str, Any]:
    bearer = {"type": "http", "scheme": "bearer", "description": "The access token of a sign-in."}
    return {
        "schemas": schemas,
        "responses": {f"Problem{status}": _problem(status) for status in MEANINGS},
        "parameters": {name: {"name": name, "in": "header", **facts} for name, facts in _HEADERS.items()},
        "headers": _ANSWER_HEADERS,
        "securitySchemes": {"bearer": bearer},
    }


def _problem(status: int) -> dict[str, Any]:
    code, meaning = MEANINGS[status]
    problem = Problem(title=title_of(status), status=status, code=code, detail=meaning, request_id="01a1f85f")
    waits = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}} if status in _WAITING else {}
    return {
        "description": meaning,
        "headers": _named_headers("X-Request-ID") | waits,
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}, "example": msgspec.to_builtins(problem)}
        },
    }


def problems(statuses: Iterable[int]) -> dict[str, Any]:
    """The responses of an operation that may be refused with these."""
    return {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(statuses)}


def _operation(route: Route, inputs: Inputs, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation_id(route.verb, route.path),
        "summary": route.summary,
        "description": _who(route),
        "tags": list(route.tags),
        "security": [] if route.public else [{"bearer": []}],
        "parameters": list(_parameters(route, inputs)),
        "responses": {str(route.status): _answer(route, schemas[route.answer]), **problems(_refusals(route))},
    }
    if route.verb == "GET":
        made["responses"]["304"] = {"description": "As it was, by If-None-Match."}
    if route.public and route.verb == "GET":
        made["security"] = [{}, {"bearer": []}]
        made["responses"] |= problems([401])
    if inputs.body is not None and inputs.body.shape.__struct_fields__:
        made["requestBody"] = _body(inputs.body, schemas)
    return made


def operation_id(verb: str, path: str) -> str:
    words = re.sub(r"{(\w+)}", r"by_\1", path).strip("/").replace("/", "_").replace("-", "_")
    return f"{verb.lower()}_{words}"


def _who(route: Route) -> str:
    who = "Anybody may ask." if route.public else f"For {', '.join(sorted(route.roles))}."
    told = (route.command.__doc__ or "").strip().partition("\n")[2] if isinstance(route, CommandRoute) else ""
    return f"{who} {' '.join(told.split())}".strip()


def _refusals(route: Route) -> set[int]:
    statuses = {400, 404, 429, 500, 503}
    statuses |= set() if route.public else {401, 403}
    if route.verb == "POST":
        statuses |= {401, 403, 409, 413, 422}
    return statuses


def _body(reader: Reader, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    required = bool(schemas_required(reader))
    example = {name: value for name, value in example_of(reader.shape).items() if value is not None}
    return {
        "required": required,
        "content": {"application/json": {"schema": schemas[reader.shape], "example": example}},
    }


def schemas_required(reader: Reader) -> list[str]:
    """The fields without which a body is refused."""
    fields = msgspec.structs.fields(reader.shape)
    return [one.encode_name for one in fields if one.required]


def _answer(route: Route, schema: Any) -> dict[str, Any]:
    names = ["X-Request-ID", "ETag" if route.verb == "GET" else "Idempotent-Replayed"]
    return {
        "description": "What was asked for." if route.verb == "GET" else "As it is now.",
        "headers": _named_headers(*names),
        "content": _content(route, schema),
    }


def _content(route: Route, schema: Any) -> dict[str, Any]:
    if isinstance(route, QuestionRoute) and route.answer is bytes:
        return {route.media.partition(";")[0]: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": schema, "example": example_of(route.answer)}}


def _named_headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _parameters(route: Route, inputs: Inputs) -> Iterator[dict[str, Any]]:
    yield from _of(inputs.path, "path")
    if inputs.query is not None:
        yield from _of(inputs.query, "query")
    names = ["Marketplace-Tenant", "If-None-Match" if route.verb == "GET" else "Idempotency-Key"]
    for name in names if route.memory != Memory.NONE or route.verb == "GET" else names[:1]:
        yield {"$ref": f"#/components/parameters/{name}"}


def _of(reader: Reader, place: str) -> Iterator[dict[str, Any]]:
    """Parameters in a path or a query are never null: they are there, or not."""
    whole = msgspec.json.schema(reader.shape)
    defined = whole.get("$defs", {})
    properties = defined[reader.shape.__name__]["properties"]
    needed = schemas_required(reader)
    examples = example_of(reader.shape)
    for name, schema in properties.items():
        made = {"name": name, "in": place, "required": name in needed, "schema": _present(schema, defined)}
        yield made | ({"example": examples[name]} if examples[name] is not None and name in needed else {})


def _present(schema: dict[str, Any], defined: Mapping[str, Any]) -> dict[str, Any]:
    members = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    (one,) = members
    found = defined[one["$ref"].rpartition("/")[2]] | one if "$ref" in one else one
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return {key: value for key, value in found.items() if key not in {"title", "default", "$ref"}} | default
