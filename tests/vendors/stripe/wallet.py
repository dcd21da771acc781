"""Customers, the cards that are attached to them, and the intents that saved these, as Stripe has them."""

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tests.vendors.stripe.cards import CARDS, Card, Json, Refusal, invalid

if TYPE_CHECKING:
    from tests.vendors.stripe.books import Books

_OPEN = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
_REFERENCE = "marketplace_reference"


class Wallet:
    def __init__(self, books: "Books") -> None:
        self.books = books

    # Customers
    def create_customer(self, form: Json) -> Json:
        return self.books.new("cus", "customer", metadata=form.get("metadata", {}))

    def take_in(self, key: str) -> None:
        """One that was there before."""
        made = self.create_customer({})
        self.books.objects[key] = self.books.objects.pop(made["id"]) | {"id": key}

    def delete_customer(self, key: str) -> None:
        """What somebody does in Stripe's dashboard: its cards are detached."""
        customer = self.books.get(key, "customer", "customer")
        self.books.objects[key] = {"id": key, "object": "customer", "deleted": True, "_number": 0}
        for method in self.books.of("payment_method", customer=customer["id"]):
            self._detach(method)

    def customer(self, key: str) -> Json:
        found = self.books.get(key, "customer", "customer")
        if found.get("deleted"):
            raise invalid("resource_missing", "customer")
        return found

    # PaymentMethods
    def card_of(self, key: str, *, customer: str | None) -> Card:
        """Of a test token, or of a card that is attached to that customer."""
        if key in CARDS:
            return CARDS[key]
        method = self.books.objects.get(key)
        if method is None or method["object"] != "payment_method" or method["customer"] != customer:
            raise invalid("resource_missing", "payment_method")
        return CARDS[method["_plays"]]

    def detach(self, key: str, _form: Json | None = None) -> Json:
        method = self.books.get(key, "payment_method", "payment_method")
        if method["customer"] is None:
            raise invalid("payment_method_unexpected_state", "payment_method")
        self._detach(method)
        return method

    def _detach(self, method: Json) -> None:
        method |= {"customer": None, "_was_attached": True}
        self.books.tell("payment_method.detached", method)

    def renew(self, key: str, **printed: int) -> None:
        """What a card's bank tells Stripe by itself."""
        method = self.books.objects[key]
        method["card"] |= printed
        self.books.tell("payment_method.automatically_updated", method)

    def _method(self, token: str) -> Json:
        """A test token makes a PaymentMethod of its own each time."""
        if token in self.books.objects:
            return self.books.get(token, "payment_method", "payment_method")
        if token not in CARDS:
            raise invalid("resource_missing", "payment_method")
        printed = {
            "brand": "visa",
            "display_brand": "visa",
            "last4": "4242",
            "exp_month": 8,
            "exp_year": 2030,
        }
        kept = {"type": "card", "customer": None, "metadata": {}, "_plays": token}
        return self.books.new("pm", "payment_method", card=printed, **kept)

    # SetupIntents
    def create_setup(self, form: Json) -> Json:
        self.customer(form["customer"])
        method = self._method(form["payment_method"]) if "payment_method" in form else None
        if "return_url" in form and not form.get("confirm"):
            raise invalid("parameter_unknown", "return_url")
        intent = self.books.new(
            "seti",
            "setup_intent",
            customer=form["customer"],
            description=form.get("description"),
            metadata=form.get("metadata", {}),
            usage=form.get("usage", "off_session"),
            status="requires_payment_method",
            payment_method=None,
            last_setup_error=None,
            next_action=None,
            cancellation_reason=None,
        )
        intent["client_secret"] = f"{intent['id']}_secret_played"
        return intent if method is None else self._confirm(intent, method, form)

    def _confirm(self, intent: Json, method: Json, form: Mapping[str, Any]) -> Json:
        intent["payment_method"] = method["id"]
        card = CARDS[method["_plays"]]
        if method["customer"] not in {None, intent["customer"]} or method.get("_was_attached"):
            raise invalid("payment_method_unexpected_state", "payment_method")
        if card.decline is not None and not card.saves:
            raise self._fail(intent, type="card_error", code="card_declined", decline_code=card.decline)
        if card.asks or card.asks_on_setup:
            url = f"https://hooks.stripe.com/3d_secure_2/{intent['id']}"
            redirect = {"type": "redirect_to_url", "redirect_to_url": {"url": url}}
            action = redirect if "return_url" in form else {"type": "use_stripe_sdk"}
            intent |= {"status": "requires_action", "next_action": action}
            self.books.tell("setup_intent.requires_action", intent)
            return intent
        self._succeed(intent)
        return intent

    def _fail(self, intent: Json, **error: Any) -> Refusal:
        intent |= {"status": "requires_payment_method", "last_setup_error": error}
        intent |= {"payment_method": None, "next_action": None}
        self.books.tell("setup_intent.setup_failed", intent)
        return Refusal(402, **error, setup_intent=dict(intent), message="Your card was declined.")

    def _succeed(self, intent: Json) -> None:
        """The card is attached to the customer of the intent."""
        self.books.objects[intent["payment_method"]]["customer"] = intent["customer"]
        intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
        self.books.tell("setup_intent.succeeded", intent)

    def cancel_setup(self, key: str, form: Json) -> Json:
        intent = self.books.get(key, "setup_intent", "intent")
        if intent["status"] not in _OPEN:
            raise invalid("setup_intent_unexpected_state", "intent")
        intent |= {"status": "canceled", "cancellation_reason": form.get("cancellation_reason")}
        intent["next_action"] = None
        self.books.tell("setup_intent.canceled", intent)
        return intent

    def setup(self, reference: str) -> Json:
        (found,) = [
            one for one in self.books.of("setup_intent") if one["metadata"].get(_REFERENCE) == reference
        ]
        return found

    def authorise(self, reference: str, *, proves: bool) -> None:
        """What the customer does at its bank."""
        with self.books.lock:
            intent = self.setup(reference)
            assert intent["status"] == "requires_action"
            if proves:
                self._succeed(intent)
            else:
                code = "setup_intent_authentication_failure"
                self._fail(intent, type="invalid_request_error", code=code)

    def confirm_in_app(self, client_secret: str, token: str) -> str:
        """What Stripe's form does in the app of the customer; the status that it is shown."""
        with self.books.lock:
            (intent,) = self.books.of("setup_intent", client_secret=client_secret)
            assert intent["status"] in _OPEN
            with contextlib.suppress(Refusal):
                self._confirm(intent, self._method(token), {"return_url": "https://app.example"})
            return str(intent["status"])
