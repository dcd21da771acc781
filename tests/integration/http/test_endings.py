"""Every way in which a booking may end, by whom it may, and what comes back."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

CALLED_OFF = {"reason": "something came up"}
OPEN_STATES = ("awaiting_payment", "awaiting_provider", "confirmed", "en_route", "arrived")


async def at_stage(shop: Any, stage: str) -> Any:
    """A booking that has come so far; those that are on their way stand at its start."""
    if stage == "awaiting_payment":
        return await shop.book()
    booking = await shop.booked()
    if stage == "awaiting_provider":
        return booking
    provider, path = await shop.provider(), f"/v1/bookings/{booking['id']}"
    await provider.do(f"{path}/accept")
    await shop.market.drain()
    for step in ("set-out", "arrive")[: OPEN_STATES.index(stage) - 2]:
        await shop.until(booking["starts_at"])
        await provider.do(f"{path}/{step}")
    return await shop.booking(booking["id"])


async def settled(shop: Any, key: str) -> Any:
    """The receipt, once everything has followed."""
    for _ in range(3):
        await shop.market.drain()
    receipt = await (await shop.customer()).read(f"/v1/bookings/{key}/receipt")
    assert "refunds_payable" not in await shop.ledger()
    return receipt


class TestCancelling:
    @pytest.mark.parametrize("stage", OPEN_STATES)
    async def test_by_the_provider_gives_everything_back(self, shop: Any, stage: str) -> None:
        booking = await at_stage(shop, stage)

        ended = await (await shop.provider()).do(f"/v1/bookings/{booking['id']}/cancel", **CALLED_OFF)

        assert (ended["state"], ended["fault"]) == ("cancelled", "provider")
        receipt = await settled(shop, booking["id"])
        assert receipt["refunded_minor"] == receipt["paid_minor"]
        assert not await shop.ledger()

    @pytest.mark.parametrize("stage", OPEN_STATES)
    async def test_by_the_customer_costs_what_the_terms_say(self, shop: Any, stage: str) -> None:
        booking = await at_stage(shop, stage)
        late = stage in {"en_route", "arrived"}
        customer, path = await shop.customer(), f"/v1/bookings/{booking['id']}"
        promised = (await customer.read(path))["refund_if_cancelled_minor"]

        ended = await customer.do(f"{path}/cancel", **CALLED_OFF, reason_code="change_of_plans")

        assert ended["refund_minor"] == promised == (0 if late else booking["total_minor"])
        receipt = await settled(shop, booking["id"])
        assert receipt["paid_minor"] - receipt["refunded_minor"] == (booking["total_minor"] if late else 0)
        assert ("cancellation_fee" in await shop.ledger()) is late

    @pytest.mark.parametrize("stage", OPEN_STATES)
    async def test_by_admin_gives_everything_back_for_a_reason(self, shop: Any, stage: str) -> None:
        booking = await at_stage(shop, stage)

        ended = await (await shop.admin()).do(f"/admin/v1/bookings/{booking['id']}/cancel", **CALLED_OFF)

        assert (ended["state"], ended["fault"]) == ("cancelled", "platform")
        receipt = await settled(shop, booking["id"])
        assert receipt["refunded_minor"] == receipt["paid_minor"]

    async def test_half_a_day_before_gives_half_back(self, shop: Any) -> None:
        booking = await shop.confirmed()
        await shop.until(datetime.fromisoformat(booking["starts_at"]) - timedelta(hours=12))
        customer = await shop.customer()

        ended = await customer.do(f"/v1/bookings/{booking['id']}/cancel", **CALLED_OFF)

        assert ended["refund_minor"] == booking["total_minor"] // 2
        receipt = await settled(shop, booking["id"])
        assert receipt["refunded_minor"] == booking["total_minor"] // 2
        (earning,) = await (await shop.provider()).pages("/v1/provider/earnings")
        assert earning["reason"] == "cancellation"

    async def test_costs_nothing_on_death(self, shop: Any) -> None:
        booking = await at_stage(shop, "arrived")

        ended = await (await shop.customer()).do(
            f"/v1/bookings/{booking['id']}/cancel", **CALLED_OFF, reason_code="death"
        )

        assert ended["refund_minor"] == booking["total_minor"]

    async def test_is_refused_once_the_work_has_begun(self, shop: Any) -> None:
        booking = await shop.delivered()
        path = f"/v1/bookings/{booking['id']}/cancel"

        refused = await (await shop.customer()).refused(path, 409, **CALLED_OFF)

        assert refused["code"] == "move_refused"
        assert refused["facts"]["moves"] == ["approve", "dispute"]

    async def test_frees_the_slot(self, shop: Any) -> None:
        booking = await shop.booked(provider=2)

        await (await shop.customer()).do(f"/v1/bookings/{booking['id']}/cancel", **CALLED_OFF)

        assert booking["starts_at"] in {slot["start"] for slot in await shop.slots(provider=2)}


class TestDeclining:
    async def test_gives_everything_back(self, shop: Any) -> None:
        booking = await shop.booked()

        ended = await (await shop.provider()).do(f"/v1/bookings/{booking['id']}/decline", **CALLED_OFF)

        assert ended["state"] == "declined"
        assert (await settled(shop, booking["id"]))["paid_minor"] == 0
        assert (await shop.payment(booking["id"]))["state"] == "cancelled"


class TestExpiring:
    async def test_comes_when_nobody_pays(self, shop: Any) -> None:
        booking = await shop.book(payment_method="tok_needs_action")
        await shop.market.drain()

        await shop.advance(minutes=16)

        assert (await shop.booking(booking["id"]))["state"] == "expired"
        assert (await settled(shop, booking["id"]))["paid_minor"] == 0

    async def test_comes_when_the_provider_does_not_answer(self, shop: Any) -> None:
        booking = await shop.booked()

        await shop.advance(minutes=119)
        waiting = (await shop.booking(booking["id"]))["state"]
        await shop.advance(minutes=2)

        assert (waiting, (await shop.booking(booking["id"]))["state"]) == ("awaiting_provider", "expired")
        assert (await settled(shop, booking["id"]))["paid_minor"] == 0

    async def test_approves_what_nobody_complains_of(self, shop: Any) -> None:
        booking = await shop.delivered()

        await shop.until(booking["complaint_until"])

        assert (await shop.booking(booking["id"]))["released_at"] is not None

    async def test_calls_it_a_no_show_when_nobody_reports_any_work(self, shop: Any) -> None:
        booking = await shop.confirmed()

        await shop.until(datetime.fromisoformat(booking["ends_at"]) + timedelta(days=1))

        ended = await shop.booking(booking["id"])
        assert (ended["state"], ended["fault"]) == ("no_show", "provider")


class TestANoShow:
    async def test_is_reported_after_the_grace_and_not_before(self, shop: Any) -> None:
        booking = await shop.confirmed()
        customer, path = await shop.customer(), f"/v1/bookings/{booking['id']}/report-no-show"
        await shop.until(booking["starts_at"])

        early = await customer.refused(path, 409, reason="nobody is here")
        await shop.advance(minutes=31)
        ended = await customer.do(path, reason="nobody is here")

        assert early["code"] == "too_early"
        assert (ended["state"], ended["fault"]) == ("no_show", "provider")
        assert ended["refund_minor"] == booking["total_minor"]
        await shop.until(ended["complaint_until"])
        assert (await settled(shop, booking["id"]))["refunded_minor"] == booking["total_minor"]

    async def test_of_the_customer_pays_the_provider(self, shop: Any) -> None:
        booking = await shop.confirmed()
        await shop.until(booking["starts_at"])
        await shop.advance(minutes=31)

        path = f"/v1/bookings/{booking['id']}/report-no-show"
        ended = await (await shop.provider()).do(path, reason="nobody opens")
        await shop.until(ended["complaint_until"])

        (earning,) = await (await shop.provider()).pages("/v1/provider/earnings")
        assert earning["reason"] == "no_show"
        assert (await settled(shop, booking["id"]))["refunded_minor"] == 0


class TestRescheduling:
    async def test_needs_the_other_side_and_moves_the_slot(self, shop: Any) -> None:
        booking = await shop.confirmed(provider=2)
        customer, provider, path = (
            await shop.customer(),
            await shop.provider(2),
            f"/v1/bookings/{booking['id']}",
        )
        wanted = (await shop.slots(provider=2))[0]["start"]

        proposed = await customer.do(f"{path}/propose-time", starts_at=wanted)
        own = await customer.refused(f"{path}/reschedule", 403)
        moved = await provider.do(f"{path}/reschedule")

        assert "reschedule" not in proposed["moves"]
        assert own["code"] == "not_allowed"
        assert moved["starts_at"] == wanted
        free = {slot["start"] for slot in await shop.slots(provider=2)}
        assert booking["starts_at"] in free
        assert wanted not in free

    async def test_leaves_all_as_it_was_when_declined(self, shop: Any) -> None:
        booking = await shop.confirmed()
        customer, provider, path = (
            await shop.customer(),
            await shop.provider(),
            f"/v1/bookings/{booking['id']}",
        )

        await provider.do(f"{path}/propose-time", starts_at=(await shop.slots())[0]["start"])
        declined = await customer.do(f"{path}/decline-time")

        assert declined["starts_at"] == booking["starts_at"]
        assert (await provider.refused(f"{path}/reschedule", 409))["code"] == "conflict"

    async def test_refuses_a_time_that_is_not_free(self, shop: Any) -> None:
        booking = await shop.confirmed()
        night = booking["starts_at"][:11] + "01:00:00Z"

        path = f"/v1/bookings/{booking['id']}/propose-time"
        refused = await (await shop.customer()).refused(path, 409, starts_at=night)

        assert refused["facts"]["why"] in {"outside_hours", "too_soon"}


class TestHandingBack:
    async def test_lets_admin_find_another_provider(self, shop: Any) -> None:
        own, others = await shop.slots(), {slot["start"] for slot in await shop.slots(provider=2)}
        both = [slot["start"] for slot in own if slot["start"] in others]
        booking = await shop.confirmed(at=both[-1])
        admin, path = await shop.admin(), f"/admin/v1/bookings/{booking['id']}"
        other = shop.service(provider=2)

        handed = await (await shop.provider()).do(f"/v1/bookings/{booking['id']}/hand-back", **CALLED_OFF)
        await shop.until(datetime.fromisoformat(booking["booked_at"]) + timedelta(minutes=1))
        assigned = await admin.do(
            f"{path}/assign", provider_id=str(other.provider_id), reason="the first fell ill"
        )

        assert handed["state"] == "awaiting_provider"
        assert (assigned["state"], assigned["provider_id"]) == ("confirmed", str(other.provider_id))
        assert (await (await shop.provider(0)).get(f"/v1/bookings/{booking['id']}")).status_code == 404
        assert (await (await shop.provider(2)).get(f"/v1/bookings/{booking['id']}")).status_code == 200


class TestADispute:
    @pytest.mark.parametrize(("share", "state"), [(0.0, "completed"), (0.25, "completed"), (1.0, "refunded")])
    async def test_is_decided_by_admin_to_the_cent(self, shop: Any, share: float, state: str) -> None:
        booking = await shop.delivered()
        customer, admin = await shop.customer(), await shop.admin()
        back = int(booking["total_minor"] * share)

        disputed = await customer.do(f"/v1/bookings/{booking['id']}/dispute", reason="it leaks still")
        decided = await admin.do(
            f"/admin/v1/bookings/{booking['id']}/resolve", refund_minor=back, reason="seen the photos"
        )

        assert (disputed["state"], decided["state"]) == ("disputed", state)
        receipt = await settled(shop, booking["id"])
        assert receipt["refunded_minor"] == back
        assert "customer_funds" not in await shop.ledger()
        assert len(await (await shop.provider()).pages("/v1/provider/earnings")) == (share < 1)

    async def test_stops_the_money_until_its_deadline(self, shop: Any) -> None:
        booking = await shop.delivered()
        customer = await shop.customer()
        await customer.do(f"/v1/bookings/{booking['id']}/dispute", reason="it leaks still")

        await shop.advance(days=6)
        stopped = (await shop.booking(booking["id"]))["state"]
        await shop.advance(days=1, minutes=1)
        decided = await shop.booking(booking["id"])

        assert (stopped, decided["state"], decided["refund_minor"]) == ("disputed", "completed", 0)

    async def test_comes_too_late_after_the_window(self, shop: Any) -> None:
        booking = await shop.released()

        path = f"/v1/bookings/{booking['id']}/dispute"
        refused = await (await shop.customer()).refused(path, 409, reason="it leaks after all")

        assert refused["code"] == "too_late"

    async def test_cannot_give_back_more_than_was_paid(self, shop: Any) -> None:
        booking = await shop.delivered()
        await (await shop.customer()).do(f"/v1/bookings/{booking['id']}/dispute", reason="it leaks")

        refused = await (await shop.admin()).refused(
            f"/admin/v1/bookings/{booking['id']}/resolve",
            400,
            refund_minor=booking["total_minor"] + 1,
            reason="generous",
        )

        assert refused["facts"]["field"] == "refund_minor"


class TestAdmin:
    async def test_does_nothing_without_a_reason(self, shop: Any) -> None:
        booking = await shop.booked()
        admin, path = await shop.admin(), f"/admin/v1/bookings/{booking['id']}"

        for name in ("accept", "set-out", "approve"):
            assert (await admin.refused(f"{path}/{name}", 400))["facts"]["field"] == "reason"

    async def test_leaves_a_trail_that_names_who_and_why(self, shop: Any) -> None:
        booking = await shop.booked()
        admin = await shop.admin()

        await admin.do(f"/admin/v1/bookings/{booking['id']}/accept", reason="asked for by telephone")

        (newest, *older) = await admin.pages("/admin/v1/trail", subject_id=booking["id"])
        assert newest["actor_id"] == admin.tokens["user_id"]
        assert (newest["reason"], newest["before"]) == ("asked for by telephone", "awaiting_provider")
        assert [one["version"] for one in (newest, *older)] == [3, 2, 1]
        assert str(uuid4()) not in newest["id"]


class TestAReceipt:
    async def test_says_what_the_bank_has_taken_back(self, shop: Any) -> None:
        booking = await shop.confirmed(payment_method="tok_returned")
        await shop.advance(minutes=5)
        await shop.market.drain()

        receipt = await settled(shop, booking["id"])

        total = booking["total_minor"]
        amounts = [receipt[name] for name in ("paid_minor", "refunded_minor", "taken_back_minor")]
        assert amounts == [total, 0, total]
