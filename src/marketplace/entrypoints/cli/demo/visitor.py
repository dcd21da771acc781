"""Somebody with a phone at the HTTP API signs in by the code in the message, and asks one thing at a time."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from marketplace.core.shared.errors import MarketplaceError, Unavailable
from marketplace.entrypoints.blueprints import DemoPerson

T = TypeVar("T")
Answer = Any

WAIT_SECONDS_MAX = 30.0
_LOOK_AGAIN_SECONDS = 0.05
_CODE = re.compile(r"\b\d{6}\b")
_TENANT = "Marketplace-Tenant"


class DemoStopped(MarketplaceError):
    """The API answered something else than the path needs."""

    code = "demo_stopped"


@dataclass
class Api:
    """`tenant` is the slug of the marketplace that is meant; None means the one that is served by default."""

    client: httpx.Client
    tenant: str | None = None

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **given: Any
    ) -> httpx.Response:
        """Raises Unavailable where nothing answers."""
        named = {_TENANT: self.tenant} if self.tenant else {}
        try:
            return self.client.request(method, path, headers={**named, **(headers or {})}, **given)
        except httpx.HTTPError as error:
            raise Unavailable(f"no marketplace answers at {self.client.base_url}: {error}") from error

    def ask(self, method: str, path: str, **given: Any) -> Answer:
        return answer_of(self.send(method, path, **given))


def answer_of(response: httpx.Response) -> Answer:
    """Raises DemoStopped, with what the API says is wrong."""
    if response.is_success:
        return response.json()
    asked = f"{response.request.method} {response.request.url.path}"
    try:
        said = str(response.json().get("detail"))
    except ValueError:
        said = response.text[:200]
    raise DemoStopped(f"{asked} was answered {response.status_code}: {said}")


@dataclass
class Visitor:
    """One person in one role; the tokens are renewed where the marketplace's clock has outrun them."""

    api: Api
    person: DemoPerson
    role: str
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def sign_in(self) -> None:
        sign_in_id = str(uuid4())
        asked = {"sign_in_id": sign_in_id, "phone": self.person.phone}
        self.api.ask("POST", "/v1/sign-in/codes", json=asked)
        proof = {"sign_in_id": sign_in_id, "code": self._code(), "role": self.role}
        self._tokens = self.api.ask("POST", "/v1/sign-in/tokens", json=proof)

    def ask(self, method: str, path: str, **given: Any) -> Answer:
        """Raises DemoStopped, Unavailable. A question that writes has a key, so that asking again is safe."""
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        response = self.api.send(method, path, headers=headers | self._bearer(), **given)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._renew()
            response = self.api.send(method, path, headers=headers | self._bearer(), **given)
        return answer_of(response)

    def _renew(self) -> None:
        token = {"refresh_token": self._tokens["refresh_token"]}
        self._tokens = self.api.ask("POST", "/v1/sign-in/refresh", json=token)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens['access_token']}"}

    def _code(self) -> str:
        inbox = self.api.ask("GET", "/v1/sandbox/inbox", params={"address": self.person.phone, "limit": 1})
        found = [_CODE.search(message["text"]) for message in inbox["items"]]
        if not found or found[0] is None:
            raise DemoStopped(f"no code has come to {self.person.phone}")
        return found[0].group()


def wait_for(look: Callable[[], T | None], *, what: str) -> T:
    """What `look` finds, once it does; raises DemoStopped where it takes too long."""
    until = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < until:
        found = look()
        if found is not None:
            return found
        time.sleep(_LOOK_AGAIN_SECONDS)
    raise DemoStopped(f"{what} did not happen within {WAIT_SECONDS_MAX:.0f} seconds; is a worker running?")
