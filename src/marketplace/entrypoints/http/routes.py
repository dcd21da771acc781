"""Every route is a row: path, roles, what is asked, what is answered; a row without roles lets nobody in."""

import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields, make_dataclass
from functools import partial
from typing import Any, get_type_hints

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from marketplace.core.shared.roles import Role
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.answer import JSON
from marketplace.entrypoints.http.idempotency import Memory
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.parsing import Reader, query_of

ANYONE: frozenset[Role] = frozenset()
CUSTOMER = frozenset({Role.CUSTOMER})
PROVIDER = frozenset({Role.PROVIDER})
BOTH = CUSTOMER | PROVIDER
ADMIN = frozenset({Role.ADMIN})
DESK = frozenset({Role.ADMIN, Role.SUPPORT})
SIGNED_IN = BOTH | DESK

_PARAMETER = re.compile(r"{(\w+)}")

View = Callable[[Any, Call], Any]
Ask = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRoute:
    """
    POST: the body is the command less what the path says. `public` must be said, or `roles` given.

    `prepare` puts a command into its normal form; `after` runs once it is written, and for None as result
    when the answer is given again. Of a caller who is nobody yet, `principal` names the field by which its
    idempotency keys are told from others'. Of whom the route is for, `needed` fields are asked though the
    command can do without them.
    """

    path: str
    command: type
    answer: Any
    view: View
    roles: frozenset[Role] = ANYONE
    public: bool = False
    status: int = 200
    tags: tuple[str, ...] = ()
    prepare: Callable[[Office, Any, Call], Any] | None = None
    after: Callable[[Office, Any, Call], Awaitable[None]] | None = None
    memory: Memory = Memory.WRITTEN
    principal: str | None = None
    needed: frozenset[str] = frozenset()

    @property
    def verb(self) -> str:
        return "POST"

    @property
    def summary(self) -> str:
        return (self.command.__doc__ or "").strip().split("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRoute:
    """
    GET (or a POST with a body): `ask(office, call, **parameters)` answers.

    `query` is a dataclass of what may be asked, where the keywords of `ask` do not say it. One whose `media`
    is not JSON answers a File.
    """

    path: str
    ask: Ask
    answer: Any
    summary: str
    roles: frozenset[Role] = ANYONE
    public: bool = False
    tags: tuple[str, ...] = ()
    query: type | None = None
    body: type | None = None
    memory: Memory = Memory.NONE
    status: int = 200
    media: str = JSON.decode()

    @property
    def verb(self) -> str:
        return "GET" if self.body is None else "POST"


Route = CommandRoute | QuestionRoute


@dataclass(frozen=True)
class Inputs:
    """What a route reads, and from where."""

    path: Reader
    query: Reader | None = None
    body: Reader | None = None

    async def read(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """By the names of the parameters; a body that is no command is `data`. Raises Invalid."""
        given: dict[str, Any] = vars(self.path.text(request.path_params))
        asked = query_of(request.scope["query_string"])
        if self.query is not None:
            return {**given, **vars(self.query.text(asked))}
        if asked:
            NOTHING.text(asked)
        if self.body is None:
            return given
        known = {name: given[name] for name in self.body.without}
        return {"data": self.body.body(await request.body(), **known), **given}


NOTHING = Reader(make_dataclass("Nothing", []))


def inputs_of(route: Route) -> Inputs:
    """Which parameters a route has, found in its command or in the signature of what answers it."""
    in_path = tuple(_PARAMETER.findall(route.path))
    if isinstance(route, CommandRoute):
        return Inputs(
            _path_reader(route.command, in_path), body=Reader(route.command, frozenset(in_path), route.needed)
        )
    path = _path_reader(route.ask, in_path)
    if route.body is not None:
        known = frozenset(one.name for one in fields(route.body))
        return Inputs(path, body=Reader(route.body, known.intersection(in_path)))
    asked = route.query or _asked(route.ask, in_path)
    return Inputs(path, query=Reader(asked) if fields(asked) else None)


def _path_reader(owner: Any, names: tuple[str, ...]) -> Reader:
    hints = get_type_hints(owner, include_extras=True)
    return Reader(make_dataclass("Path", [(name, hints[name]) for name in names]))


def _asked(ask: Ask, in_path: tuple[str, ...]) -> type:
    """The query parameters of a question: its keywords that are not in the path."""
    hints = get_type_hints(ask, include_extras=True)
    asked: list[Any] = [
        (name, hints[name])
        if parameter.default is inspect.Parameter.empty
        else (name, hints[name], field(default=parameter.default))
        for name, parameter in inspect.signature(ask).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in in_path
    ]
    return make_dataclass("Query", asked, kw_only=True)


def handlers(routes: tuple[Route, ...], office: Office) -> list[HTTPRouteHandler]:
    """Litestar's handlers of a table; raises ValueError for a route that says nothing of who may come."""
    for route in routes:
        if not route.roles and not route.public:
            raise ValueError(f"{route.path} lets nobody in: give roles, or say that it is public")
    return [_handler(route, office) for route in routes]


def _handler(route: Route, office: Office) -> HTTPRouteHandler:
    """
    Litestar finds the row, and makes a problem of what is raised; what lies between the two is passed over.

    A row reads its own parameters and makes its own answer, so it stands where a middleware does, in front
    of the layers in which Litestar would do both for it.
    """
    return (post if route.verb == "POST" else get)(
        _PARAMETER.sub(r"{\1:str}", route.path),
        status_code=route.status,
        name=f"{route.verb} {route.path}",
        opt={"roles": route.roles, "public": route.public},
        middleware=[partial(_serving, route, office)],
    )(_passed_over)


def _serving(route: Route, office: Office, app: ASGIApp) -> ASGIApp:  # noqa: ARG001 - nothing stands behind
    """Who asks is looked at before what is asked: to a stranger even a mistake is not explained."""
    inputs = inputs_of(route)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        call = await office.call(request, route)
        given = await inputs.read(request)
        if isinstance(route, CommandRoute):
            answer = await office.carry_out(request, route, call, given["data"])
        else:
            answer = await office.answer(request, route, call, given)
        await answer.send(send)

    return serve


async def _passed_over() -> None:
    raise AssertionError("a row is served in front of its handler")
