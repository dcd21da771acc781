"""A marketplace on the Stripe rail, over HTTP: a server on loopback plays Stripe."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from tests.integration.http.conftest import BASE_URL, Market, Shop, running
from tests.vendors.stripe.cards import SOON
from tests.vendors.stripe.post import body_of, post, signed, untold
from tests.vendors.stripe.server import KEY, SECRET, Stripe, playing

from marketplace.core.shared.roles import Role

PAYEE = "acct_1032D82eZvKYlo2C"
METHODS = "/v1/payment-methods"


class Street:
    """A shop whose money goes by Stripe."""

    def __init__(self, shop: Shop, stripe: Stripe) -> None:
        self.shop, self.stripe = shop, stripe

    async def news(self) -> list[int]:
        """What Stripe has to tell comes in, and what follows from it happens."""
        heard = await post(self.shop.market.client, untold(self.stripe))
        await self.shop.market.drain()
        return heard

    async def stands(self, booking: Any) -> tuple[str, str]:
        detail = await self.shop.detail(booking["id"])
        return detail["booking"]["state"], detail["payment"]["state"]


@pytest.fixture(scope="module")
def stripe() -> Any:
    with playing(lambda: datetime.now(UTC)) as played:
        yield played


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(shared_url: str, data_directory: str, stripe: Stripe) -> AsyncIterator[Market]:
    settings = {
        "stripe_secret_key": KEY,
        "stripe_webhook_secret": SECRET,
        "stripe_api_url": stripe.url,
        "public_base_url": BASE_URL,
    }
    async with running(shared_url, data_directory=data_directory, **settings) as market:
        yield market


@pytest_asyncio.fixture(loop_scope="module")
async def street(market: Market, stripe: Stripe) -> Street:
    shop = await market.open()
    admin = await shop.admin()
    policy = (await admin.read("/admin/v1/tenant"))["policy"]
    policy["payment"]["rail"] = "stripe"
    await admin.do("/admin/v1/tenant/policy", policy=policy, reason="cards for real")
    for index, person in enumerate(shop.people(Role.PROVIDER)):
        owner = await shop.provider(index)
        await owner.do(f"/v1/providers/{person.provider_id}", payee=PAYEE)
    return Street(shop, stripe)


class TestABookingOnStripe:
    async def test_leads_from_the_banks_question_to_a_paid_provider(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.booked(payment_method="pm_card_authenticationRequired")
        asked = await shop.payment(booking["id"])
        back = asked["next_action"].partition("return_url=")[2]

        street.stripe.books.act(asked["id"], proves=True)
        heard = await street.news()
        held = await street.stands(booking)
        await (await shop.provider()).do(f"/v1/bookings/{booking['id']}/accept")
        await shop.market.drain()
        taken = await street.stands(booking)
        await _done(shop, booking)
        payouts = await _paid_out(shop)

        assert (asked["state"], back) == ("needs_action", f"{BASE_URL}/payments/return")
        assert (await shop.market.client.get(back)).status_code == 200
        assert 1 in heard
        assert held == ("awaiting_provider", "authorised")
        assert taken == ("confirmed", "succeeded")
        assert [one["state"] for one in payouts] == ["paid"]
        assert street.stripe.orders("/v1/transfers")[-1]["destination"] == PAYEE
        assert not {"customer_funds", "provider_payable"} & (await shop.ledger()).keys()

    async def test_gives_back_what_is_cancelled(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.confirmed(payment_method="pm_card_visa")

        await (await shop.customer()).do(f"/v1/bookings/{booking['id']}/cancel", reason="it rains")
        await shop.market.drain()
        await street.news()

        (refund,) = await (await shop.admin()).pages("/admin/v1/refunds")
        assert refund["state"] == "succeeded"
        assert not await shop.ledger()

    async def test_lets_a_hold_go_that_no_provider_wanted(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.booked(payment_method="pm_card_visa")

        await (await shop.provider()).do(f"/v1/bookings/{booking['id']}/decline", reason="away")
        await shop.market.drain()

        assert await street.stands(booking) == ("declined", "cancelled")
        assert not await shop.ledger()

    async def test_says_why_a_card_was_declined_and_takes_another(self, street: Street) -> None:
        shop = street.shop
        declined = "pm_card_visa_chargeDeclinedInsufficientFunds"
        booking = await shop.booked(payment_method=declined)
        failed = await shop.payment(booking["id"])
        path = f"/v1/bookings/{booking['id']}/retry-payment"

        again = {"payment_id": str(uuid4()), "payment_method": "pm_card_visa"}
        await (await shop.customer()).do(path, **again)
        await shop.market.drain()

        assert (failed["state"], failed["failure"]) == ("failed", "insufficient_funds")
        assert await street.stands(booking) == ("awaiting_provider", "authorised")

    async def test_finds_what_was_taken_without_an_answer(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.book(payment_method="pm_played_answersTooLate")
        await shop.market.work()
        lost = await street.stands(booking)

        await shop.advance(minutes=1)

        assert lost == ("awaiting_payment", "unknown")
        assert await street.stands(booking) == ("awaiting_provider", "authorised")

    async def test_hears_of_a_dispute_that_does_not_say_whose_it_is(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.confirmed(payment_method="pm_card_createDispute")
        untold(street.stripe)
        street.stripe.books.hurry(SOON)

        heard = await street.news()

        assert heard == [1]
        assert await street.stands(booking) == ("confirmed", "disputed")
        assert (await shop.ledger()).keys() == {"customer_funds", "dispute_hold"}

    async def test_is_what_stripe_says_of_it_to_an_audit(self, street: Street) -> None:
        shop = street.shop
        await shop.confirmed(payment_method="pm_card_visa")
        await shop.advance(minutes=20)

        promise = await shop.rails_asked()

        assert (promise.rows, promise.violations) == (1, ())

    async def test_refuses_a_method_of_another_rail(self, street: Street) -> None:
        shop = street.shop
        body = shop.booking_at(await shop.a_start())

        refused = await (await shop.customer()).refused("/v1/bookings", 400, **body)

        assert refused["code"] == "invalid"


class TestASavedCard:
    async def test_pays_while_its_customer_is_away(self, street: Street) -> None:
        shop = street.shop
        waiting = await _saved(street, source="pm_card_authenticationRequiredOnSetup")

        street.stripe.books.wallet.authorise(waiting["id"], proves=True)
        heard = await street.news()
        card = await (await shop.customer()).read(f"{METHODS}/{waiting['id']}")
        booking = await shop.booked(payment_method=card["id"])

        asked = street.stripe.orders("/v1/payment_intents")[-1]
        assert (waiting["state"], 1 in heard) == ("pending_auth", True)
        assert waiting["next_action"].startswith("https://hooks.stripe.com/")
        assert (card["state"], card["label"], card["next_action"]) == ("active", "Visa 4242", None)
        assert card["expires_at"].startswith("2030-09-01")
        assert asked["off_session"] == "true"
        assert await street.stands(booking) == ("awaiting_provider", "authorised")

    async def test_calls_its_customer_back_where_the_bank_asks(self, street: Street) -> None:
        shop = street.shop
        waiting = await _saved(street, source="pm_card_authenticationRequired")
        street.stripe.books.wallet.authorise(waiting["id"], proves=True)
        await street.news()

        booking = await shop.booked(payment_method=waiting["id"])
        asked = await shop.payment(booking["id"])
        before = await street.stands(booking)
        street.stripe.books.act(asked["id"], proves=True)
        await street.news()

        assert (asked["state"], before[0]) == ("needs_action", "awaiting_payment")
        assert asked["next_action"].startswith("https://hooks.stripe.com/")
        assert await street.stands(booking) == ("awaiting_provider", "authorised")

    async def test_is_confirmed_by_the_app_itself(self, street: Street) -> None:
        waiting = await _saved(street)

        street.stripe.books.wallet.confirm_in_app(waiting["next_action"], "pm_card_visa")
        await street.news()

        customer = await street.shop.customer()
        assert (await customer.read(f"{METHODS}/{waiting['id']}"))["state"] == "active"

    async def test_leaves_in_no_history_what_its_app_confirms_by(self, street: Street) -> None:
        waiting = await _saved(street)

        said = f"SELECT count(*) FROM event AS t WHERE t::text LIKE '%{waiting['next_action']}%'"

        assert "_secret_" in waiting["next_action"]
        assert await street.shop.market.sql(said) == 0

    async def test_is_gone_where_it_is_removed_and_where_stripe_says_so(self, street: Street) -> None:
        customer, wallet = await street.shop.customer(), street.stripe.books.wallet
        removed = await _saved(street, source="pm_card_visa")
        detached = await _saved(street, source="pm_card_visa")
        untold(street.stripe)

        await customer.do(f"{METHODS}/{removed['id']}/remove")
        await street.shop.market.drain()
        wallet.detach(wallet.setup(detached["id"])["payment_method"])
        heard = await street.news()

        gone = street.stripe.books.objects[wallet.setup(removed["id"])["payment_method"]]
        states = [(await customer.read(f"{METHODS}/{one['id']}"))["state"] for one in (removed, detached)]
        assert (states, gone["customer"], heard) == (["cancelled", "cancelled"], None, [1, 1])

    async def test_that_the_bank_declines_is_never_one(self, street: Street) -> None:
        declined = await _saved(street, source="pm_card_visa_chargeDeclinedInsufficientFunds")

        assert (declined["state"], declined["failure"]) == ("rejected", "insufficient_funds")

    @pytest.mark.parametrize(
        ("given", "field"), [({"source": "setup_success"}, "source"), ({"kind": "debit_order"}, "kind")]
    )
    async def test_that_stripe_does_not_keep_is_refused_by_its_field(
        self, street: Street, given: dict[str, str], field: str
    ) -> None:
        body = {"payment_method_id": str(uuid4()), "kind": "card"} | given

        problem = await (await street.shop.customer()).refused(METHODS, 400, **body)

        assert problem["facts"]["field"] == field


class TestAWebhookOfStripe:
    async def test_counts_once_whatever_the_order(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.confirmed(payment_method="pm_card_visa")
        events = untold(street.stripe)

        first = await post(shop.market.client, reversed(events))
        again = await post(shop.market.client, events)
        await shop.market.drain()

        assert (set(first), set(again)) == ({1}, {0})
        assert await street.stands(booking) == ("confirmed", "succeeded")

    async def test_of_somebody_elses_changes_nothing(self, street: Street) -> None:
        event = {"id": "evt_x", "type": "payment_intent.succeeded", "livemode": False}
        foreign = event | {"data": {"object": {"metadata": {"order": "6735"}}}}

        assert await post(street.shop.market.client, [foreign]) == [0]

    async def test_that_is_not_signed_by_stripe_is_refused(self, street: Street) -> None:
        body = body_of({"id": "evt_x", "type": "refund.created", "livemode": False, "data": {"object": {}}})

        answer = await street.shop.market.client.post(
            "/hooks/stripe", content=body, headers=signed(body, secret="whsec_of_somebody_else")
        )

        assert answer.status_code == 403


class TestTheStatement:
    async def test_brings_clearing_to_nothing_but_the_fee(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.released(payment_method="pm_card_visa")
        await shop.advance(days=7)
        await _paid_out(shop)
        street.stripe.books.settle()

        await shop.market.platform.schedules().keep()
        await shop.market.drain()

        told = await (await shop.admin()).pages("/admin/v1/settlements")
        ledger = await shop.ledger()
        assert {(one["subject"], one["state"]) for one in told} == {
            ("charge", "booked"),
            ("transfer", "booked"),
        }
        assert booking["state"] == "completed"
        assert "psp_clearing" not in ledger
        assert ledger["processor_fee"] > 0


async def _saved(street: Street, **given: str) -> dict[str, Any]:
    """As its owner sees it when what follows has followed."""
    customer = await street.shop.customer()
    begun = await customer.do(METHODS, payment_method_id=str(uuid4()), kind="card", **given)
    await street.shop.market.drain()
    seen: dict[str, Any] = await customer.read(f"{METHODS}/{begun['id']}")
    return seen


async def _done(shop: Shop, booking: Any) -> None:
    booking = await shop.booking(booking["id"])
    await shop.until(booking["starts_at"])
    provider, path = await shop.provider(), f"/v1/bookings/{booking['id']}"
    for step in ("set-out", "arrive"):
        await provider.do(f"{path}/{step}")
    await provider.do(f"{path}/start", start_code=booking["start_code"])
    delivered = await provider.do(f"{path}/deliver")
    await (await shop.customer()).do(f"{path}/approve")
    await shop.until(delivered["complaint_until"])
    await shop.advance(days=7)


async def _paid_out(shop: Shop) -> list[Any]:
    admin = await shop.admin()
    await admin.do("/admin/v1/payout-runs", run_id=str(uuid4()), reason="payday")
    await shop.market.drain()
    payouts: list[Any] = await admin.pages("/admin/v1/payouts")
    return payouts


class TestAConnectedAccount:
    async def test_is_opened_on_stripes_pages_and_then_paid_into(self, street: Street) -> None:
        shop, connect = street.shop, street.stripe.books.connect
        connect.choose("succeeds")
        provider, key = await shop.provider(), str(uuid4())
        path = f"/v1/providers/{shop.service().provider_id}/payout-accounts"
        await provider.do(path, payout_account_id=key, kind="hosted", country="US")
        await shop.market.drain()
        asked = await provider.read(f"/v1/payout-accounts/{key}")
        link = await provider.do(f"/v1/payout-accounts/{key}/link", return_url="https://app.example/back")

        connect.submit(key)
        heard = await street.news()

        after = await provider.read(f"/v1/payout-accounts/{key}")
        assert (asked["state"], "a bank account" in asked["required"]) == ("needs_action", True)
        assert link["url"].startswith("https://connect.stripe.com/setup/")
        assert 1 in heard
        assert (after["state"], after["label"]) == ("active", "STRIPE TEST BANK 6789")
        booking = await shop.confirmed(payment_method="pm_card_visa")
        await _done(shop, booking)
        await _paid_out(shop)
        payee = (await provider.read("/v1/provider"))["payee"]
        assert street.stripe.orders("/v1/transfers")[-1]["destination"] == payee
        assert payee.startswith("acct_1Played")

    async def test_that_is_restricted_is_paid_nothing(self, street: Street) -> None:
        shop, connect = street.shop, street.stripe.books.connect
        provider, key = await shop.provider(), str(uuid4())
        path = f"/v1/providers/{shop.service().provider_id}/payout-accounts"
        await provider.do(path, payout_account_id=key, kind="hosted", country="US")
        await shop.market.drain()
        connect.submit(key)
        await street.news()
        (account,) = [
            one
            for one in street.stripe.books.of("account")
            if one["metadata"]["marketplace_reference"] == key
        ]

        connect.stand(account, "requirements.past_due", due=["individual.verification.document"])
        await street.news()

        after = await provider.read(f"/v1/payout-accounts/{key}")
        assert (after["state"], after["required"]) == ("restricted", ["proof of identity"])
        assert (await provider.read("/v1/provider"))["payee"] is None
