"""Stripe's API on loopback: real requests over real sockets, idempotency keys, pages, trouble on demand."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.vendors.loopback import serving
from tests.vendors.stripe import contract
from tests.vendors.stripe.books import Books
from tests.vendors.stripe.cards import CARDS, DESTINATIONS, TAKEN_BACK_FROM, Json, Refusal

KEY = "sk_test_51PlayedOnly000000000000"
VERSION = "2026-10-28.endive"
SECRET = "whsec_played_0123456789abcdef"
_INTEGERS = {"amount", "amount_to_capture", "limit", "gte", "gt", "lte", "lt"}
_BOOLEANS = {"confirm", "off_session", "submit"}
_FILTERS = ("customer", "payment_method", "transfer", "transfer_group", "payment_intent")
_LISTS = {
    "payment_intents": "payment_intent",
    "setup_intents": "setup_intent",
    "payment_methods": "payment_method",
    "customers": "customer",
    "accounts": "account",
    "charges": "charge",
    "refunds": "refund",
    "transfers": "transfer",
    "transfer_reversals": "transfer_reversal",
    "disputes": "dispute",
    "balance_transactions": "balance_transaction",
    "webhook_endpoints": "webhook_endpoint",
}


@dataclass
class Stripe:
    """
    `faults` strike the next orders, in turn: drop_before, drop_after, 429, 409, 500_before, 500_after, 401.

    `asked` are all requests that came, `violations` what Stripe would not have understood of them.
    """

    books: Books
    url: str = ""
    faults: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, Json]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    answers: dict[str, tuple[str, Json, int, Json]] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)

    def orders(self, path: str) -> list[Json]:
        return [form for method, at, form in self.asked if method == "POST" and at.startswith(path)]

    def balance(self, tenant_id: object) -> int:
        """What all of a tenant's own has moved, before fees."""
        return sum(one["amount"] for one in self._of_tenant(str(tenant_id)))

    def _of_tenant(self, tenant_id: str) -> Iterator[Json]:
        for transaction in self.books.of("balance_transaction"):
            source = self.books.objects[transaction["source"]]
            of = source.get("payment_intent") or source.get("transfer") or ""
            named = self.books.objects.get(of, source)
            if named.get("metadata", {}).get("marketplace_tenant") == tenant_id:
                yield transaction

    def answer(self, method: str, target: str, body: bytes, headers: Any) -> tuple[int, Json] | None:
        """None where the connection is to be dropped."""
        parts = urlsplit(target)
        form = _nested(parse_qsl(body.decode() if method == "POST" else parts.query, keep_blank_values=True))
        with self.books.lock:
            self.asked.append((method, parts.path, form))
            self.violations += contract.violations(method, parts.path, form)
            if headers.get("Stripe-Version") != VERSION:
                self.violations.append(f"{method} {parts.path}: another version")
            if headers.get("Authorization") != f"Bearer {KEY}":
                message = f"Invalid API Key provided: {headers.get('Authorization')}"
                return 401, {"error": {"type": "invalid_request_error", "message": message}}
            self.books.advance()
            if method == "GET":
                return self._read(parts.path, _numbers(form))
            return self._order(parts.path, form, headers.get("Idempotency-Key"))

    def _order(self, path: str, form: Json, key: str | None) -> tuple[int, Json] | None:
        if key is None:
            self.violations.append(f"POST {path}: no idempotency key")
            key = "none"
        fault = self._fault(path, form, key)
        if fault in {"409", "429"}:
            code = "lock_timeout" if fault == "429" else "idempotency_key_in_use"
            return int(fault), {"error": {"type": "invalid_request_error", "code": code, "message": code}}
        if fault == "drop_before":
            return None
        if key in self.answers:
            return self._again(path, form, key)
        status, answer = (500, _broken()) if fault == "500_before" else self._carried_out(path, form)
        if fault == "500_after":
            status, answer = 500, _broken()
        self.answers[key] = (path, form, status, answer)
        return None if fault == "drop_after" else (status, answer)

    def _again(self, path: str, form: Json, key: str) -> tuple[int, Json]:
        """The first answer of a key, whatever it was."""
        known_path, known_form, status, answer = self.answers[key]
        if (known_path, known_form) != (path, form):
            return 400, {"error": {"type": "idempotency_error", "message": "another request"}}
        return status, answer

    def _fault(self, path: str, form: Json, key: str) -> str | None:
        """A token's fault strikes once for each key."""
        if self.faults:
            return self.faults.pop(0)
        card = CARDS.get(form.get("payment_method", ""))
        fault = DESTINATIONS.get(form.get("destination", "")) if card is None else card.fault
        if path.endswith("/reversals"):
            transfer = self.books.objects[path.split("/")[3]]
            fault = TAKEN_BACK_FROM.get(transfer["destination"])
        if fault is None or self.struck[key]:
            return None
        self.struck[key] += 1
        return fault

    def _carried_out(self, path: str, form: Json) -> tuple[int, Json]:
        for pattern, do in self._orders():
            found = re.fullmatch(pattern, path)
            if found is not None:
                try:
                    made = do(*found.groups(), _numbers(form))
                except Refusal as refusal:
                    return refusal.status, {"error": refusal.error}
                return 200, self._shown(made, form.get("expand", []))
        return 404, {"error": {"type": "invalid_request_error", "message": f"no {path}"}}

    def _orders(self) -> list[tuple[str, Callable[..., Json]]]:
        books = self.books
        return [
            (r"/v1/payment_intents", books.create_intent),
            (r"/v1/payment_intents/(\w+)/confirm", books.confirm_intent),
            (r"/v1/payment_intents/(\w+)/capture", books.capture_intent),
            (r"/v1/payment_intents/(\w+)/cancel", books.cancel_intent),
            (r"/v1/setup_intents", books.wallet.create_setup),
            (r"/v1/setup_intents/(\w+)/cancel", books.wallet.cancel_setup),
            (r"/v1/payment_methods/(\w+)/detach", books.wallet.detach),
            (r"/v1/customers", books.wallet.create_customer),
            (r"/v1/accounts", books.connect.create),
            (r"/v1/account_links", books.connect.link),
            (r"/v1/refunds", books.create_refund),
            (r"/v1/transfers", books.create_transfer),
            (r"/v1/transfers/(\w+)/reversals", books.create_reversal),
            (r"/v1/disputes/(\w+)", books.submit_evidence),
        ]

    def _read(self, path: str, form: Json) -> tuple[int, Json]:
        _, _, folder, *key = path.split("/")
        if folder == "balance":
            return 200, {"object": "balance", "livemode": False}
        if key[1:2] == ["reversals"]:
            folder, form, key = "transfer_reversals", form | {"transfer": key[0]}, key[2:]
        kind = _LISTS.get(folder)
        if kind is None or "search" in key:
            return 404, {"error": {"type": "invalid_request_error", "message": f"no {path}"}}
        if not key:
            return 200, self._listed(kind, form)
        try:
            found = self.books.get(key[0], kind, "id")
            self.books.connect.check_seen(found)
            return 200, self._shown(found, form.get("expand", []))
        except Refusal as refusal:
            return refusal.status, {"error": refusal.error}

    def _listed(self, kind: str, form: Json) -> Json:
        filters = {name: form[name] for name in _FILTERS if name in form}
        found = [
            one
            for one in self.books.of(kind, **filters)
            if not one.get("deleted") and _within(one, form.get("created", {}))
        ]
        limit, more = form.get("limit", 10), False
        if "ending_before" in form:
            number = self.books.objects[form["ending_before"]]["_number"]
            newer = [one for one in found if one["_number"] > number]
            page, more = newer[-limit:], len(newer) > limit
        else:
            if "starting_after" in form:
                number = self.books.objects[form["starting_after"]]["_number"]
                found = [one for one in found if one["_number"] < number]
            page, more = found[:limit], len(found) > limit
        expand = [one.removeprefix("data.") for one in form.get("expand", [])]
        data = [self._shown(one, expand) for one in page]
        return {"object": "list", "data": data, "has_more": more, "url": f"/v1/{kind}s"}

    def _shown(self, one: Json, expand: list[str]) -> Json:
        shown = {name: value for name, value in one.items() if not name.startswith("_")}
        for name in expand:
            if isinstance(shown.get(name), str):
                shown[name] = self._shown(self.books.objects[shown[name]], [])
        return shown


def _broken() -> Json:
    return {"error": {"type": "api_error", "message": "sorry"}}


def _within(one: Json, created: Json) -> bool:
    at = one["created"]
    tests = {
        "gte": lambda bound: at >= bound,
        "gt": lambda bound: at > bound,
        "lte": lambda bound: at <= bound,
        "lt": lambda bound: at < bound,
    }
    return all(tests[name](bound) for name, bound in created.items())


def _nested(pairs: list[tuple[str, str]]) -> Json:
    """`a[b]=1&c[0]=2` → {"a": {"b": "1"}, "c": ["2"]}."""
    form: Json = {}
    for name, value in pairs:
        *way, last = re.findall(r"[^\[\]]+", name)
        inner = form
        for part in way:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return {name: _listed_values(value) for name, value in form.items()}


def _listed_values(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed_values(one) for name, one in value.items()}
    return list(inner.values()) if inner and all(name.isdecimal() for name in inner) else inner


def _numbers(form: Json) -> Json:
    """As far as the books count with it."""
    made: Json = {}
    for name, value in form.items():
        if isinstance(value, dict):
            made[name] = _numbers(value) if name != "metadata" else value
        elif name in _INTEGERS:
            made[name] = int(value)
        else:
            made[name] = value == "true" if name in _BOOLEANS else value
    return made


@contextmanager
def playing(clock: Callable[[], datetime]) -> Iterator[Stripe]:
    """A server of its own; what Stripe would not have understood fails whoever asked it."""
    stripe = Stripe(Books(clock))
    with serving(stripe.answer) as stripe.url:
        yield stripe
    assert stripe.violations == []
