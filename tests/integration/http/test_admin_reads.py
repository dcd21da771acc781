"""The platform's people find and read everything, and see no secret."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest_asyncio

from marketplace.core.shared.roles import Role


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def done(market: Any) -> Any:
    """A marketplace in which one booking has gone its whole way, and was paid out."""
    shop = await market.open()
    booking = await shop.released()
    await (await shop.admin()).do("/admin/v1/payout-runs", run_id=str(uuid4()), reason="payday")
    await market.drain()
    return shop, booking


async def one(done: Any, path: str, **asked: Any) -> Any:
    """What a list finds by a filter, which is one alone; and the same when it is read by its id."""
    support = await done[0].support()
    (found,) = await support.pages(path, **asked)
    assert await support.read(f"{path}/{found['id']}") == found
    return found


class TestAList:
    async def test_finds_what_belongs_to_a_booking(self, done: Any) -> None:
        shop, booking = done
        booking_id = booking["id"]

        reservation = await one(done, "/admin/v1/reservations", booking_id=booking_id)
        earning = await one(done, "/admin/v1/earnings", booking_id=booking_id)
        payout = await one(done, "/admin/v1/payouts", provider_id=booking["provider_id"])
        run = await one(done, "/admin/v1/payout-runs")
        heard = await (await shop.support()).pages("/admin/v1/vendor-events", reference=booking["payment_id"])
        said = await (await shop.support()).pages("/admin/v1/messages", subject_id=booking_id)

        assert reservation["booking_id"] == booking_id
        assert (earning["payout_id"], earning["state"]) == (payout["id"], "drawn")
        assert (run["drawn"], run["state"]) == (1, "finished")
        assert {event["subject"] for event in heard} == {"charge"}
        assert "booking.released:provider" in {message["template"] for message in said}

    async def test_finds_what_a_provider_has(self, done: Any) -> None:
        shop, booking = done
        support, provider_id = await shop.support(), booking["provider_id"]

        units = await support.pages("/admin/v1/units", provider_id=provider_id)
        services = await support.pages("/admin/v1/services", provider_id=provider_id, state="published")

        assert units
        assert {unit["provider_id"] for unit in units} == {provider_id}
        assert booking["service_id"] in {service["id"] for service in services}

    async def test_has_the_latest_first_whatever_the_ids(self, done: Any) -> None:
        shop, _ = done
        support = await shop.support()
        for path, instant in {
            "users": "joined_at",
            "providers": "applied_at",
            "services": "drafted_at",
            "units": "added_at",
            "sessions": "opened_at",
            "payments": "created_at",
            "messages": "planned_at",
        }.items():
            listed = await support.pages(f"/admin/v1/{path}", limit=2)

            times = [datetime.fromisoformat(item[instant]) for item in listed]
            assert times == sorted(times, reverse=True), path
            assert len({item["id"] for item in listed}) == len(listed) > 0

    async def test_says_what_may_be_asked(self, done: Any) -> None:
        response = await (await done[0].support()).get("/admin/v1/sessions", state="asleep")

        assert response.status_code == 400
        assert response.json()["facts"]["allowed"] == "active, revoked, expired"


class TestTheLedger:
    async def test_is_found_by_account_by_subject_by_booking_and_by_time(self, done: Any) -> None:
        shop, booking = done
        support, path = await shop.support(), "/admin/v1/ledger/movements"

        all_of_it = await support.pages(path, limit=1)
        of_account = await support.pages(path, account=f"provider_payable:{booking['provider_id']}")
        of_payment = await support.pages(path, subject_id=booking["payment_id"])
        of_booking = await support.pages(path, booking_id=booking["id"])
        before = await support.pages(path, until=of_payment[0]["at"])
        since = await support.pages(path, from_=of_payment[0]["at"])

        assert [movement["name"] for movement in of_account] == ["payout_sent", "released"]
        assert [movement["name"] for movement in of_payment] == ["payment_succeed"]
        assert [movement["name"] for movement in of_booking] == ["released", "payment_succeed"]
        assert (before, since) == ([], all_of_it)
        assert all(sum(movement["postings"].values()) == 0 for movement in all_of_it)


class TestASecret:
    async def test_is_in_no_message(self, done: Any) -> None:
        shop, _ = done
        customer = await shop.customer()
        fresh = await shop.confirmed(at=await shop.a_start())
        code = (await customer.read(f"/v1/bookings/{fresh['id']}"))["booking"]["start_code"]

        said = await (await shop.admin()).pages("/admin/v1/messages", subject_id=fresh["id"])
        sent = (await shop.nobody.read("/v1/sandbox/inbox", address=customer.facts.phone))["items"]

        assert any(f"Start code {code}" in message["text"] for message in sent)
        assert any("Start code ****" in message["text"] for message in said)
        assert not [message for message in said if code in message["text"]]

    async def test_of_a_session_is_not_shown(self, done: Any) -> None:
        shop, _ = done
        user_id = str(shop.people(Role.PROVIDER)[0].user_id)

        sessions = await (await shop.admin()).pages("/admin/v1/sessions", user_id=user_id)

        assert sessions
        assert not [name for session in sessions for name in session if "token" in name or "digest" in name]
