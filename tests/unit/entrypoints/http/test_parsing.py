"""What a command's annotations say of its bounds is what a reader refuses, in words."""

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, get_args, get_type_hints
from uuid import UUID

import msgspec
import pytest

from marketplace.core.commands import USE_CASES
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.limits import Among, Between, Length, check_bounds
from marketplace.core.shared.roles import Role
from marketplace.entrypoints.http.app import ADMIN_ROUTES, USER_ROUTES
from marketplace.entrypoints.http.parsing import Reader, query_of, span
from marketplace.entrypoints.http.routes import CommandRoute

COMMANDS = sorted(
    {route.command for route in (*USER_ROUTES, *ADMIN_ROUTES) if isinstance(route, CommandRoute)},
    key=lambda command: command.__name__,
)


@dataclass(frozen=True)
class Part:
    weight: Annotated[int, Between(1, 9)]
    label: str = ""


@dataclass(frozen=True)
class Whole:
    name: Annotated[str, Length(3, least=1)]
    at: datetime | None = None
    parts: Annotated[tuple[Part, ...], Length(2)] = ()
    free: dict[str, Any] = field(default_factory=dict)
    from_: int = 0
    day: date | None = None
    land: Annotated[str, Length(2, least=2)] | None = None
    who: UUID | None = None
    colour: Literal["blue", "green"] | None = None
    role: Annotated[Role, Among((Role.CUSTOMER, Role.PROVIDER))] = Role.CUSTOMER
    roles: tuple[Annotated[Role, Among((Role.CUSTOMER, Role.PROVIDER))], ...] = ()


def refused(body: bytes) -> dict[str, Any]:
    with pytest.raises(Invalid) as caught:
        Reader(Whole).body(body)
    return dict(caught.value.facts)


class TestAReader:
    def test_reads_what_is_within_bounds(self) -> None:
        body = b'{"name":"abc","at":"2026-03-02T12:00:00+02:00","parts":[{"weight":9}],"from":4}'

        read = Reader(Whole).body(body)

        noon = datetime(2026, 3, 2, 10, tzinfo=UTC)
        assert read == Whole("abc", noon, (Part(9),), {}, 4)

    @pytest.mark.parametrize(
        ("body", "name", "allowed"),
        [
            (b'{"name":"abcd"}', "name", "text of 1 to 3 characters"),
            (b'{"name":""}', "name", "text of 1 to 3 characters"),
            (b"{}", "name", "text of 1 to 3 characters"),
            (b'{"name":"a","land":"ZAF"}', "land", "text of 2 characters or null"),
            (
                b'{"name":"a","parts":[{"weight":1},{"weight":10}]}',
                "parts[1].weight",
                "a whole number from 1 to 9",
            ),
            (
                b'{"name":"a","parts":[{"weight":1},{"colour":1}]}',
                "parts[1].colour",
                "an object with weight, label",
            ),
            (b'{"name":"a","parts":[{},{},{}]}', "parts[0].weight", "a whole number from 1 to 9"),
            (b'{"name":"a","at":"2026-03-02T12:00:00"}', "at", "a time like 2026-03-01T09:00:00Z or null"),
            (
                b'{"name":"a","from_":4}',
                "from_",
                "an object with name, at, parts, free, from, day, land, who, colour, role, roles",
            ),
            (b'{"name":"\\u0000"}', "name", "text without U+0000"),
        ],
    )
    def test_names_what_is_out_of_bounds(self, body: bytes, name: str, allowed: str) -> None:
        facts = refused(body)

        assert (facts["field"], facts["allowed"]) == (name, allowed)

    @pytest.mark.parametrize(
        ("wrong", "problem"),
        [
            ('"name":7', "is a whole number"),
            ('"name":[]', "is a list"),
            ('"name":null', "is null"),
            ('"name":"abcd"', "is too long"),
            ('"name":""', "is too short"),
            ('"at":"soon"', "is no time"),
            ('"at":7', "is a whole number"),
            ('"at":"2026-03-02T12:00:00"', "has no offset from UTC"),
            ('"parts":{}', "is an object"),
            ('"parts":[{"weight":0}]', "is too small"),
            ('"parts":[{"weight":10}]', "is too large"),
            ('"parts":[{"weight":1.5}]', "is a number with a fraction"),
            ('"parts":[{"weight":true}]', "is true or false"),
            ('"parts":[{"weight":"one"}]', "is text"),
            ('"day":"someday"', "is no date"),
            ('"who":"none"', "is no UUID"),
            ('"colour":"red"', "is 'red'"),
            ('"role":"clock"', "is 'clock'"),
            ('"role":"boss"', "is 'boss'"),
            ('"from":1e400', "is too large"),
        ],
    )
    def test_says_in_plain_words_what_is_wrong(self, wrong: str, problem: str) -> None:
        facts = refused(f'{{"name":"a",{wrong}}}'.encode())

        assert facts["problem"] == problem
        assert facts["allowed"]

    def test_names_of_a_kinds_members_those_alone_that_may_be_given(self) -> None:
        assert refused(b'{"name":"a","role":"system"}')["allowed"] == "customer, provider"
        assert refused(b'{"name":"a","role":"boss"}')["allowed"] == "customer, provider"
        assert refused(b'{"name":"a","roles":["customer","clock"]}')["field"] == "roles[1]"

    def test_names_both_ends_of_a_period_as_the_query_does(self) -> None:
        noon = datetime(2026, 3, 2, 12, tzinfo=UTC)

        with pytest.raises(Invalid) as caught:
            span(noon, noon)

        assert (caught.value.facts["field"], caught.value.facts["problem"]) == (
            "until",
            "must be after `from`",
        )

    @pytest.mark.parametrize("depth", [10_000, 100_000])
    def test_goes_no_deeper_than_it_can(self, depth: int) -> None:
        nested = b'{"name":"a","free":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"

        assert refused(nested)["problem"] == "is nested too deeply"

    def test_makes_numbers_and_truths_of_a_querys_text(self) -> None:
        @dataclass
        class Query:
            limit: int
            detailed: bool = False

        assert Reader(Query).text(query_of(b"limit=7&detailed=true")) == Query(7, True)

    def test_offers_nobody_a_null_in_a_query(self) -> None:
        @dataclass
        class Query:
            limit: int | None = None
            colour: Literal["blue", "green"] | None = None

        with pytest.raises(Invalid) as caught:
            Reader(Query).text(query_of(b"colour=red"))

        assert caught.value.facts["allowed"] == "blue, green"

    @pytest.mark.parametrize("query", [b"a=1&a=2", b"a=1&b=2&b=2", b"&".join([b"a=1"] * 60)])
    def test_takes_each_parameter_once(self, query: bytes) -> None:
        with pytest.raises(Invalid):
            query_of(query)


class TestACommandOfTheRoutes:
    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
    def test_says_how_long_each_of_its_texts_may_be(self, command: type) -> None:
        assert not list(boundless(command))

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
    def test_has_a_use_case_and_words_for_the_document(self, command: type) -> None:
        assert command in USE_CASES
        assert (command.__doc__ or "").split("\n\n")[0].strip().splitlines()[0].endswith(".")


def boundless(kind: type) -> Any:
    """Texts and lists, however deep, whose annotation states no length."""
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):  # type: ignore[arg-type]
        yield from _boundless(f"{kind.__name__}.{one.name}", hints[one.name])


def _boundless(place: str, hint: Any) -> Any:
    members = [hint] if hasattr(hint, "__metadata__") else [hint, *get_args(hint)]
    for member in members:
        stated = any(isinstance(bound, Length) for bound in getattr(member, "__metadata__", ()))
        kind = getattr(member, "__origin__", member)
        if kind is str and not stated:
            yield place
        if is_dataclass(kind) and isinstance(kind, type):
            yield from boundless(kind)


class TestCheckBounds:
    """The core refuses the same by itself, for whoever does not come over HTTP."""

    @pytest.mark.parametrize(
        "whole",
        [
            Whole("abcd"),
            Whole("a\0"),
            Whole("a", datetime(1969, 1, 1, tzinfo=UTC)),
            Whole("a", datetime(2026, 1, 1)),  # noqa: DTZ001 - the point of it
            Whole("a", None, (Part(0),)),
            Whole("a", None, (Part(1), Part(1), Part(1))),
            Whole("a", None, (), {}, 2**63),
            Whole("a", role=Role.CLOCK),
            Whole("a", roles=(Role.SYSTEM,)),
        ],
    )
    def test_refuses(self, whole: Whole) -> None:
        with pytest.raises(Invalid):
            check_bounds(whole)

    def test_lets_pass_what_is_within(self) -> None:
        check_bounds(Whole("abc", datetime(2026, 1, 1, tzinfo=UTC), (Part(9),), {}, -(2**63)))

    def test_is_what_the_struct_says_too(self) -> None:
        schema = msgspec.json.schema(Reader(Whole).shape)["$defs"]

        assert schema["Whole"]["properties"]["name"] == {"type": "string", "minLength": 1, "maxLength": 3}
        assert schema["PartInput"]["properties"]["weight"] == {"type": "integer", "minimum": 1, "maximum": 9}
        assert schema["Whole"]["additionalProperties"] is False
