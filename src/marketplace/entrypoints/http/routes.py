"""Every route is a row: path, roles, what is asked, what is answered; a row without roles lets nobody in."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from http import HTTPStatus
from typing import Annotated, Any, get_type_hints
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.bodies import body_of, command_from
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.problems import Problem

ANYONE: frozenset[Role] = frozenset()
CUSTOMER = frozenset({Role.CUSTOMER})
PROVIDER = frozenset({Role.PROVIDER})
BOTH = CUSTOMER | PROVIDER
ADMIN = frozenset({Role.ADMIN})
DESK = frozenset({Role.ADMIN, Role.SUPPORT})
SIGNED_IN = BOTH | DESK

_EMPTY = inspect.Parameter.empty
# Litestar keeps some names (state, request …) for itself; query parameters are told apart by this.
_ASKED = "asked_"
_PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")
_TYPES: Mapping[str, type] = {"uuid": UUID, "str": str}

View = Callable[[Any, Call], Any]
Ask = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRoute:
    """
    POST: the body is the command less what the path says. `public` must be said, or `roles` given.

    `prepare` puts a command into its normal form; `after` runs once it is written; `receipt` is false where
    the answer holds a secret, which must not be stored.
    """

    path: str
    command: type
    answer: Any
    view: View
    roles: frozenset[Role] = ANYONE
    public: bool = False
    status: int = 200
    tags: tuple[str, ...] = ()
    prepare: Callable[[Any, Call], Any] | None = None
    after: Callable[[Office, Any, Call], Awaitable[None]] | None = None
    receipt: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRoute:
    """GET (or a POST that changes nothing): `ask(office, call, **parameters)` answers."""

    path: str
    ask: Ask
    answer: Any
    summary: str
    roles: frozenset[Role] = ANYONE
    public: bool = False
    tags: tuple[str, ...] = ()
    body: type | None = None


Route = CommandRoute | QuestionRoute


def handlers(routes: tuple[Route, ...], office: Office) -> list[HTTPRouteHandler]:
    """Litestar's handlers of a table; raises ValueError for a route that says nothing of who may come."""
    for route in routes:
        if not route.roles and not route.public:
            raise ValueError(f"{route.path} lets nobody in: give roles, or say that it is public")
    return [_command(r, office) if isinstance(r, CommandRoute) else _question(r, office) for r in routes]


def _command(route: CommandRoute, office: Office) -> HTTPRouteHandler:
    in_path = _path_parameters(route.path)
    names = [f.name for f in fields(route.command) if f.name not in in_path]
    body = body_of(route.command, frozenset(in_path))

    async def handle(request: Request[Any, Any, Any], **given: Any) -> Response[bytes]:
        data = given.pop("data", None)
        return await office.carry_out(
            request, route, command_from(route.command, data, given, names if data is not None else ())
        )

    parameters: dict[str, Any] = {name: _marked(FromPath, kind) for name, kind in in_path.items()}
    defaults: dict[str, Any] = {}
    if names and _needs_body(route.command, names):
        parameters["data"] = _marked(JSONBody, body)
    elif names:
        parameters["data"], defaults["data"] = _marked(JSONBody, body | None), None
    _sign(handle, parameters, route.answer, defaults)
    summary = (route.command.__doc__ or "").strip().split("\n")[0]
    return post(
        route.path,
        status_code=route.status,
        name=f"POST {route.path}",
        operation_id=_operation(route.path, "post"),
        summary=summary,
        tags=route.tags,
        security=[] if route.public else [{"bearer": []}],
        responses=_problems(route.public, writes=True),
        opt={"roles": route.roles, "public": route.public},
    )(handle)


def _needs_body(command: type, names: list[str]) -> bool:
    asked = (field for field in fields(command) if field.name in names)
    return any(field.default is MISSING and field.default_factory is MISSING for field in asked)


def _question(route: QuestionRoute, office: Office) -> HTTPRouteHandler:
    in_path = _path_parameters(route.path)
    asked = _asked(route.ask, in_path)

    async def handle(request: Request[Any, Any, Any], **given: Any) -> Response[bytes]:
        given = {name.removeprefix(_ASKED): value for name, value in given.items()}
        return await office.answer(request, route, given)

    parameters: dict[str, Any] = {name: _marked(FromPath, kind) for name, kind in in_path.items()}
    defaults: dict[str, Any] = {}
    if route.body is not None:
        parameters["data"] = _marked(JSONBody, body_of(route.body, frozenset(in_path)))
    else:
        parameters |= {_ASKED + name: _query(name, hint) for name, (hint, _) in asked.items()}
        defaults = {_ASKED + name: default for name, (_, default) in asked.items() if default is not _EMPTY}
    _sign(handle, parameters, route.answer, defaults)
    verb = "get" if route.body is None else "post"
    return (get if route.body is None else post)(
        route.path,
        status_code=200,
        name=f"{verb.upper()} {route.path}",
        operation_id=_operation(route.path, verb),
        summary=route.summary,
        tags=route.tags,
        security=[] if route.public else [{"bearer": []}],
        responses=_problems(route.public, writes=False),
        opt={"roles": route.roles, "public": route.public},
    )(handle)


def _marked(marker: Any, annotation: Any) -> Any:
    """An annotation made at run time, which a type checker cannot follow."""
    return marker[annotation]


def _query(name: str, hint: Any) -> Any:
    """A query parameter; one whose name Python keeps for itself is written with an underscore behind it."""
    return Annotated[hint, QueryParameter(name=name.rstrip("_"))]


def _path_parameters(path: str) -> dict[str, type]:
    return {name: _TYPES[kind or "str"] for name, kind in _PARAMETER.findall(path)}


def _asked(ask: Ask, in_path: Mapping[str, type]) -> dict[str, tuple[Any, Any]]:
    """The query parameters of a question: its keywords that are not in the path."""
    hints = get_type_hints(ask, include_extras=True)
    return {
        name: (hints[name], parameter.default)
        for name, parameter in inspect.signature(ask).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in in_path and name != "data"
    }


def _sign(
    handle: Any, parameters: Mapping[str, Any], answer: Any, defaults: Mapping[str, Any] | None = None
) -> None:
    """Give a handler the signature that Litestar reads: it parses, validates and documents by it."""
    defaults = defaults or {}
    keyword = inspect.Parameter.KEYWORD_ONLY
    annotations = {"request": Request[Any, Any, Any], **parameters}
    handle.__signature__ = inspect.Signature(
        [
            inspect.Parameter(name, keyword, default=defaults.get(name, _EMPTY), annotation=annotation)
            for name, annotation in annotations.items()
        ],
        return_annotation=Response[answer],
    )
    handle.__annotations__ = {**annotations, "return": Response[answer]}


def _operation(path: str, verb: str) -> str:
    words = re.sub(r"{(\w+)(:\w+)?}", r"by_\1", path).strip("/").replace("/", "_").replace("-", "_")
    return f"{verb}_{words}"


def _problems(public: bool, *, writes: bool) -> dict[int, ResponseSpec]:  # noqa: FBT001 - a row's own flag
    statuses = [400, 404, 429, 503]
    statuses += [] if public else [401, 403]
    statuses += [409, 422] if writes else []
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=HTTPStatus(status).phrase,
            generate_examples=False,
        )
        for status in sorted(statuses)
    }
