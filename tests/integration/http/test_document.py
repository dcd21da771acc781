"""The documents say what is true: every operation whole, every example valid against its own schema."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from marketplace.entrypoints.http import app, sandbox
from marketplace.entrypoints.http.routes import CommandRoute, inputs_of

DOCUMENTS = ("/v1/openapi.json", "/admin/v1/openapi.json")
ROUTES = (*app.USER_ROUTES, *sandbox.ROUTES, *app.ADMIN_ROUTES)
# What a query may hold that is not for the caller to choose the length of.
FREE = {"Last-Event-ID", "If-None-Match"}


async def document_at(market: Any, path: str) -> Any:
    return (await market.client.get(path)).json()


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield f"{verb.upper()} {path}", operation


def resolved(document: Any, part: Any) -> Any:
    """The part that a reference means."""
    while "$ref" in part:
        found = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def faults(document: Any, schema: Any, value: Any) -> list[str]:
    """By the schema's own words, formats and all."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    whole |= {"components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [str(error.message) for error in validator.iter_errors(value)]


def contents(document: Any, operation: Any) -> Iterator[tuple[str, Any]]:
    """Everything in JSON that an operation takes or gives, with its place."""
    if "requestBody" in operation:
        yield "request", operation["requestBody"]["content"]["application/json"]
    for status, response in operation["responses"].items():
        for kind, content in resolved(document, response).get("content", {}).items():
            if kind.endswith("json"):
                yield status, content


@pytest.mark.parametrize("path", DOCUMENTS)
class TestEveryOperation:
    async def test_says_what_it_does_and_what_may_go_wrong(self, market: Any, path: str) -> None:
        document = await document_at(market, path)

        for name, operation in operations(document):
            assert operation["summary"].endswith("."), name
            assert operation["description"], name
            assert operation["tags"], name
            assert "security" in operation, name
            assert {"500", "503"} <= operation["responses"].keys(), name

    async def test_has_a_name_of_its_own(self, market: Any, path: str) -> None:
        names = [one["operationId"] for _, one in operations(await document_at(market, path))]

        assert len(set(names)) == len(names)

    async def test_has_examples_that_its_schemas_allow(self, market: Any, path: str) -> None:
        document = await document_at(market, path)

        wrong = [
            (name, place, found)
            for name, operation in operations(document)
            for place, content in contents(document, operation)
            if (found := faults(document, content["schema"], content["example"]))
        ]

        assert not wrong

    async def test_has_examples_that_say_more_than_that_there_is_text(self, market: Any, path: str) -> None:
        document = await document_at(market, path)

        bare = [
            (name, place)
            for name, operation in operations(document)
            for place, content in contents(document, operation)
            if re.search(rb'"text"(?!:)', msgspec.json.encode(content["example"]))
        ]

        assert not bare

    async def test_takes_parameters_whose_examples_fit(self, market: Any, path: str) -> None:
        document = await document_at(market, path)

        for name, operation in operations(document):
            for one in (resolved(document, part) for part in operation.get("parameters", ())):
                if "example" in one:
                    assert not faults(document, one["schema"], one["example"]), (name, one["name"])

    async def test_takes_nothing_without_bounds(self, market: Any, path: str) -> None:
        document = await document_at(market, path)

        loose = [
            (name, place)
            for name, operation in operations(document)
            for part in (resolved(document, one) for one in operation.get("parameters", ()))
            if part["name"] not in FREE
            for place in unbounded(document, part["schema"], part["name"])
        ]
        loose += [
            (name, place)
            for name, operation in operations(document)
            if "requestBody" in operation and not name.startswith("POST /hooks")
            for place in unbounded(
                document, operation["requestBody"]["content"]["application/json"]["schema"], "body"
            )
        ]

        assert loose == [("POST /hooks/{rail}", "rail")] * ("/admin" not in path)

    async def test_names_nothing_of_the_code(self, market: Any, path: str) -> None:
        text = (await market.client.get(path)).text

        assert not re.search(r"marketplace\.(core|entrypoints|adapters)", text)


def unbounded(document: Any, schema: Any, place: str) -> Iterator[str]:
    """Where a text, a number, a list or an object may be of any size."""
    schema = resolved(document, schema)
    for one in schema.get("anyOf", ()):
        yield from unbounded(document, one, place)
    match schema.get("type"):
        case "string" if not schema.keys() & {"maxLength", "enum", "format"}:
            yield place
        case "integer" if not {"minimum", "maximum"} <= schema.keys():
            yield place
        case "array":
            yield from [] if "maxItems" in schema else [place]
            yield from unbounded(document, schema["items"], f"{place}[]")
        case "object":
            yield from [] if schema.get("additionalProperties") is False else [place]
            for name, part in schema.get("properties", {}).items():
                yield from unbounded(document, part, f"{place}.{name}")


class TestExamples:
    @pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.verb} {route.path}")
    async def test_are_read_by_the_code_that_serves(self, market: Any, route: Any) -> None:
        path = DOCUMENTS["/admin/" in route.path]
        operation = (await document_at(market, path))["paths"][route.path][route.verb.lower()]
        inputs = inputs_of(route)

        if inputs.body is not None and "requestBody" in operation:
            example = operation["requestBody"]["content"]["application/json"]["example"]
            elsewhere = dict.fromkeys(inputs.body.without)
            assert inputs.body.body(msgspec.json.encode(example), **elsewhere)
        content = operation["responses"][str(route.status)]["content"]
        if route.answer is bytes:
            assert content == {route.media.partition(";")[0]: {"schema": {"type": "string"}}}
        else:
            assert msgspec.convert(content["application/json"]["example"], route.answer)

    def test_show_every_field_of_a_command_that_has_to_be_there(self) -> None:
        commands = [route.command for route in ROUTES if isinstance(route, CommandRoute)]

        assert len(set(commands)) > 40
