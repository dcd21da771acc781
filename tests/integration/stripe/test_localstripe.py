"""
The rail at `localstripe`, which somebody else wrote after Stripe: a process of its own, if it is installed.

It knows fewer parameters than Stripe, and refuses the rest, so what it does not know is taken out on the way.
It is under the GPL, and none of our dependencies: `pip install localstripe`, or say where it is.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx
import pytest
from tests.vendors.stripe.server import KEY
from tests.vendors.stripe.stage import rail_at

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stripe.rail import StripeRail
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Standing

PROGRAM = os.environ.get("MARKETPLACE_TEST_LOCALSTRIPE", "localstripe")
UNKNOWN = re.compile(
    r"description|return_url|transfer_group|allowed_payment_method_types.*|cancellation_reason|expand.*|created.*"
)
GOOD, EMPTY = "4242424242424242", "4000000000000341"


class _Narrowed(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    there: str

    def do_GET(self) -> None:
        self._pass_on("")

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _pass_on(self, body: str) -> None:
        parts = urlsplit(self.path)
        sent = {"Authorization": self.headers["Authorization"]}
        answer = httpx.request(
            self.command,
            self.there + parts.path,
            params=_narrow(parts.query),
            data=dict(_narrow(body)),
            headers=sent,
        )
        content = json.dumps(_completed(answer.json())).encode()
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def _completed(answer: Any) -> Any:
    """It does not tell what an intent has received."""
    if answer.get("object") == "payment_intent" and answer["status"] == "succeeded":
        answer.setdefault("amount_received", answer["amount"])
    return answer


def _narrow(text: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parse_qsl(text) if not UNKNOWN.fullmatch(name)]


@contextmanager
def narrowed(url: str) -> Iterator[str]:
    handler = type("Handler", (_Narrowed,), {"there": url})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which(PROGRAM)
    if program is None:
        pytest.skip(f"{PROGRAM} is not installed: MARKETPLACE_TEST_LOCALSTRIPE says where it is")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path_factory.mktemp("localstripe") / "log").open("w") as log:
        process = subprocess.Popen(
            [program, "--port", str(port), "--from-scratch"],
            cwd=Path(log.name).parent,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(url)
            with narrowed(url) as narrow:
                yield narrow
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"{url}/v1/balance", headers={"Authorization": f"Bearer {KEY}"})
        except httpx.TransportError:
            assert time.monotonic() < until, "localstripe does not start"
            time.sleep(0.1)
        else:
            return


@dataclass
class Shop:
    url: str
    rail: StripeRail

    def method(self, number: str) -> str:
        form = {"type": "card", "card[number]": number, "card[cvc]": "123"}
        form |= {"card[exp_month]": "12", "card[exp_year]": "2040"}
        body = urlencode(form)
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
        made = httpx.post(f"{self.url}/v1/payment_methods", content=body, headers=headers)
        assert made.status_code == 200, made.text
        key: str = made.json()["id"]
        return key

    def charge(self, number: str = GOOD, *, hold: bool = False) -> Charge:
        return Charge(
            reference=uuid4(),
            tenant_id=uuid4(),
            amount=Money(10_000, "ZAR"),
            method=self.method(number),
            hold=hold,
            description="Wash",
            at=datetime.now(UTC),
        )


@pytest.fixture
async def shop(localstripe: str) -> AsyncIterator[Shop]:
    async with rail_at(localstripe, shelf=MemoryShelf(), clock=lambda: datetime.now(UTC)) as rail:
        yield Shop(localstripe, rail)


class TestTheRailAtLocalstripe:
    async def test_takes_once_and_gives_back_in_parts(self, shop: Shop) -> None:
        charge, refund = shop.charge(), uuid4()

        taken = await shop.rail.collect(charge)
        again = await shop.rail.collect(charge)
        given = await shop.rail.refund(charge.reference, refund=refund, amount=Money(4_000, "ZAR"))

        assert taken.standing == again.standing == Standing.SUCCEEDED
        assert taken.rail_reference == again.rail_reference
        assert (given.standing, given.amount) == (Standing.SUCCEEDED, Money(4_000, "ZAR"))
        assert await shop.rail.find(refund) == given

    async def test_holds_and_takes_part(self, shop: Shop) -> None:
        charge = shop.charge(hold=True)

        held = await shop.rail.collect(charge)
        taken = await shop.rail.capture(charge.reference, Money(6_000, "ZAR"))

        assert held.standing == Standing.AUTHORISED
        assert taken.standing == Standing.SUCCEEDED

    async def test_lets_a_hold_go(self, shop: Shop) -> None:
        charge = shop.charge(hold=True)
        await shop.rail.collect(charge)

        assert (await shop.rail.void(charge.reference)).standing == Standing.CANCELLED

    async def test_says_that_a_card_was_declined(self, shop: Shop) -> None:
        report = await shop.rail.collect(shop.charge(EMPTY))

        assert (report.standing, report.failure) == (Standing.FAILED, "card_declined")

    async def test_refuses_a_method_that_is_not_there(self, shop: Shop) -> None:
        charge = replace(shop.charge(), method="pm_nobody")

        with pytest.raises(Invalid):
            await shop.rail.collect(charge)
