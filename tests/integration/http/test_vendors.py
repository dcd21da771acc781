"""What vendors do wrong, played by the sandbox, comes in over HTTP and ends well."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from marketplace.adapters.sandbox.signatures import HEADER, sign
from marketplace.adapters.sandbox.tokens import METHODS
from marketplace.core.shared.roles import Role

# A shop whose money is taken at once, and whose bookings are firm when paid: what a token does shows first.
ON_BOOKING = {"confirmation": "instant", "capture": "on_booking"}


async def with_policy(shop: Any, *, confirmation: str, capture: str, **payout: Any) -> None:
    admin = await shop.admin()
    policy = (await admin.read("/admin/v1/tenant"))["policy"]
    policy["booking"]["confirmation"], policy["payment"]["capture"] = confirmation, capture
    policy["payout"] |= payout
    await admin.do("/admin/v1/tenant/policy", policy=policy, reason="for this test")


async def stands(shop: Any, booking: Any) -> tuple[str, str]:
    detail = await shop.detail(booking["id"])
    return detail["booking"]["state"], detail["payment"]["state"]


# Of each token: where booking and payment stand when all is quiet, and after an hour.
TOKENS: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "tok_success": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_decline": (("awaiting_payment", "failed"), ("expired", "failed")),
    "tok_insufficient_funds": (("awaiting_payment", "failed"), ("expired", "failed")),
    "tok_needs_action": (("awaiting_payment", "needs_action"), ("expired", "cancelled")),
    "tok_pending_success": (("awaiting_payment", "submitted"), ("confirmed", "succeeded")),
    "tok_pending_decline": (("awaiting_payment", "submitted"), ("expired", "failed")),
    "tok_returned": (("confirmed", "succeeded"), ("cancelled", "returned")),
    "tok_timeout_after": (("awaiting_payment", "unknown"), ("confirmed", "succeeded")),
    "tok_timeout_before": (("awaiting_payment", "unknown"), ("expired", "cancelled")),
    "tok_unavailable_once": (("awaiting_payment", "created"), ("confirmed", "succeeded")),
    "tok_webhook_lost": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_webhooks_doubled": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_webhook_late": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_chargeback": (("confirmed", "succeeded"), ("confirmed", "disputed")),
    "tok_chargeback_won": (("confirmed", "succeeded"), ("confirmed", "disputed")),
    "tok_chargeback_part": (("confirmed", "succeeded"), ("confirmed", "disputed")),
    "tok_chargeback_late": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_hold_expires": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_refund_fails_once": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_refund_pending": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_refund_fails_later": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    "tok_refund_bounces": (("confirmed", "succeeded"), ("confirmed", "succeeded")),
    **dict.fromkeys(
        ("tok_debit", "tok_debit_unpaid", "tok_debit_returned", "tok_debit_late"),
        (("awaiting_payment", "submitted"), ("expired", "voiding")),
    ),
}


class TestATokenOfTheSandbox:
    def test_has_an_entry_here(self) -> None:
        assert TOKENS.keys() == METHODS.keys()

    @pytest.mark.parametrize("token", TOKENS)
    async def test_does_what_it_says(self, shop: Any, token: str) -> None:
        await with_policy(shop, **ON_BOOKING)
        at_once, in_an_hour = TOKENS[token]
        quiet, later = {"tok_timeout_after", "tok_timeout_before"}, {"tok_unavailable_once"}

        booking = await shop.book(payment_method=token)
        await (shop.market.platform.worker().drain() if token in quiet | later else shop.market.drain())
        first = await stands(shop, booking)
        await shop.market.hasten()
        for minutes in (2, 12, 15, 31):
            await shop.advance(minutes=minutes)

        assert (first, await stands(shop, booking)) == (at_once, in_an_hour)
        await shop.ledger()

    async def test_that_needs_an_action_goes_on_when_the_customer_has_done_it(self, shop: Any) -> None:
        booking = await shop.booked(payment_method="tok_needs_action")
        payment = await shop.payment(booking["id"])
        path = f"/v1/sandbox/payments/{payment['id']}/action"

        assert payment["next_action"]
        assert await shop.nobody.do(path) == {"standing": "authorised"}
        await shop.market.drain()

        assert await stands(shop, booking) == ("awaiting_provider", "authorised")

    async def test_that_needs_an_action_fails_when_the_customer_refuses(self, shop: Any) -> None:
        booking = await shop.booked(payment_method="tok_needs_action")
        path = f"/v1/sandbox/payments/{booking['payment_id']}/action"

        await shop.nobody.do(path, outcome="refused")
        await shop.market.drain()

        assert await stands(shop, booking) == ("awaiting_payment", "failed")

    async def test_that_is_declined_can_be_followed_by_another(self, shop: Any) -> None:
        booking = await shop.booked(payment_method="tok_decline")
        customer, path = await shop.customer(), f"/v1/bookings/{booking['id']}/retry-payment"

        again = await customer.do(path, payment_id=str(uuid4()), payment_method="tok_success")
        await shop.market.drain()

        assert again["payment_id"] != booking["payment_id"]
        assert await stands(shop, booking) == ("awaiting_provider", "authorised")

    async def test_that_is_on_its_way_cannot_be_followed_by_another(self, shop: Any) -> None:
        booking = await shop.booked(payment_method="tok_pending_success")
        path = f"/v1/bookings/{booking['id']}/retry-payment"

        refused = await (await shop.customer()).refused(
            path, 409, payment_id=str(uuid4()), payment_method="tok_success"
        )

        assert refused["code"] == "payment_under_way"

    async def test_that_leaves_a_doubt_is_looked_up_by_admin_too(self, shop: Any) -> None:
        await with_policy(shop, **ON_BOOKING)
        booking = await shop.book(payment_method="tok_timeout_after")
        await shop.market.work()
        admin = await shop.admin()

        (doubt,) = await admin.pages("/admin/v1/payments", state="unknown")
        await admin.do(f"/admin/v1/payments/{doubt['id']}/look-up", reason="the customer calls")
        await shop.market.drain()

        assert await stands(shop, booking) == ("confirmed", "succeeded")


class TestAParkedJob:
    PARK = "UPDATE pgqueuer SET status = 'failed' WHERE entrypoint = 'reaction' AND headers->>'tenant' = "

    @pytest_asyncio.fixture(autouse=True, loop_scope="module")
    async def nothing_else_waits(self, shop: Any) -> None:
        await shop.market.drain()

    async def test_is_seen_and_tried_again_by_admin(self, shop: Any) -> None:
        booking, admin = await shop.book(), await shop.admin()
        await shop.market.sql(f"{self.PARK}'{shop.seeded.tenant.id}'")

        (parked,) = await admin.read("/admin/v1/jobs/parked")
        done = await admin.do("/admin/v1/jobs/parked/requeue", ids=[parked["id"]], reason="again")
        await shop.market.drain()

        assert parked["job"]["name"] == "payment.created"
        assert done == {"done": 1}
        assert await stands(shop, booking) == ("awaiting_provider", "authorised")
        assert await admin.read("/admin/v1/jobs/parked") == []

    async def test_is_given_up_for_a_reason(self, shop: Any) -> None:
        await shop.book()
        admin = await shop.admin()
        await shop.market.sql(f"{self.PARK}'{shop.seeded.tenant.id}'")
        (parked,) = await admin.read("/admin/v1/jobs/parked")

        done = await admin.do("/admin/v1/jobs/parked/discard", ids=[parked["id"]], reason="a duplicate")

        assert done == {"done": 1}
        assert await admin.read("/admin/v1/jobs/parked") == []

    async def test_is_out_of_reach_of_another_marketplace(self, shop: Any, market: Any) -> None:
        await shop.book()
        await shop.market.sql(f"{self.PARK}'{shop.seeded.tenant.id}'")
        (parked,) = await (await shop.admin()).read("/admin/v1/jobs/parked")
        foreign = await (await market.open()).admin()

        assert await foreign.read("/admin/v1/jobs/parked") == []
        assert await foreign.do("/admin/v1/jobs/parked/requeue", ids=[parked["id"]], reason="again") == {
            "done": 0
        }


async def a_refund(shop: Any, token: str) -> Any:
    booking = await shop.confirmed(payment_method=token)
    await (await shop.customer()).do(f"/v1/bookings/{booking['id']}/cancel", reason="it rains")
    await shop.market.drain()
    (refund,) = await (await shop.admin()).pages("/admin/v1/refunds")
    return refund


class TestARefund:
    async def test_that_failed_is_sent_again_by_admin(self, shop: Any) -> None:
        refund, admin = await a_refund(shop, "tok_refund_fails_once"), await shop.admin()

        again = await admin.do(f"/admin/v1/refunds/{refund['id']}/retry", reason="once more")
        await shop.market.drain()

        assert (refund["state"], again["attempt"]) == ("failed", 2)
        assert (await admin.read(f"/admin/v1/refunds/{refund['id']}"))["state"] == "succeeded"
        assert not await shop.ledger()

    async def test_that_keeps_failing_is_paid_by_hand(self, shop: Any) -> None:
        refund, admin = await a_refund(shop, "tok_refund_fails_once"), await shop.admin()

        paid = await admin.do(f"/admin/v1/refunds/{refund['id']}/pay-by-hand", reason="by bank transfer")

        assert paid["state"] == "succeeded"
        assert (await shop.ledger()).keys() == {"bank", "psp_clearing"}

    async def test_that_is_pending_comes_a_minute_later(self, shop: Any) -> None:
        refund = await a_refund(shop, "tok_refund_pending")

        await shop.advance(minutes=2)

        assert refund["state"] == "pending"
        (later,) = await (await shop.admin()).pages("/admin/v1/refunds")
        assert later["state"] == "succeeded"


class TestAPayout:
    async def test_above_the_limit_waits_for_admin(self, shop: Any) -> None:
        await with_policy(shop, confirmation="request", capture="on_confirmation", approval_above_minor=100)
        await shop.released()
        admin = await shop.admin()
        await admin.do("/admin/v1/payout-runs", run_id=str(uuid4()), reason="payday")
        await shop.market.drain()

        (due,) = await admin.pages("/admin/v1/payouts", state="due")
        path = f"/admin/v1/payouts/{due['id']}"
        held = await admin.do(f"{path}/hold", reason="who is this?")
        resumed = await admin.do(f"{path}/resume", reason="known to us")
        refused = await admin.refused(f"{path}/approve", 403, reason="looked at")
        other = await shop.a(Role.ADMIN, 1)
        approved = await other.do(f"{path}/approve", reason="looked at")
        await shop.market.drain()

        assert (held["state"], resumed["state"], approved["state"]) == ("held", "due", "approved")
        paid = await admin.read(path)
        assert refused["code"] == "second_person_needed"
        assert "approve" not in resumed["moves"]
        assert (paid["state"], paid["approved_by"]) == ("paid", other.tokens["user_id"])
        assert "provider_payable" not in await shop.ledger()

    @pytest.mark.parametrize(
        ("payee", "state"),
        [
            ("payee_ok", "paid"),
            ("payee_pending", "paid"),
            ("payee_returned", "failed"),
            ("payee_rejected", "failed"),
            ("payee_timeout_after", "paid"),
            ("payee_timeout_before", "paid"),
            ("payee_unavailable_once", "paid"),
        ],
    )
    async def test_ends_as_its_payee_says_and_the_ledger_with_it(
        self, shop: Any, payee: str, state: str
    ) -> None:
        provider, admin = await shop.provider(), await shop.admin()
        await provider.do(f"/v1/providers/{shop.service().provider_id}", payee=payee)
        await shop.released()

        run = await admin.do("/admin/v1/payout-runs", run_id=str(uuid4()), reason="payday")
        await shop.market.hasten()
        await shop.market.hasten()
        for _ in range(3):
            await shop.advance(minutes=2)

        (payout,) = await provider.pages("/v1/provider/payouts")
        assert payout["state"] == state
        assert ("provider_payable" in await shop.ledger()) is (state == "failed")
        assert (await admin.read(f"/admin/v1/payout-runs/{run['id']}"))["state"] == "finished"

    async def test_that_came_back_goes_to_the_account_of_today(self, shop: Any) -> None:
        provider, admin = await shop.provider(), await shop.admin()
        path = f"/v1/providers/{shop.service().provider_id}"
        await provider.do(path, payee="payee_rejected")
        await shop.released()
        await admin.do("/admin/v1/payout-runs", run_id=str(uuid4()), reason="payday")
        await shop.market.drain()
        (failed,) = await provider.pages("/v1/provider/payouts")

        await provider.do(path, payee="payee_ok")
        for step in ("retry", "approve"):
            await admin.do(f"/admin/v1/payouts/{failed['id']}/{step}", reason="a new account")
        await shop.market.drain()

        assert (await admin.read(f"/admin/v1/payouts/{failed['id']}"))["state"] == "paid"


class TestALostDispute:
    async def test_after_the_payout_is_clawed_back(self, shop: Any) -> None:
        await shop.released(payment_method="tok_chargeback_late")
        provider, admin = await shop.provider(), await shop.admin()
        await admin.do("/admin/v1/payout-runs", run_id=str(uuid4()), reason="payday")
        await shop.market.drain()

        for days in (31, 8, 2):
            await shop.advance(days=days)
            shop._signed_in.clear()
            await shop.admin()

        balance = await (await shop.provider()).read("/v1/provider/balance")
        assert balance["payable_minor"] < 0
        assert balance["ledger_minor"] == balance["payable_minor"]
        assert provider.facts == (await shop.provider()).facts
        assert "dispute_hold" not in await shop.ledger()


# One digit for another: of a signature that ended in noughts, noughts at its end made none.
OTHER_DIGITS = str.maketrans("abcdef", "bcdefa")
Tamper = Callable[[bytes, dict[str, str]], tuple[bytes, dict[str, str]]]
TAMPERED: dict[str, Tamper] = {
    "another body": lambda body, headers: (body.replace(b"charge", b"refund"), headers),
    "no signature": lambda body, _: (body, {}),
    "a wrong signature": lambda body, headers: (body, {HEADER: headers[HEADER].translate(OTHER_DIGITS)}),
    "another secret": lambda body, _: (body, sign(body, secret="x" * 32, at=datetime.now(UTC))),
    "an old time": lambda body, headers: (body, {HEADER: "t=1" + headers[HEADER][2:]}),
    "nonsense": lambda body, _: (body, {HEADER: "t=,v1="}),
}


class TestAWebhook:
    def signed(self, shop: Any, body: bytes) -> dict[str, str]:
        secret = shop.market.platform.settings().sandbox_webhook_secret
        return sign(body, secret=secret, at=datetime.now(UTC))

    def body_of(self, shop: Any, payment_id: str) -> bytes:
        tenant_id = shop.seeded.tenant.id
        return (
            f'{{"id":"evt_{uuid4().hex}","tenant_id":"{tenant_id}","reference":"{payment_id}",'
            f'"subject":"charge","kind":"charge.succeeded","at":"2026-03-02T10:00:00Z"}}'
        ).encode()

    async def post(self, shop: Any, body: bytes, headers: dict[str, str]) -> Any:
        return await shop.market.client.post("/hooks/sandbox", content=body, headers=headers)

    @pytest.mark.parametrize("how", TAMPERED)
    async def test_that_was_tampered_with_is_refused(self, shop: Any, how: str) -> None:
        body = self.body_of(shop, str(uuid4()))

        response = await self.post(shop, *TAMPERED[how](body, self.signed(shop, body)))

        assert response.status_code == 403
        assert response.headers["content-type"] == "application/problem+json"

    async def test_counts_once_however_often_it_comes(self, shop: Any, together: Any) -> None:
        booking = await shop.booked()
        body = self.body_of(shop, booking["payment_id"])
        headers = self.signed(shop, body)

        responses = await together(*(self.post(shop, body, headers) for _ in range(10)))

        assert {response.status_code for response in responses} == {200}
        assert sum(response.json()["heard"] for response in responses) == 1

    async def test_that_is_signed_and_unreadable_is_a_problem(self, shop: Any) -> None:
        for body in (b"{", b"[]", b'{"id":1}', b"[" * 60_000):
            response = await self.post(shop, body, self.signed(shop, body))
            assert response.status_code == 400, response.text

    async def test_of_a_marketplace_that_is_not_there_is_a_problem(self, shop: Any) -> None:
        body = self.body_of(shop, str(uuid4())).replace(
            str(shop.seeded.tenant.id).encode(), str(uuid4()).encode()
        )

        assert (await self.post(shop, body, self.signed(shop, body))).status_code == 404

    async def test_tells_nothing_that_the_rail_does_not_say(self, shop: Any) -> None:
        booking = await shop.booked(payment_method="tok_pending_success")
        body = self.body_of(shop, booking["payment_id"])

        await self.post(shop, body, self.signed(shop, body))
        await shop.market.drain()

        assert await stands(shop, booking) == ("awaiting_payment", "submitted")
