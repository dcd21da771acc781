"""Saving a card and a mandate over HTTP: begun, authorised, paid by, amended and removed."""

from typing import Any
from uuid import uuid4

import pytest

from marketplace.core.shared.roles import Role

PATH = "/v1/payment-methods"
TERMS = {"value": "usage_based", "frequency": "ad_hoc", "collection_day": 99, "maximum_minor": 500_000}
PAYER = {
    "holder": "T Nkosi",
    "identity_number": "8001015009087",
    "account_number": "62001234567",
    "branch_code": "250655",
}


def asked(**given: Any) -> dict[str, Any]:
    return {"payment_method_id": str(uuid4()), "kind": "card", "source": "setup_success"} | given


async def saved(shop: Any, **given: Any) -> dict[str, Any]:
    """As its owner sees it when what follows has followed."""
    customer = await shop.customer()
    begun = await customer.do(PATH, **asked(**given))
    await shop.market.drain()
    seen: dict[str, Any] = await customer.read(f"{PATH}/{begun['id']}")
    return seen


class TestACard:
    async def test_is_saved_and_pays(self, shop: Any) -> None:
        card = await saved(shop)

        booking = await shop.booked(payment_method=card["id"])

        assert (card["state"], card["label"], card["usable"]) == ("active", "Visa 4242", True)
        assert (card["moves"], card["advice"], card["next_action"]) == (["remove"], None, None)
        assert "token" not in card
        assert (await shop.detail(booking["id"]))["payment"]["state"] in {"authorised", "succeeded"}

    async def test_says_what_its_holder_has_to_do(self, shop: Any) -> None:
        waiting = await saved(shop, source="setup_needs_action")

        customer = await shop.customer()
        await customer.do(waiting["next_action"], outcome="approved")
        await shop.market.drain()

        assert (waiting["state"], waiting["usable"]) == ("pending_auth", False)
        assert "authorise" in waiting["advice"]
        assert (await customer.read(f"{PATH}/{waiting['id']}"))["state"] == "active"

    async def test_that_does_not_pay_is_refused_with_advice(self, shop: Any) -> None:
        waiting = await saved(shop, source="setup_needs_action")
        body = shop.booking_at(await shop.a_start()) | {"payment_method": waiting["id"]}

        problem = await (await shop.customer()).refused("/v1/bookings", 409, **body)

        assert problem["code"] == "method_unusable"
        assert problem["facts"] == {"state": "pending_auth", "advice": waiting["advice"]}

    async def test_of_another_is_not_there(self, shop: Any) -> None:
        card = await saved(shop)
        other = await shop.customer(1)
        body = shop.booking_at(await shop.a_start()) | {"payment_method": card["id"]}

        await other.refused("/v1/bookings", 404, **body)
        await other.refused(f"{PATH}/{card['id']}/remove", 404)

        assert (await other.get(f"{PATH}/{card['id']}")).status_code == 404
        assert await other.pages(PATH) == []

    async def test_is_removed_by_its_owner(self, shop: Any) -> None:
        card, customer = await saved(shop), await shop.customer()

        removed = await customer.do(f"{PATH}/{card['id']}/remove")
        await shop.market.drain()

        assert (removed["state"], removed["usable"], removed["moves"]) == ("cancelling", False, [])
        assert (await customer.read(f"{PATH}/{card['id']}"))["state"] == "cancelled"

    async def test_is_found_and_removed_by_admin_with_a_reason(self, shop: Any) -> None:
        card, admin = await saved(shop), await shop.admin()
        path = f"/admin/v1/payment-methods/{card['id']}"

        unreasoned = await admin.refused(f"{path}/remove", 400)
        found = await admin.pages(
            "/admin/v1/payment-methods", customer_id=card["customer_id"], state="active"
        )
        await admin.do(f"{path}/remove", reason="stolen")
        await shop.market.drain()

        assert unreasoned["facts"]["field"] == "reason"
        assert [one["id"] for one in found] == [card["id"]]
        assert (await admin.read(path))["state"] == "cancelled"

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"source": "setup_no_such"}, "source"),
            ({"kind": "cheque"}, "kind"),
            ({"kind": "debit_order"}, "terms"),
            ({"kind": "debit_order", "terms": TERMS | {"collection_day": 13}}, "terms.collection_day"),
            ({"kind": "debit_order", "terms": TERMS | {"maximum_minor": -1}}, "terms.maximum_minor"),
            ({"payer": PAYER}, "payer"),
        ],
        ids=str,
    )
    async def test_that_cannot_be_is_refused_by_its_field(
        self, shop: Any, given: dict[str, Any], field: str
    ) -> None:
        problem = await (await shop.customer()).refused(PATH, 400, **asked(**given))

        assert problem["facts"]["field"] == field


class TestAMandate:
    async def test_waits_for_its_bank_and_is_told_of(self, shop: Any) -> None:
        mandate = await saved(shop, kind="debit_order", source=None, payer=PAYER, terms=TERMS)
        customer = await shop.customer()

        await shop.advance(minutes=2)

        after = await customer.read(f"{PATH}/{mandate['id']}")
        assert (mandate["state"], mandate["label"]) == ("pending_auth", "Bank account 4567")
        assert (after["state"], after["terms"]["maximum_minor"]) == ("active", 500_000)
        assert len(after["contract"]) == 14
        phone = shop.people(Role.CUSTOMER)[0].phone
        told = (await customer.read("/v1/sandbox/inbox", address=phone))["items"]
        assert any("your debit order" in message["text"] for message in told)

    async def test_leaves_no_account_number_behind(self, shop: Any) -> None:
        mandate = await saved(shop, kind="debit_order", source=None, payer=PAYER, terms=TERMS)

        left = await shop.market.sql(
            "SELECT (SELECT count(*) FROM payment_method AS t WHERE t::text LIKE '%62001234567%')"
            " + (SELECT count(*) FROM event AS t WHERE t::text LIKE '%62001234567%')"
        )

        assert (mandate["state"], left) == ("pending_auth", 0)

    async def test_is_amended_when_its_payer_agrees(self, shop: Any) -> None:
        mandate, customer = await saved(shop, kind="debit_order", terms=TERMS), await shop.customer()
        wanted = TERMS | {"maximum_minor": 600_000}

        asked_for = await customer.do(
            f"{PATH}/{mandate['id']}/amend", amendment_id=str(uuid4()), terms=wanted
        )
        await shop.market.drain()
        await shop.advance(minutes=2)

        after = await customer.read(f"{PATH}/{mandate['id']}")
        assert (asked_for["state"], asked_for["terms"]["maximum_minor"]) == ("amended", 500_000)
        assert (asked_for["usable"], asked_for["wanted"]["maximum_minor"]) == (True, 600_000)
        assert (after["state"], after["terms"]["maximum_minor"], after["wanted"]) == ("active", 600_000, None)

    async def test_that_must_be_a_new_one_is_not_amended(self, shop: Any) -> None:
        mandate, customer = await saved(shop, kind="debit_order", terms=TERMS), await shop.customer()
        wanted = TERMS | {"frequency": "yearly"}

        problem = await customer.refused(
            f"{PATH}/{mandate['id']}/amend", 400, amendment_id=str(uuid4()), terms=wanted
        )

        assert problem["facts"]["field"] == "terms.frequency"

    async def test_that_comes_too_late_is_refused(self, shop: Any) -> None:
        mandate = await saved(shop, kind="debit_order", terms=TERMS)
        soonest = (await shop.slots())[0]["start"]
        body = shop.booking_at(soonest) | {"payment_method": mandate["id"]}

        problem = await (await shop.customer()).refused("/v1/bookings", 400, **body)

        assert problem["facts"]["field"] == "payment_method"
        assert "card" in problem["facts"]["allowed"]
