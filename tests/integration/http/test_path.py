"""From the first search to the provider being paid, over HTTP, in each business."""

import csv
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from marketplace.entrypoints.http import app


async def paid_out(shop: Any) -> list[Any]:
    """Every payout of every provider, after a run."""
    admin = await shop.admin()
    await admin.do("/admin/v1/payout-runs", run_id=str(uuid4()), reason="payday")
    await shop.market.drain()
    payouts: list[Any] = await admin.pages("/admin/v1/payouts")
    return payouts


class TestThePath:
    @pytest.mark.parametrize("blueprint", ["home-services", "curbside", "live-music"])
    async def test_leads_from_a_search_to_a_paid_provider(self, market: Any, blueprint: str) -> None:
        shop = await market.open(blueprint)

        booking = await shop.released()
        await shop.advance(days=7)
        (payout,) = await paid_out(shop)

        assert booking["released_at"] is not None
        assert payout["state"] == "paid"
        assert payout["provider_id"] == booking["provider_id"]
        assert not {"customer_funds", "provider_payable"} & (await shop.ledger()).keys()

    async def test_shows_each_side_what_it_may_do_next(self, shop: Any) -> None:
        customer, provider = await shop.customer(), await shop.provider()
        booking = await shop.booked()
        path = f"/v1/bookings/{booking['id']}"

        for_customer, for_provider = await customer.read(path), await provider.read(path)

        assert for_customer["booking"]["moves"] == ["cancel"]
        assert for_provider["booking"]["moves"] == ["accept", "decline", "cancel"]
        assert for_provider["booking"]["address"] is None
        assert for_provider["booking"]["customer_id"] is None
        assert for_provider["booking"]["start_code"] is None
        assert for_provider["customer"]["phone"] is None
        assert for_provider["payment"] is None

    async def test_shows_the_provider_where_to_go_while_the_job_is_its_own(self, shop: Any) -> None:
        booking = await shop.confirmed()
        path = f"/v1/bookings/{booking['id']}"

        seen = await (await shop.provider()).read(path)

        assert seen["booking"]["address"] == "14 Kloof Street"
        assert seen["customer"]["phone"] == "+27600000103"
        assert seen["booking"]["start_code"] is None
        assert len(booking["start_code"]) == 4

    async def test_asks_for_the_customers_code_at_the_door(self, shop: Any) -> None:
        booking = await shop.confirmed()
        provider, path = await shop.provider(), f"/v1/bookings/{booking['id']}/start"
        wrong = f"{(int(booking['start_code']) + 1) % 10_000:04d}"

        early = await provider.refused(path, 409, start_code=booking["start_code"])
        await shop.until(booking["starts_at"])

        assert early["code"] == "too_early"
        assert (await provider.refused(path, 409, start_code=wrong))["code"] == "wrong_start_code"
        assert (await provider.do(path, start_code=booking["start_code"]))["state"] == "under_way"

    async def test_needs_no_provider_where_bookings_are_instant(self, market: Any) -> None:
        shop = await market.open("curbside")

        assert (await shop.booked())["state"] == "confirmed"


class TestASearch:
    async def test_finds_by_category_provider_text_and_price(self, shop: Any) -> None:
        service = shop.service()

        async def found(**asked: Any) -> set[str]:
            return {one["name"] for one in await shop.nobody.pages("/v1/services", **asked)}

        assert await found(category="plumbing") == {"Plumber by the hour", "Geyser replacement, 150 litres"}
        assert await found(provider_id=str(service.provider_id), price_max=50_000) == {"Plumber by the hour"}
        assert await found(text="OVEN") == set()
        assert await found(text="geyser") == {"Geyser replacement, 150 litres"}
        assert await found(category="none") == set()

    async def test_shows_no_draft_and_nothing_of_a_suspended_provider(self, shop: Any) -> None:
        provider, admin, service = await shop.provider(), await shop.admin(), shop.service()
        await provider.do(f"/v1/services/{service.id}/withdraw")

        before = {one["id"] for one in await shop.nobody.pages("/v1/services")}
        await admin.do(
            f"/admin/v1/providers/{service.provider_id}/moves", move="suspend", reason="a complaint"
        )
        after = await shop.nobody.pages("/v1/services")

        assert str(service.id) not in before
        assert not [one for one in after if one["provider_id"] == str(service.provider_id)]

    async def test_shows_a_draft_to_nobody_but_its_provider(self, shop: Any) -> None:
        owner, other, service = await shop.provider(), await shop.provider(1), shop.service()
        key = str(uuid4())
        draft = {"service_id": key, "provider_id": str(service.provider_id), "name": "New", "category": "new"}
        rule = {"kind": "fixed", "amount_minor": 10_000}
        await owner.do("/v1/services", **draft, rule=rule, duration_minutes=60)

        assert (await shop.nobody.get(f"/v1/services/{key}")).status_code == 404
        assert (await other.get(f"/v1/services/{key}")).status_code == 404
        assert (await owner.read(f"/v1/services/{key}"))["moves"] == ["amend", "publish"]


class TestAPrice:
    async def test_is_what_the_booking_costs_line_by_line(self, shop: Any) -> None:
        slot, service = (await shop.slots(duration_minutes=120))[0], shop.service()
        asked = {"duration_minutes": 120, "options": [{"code": "tap-set", "quantity": 2}]}

        price = await shop.nobody.do(f"/v1/services/{service.id}/price", starts_at=slot["start"], **asked)
        booking = await shop.book(at=slot["start"], **asked)

        assert booking["price"] == price
        assert price["total_minor"] == sum(line["amount_minor"] for line in price["lines"])
        codes = [line["code"] for line in price["lines"]]
        assert codes == ["base", "option:tap-set", "call_out", "customer_fee"]

    async def test_is_refused_for_an_option_or_a_length_that_is_not_offered(self, shop: Any) -> None:
        path, slot = f"/v1/services/{shop.service().id}/price", (await shop.slots())[0]["start"]

        option = await shop.nobody.refused(path, 400, starts_at=slot, options=[{"code": "helicopter"}])
        length = await shop.nobody.refused(path, 400, starts_at=slot, duration_minutes=1)

        assert option["facts"]["field"] == "options"
        assert length["facts"]["field"] == "duration_minutes"


def clocks_go_back(now: datetime, local: ZoneInfo) -> datetime:
    """The day on which they do so next, if that is not within the next weeks."""
    days = (now + timedelta(days=number) for number in range(14, 400))
    summer, winter = timedelta(hours=2), timedelta(hours=1)
    return next(
        day
        for day in days
        if day.astimezone(local).utcoffset() == summer
        and (day + timedelta(days=1)).astimezone(local).utcoffset() == winter
    )


class TestASlot:
    async def test_that_is_shown_books_and_one_that_is_not_does_not(self, shop: Any) -> None:
        customer, service = await shop.customer(), shop.service(provider=2)
        slots = await shop.slots(provider=2)
        first = slots[0]["start"]

        await shop.book(at=first, provider=2)
        taken = await customer.refused(
            "/v1/bookings",
            409,
            booking_id=str(uuid4()),
            provider_id=str(service.provider_id),
            service_id=str(service.id),
            starts_at=first,
            payment_method="tok_success",
        )

        assert taken["code"] == "slot_taken"
        assert first not in {slot["start"] for slot in await shop.slots(provider=2)}

    async def test_keeps_its_local_time_when_the_clocks_change(self, shop: Any) -> None:
        provider, service = await shop.provider(), shop.service()
        await provider.do(f"/v1/providers/{service.provider_id}", time_zone="Europe/Berlin")
        admin = await shop.admin()
        policy = (await admin.read("/admin/v1/tenant"))["policy"]
        policy["booking"]["horizon_days"] = 730
        await admin.do("/admin/v1/tenant/policy", policy=policy, reason="a longer view")
        local = ZoneInfo("Europe/Berlin")
        change = clocks_go_back(await shop.now(), local)
        path = f"/v1/services/{service.id}/slots"
        week = timedelta(days=7)
        asked = {"from_": (change - week).isoformat(), "until": (change + week).isoformat()}

        slots = (await shop.nobody.read(path, **asked))["slots"]

        first = {}
        for slot in slots:
            start = datetime.fromisoformat(slot["start"])
            first.setdefault(start.astimezone(local).date(), start)
        workdays = [start for day, start in first.items() if day.weekday() < 5]
        assert {f"{start.astimezone(local):%H:%M}" for start in workdays} == {"07:30"}
        assert {f"{start:%H:%M}" for start in workdays} == {"05:30", "06:30"}

    async def test_is_not_free_in_time_off_or_at_once(self, shop: Any) -> None:
        provider, service = await shop.provider(), shop.service()
        before = await shop.slots(days=10)
        off = {"start": before[0]["start"], "end": before[len(before) // 2]["start"]}

        await provider.do(f"/v1/providers/{service.provider_id}", time_off=[off])

        after = {slot["start"] for slot in await shop.slots(days=10)}
        assert not [slot for slot in before if slot["start"] in after and slot["start"] < off["end"]]


class TestAListing:
    @pytest.mark.parametrize("limit", [1, 7])
    async def test_is_whole_while_rows_are_added(self, shop: Any, limit: int) -> None:
        start = [slot["start"] for slot in await shop.slots(days=20)][::9]
        before = [(await shop.book(at=at))["id"] for at in start[:9]]
        customer = await shop.customer()

        seen: list[str] = []
        after: dict[str, str] = {}
        for at in start[9:]:
            page = await customer.read("/v1/bookings", limit=limit, **after)
            seen += [one["id"] for one in page["items"]]
            await shop.book(at=at)
            if page["after"] is None:
                break
            after = {"after": page["after"]}
        while after and page["after"] is not None:
            page = await customer.read("/v1/bookings", limit=limit, after=page["after"])
            seen += [one["id"] for one in page["items"]]

        assert len(set(seen)) == len(seen)
        assert set(before) <= set(seen)

    async def test_pages_completely_whatever_it_lists(self, shop: Any) -> None:
        done = await shop.released()
        await shop.booked(by=1)
        customer, provider, admin = await shop.customer(), await shop.provider(), await shop.admin()
        await customer.do(f"/v1/bookings/{done['id']}/review", stars=5)
        await paid_out(shop)
        member = {"membership_id": str(uuid4()), "customer_id": customer.tokens["user_id"]}
        await admin.do("/admin/v1/memberships", **member, until="2099-01-01T00:00:00Z", reason="a test")
        card = {"payment_method_id": str(uuid4()), "kind": "card", "source": "setup_success"}
        await customer.do("/v1/payment-methods", **card)
        account = {"payout_account_id": str(uuid4()), "kind": "hosted"}
        await provider.do(f"/v1/providers/{shop.service().provider_id}/payout-accounts", **account)
        lists = [
            *((customer, path) for path in ("/v1/services", "/v1/bookings", "/v1/payment-methods")),
            *((provider, f"/v1/provider/{name}") for name in ("services", "units", "earnings", "payouts")),
            *(
                (admin, route.path)
                for route in app.ADMIN_ROUTES
                if hasattr(getattr(route, "query", None), "limit")
            ),
        ]

        for person, path in lists:
            whole = await person.pages(path, limit=100)
            assert await person.pages(path, limit=1 if len(whole) < 20 else 9) == whole, path
            assert (
                path.endswith(("refunds", "settlements", "payout-reversals")) or "/dispatch/" in path or whole
            ), path

    async def test_filters_bookings_by_state_and_time(self, shop: Any) -> None:
        first, second = await shop.booked(), await shop.confirmed(by=1, at=(await shop.slots())[0]["start"])
        provider, admin = await shop.provider(), await shop.admin()

        waiting = await provider.pages("/v1/bookings", state="awaiting_provider")
        early = await admin.pages("/admin/v1/bookings", until=first["starts_at"])
        one = await admin.pages("/admin/v1/bookings", customer_id=second["customer_id"])

        assert [booking["id"] for booking in waiting] == [first["id"]]
        assert [booking["id"] for booking in early] == [second["id"]]
        assert [booking["id"] for booking in one] == [second["id"]]


class TestAReceipt:
    async def test_adds_up_and_tells_what_came_back(self, shop: Any) -> None:
        booking = await shop.delivered()
        customer, admin = await shop.customer(), await shop.admin()
        await customer.do(f"/v1/bookings/{booking['id']}/dispute", reason="half of it is missing")
        await admin.do(
            f"/admin/v1/bookings/{booking['id']}/resolve", refund_minor=10_000, reason="agreed by both"
        )
        await shop.market.drain()

        receipt = await customer.read(f"/v1/bookings/{booking['id']}/receipt")

        assert receipt["paid_minor"] == receipt["total_minor"] == booking["total_minor"]
        assert sum(line["amount_minor"] for line in receipt["lines"]) == receipt["total_minor"]
        assert receipt["refunded_minor"] == 10_000


class TestAStatement:
    async def test_opens_earns_pays_and_closes_to_the_cent(self, shop: Any) -> None:
        await shop.released()
        provider = await shop.provider()
        balance = await provider.read("/v1/provider/balance")
        asked = {"from_": "2026-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}

        before = await provider.read("/v1/provider/statement", **asked)
        await paid_out(shop)
        after = await provider.read("/v1/provider/statement", **asked)

        assert before["earned_minor"] == before["closing_minor"] == balance["payable_minor"] > 0
        assert balance["ledger_minor"] == balance["payable_minor"]
        assert after["paid_minor"] == before["earned_minor"]
        assert after["closing_minor"] == 0
        assert [line["kind"] for line in after["lines"]] == ["job", "payout_sent"]
        assert (await provider.read("/v1/provider/balance"))["ledger_minor"] == 0

    async def test_carries_over_what_was_before_it(self, shop: Any) -> None:
        await shop.released()
        provider, now = await shop.provider(), await shop.now()

        later = await provider.read(
            "/v1/provider/statement", from_=now.isoformat(), until="2100-01-01T00:00:00Z"
        )

        assert later["opening_minor"] == later["closing_minor"] > 0
        assert not later["lines"]

    async def test_is_a_sheet_and_a_document_too(self, shop: Any) -> None:
        await shop.released()
        provider, now = await shop.provider(), await shop.now()
        asked = {"month": now.astimezone(ZoneInfo("Africa/Johannesburg")).strftime("%Y-%m")}

        told = await provider.read("/v1/provider/statement", **asked)
        sheet = await provider.get("/v1/provider/statement.csv", **asked)
        document = await provider.get("/v1/provider/statement.pdf", **asked)

        rows = list(csv.DictReader(sheet.text.splitlines()))
        assert [row["kind"] for row in rows] == ["opening_balance", "job", "closing_balance"]
        assert rows[-1]["balance"] == f"{told['closing_minor'] / 100:.2f}"
        assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
        assert sheet.headers["content-disposition"].endswith('.csv"')
        assert document.headers["content-type"] == "application/pdf"
        assert document.content.startswith(b"%PDF-")

    async def test_of_no_period_is_refused(self, shop: Any) -> None:
        provider = await shop.provider()

        asked: dict[str, str]
        for asked in ({}, {"month": "2026-13"}, {"month": "2026-11", "until": "2100-01-01T00:00:00Z"}):
            answer = await provider.get("/v1/provider/statement", **asked)
            assert answer.status_code == 400, asked
