"""Stitch's API on loopback: tokens that end, nonces that are taken once, trouble on demand."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import Message
from urllib.parse import parse_qs

from tests.vendors.loopback import serving
from tests.vendors.stitch.consents import Consents, Json

CLIENT_ID = "played-client"
CLIENT_SECRET = "played-secret-0123456789"
SCOPES = {"transaction_initiate", "client_disbursement", "client_recurringpaymentconsentrequest"}
_SOON = timedelta(minutes=1)


def consent(outcome: str) -> str:
    return "consent:" + base64.b64encode(f"played/{outcome}".encode()).decode()


# What becomes of a consent's charge, at once and a minute later.
OUTCOMES = {
    "succeeds": ("TransactionSuccess", None),
    "is declined": ("TransactionFailure", None),
    "lacks funds": ("TransactionFailure", None),
    "needs action": ("TransactionPending", None),
    "stays pending": ("TransactionPending", None),
    "answers too late": ("TransactionSuccess", None),
    "never arrives": ("TransactionSuccess", None),
    "is down once": ("TransactionSuccess", None),
}
METHODS = {outcome: consent(outcome) for outcome in OUTCOMES if outcome != "stays pending"}
_REASONS = {"is declined": "declined", "lacks funds": "insufficientFunds"}
_ACCOUNTS = {
    "4081234567": ("succeeds", ("DisbursementCompleted", None)),
    "4080000002": ("succeeds later", ("DisbursementSubmitted", "DisbursementCompleted")),
    "4080000003": ("is returned", ("DisbursementCompleted", "DisbursementReversed")),
    "4080000004": ("is rejected", ("DisbursementError", None)),
    "4080000005": ("answers too late", ("DisbursementCompleted", None)),
    "4080000006": ("never arrives", ("DisbursementCompleted", None)),
    "4080000007": ("is down once", ("DisbursementCompleted", None)),
}
PAYEES = {outcome: f"absa:current:{number}:T Mokoena" for number, (outcome, _) in _ACCOUNTS.items()}
_FAULTS = {"answers too late": "drop_after", "never arrives": "drop_before", "is down once": "429"}


@dataclass
class Stitch:
    """
    `faults` strike the next orders, in turn: drop_before, drop_after, hang, late, 429, 500_before,
    500_after, expired. `asked` counts what came, by what it was.
    """

    clock: Callable[[], datetime]
    url: str = ""
    token_seconds: int = 3_600
    faults: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    forms: list[Json] = field(default_factory=list)
    tokens: dict[str, datetime] = field(default_factory=dict)
    transactions: dict[str, Json] = field(default_factory=dict)
    disbursements: dict[str, Json] = field(default_factory=dict)
    struck: set[str] = field(default_factory=set)
    consents: Consents = field(init=False)
    lock: threading.Lock = field(default_factory=threading.Lock)
    hung: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.consents = Consents(self.clock)

    def balance(self, tenant_id: object) -> int:
        """What a tenant's own has moved."""
        mine = [one for one in self._all() if f":{tenant_id}:" in one["externalReference"]]
        return sum(one["sign"] * one["cents"] for one in mine if self.state(one) in _MOVED)

    def state(self, one: Json) -> str:
        first, later = one["states"]
        due = later is not None and self.clock() >= one["at"] + _SOON
        return str(later if due else first)

    def act(self, nonce: str, *, proves: bool) -> None:
        self.transactions[nonce]["states"] = ("TransactionSuccess" if proves else "TransactionFailure", None)

    def answer(self, _method: str, path: str, body: bytes, headers: Message) -> tuple[int, Json] | None:
        """None where the connection is to be dropped."""
        with self.lock:
            if path == "/connect/token":
                return self._token(parse_qs(body.decode()))
            asked = json.loads(body)
            if not self._knows(headers.get("Authorization", "")):
                return 200, _error("UNAUTHENTICATED")
            return self._graphql(asked["query"], asked["variables"])

    def _token(self, form: dict[str, list[str]]) -> tuple[int, Json] | None:
        self.asked["token"] += 1
        fits = form["client_id"] == [CLIENT_ID] and form["client_secret"] == [CLIENT_SECRET]
        if (
            not fits
            or form["grant_type"] != ["client_credentials"]
            or not set(form["scope"][0].split()) >= SCOPES
        ):
            return 400, {"error": "invalid_client", "error_description": form["client_secret"][0]}
        if self.faults and self.faults[0].startswith("token_"):
            return 500, {"fault": self.faults.pop(0)}
        token = f"played-token-{len(self.tokens)}"
        self.tokens[token] = self.clock() + timedelta(seconds=self.token_seconds)
        return 200, {"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"}

    def _knows(self, authorization: str) -> bool:
        ends_at = self.tokens.get(authorization.removeprefix("Bearer "))
        return ends_at is not None and self.clock() < ends_at

    def _graphql(self, query: str, variables: Json) -> tuple[int, Json] | None:
        if "mutation" not in query:
            return 200, {"data": self._found(query, variables)}
        kind = next(name for name in _MUTATIONS if _MUTATIONS[name] in query)
        self.asked[kind] += 1
        asked = variables.get("input", variables)
        self.forms.append(asked)
        fault = self._fault(asked)
        if fault == "expired":
            self.tokens.clear()
            return 200, _error("UNAUTHENTICATED")
        if fault in {"drop_before", "429", "500_before"}:
            return None if fault == "drop_before" else (int(fault[:3]), {"secret": CLIENT_SECRET})
        if fault == "late":
            self._hang()
        made = self._made(kind, asked)
        if fault == "hang":
            self._hang()
        if fault in {"drop_after", "hang"}:
            return None
        return (500, {}) if fault == "500_after" else (200, made)

    def _hang(self) -> None:
        self.lock.release()
        self.hung.set()
        self.let_go.wait(10)
        self.lock.acquire()

    def _fault(self, asked: Json) -> str | None:
        if self.faults:
            return self.faults.pop(0)
        outcome = self.consents.outcome(asked) if "paymentMethods" in asked else _outcome(asked)
        if outcome not in _FAULTS or asked["nonce"] in self.struck:
            return None
        self.struck.add(asked["nonce"])
        return _FAULTS[outcome]

    def _made(self, kind: str, asked: Json) -> Json:
        if kind in _CONSENTS:
            done = _CONSENTS[kind](self.consents, asked)
            return _error("BAD_USER_INPUT") if done is None else {"data": {_MUTATIONS[kind]: done}}
        books = self.transactions if kind == "transaction" else self.disbursements
        if asked["nonce"] in books:
            return _error("BAD_USER_INPUT")
        whole, _, part = asked["amount"]["quantity"].partition(".")
        assert asked["amount"]["currency"] == "ZAR"
        assert len(part) == 2
        states = (
            OUTCOMES[_outcome(asked)]
            if kind == "transaction"
            else _ACCOUNTS[asked["bankBeneficiary"]["accountNumber"]][1]
        )
        books[asked["nonce"]] = {
            **asked,
            "id": f"{kind}/{len(books)}",
            "cents": int(whole + part),
            "sign": 1 if kind == "transaction" else -1,
            "states": states,
            "at": self.clock(),
        }
        return {"data": {_MUTATIONS[kind]: {kind: self._shown(books[asked["nonce"]])}}}

    def _found(self, query: str, variables: Json) -> Json:
        if "clientId" in query:
            return {"client": {"clientId": CLIENT_ID}}
        if "id" in variables:
            consent = self.consents.by_id(variables["id"])
            return {"node": consent and self.consents.shown(consent)}
        if "paymentConsentRequests" in query:
            consent = self.consents.books.get(variables["nonce"])
            edges = [] if consent is None else [{"node": self.consents.shown(consent)}]
            return {"client": {"paymentConsentRequests": {"edges": edges}}}
        name = "paymentTransactions" if "paymentTransactions" in query else "disbursements"
        books = self.transactions if name == "paymentTransactions" else self.disbursements
        one = books.get(variables["nonce"])
        edges = [] if one is None else [{"node": self._shown(one)}]
        return {"client": {name: {"edges": edges}}}

    def _shown(self, one: Json) -> Json:
        state: Json = {"__typename": self.state(one)}
        if one["sign"] < 0:
            return {"id": one["id"], "nonce": one["nonce"], "status": state}
        asks = _outcome(one) == "needs action" and state["__typename"] == "TransactionPending"
        if state["__typename"] == "TransactionFailure":
            state["reason"] = _REASONS.get(_outcome(one), "declined")
        url = "https://secure.stitch.example/act" if asks else None
        return {"id": one["id"], "nonce": one["nonce"], "state": state, "interactionUrl": url}

    def _all(self) -> list[Json]:
        return [*self.transactions.values(), *self.disbursements.values()]


_MUTATIONS = {
    "transaction": "initiateTransaction",
    "disbursement": "clientDisbursementCreate",
    "consent": "paymentConsentRequestCreate",
    "amendment": "paymentConsentRequestAmend",
    "cancellation": "paymentConsentRequestCancel",
    "revocation": "paymentConsentRequestRevoke",
}
_CONSENTS: dict[str, Callable[[Consents, Json], Json | None]] = {
    "consent": Consents.create,
    "amendment": Consents.amend,
    "cancellation": lambda consents, asked: consents.end(asked, granted=False),
    "revocation": lambda consents, asked: consents.end(asked, granted=True),
}
_MOVED = {"TransactionSuccess", "DisbursementCompleted", "DisbursementSubmitted"}


def _outcome(asked: Json) -> str:
    if "token" in asked:
        return base64.b64decode(asked["token"]).decode().removeprefix("played/").partition("/")[0]
    if "bankBeneficiary" not in asked:
        return "succeeds"
    return _ACCOUNTS[asked["bankBeneficiary"]["accountNumber"]][0]


def _error(code: str) -> Json:
    return {"data": None, "errors": [{"message": f"{code}: no"}], "extensions": {"code": code}}


@contextmanager
def playing(clock: Callable[[], datetime]) -> Iterator[Stitch]:
    stitch = Stitch(clock)
    with serving(stitch.answer) as stitch.url:
        try:
            yield stitch
        finally:
            stitch.let_go.set()
