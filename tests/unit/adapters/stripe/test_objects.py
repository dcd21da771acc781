import json
from typing import Any

import msgspec
import pytest
import stripe
from tests.vendors.stripe import contract
from tests.vendors.stripe.server import VERSION

from marketplace.adapters.stripe import objects
from marketplace.adapters.stripe.account import API_VERSION

KINDS = {
    "payment_intent": objects.Intent,
    "setup_intent": objects.SetupIntent,
    "payment_method": objects.PaymentMethod,
    "customer": objects.Customer,
    "charge": objects.Charge,
    "refund": objects.Refund,
    "transfer": objects.Transfer,
    "dispute": objects.Dispute,
    "balance_transaction": objects.BalanceTransaction,
    "balance": objects.Balance,
    "account": objects.ConnectedAccount,
    "account_link": objects.AccountLink,
    "webhook_endpoint": objects.WebhookEndpoint,
}


class TestAnObject:
    @pytest.mark.parametrize("name", KINDS)
    def test_is_read_as_stripe_shows_it(self, name: str) -> None:
        path = contract.folder() / "fixtures3-2026-07-29.json"
        if not path.exists():
            pytest.skip(f"Stripe's examples are not at {path}")
        example: Any = json.loads(path.read_text(encoding="utf-8"))["resources"][name]

        read = msgspec.convert(example, KINDS[name])

        assert getattr(read, "id", None) == example.get("id")


class TestTheVersion:
    def test_is_one_for_library_server_and_description(self) -> None:
        assert stripe.api_version == API_VERSION == VERSION
        assert not contract.is_there() or contract.version() == API_VERSION


class TestEveryRequest:
    def test_is_held_to_stripes_description(self) -> None:
        """The server notes what Stripe would not understand, and fails the test that asked it."""
        if not contract.is_there():
            pytest.skip(f"Stripe's description of its requests is not at {contract.folder()}")

        wrong = contract.violations("POST", "/v1/refunds", {"amount": "x", "reson": "duplicate"})
        right = contract.violations("POST", "/v1/refunds", {"amount": "5", "metadata": {"a": "b"}})

        assert (len(wrong), right) == (2, [])
        assert contract.violations("POST", "/v1/none", {}) == ["POST /v1/none is no operation"]
