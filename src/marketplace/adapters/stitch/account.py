"""Stitch is asked with a token that is renewed before it ends, by one call for all who wait for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import httpx
import msgspec

from marketplace.adapters.stitch.refusals import UNAUTHENTICATED, KeyRefused, Refused, broken, code_of, failed
from marketplace.core.shared.errors import OutcomeUnknown, Unavailable

TOKEN_URL = "https://secure.stitch.money/connect/token"  # noqa: S105 - the place of tokens, and none itself
API_URL = "https://api.stitch.money/graphql"
SCOPES = (
    "client_recurringpaymentconsentrequest",
    "transaction_initiate",
    "client_paymentrequest",
    "client_disbursement",
)
_TIMEOUT = httpx.Timeout(30, connect=5)
# A token is renewed so long before it ends, as the call that carries it takes its time too.
_MARGIN = timedelta(seconds=60)

T = TypeVar("T")


class _Token(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: int


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    data: dict[str, Any] | None = None
    errors: tuple[dict[str, Any], ...] = ()
    extensions: dict[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who we are at Stitch, and where that is."""

    client_id: str
    secret: str = field(repr=False)
    token_url: str = TOKEN_URL
    api_url: str = API_URL


def connect() -> httpx.AsyncClient:
    """No I/O. Whoever made it closes it."""
    return httpx.AsyncClient(timeout=_TIMEOUT)


class ModeMismatch(Unavailable):
    """A marketplace whose money is real, and a client for money that is not, or the other way round."""

    code = "stitch_mode_mismatch"


@dataclass(kw_only=True)
class Account:
    """
    The platform's client at Stitch. `clock` is the real time, whatever a marketplace's own clock says.

    `live` is whether the client moves real money, `live_of` whether a marketplace's is.
    """

    client: Client
    http: httpx.AsyncClient = field(repr=False)
    clock: Callable[[], datetime]
    live: bool
    live_of: Callable[[UUID], Awaitable[bool]]
    _token: str | None = field(default=None, repr=False)
    _ends_at: datetime | None = None
    _renewal: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    _locks: "WeakValueDictionary[UUID, asyncio.Lock]" = field(default_factory=WeakValueDictionary, repr=False)

    @contextlib.asynccontextmanager
    async def alone(self, reference: UUID) -> AsyncIterator[None]:
        """One call about a reference at a time in this process; of several processes, the nonce stops one."""
        lock = self._locks.setdefault(reference, asyncio.Lock())
        async with lock:
            yield

    async def check_mode(self, tenant_id: UUID) -> None:
        """Raises ModeMismatch before anything is ordered."""
        if await self.live_of(tenant_id) is not self.live:
            words = ("live", "test") if self.live else ("test", "live")
            raise ModeMismatch(f"a {words[0]} client of Stitch, and a {words[1]} marketplace")

    async def do(self, document: str, variables: Mapping[str, Any], kind: type[T]) -> T:
        """Carry out an order. Raises Refused, Unavailable, and OutcomeUnknown where it may have been done."""
        try:
            return await self._asked(document, variables, kind)
        except Refused as refused:
            if refused.code != UNAUTHENTICATED:
                raise
        # Nothing was begun for a token that Stitch took no more.
        self._token = None
        return await self._asked(document, variables, kind)

    async def ask(self, document: str, variables: Mapping[str, Any], kind: type[T]) -> T:
        """Put a question. Raises Unavailable where there is no answer: nothing was moved."""
        try:
            return await self.do(document, variables, kind)
        except OutcomeUnknown as doubt:
            raise Unavailable("Stitch does not answer", **doubt.facts) from doubt
        except Refused as refused:
            raise Unavailable("Stitch does not answer", reason=refused.code) from refused

    async def token(self) -> str:
        """Raises KeyRefused, Unavailable: without one nothing is begun."""
        async with self._renewal:
            if self._token is None or self._ends_at is None or self._ends_at - _MARGIN <= self.clock():
                asked_at = self.clock()
                found = await self._renewed()
                self._token = found.access_token
                self._ends_at = asked_at + timedelta(seconds=found.expires_in)
            return self._token

    async def _renewed(self) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client.client_id,
            "client_secret": self.client.secret,
            "audience": TOKEN_URL,
            "scope": " ".join(SCOPES),
        }
        try:
            answer = await self.http.post(self.client.token_url, data=form)
        except httpx.HTTPError as error:
            raise Unavailable("Stitch gives no token", reason=type(error).__name__) from error
        if answer.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise KeyRefused("Stitch refuses the client's secret", status=answer.status_code)
        if answer.status_code != httpx.codes.OK:
            raise Unavailable("Stitch gives no token", status=answer.status_code)
        try:
            return msgspec.json.decode(answer.content, type=_Token)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unavailable("Stitch gives no token", reason="unreadable") from error

    async def _asked(self, document: str, variables: Mapping[str, Any], kind: type[T]) -> T:
        headers = {"Authorization": f"Bearer {await self.token()}"}
        body = {"query": document, "variables": dict(variables)}
        try:
            answer = await self.http.post(self.client.api_url, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise broken(error) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Refused(UNAUTHENTICATED)
        failure = failed(answer.status_code)
        if failure is not None:
            raise failure
        return _read(answer.content, kind)


def _read(content: bytes, kind: type[T]) -> T:
    """Raises OutcomeUnknown: whatever was asked is done, and we cannot tell what."""
    try:
        answer = msgspec.json.decode(content, type=_Answer)
        if answer.errors:
            raise Refused(code_of(answer.errors[0], {"extensions": answer.extensions}))
        return msgspec.convert(answer.data, kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OutcomeUnknown("Stitch answered what cannot be read") from error
