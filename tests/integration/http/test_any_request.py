"""Whatever is asked, by whomever: no 5xx, and no answer that the documents do not know."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from queue import Queue
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from marketplace.entrypoints.server import listen, serve

SEED = 20_260_302
EXAMPLES, EXAMPLES_REFUSED = 8, 1
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
USERS, PLATFORM = "/v1/openapi.json", "/admin/v1/openapi.json"
ASKING = [
    (USERS, "nobody"),
    (USERS, "customer"),
    (USERS, "provider"),
    (PLATFORM, "support"),
    (PLATFORM, "admin"),
]
# A stream does not end, and signing out would leave nobody to ask.
LEFT_OUT = {"get_v1_events", "get_admin_v1_events", "post_v1_sign_in_out"}


@dataclass
class Live:
    """A platform in a thread of its own, because schemathesis waits for each answer."""

    url: str = ""
    documents: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)


class Thread(threading.Thread):
    def __init__(self, running: Any, url: str, data_directory: str) -> None:
        super().__init__(daemon=True)
        self.running, self.database_url, self.data_directory = running, url, data_directory
        self.ready: Queue[Live | BaseException] = Queue()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.over = asyncio.Event()

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - whoever waits is told
            self.ready.put(error)

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with self.running(self.database_url, data_directory=self.data_directory) as market:
            live = await prepared(market)
            opened = listen(replace(market.platform.settings(), port=0))
            live.url = f"http://127.0.0.1:{opened.getsockname()[1]}"
            self.ready.put(live)
            hub, facts = market.platform.hub(), market.platform.settings()
            await serve(market.front, settings=facts, opened=opened, hub=hub, stop=self.over)

    def stop(self) -> None:
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.over.set)
        self.join(60)


async def prepared(market: Any) -> Live:
    """Everybody signed in, and an object of each kind."""
    shop = await market.open()
    booking = await shop.confirmed()
    people = {
        "nobody": shop.nobody,
        "customer": await shop.customer(),
        "provider": await shop.provider(),
        "support": await shop.support(),
        "admin": await shop.admin(),
    }
    paths = (USERS, PLATFORM)
    return Live(
        documents={path: (await market.client.get(path)).json() for path in paths},
        headers={name: person.headers for name, person in people.items()},
        ids={
            "booking_id": booking["id"],
            "payment_id": booking["payment_id"],
            "provider_id": booking["provider_id"],
            "service_id": booking["service_id"],
            "key": booking["id"],
        },
    )


@pytest.fixture(scope="module")
def live(running_market: Any, shared_url: str, data_directory: str) -> Iterator[Live]:
    thread = Thread(running_market, shared_url, data_directory)
    thread.start()
    made = thread.ready.get(timeout=300)
    if isinstance(made, BaseException):
        raise made
    yield made
    thread.stop()


@pytest.mark.parametrize(("document", "role"), ASKING, ids=lambda one: one.rpartition("/")[2])
def test_is_answered_as_documented(live: Live, document: str, role: str) -> None:
    schema = schemathesis.openapi.from_dict(live.documents[document])

    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.definition.raw["operationId"] not in LEFT_OUT:
            ask_anything(live, operation, role)


def ask_anything(live: Live, operation: Any, role: str) -> None:
    """What the role may ask is asked more often, half of it about objects that are there."""
    raw, names = operation.definition.raw, [one.name for one in operation.path_parameters]
    allowed = (
        f" {role}" in raw["description"].replace(",", "").replace(".", "") or "nybody" in raw["description"]
    )
    known = {name: live.ids[name] for name in names if name in live.ids}
    kinds = [
        operation.as_strategy(generation_mode=mode, path_parameters=parameters)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for parameters in ({}, known)
        if (mode == GenerationMode.POSITIVE or can_be_negated(operation)) and (parameters or not known)
    ]

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES if allowed else EXAMPLES_REFUSED,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(kinds))
    def ask(case: Any) -> None:
        response = case.call(base_url=live.url, headers=live.headers[role])
        case.validate_response(response, checks=CHECKS)

    ask()


def can_be_negated(operation: Any) -> bool:
    """Whether there is anything to say wrongly."""
    return bool(operation.body) or bool(operation.query)
