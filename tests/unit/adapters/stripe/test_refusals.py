import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from tests.vendors.stripe.server import SECRET
from tests.vendors.stripe.stage import rail_at

from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.adapters.stripe.refusals import AnsweredInVain, KeyRefused, failed
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable

WRONG_KEY = "sk_test_51CanaryCanaryCanaryCanary"


def broken(cause: Exception) -> stripe.APIConnectionError:
    error = stripe.APIConnectionError("no")
    error.__cause__ = cause
    return error


class TestAnError:
    @pytest.mark.parametrize(
        ("error", "means"),
        [
            (broken(httpx.ConnectError("refused")), Unavailable),
            (broken(httpx.ConnectTimeout("slow")), Unavailable),
            (broken(httpx.PoolTimeout("busy")), Unavailable),
            (broken(httpx.ReadTimeout("slow")), OutcomeUnknown),
            (broken(httpx.WriteError("gone")), OutcomeUnknown),
            (broken(httpx.RemoteProtocolError("gone")), OutcomeUnknown),
            (stripe.RateLimitError("slow"), Unavailable),
            (stripe.APIError("lock", http_status=409), Unavailable),
            (stripe.APIError("oops", http_status=500), AnsweredInVain),
            (stripe.APIError("not json", http_status=502), AnsweredInVain),
            (stripe.IdempotencyError("other"), AnsweredInVain),
            (stripe.AuthenticationError("key"), KeyRefused),
            (stripe.PermissionError("key"), KeyRefused),
        ],
        ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
    )
    def test_says_whether_anything_may_have_happened(self, error: Any, means: type[Exception]) -> None:
        assert type(failed(error)) is means

    @pytest.mark.parametrize(
        ("param", "code", "field"),
        [
            ("payment_method", "resource_missing", "method"),
            ("destination", "resource_missing", "payee"),
            ("amount_to_capture", "amount_too_large", "amount"),
            (None, "charge_disputed", "amount"),
            (None, "insufficient_capabilities_for_transfer", "payee"),
            ("evidence[uncategorized_text]", "invalid", "text"),
            ("whatever", None, "request"),
        ],
    )
    def test_names_our_field(self, param: str | None, code: str | None, field: str) -> None:
        refusal = failed(stripe.InvalidRequestError("words of Stripe's", param, code))

        assert isinstance(refusal, Invalid)
        assert refusal.facts["field"] == field
        assert "words" not in str(refusal)


class TestAServerThatIsNotThere:
    async def test_was_not_reached(self, scene: Any) -> None:
        nowhere = "http://127.0.0.1:9"
        async with rail_at(nowhere, shelf=MemoryShelf(), clock=scene.clock) as rail:
            with pytest.raises(Unavailable):
                await rail.collect(scene.charge())


# Everything that a process logs while Stripe refuses its key, and repeats it: nothing of it may be seen.
LOGGING = """
import asyncio, os
from datetime import UTC, datetime
from uuid import uuid4
import structlog
from marketplace.adapters.sandbox.shelf import MemoryShelf
from marketplace.core.shared.money import Money
from marketplace.entrypoints import logs
from marketplace.entrypoints.settings import LogFormat, LogLevel
from marketplace.ports.payments import Charge
from tests.vendors.stripe.server import playing
from tests.vendors.stripe.stage import rail_at

async def main():
    clock = lambda: datetime.now(UTC)
    with playing(clock) as stripe:
        async with rail_at(stripe.url, shelf=MemoryShelf(), clock=clock, key=os.environ["KEY"]) as rail:
            charge = Charge(reference=uuid4(), tenant_id=uuid4(), amount=Money(10_000, "ZAR"), at=clock(),
                            method="pm_card_visa", hold=False, description="Wash")
            try:
                await rail.collect(charge)
            except Exception as error:
                structlog.get_logger().warning("job failed", exc_info=error, rail=rail)

logs.configure(log_format=LogFormat.JSON, level=LogLevel.DEBUG)
asyncio.run(main())
"""


class TestAKey:
    async def test_that_is_refused_stands_in_no_error(self, scene: Any) -> None:
        async with rail_at(scene.stripe.url, shelf=scene.shelf, clock=scene.clock, key=WRONG_KEY) as rail:
            with pytest.raises(KeyRefused) as refused:
                await rail.collect(scene.charge())
            shown = repr(rail) + repr(rail.account)

        words = [repr(refused.value), str(refused.value.facts), repr(refused.value.__cause__), shown]
        assert not [text for text in words if WRONG_KEY in text or SECRET in text]

    def test_stands_in_no_log(self) -> None:
        root = Path(__file__).parents[4]
        path = os.pathsep.join([str(root / "src"), str(root)])
        environ = os.environ | {"KEY": WRONG_KEY, "PYTHONPATH": path}

        done = subprocess.run(
            [sys.executable, "-c", LOGGING],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

        assert "stripe_key_refused" in done.stderr
        assert not [secret for secret in (WRONG_KEY, WRONG_KEY[-8:], SECRET) if secret in done.stderr]
