"""The path of one booking: what a customer, a provider and an admin do in turn, and what comes of it."""

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from marketplace.entrypoints.cli.demo.stage import Cast, Stage
from marketplace.entrypoints.cli.demo.visitor import Answer, DemoStopped, Visitor, wait_for
from marketplace.entrypoints.cli.demo.words import instant, local, price, statement
from marketplace.entrypoints.cli.screen import money

PAYMENT_METHOD = "tok_success"
_SIGN_IN, _HOOK = "POST /v1/sign-in/tokens", "POST /hooks/sandbox"
_LOOK_AHEAD = timedelta(days=21)
_SET_OUT_BEFORE = timedelta(minutes=20)
_A_MOMENT = timedelta(minutes=1)


@dataclass
class Journey:
    """One booking's way over the stage."""

    stage: Stage

    @property
    def cast(self) -> Cast:
        return self.stage.cast

    def take(self) -> Answer:
        """The booking in the end; raises DemoStopped, Unavailable."""
        self._sign_in()
        booking = self._confirmed(self._book(self._choose()))
        self.stage.move_clock(instant(booking["starts_at"]) - _SET_OUT_BEFORE, "to just before the start")
        booking = self._fulfil(booking)
        self.stage.move_clock(instant(booking["complaint_until"]) + _A_MOMENT, "past the complaint window")
        self._pay_out(booking, self._released(booking))
        return self._seen(booking["id"])

    def _sign_in(self) -> None:
        for visitor in (self.cast.admin, self.cast.approver, self.cast.customer, self.cast.provider):
            began = time.perf_counter()
            visitor.sign_in()
            name = visitor.person.name
            self.stage.note(visitor.role, "signs in by the code in a message", _SIGN_IN, name, began)
        self.stage.read_clock()

    def _choose(self) -> tuple[Answer, Answer]:
        """The service, and its first free slot."""
        wanted = self.cast.service.name
        found = self.stage.do(
            self.cast.customer,
            f"looks for “{wanted}”",
            "GET /v1/services",
            lambda page: f"{len(page['items'])} on show",
            params={"text": wanted},
        )
        service = next((one for one in found["items"] if one["name"] == wanted), None)
        if service is None:
            raise DemoStopped(
                f"“{wanted}” is not on show: this marketplace is of another blueprint, or amended"
            )
        slots = self.stage.do(
            self.cast.customer,
            "asks when it is free",
            f"GET /v1/services/{service['id']}/slots",
            self._slots,
            params={"from": self.stage.now.isoformat(), "until": (self.stage.now + _LOOK_AHEAD).isoformat()},
        )
        if not slots["slots"]:
            raise DemoStopped(f"“{wanted}” has no free slot within {_LOOK_AHEAD.days} days")
        return service, slots["slots"][0]

    def _slots(self, answer: Answer) -> str:
        first = next((local(slot["start"], self.cast.zone) for slot in answer["slots"]), "none")
        return f"{len(answer['slots'])} slots, first {first}"

    def _book(self, chosen: tuple[Answer, Answer]) -> Answer:
        service, slot = chosen
        customer = self.cast.customer
        self.stage.do(
            customer,
            "asks what it costs",
            f"POST /v1/services/{service['id']}/price",
            price,
            json={"starts_at": slot["start"]},
        )
        return self.stage.do(
            customer,
            f"books, and pays with {PAYMENT_METHOD}",
            "POST /v1/bookings",
            lambda booking: f"{booking['state']}, {money(booking['total_minor'], booking['currency'])}",
            json={
                "booking_id": str(uuid4()),
                "provider_id": service["provider_id"],
                "service_id": service["id"],
                "starts_at": slot["start"],
                "payment_method": PAYMENT_METHOD,
                "address": customer.person.address,
            },
        )

    def _confirmed(self, booking: Answer) -> Answer:
        """Once it is paid and, where the marketplace asks for it, accepted."""
        began = time.perf_counter()
        paid = self._reaches(booking["id"], "awaiting_provider", "confirmed")
        self.stage.note("rail", "reports by webhook that it is paid", _HOOK, paid["state"], began)
        if paid["state"] == "awaiting_provider":
            self._move(self.cast.provider, booking, "accept", "accepts")
        return self._reaches(booking["id"], "confirmed")

    def _fulfil(self, booking: Answer) -> Answer:
        provider = self.cast.provider
        self._move(provider, booking, "set-out", "sets out")
        self._move(provider, booking, "arrive", "arrives")
        code = booking["start_code"]
        how = f"starts, with the customer's code {code}" if code else "starts"
        self._move(provider, booking, "start", how, json={"start_code": code} if code else None)
        self._move(provider, booking, "deliver", "delivers")
        return self._move(self.cast.customer, booking, "approve", "approves")

    def _released(self, booking: Answer) -> Answer:
        began = time.perf_counter()
        earning = wait_for(lambda: self._earning(booking["id"]), what="the release of the money")
        earned = money(earning["amount_minor"], earning["currency"])
        self.stage.note("clock", "releases the money to the provider", "-", f"{earned} earned", began)
        payable_at = instant(earning["payable_at"])
        if payable_at > self.stage.now:
            self.stage.move_clock(payable_at + _A_MOMENT, "past the risk delay")
        return earning

    def _pay_out(self, booking: Answer, earning: Answer) -> None:
        self.stage.do(
            self.cast.admin,
            "has providers paid",
            "POST /admin/v1/payout-runs",
            lambda run: f"the run is {run['state']}",
            json={"run_id": str(uuid4()), "reason": "demo"},
        )
        began = time.perf_counter()
        payout = wait_for(lambda: self._payout(earning, "due", "paid"), what="the payout")
        if payout["state"] == "due":
            payout = self._approve(payout, earning)
        sent = money(payout["amount_minor"], payout["currency"])
        self.stage.note("rail", "reports that the payout has arrived", _HOOK, f"{sent} paid", began)
        since = instant(booking["booked_at"]) - _A_MOMENT
        self.stage.do(
            self.cast.provider,
            "reads its statement",
            "GET /v1/provider/statement",
            statement,
            params={"from": since.isoformat(), "until": (self.stage.now + _A_MOMENT).isoformat()},
        )

    def _approve(self, payout: Answer, earning: Answer) -> Answer:
        self.stage.do(
            self.cast.approver,
            "approves the payout, as it is a large one",
            f"POST /admin/v1/payouts/{payout['id']}/approve",
            lambda approved: approved["state"],
            json={"reason": "demo"},
        )
        return wait_for(lambda: self._payout(earning, "paid"), what="the payout")

    def _move(self, by: Visitor, booking: Answer, move: str, did: str, **given: Any) -> Answer:
        return self.stage.do(
            by, did, f"POST /v1/bookings/{booking['id']}/{move}", lambda moved: moved["state"], **given
        )

    def _reaches(self, booking_id: str, *states: str) -> Answer:
        def look() -> Answer | None:
            booking = self._seen(booking_id)
            return booking if booking["state"] in states else None

        return wait_for(look, what=f"the booking's becoming {' or '.join(states)}")

    def _seen(self, booking_id: str) -> Answer:
        return self.cast.customer.ask("GET", f"/v1/bookings/{booking_id}")["booking"]

    def _earning(self, booking_id: str) -> Answer | None:
        page = self.cast.provider.ask("GET", "/v1/provider/earnings", params={"limit": 100})
        return next((one for one in page["items"] if one["booking_id"] == booking_id), None)

    def _payout(self, earning: Answer, *states: str) -> Answer | None:
        """The worker's own daily run may have been faster than ours; either pays it once."""
        drawn = self._earning(earning["booking_id"])
        page = self.cast.provider.ask("GET", "/v1/provider/payouts", params={"limit": 100})
        mine = (one for one in page["items"] if drawn and one["id"] == drawn["payout_id"])
        return next((one for one in mine if one["state"] in states), None)
