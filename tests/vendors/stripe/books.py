"""A Stripe account for tests: it keeps what is done, as Stripe documents it, and moves on with the clock."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.vendors.stripe.cards import (
    CARDS,
    DESTINATIONS,
    RESTRICTED,
    SOON,
    SPENT,
    TAKEN_BACK_FROM,
    WEEK,
    Card,
    Json,
    Refusal,
    invalid,
)
from tests.vendors.stripe.connect import Connect
from tests.vendors.stripe.wallet import Wallet


@dataclass
class Books:
    clock: Callable[[], datetime]
    available: int = 10**12
    objects: dict[str, Json] = field(default_factory=dict)
    events: list[Json] = field(default_factory=list)
    due: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock)
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    moment: datetime | None = None
    wallet: Wallet = field(init=False)
    connect: Connect = field(init=False)

    def __post_init__(self) -> None:
        self.wallet = Wallet(self)
        self.connect = Connect(self)

    @property
    def time(self) -> datetime:
        """What comes due happens at its time, however late somebody looks."""
        return self.moment or self.clock()

    @property
    def now(self) -> int:
        return int(self.time.timestamp())

    def advance(self) -> None:
        """What has come due by now happens, each at its time."""
        while ready := [one for one in self.due if one[0] <= self.clock()]:
            first = min(ready, key=lambda one: one[0])
            self.due.remove(first)
            self.moment = first[0]
            first[1]()
            self.moment = None

    def new(self, prefix: str, kind: str, **facts: Any) -> Json:
        number = next(self.numbers)
        made = {"id": f"{prefix}_{number:014d}", "object": kind, "created": self.now, "_number": number}
        self.objects[made["id"]] = made | {"livemode": False} | facts
        return self.objects[made["id"]]

    def get(self, key: str, kind: str, param: str) -> Json:
        found = self.objects.get(key)
        if found is None or found["object"] != kind:
            raise Refusal(404, type="invalid_request_error", code="resource_missing", param=param)
        return found

    def of(self, kind: str, **facts: Any) -> list[Json]:
        """Newest first."""
        found = [
            one
            for one in self.objects.values()
            if one["object"] == kind and all(one.get(name) == fact for name, fact in facts.items())
        ]
        return sorted(found, key=lambda one: one["_number"], reverse=True)

    def tell(self, kind: str, subject: Json) -> None:
        told = {name: value for name, value in subject.items() if not name.startswith("_")}
        event = self.new("evt", "event", type=kind, api_version=None, data={"object": told})
        self.events.append(event)

    def move(self, kind: str, amount: int, source: Json, *, fee: int = 0, days: int = 0) -> None:
        """A transaction of the balance; what a card paid is available two days later."""
        available = self.now + days * 86_400
        facts = {"amount": amount, "currency": source["currency"], "fee": fee, "net": amount - fee}
        self.new(
            "txn", "balance_transaction", type=kind, source=source["id"], available_on=available, **facts
        )

    def later(self, after: timedelta, do: Callable[[], None]) -> None:
        self.due.append((self.time + after, do))

    # PaymentIntents
    def create_intent(self, form: Json) -> Json:
        customer = form.get("customer")
        if customer is not None:
            self.wallet.customer(customer)
        self.wallet.card_of(form["payment_method"], customer=customer)
        intent = self.new(
            "pi",
            "payment_intent",
            amount=form["amount"],
            currency=form["currency"],
            status="requires_confirmation",
            amount_capturable=0,
            amount_received=0,
            capture_method=form.get("capture_method", "automatic"),
            customer=customer,
            description=form.get("description"),
            metadata=form.get("metadata", {}),
            transfer_group=form.get("transfer_group"),
            latest_charge=None,
            last_payment_error=None,
            next_action=None,
            cancellation_reason=None,
        )
        return self.confirm_intent(intent["id"], form) if form.get("confirm") else intent

    def confirm_intent(self, key: str, form: Json) -> Json:
        intent = self.get(key, "payment_intent", "intent")
        intent["payment_method"] = form["payment_method"]
        card = self._card(intent)
        if card.asks and form.get("off_session"):
            self._decline(intent, "authentication_required", "authentication_required")
        if card.asks:
            if "return_url" not in form:
                raise invalid("parameter_missing", "return_url")
            url = f"https://hooks.stripe.com/3d_secure_2/{key}?return_url={form['return_url']}"
            action = {"type": "redirect_to_url", "redirect_to_url": {"url": url}}
            intent |= {"status": "requires_action", "next_action": action}
            self.tell("payment_intent.requires_action", intent)
            return intent
        if card.decline is not None:
            self._decline(intent, "card_declined", card.decline)
        self._pay(intent)
        return intent

    def _card(self, intent: Json) -> Card:
        key = intent["payment_method"]
        return CARDS[self.objects.get(key, {}).get("_plays", key)]

    def _decline(self, intent: Json, code: str, decline: str) -> None:
        charge = self._charge(intent, status="failed", amount_captured=0)
        error = {"type": "card_error", "code": code, "decline_code": decline, "charge": charge["id"]}
        intent |= {"status": "requires_payment_method", "last_payment_error": error, "next_action": None}
        self.tell("payment_intent.payment_failed", intent)
        raise Refusal(402, **error, payment_intent=dict(intent), message="Your card was declined.")

    def _charge(self, intent: Json, **facts: Any) -> Json:
        """Metadata is copied from the intent when the charge is made."""
        copied = {name: intent[name] for name in ("amount", "currency", "customer", "transfer_group")}
        charge = self.new("ch", "charge", payment_intent=intent["id"], **copied)
        charge |= {"amount_refunded": 0, "disputed": False, "metadata": dict(intent["metadata"])}
        charge |= {"payment_method_details": {"type": "card", "card": {}}} | facts
        intent["latest_charge"] = charge["id"]
        return charge

    def _pay(self, intent: Json) -> None:
        charge = self._charge(intent, status="succeeded", amount_captured=0)
        intent |= {"next_action": None, "last_payment_error": None}
        if intent["capture_method"] == "manual":
            card = self._card(intent)
            charge["payment_method_details"]["card"]["capture_before"] = int(
                (self.time + card.hold).timestamp()
            )
            intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
            self.later(card.hold, lambda: self._expire(intent))
            self.tell("payment_intent.amount_capturable_updated", intent)
        else:
            self._take(intent, intent["amount"])

    def _expire(self, intent: Json) -> None:
        if intent["status"] == "requires_capture":
            self._cancel(intent, "automatic")

    def _take(self, intent: Json, amount: int) -> None:
        charge = self.objects[intent["latest_charge"]]
        charge |= {"amount_captured": amount, "captured": True}
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        self.move("charge", amount, charge, fee=amount * 29 // 1000 + 30, days=2)
        self.tell("payment_intent.succeeded", intent)
        card = self._card(intent)
        if card.dispute is not None:
            self.later(SOON, lambda: self._dispute(intent, charge, card))

    def capture_intent(self, key: str, form: Json) -> Json:
        intent = self.get(key, "payment_intent", "intent")
        if intent["status"] != "requires_capture":
            raise invalid("payment_intent_unexpected_state", "intent")
        if form["amount_to_capture"] > intent["amount_capturable"]:
            raise invalid("amount_too_large", "amount_to_capture")
        self._take(intent, form["amount_to_capture"])
        return intent

    def cancel_intent(self, key: str, form: Json) -> Json:
        intent = self.get(key, "payment_intent", "intent")
        if intent["status"] in {"succeeded", "canceled"}:
            raise invalid("payment_intent_unexpected_state", "intent")
        self._cancel(intent, form.get("cancellation_reason"))
        return intent

    def _cancel(self, intent: Json, reason: str | None) -> None:
        intent |= {"status": "canceled", "cancellation_reason": reason, "amount_capturable": 0}
        intent["next_action"] = None
        self.tell("payment_intent.canceled", intent)

    def act(self, reference: str, *, proves: bool) -> None:
        """What the customer does at its bank."""
        with self.lock:
            (intent,) = [
                one
                for one in self.of("payment_intent")
                if one["metadata"].get("marketplace_reference") == reference
            ]
            assert intent["status"] == "requires_action"
            if proves:
                self._pay(intent)
                return
            error = {"type": "invalid_request_error", "code": "payment_intent_authentication_failure"}
            intent |= {"status": "requires_payment_method", "last_payment_error": error, "next_action": None}
            self.tell("payment_intent.payment_failed", intent)

    # Refunds
    def create_refund(self, form: Json) -> Json:
        intent = self.get(form["payment_intent"], "payment_intent", "payment_intent")
        charge = self.objects.get(intent["latest_charge"] or "", {"amount_captured": 0, "amount_refunded": 0})
        if charge.get("disputed"):
            raise invalid("charge_disputed")
        if form["amount"] > charge["amount_captured"] - charge["amount_refunded"]:
            raise invalid("charge_already_refunded")
        card = self._card(intent)
        first, *rest = card.refund
        refund = self.new(
            "re",
            "refund",
            amount=form["amount"],
            currency=intent["currency"],
            payment_intent=intent["id"],
            charge=charge["id"],
            metadata=form.get("metadata", {}),
            status=first,
        )
        charge["amount_refunded"] += form["amount"]
        self.tell("refund.created", refund)
        if first == "succeeded":
            self.move("refund", -form["amount"], refund)
        for status in rest:
            self.later(
                card.refund_after,
                lambda status=status: self._refund_moves(refund, charge, status),  # type: ignore[misc]
            )
        return refund

    def _refund_moves(self, refund: Json, charge: Json, status: str) -> None:
        """https://docs.stripe.com/refunds#failed-refunds: what fails comes back, if it had left."""
        if status == "failed" and refund["status"] == "succeeded":
            self.move("refund_failure", refund["amount"], refund)
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "lost_or_stolen_card"
            charge["amount_refunded"] -= refund["amount"]
        else:
            self.move("refund", -refund["amount"], refund)
        self.tell(f"refund.{'failed' if status == 'failed' else 'updated'}", refund)

    # Transfers
    def create_transfer(self, form: Json) -> Json:
        account = self.objects.get(form["destination"])
        if form["destination"] == RESTRICTED or (account and not self.connect.receives(form["destination"])):
            raise invalid("insufficient_capabilities_for_transfer")
        played = {*DESTINATIONS, SPENT, *TAKEN_BACK_FROM}
        if form["destination"] not in played and account is None:
            raise invalid("resource_missing", "destination")
        self._check_source(form)
        kept = ("amount", "currency", "destination", "description", "metadata", "source_transaction")
        transfer = self.new(
            "tr",
            "transfer",
            reversed=False,
            amount_reversed=0,
            reversals={"object": "list", "data": []},
            transfer_group=form.get("transfer_group"),
            **{name: form.get(name) for name in kept},
        )
        if "source_transaction" not in form:
            self.available -= form["amount"]
        self.move("transfer", -form["amount"], transfer)
        self.tell("transfer.created", transfer)
        return transfer

    def _check_source(self, form: Json) -> None:
        """
        https://docs.stripe.com/connect/separate-charges-and-transfers#transfer-availability: one that names a
        charge does not wait for the balance, and all of a charge are not more than it.
        """
        if "source_transaction" not in form:
            if form["amount"] > self.available:
                raise invalid("balance_insufficient")
            return
        charge = self.get(form["source_transaction"], "charge", "source_transaction")
        group = form.get("transfer_group")
        if not charge["amount_captured"] or charge["currency"] != form["currency"]:
            raise invalid("parameter_invalid", "source_transaction")
        if group is not None and charge["transfer_group"] not in {None, group}:
            raise invalid("parameter_invalid", "transfer_group")
        before = self.of("transfer", source_transaction=charge["id"])
        if sum(one["amount"] for one in before) + form["amount"] > charge["amount_captured"]:
            raise invalid("amount_too_large", "amount")

    def reverse(self, key: str) -> None:
        """What somebody does in Stripe's dashboard."""
        self.create_reversal(key, {"amount": self.objects[key]["amount"]})

    def create_reversal(self, key: str, form: Json) -> Json:
        """
        https://docs.stripe.com/connect/separate-charges-and-transfers#reverse-transfers: of no more than is
        left of the transfer, and as far as the connected account's balance covers it.
        """
        transfer = self.get(key, "transfer", "id")
        if form["amount"] > transfer["amount"] - transfer["amount_reversed"]:
            raise invalid("amount_too_large", "amount")
        if transfer["destination"] == SPENT:
            raise invalid("balance_insufficient")
        facts = {"currency": transfer["currency"], "transfer": key, "amount": form["amount"]}
        reversal = self.new("trr", "transfer_reversal", metadata=form.get("metadata", {}), **facts)
        transfer["amount_reversed"] += form["amount"]
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        latest = self.of("transfer_reversal", transfer=key)[:10]
        transfer["reversals"] = {"object": "list", "data": latest}
        self.move("transfer_refund", form["amount"], reversal)
        self.tell("transfer.reversed", transfer)
        return reversal

    # Disputes
    def _dispute(self, intent: Json, charge: Json, card: Card) -> None:
        amount = charge["amount_captured"] - charge["amount_refunded"]
        if not amount:
            return
        inquiry = card.dispute == "inquiry"
        dispute = self.new(
            "du",
            "dispute",
            amount=amount,
            currency=charge["currency"],
            charge=charge["id"],
            payment_intent=intent["id"],
            reason="general" if inquiry else card.dispute,
            status="warning_needs_response" if inquiry else "needs_response",
            metadata={},
        )
        charge["disputed"] = True
        if not inquiry:
            self.move("adjustment", -amount, dispute, fee=1500)
            self.later(WEEK, lambda: self._decide(dispute, won=False))
        self.tell("charge.dispute.created", dispute)

    def submit_evidence(self, key: str, form: Json) -> Json:
        dispute = self.get(key, "dispute", "dispute")
        if dispute["status"] != "needs_response":
            raise invalid("dispute_not_open", "evidence")
        dispute |= {"evidence": form["evidence"], "status": "under_review"}
        card = self._card(self.objects[dispute["payment_intent"]])
        self.later(SOON, lambda: self._decide(dispute, won=card.wins))
        self.tell("charge.dispute.updated", dispute)
        return dispute

    def _decide(self, dispute: Json, *, won: bool) -> None:
        if dispute["status"] in {"won", "lost"}:
            return
        dispute["status"] = "won" if won else "lost"
        if won:
            self.move("adjustment", dispute["amount"], dispute)
        self.tell("charge.dispute.closed", dispute)

    def hurry(self, span: timedelta) -> None:
        """What comes due within a span is due now."""
        with self.lock:
            until = self.clock() + span
            self.due = [(min(at, self.clock()) if at <= until else at, do) for at, do in self.due]
            self.advance()

    def settle(self) -> None:
        """All that has moved is as old as it has to be, and available."""
        with self.lock:
            for one in self.of("balance_transaction"):
                one |= {"created": one["created"] - 120, "available_on": one["created"]}
