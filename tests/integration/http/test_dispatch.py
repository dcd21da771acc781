"""Somebody is called out over HTTP: asked, sent, followed on its way, and paid; or another one is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest_asyncio

from marketplace.adapters.postgres.leases import PostgresLeases
from marketplace.entrypoints.cartographer import LEASE

HERE = {"latitude": -26.1465, "longitude": 28.0357}  # where the washers stand
HOME = {"latitude": -26.1398, "longitude": 28.0172}  # two kilometres from there
DOING = {"reason": "a test"}


@dataclass
class Street:
    """A marketplace whose house service is washed cars, and the two providers who wash them."""

    shop: Any
    vans: list[str]
    lindiwe: str

    @property
    def house(self) -> str:
        return str(next(one.id for one in self.shop.seeded.house if one.category == "car-wash"))

    async def online(self, unit_id: str, *, provider: int = 0, place: Any = HERE) -> Any:
        person = await self.shop.provider(provider)
        shown = await person.do(f"/v1/units/{unit_id}/online", place=place)
        await self.shop.market.drain()
        return shown

    async def call_out(self, *, by: int = 0, **asked: Any) -> Any:
        """Paid, and searched for; the first round has been decided."""
        key = str(uuid4())
        body = {"booking_id": key, "service_id": self.house, "place": HOME, "payment_method": "tok_success"}
        customer = await self.shop.customer(by)
        made = await customer.do("/v1/call-outs", **(body | {"address": "4 Fourth Avenue"} | asked))
        await self.shop.market.drain()
        await self.shop.advance(seconds=2)
        return made

    async def offers(self, *, provider: int = 0, **asked: Any) -> list[Any]:
        found: list[Any] = await (await self.shop.provider(provider)).pages("/v1/offers", **asked)
        return found

    async def answer(self, name: str, *, provider: int = 0) -> Any:
        (offer,) = [one for one in await self.offers(provider=provider) if name in one["moves"]]
        answered = await (await self.shop.provider(provider)).do(f"/v1/offers/{offer['id']}/{name}")
        await self.shop.market.drain()
        await self.shop.advance(seconds=2)
        return answered

    async def assigned(self) -> Any:
        await self.online(self.vans[0])
        booking = await self.call_out()
        await self.answer("accept")
        return booking

    async def search(self, booking: Any) -> Any:
        return await (await self.shop.customer()).read(f"/v1/bookings/{booking['id']}/search")


async def street_of(market: Any) -> Street:
    """On a Wednesday at ten, when both are open."""
    shop = await market.open("curbside")
    now = await shop.now()
    wednesday = now + timedelta(days=(2 - now.weekday()) % 7 or 7)
    await shop.until(wednesday.replace(hour=8, minute=0))
    vans = [one["id"] for one in await (await shop.provider()).pages("/v1/provider/units")]
    lindiwe = (await (await shop.provider(1)).pages("/v1/provider/units"))[0]["id"]
    return Street(shop, vans, lindiwe)


@pytest_asyncio.fixture(loop_scope="module")
async def street(market: Any) -> Street:
    return await street_of(market)


class TestACallOut:
    async def test_leads_from_an_offer_to_a_paid_provider(self, street: Street) -> None:
        shop = street.shop
        customer, provider = await shop.customer(), await shop.provider()
        booking = await street.assigned()
        path, van = f"/v1/bookings/{booking['id']}", f"/v1/units/{street.vans[0]}"

        confirmed = (await customer.read(path))["booking"]
        before = await customer.read(f"{path}/way")
        await provider.do(f"{path}/set-out")
        await provider.do(f"{van}/positions", points=[{**HERE, "at": (await shop.now()).isoformat()}])
        on_the_way = await customer.read(f"{path}/way")
        await provider.do(f"{path}/arrive")
        await provider.do(f"{path}/start", start_code=confirmed["start_code"])
        delivered = await provider.do(f"{path}/deliver")
        await customer.do(f"{path}/approve")
        await shop.until(delivered["complaint_until"])

        assert (booking["provider_id"], booking["skill"]) == (None, "car-wash")
        assert confirmed["provider_id"] == str(shop.service().provider_id)
        assert before["place"] == {"latitude": -26.15, "longitude": 28.04}
        assert on_the_way["place"] == HERE
        assert datetime.fromisoformat(on_the_way["arrives_at"]) < await shop.now() + timedelta(minutes=15)
        assert (await shop.booking(booking["id"]))["released_at"] is not None
        assert (await customer.get(f"{path}/way")).status_code == 404

    async def test_is_awaited_as_planned_while_whoever_comes_is_not_seen(self, street: Street) -> None:
        booking = await street.assigned()
        path = f"/v1/bookings/{booking['id']}"
        customer, provider = await street.shop.customer(), await street.shop.provider()
        confirmed = (await customer.read(path))["booking"]
        await provider.do(f"/v1/units/{street.vans[0]}/offline")
        await street.shop.market.drain()

        before = await customer.read(f"{path}/way")
        await provider.do(f"{path}/set-out")
        on_the_way = await customer.read(f"{path}/way")
        await provider.do(f"{path}/arrive")
        there = await customer.read(f"{path}/way")

        assert before["place"] is None
        assert before["arrives_at"] == confirmed["starts_at"]
        assert before["seen_seconds_ago"] > 0
        assert (on_the_way["place"], on_the_way["arrives_at"]) == (None, confirmed["starts_at"])
        assert (there["place"], there["arrives_at"]) == (None, None)

    async def test_is_offered_without_a_word_of_its_customer(self, street: Street) -> None:
        await street.online(street.vans[0])
        booking = await street.call_out()
        (offer,) = await street.offers(state="sent")
        provider = await street.shop.provider()

        detail = await provider.read(f"/v1/offers/{offer['id']}")
        hidden = await provider.get(f"/v1/bookings/{booking['id']}")

        assert detail["job"]["service_name"] == "Wash at the kerb"
        assert detail["job"]["place"] == {"latitude": -26.14, "longitude": 28.02}
        assert detail["job"]["provider_minor"] == 14_274
        assert not {"customer_id", "address", "note"} & (detail["job"].keys() | detail["offer"].keys())
        assert hidden.status_code == 404

    async def test_is_listed_among_offers_with_the_place_and_pay_that_one_offer_shows(
        self, street: Street
    ) -> None:
        await street.online(street.vans[0])
        await street.call_out()

        (offer,) = await street.offers(state="sent")
        detail = await (await street.shop.provider()).read(f"/v1/offers/{offer['id']}")

        assert offer["job"] == detail["job"]
        assert offer["job"]["place"] == {"latitude": -26.14, "longitude": 28.02}
        assert (offer["job"]["provider_minor"], offer["job"]["currency"]) == (14_274, "ZAR")
        assert {name: offer[name] for name in detail["offer"]} == detail["offer"]

    async def test_names_the_unit_that_does_it_to_its_provider_and_the_desk(self, street: Street) -> None:
        waiting = await street.call_out(by=1)
        customer, provider = await street.shop.customer(1), await street.shop.provider()
        support = await street.shop.support()
        before = await support.read(f"/admin/v1/bookings/{waiting['id']}")
        await street.online(street.vans[1])
        await street.shop.advance(seconds=2)
        await street.answer("accept")
        path = f"/v1/bookings/{waiting['id']}"
        (unit,) = [one for one in await provider.pages("/v1/provider/units") if one["id"] == street.vans[1]]

        shown = [
            (await provider.read(path))["booking"],
            *[one for one in await provider.pages("/v1/bookings") if one["id"] == waiting["id"]],
            await support.read(f"/admin{path}"),
            *[one for one in await support.pages("/admin/v1/bookings") if one["id"] == waiting["id"]],
        ]
        hidden = [(await customer.read(path))["booking"], *await customer.pages("/v1/bookings")]

        assert (before["unit_id"], before["unit_name"]) == (None, None)
        assert [(one["unit_id"], one["unit_name"]) for one in shown] == [(unit["id"], unit["name"])] * 4
        assert {(one["unit_id"], one["unit_name"]) for one in hidden} == {(None, None)}

    async def test_goes_to_the_next_after_a_no(self, street: Street) -> None:
        await street.online(street.vans[0])
        await street.online(street.lindiwe, provider=1, place={"latitude": -26.12, "longitude": 28.0})
        booking = await street.call_out()

        await street.answer("decline")
        await street.answer("accept", provider=1)

        detail = await street.shop.booking(booking["id"])
        assert detail["provider_id"] == str(street.shop.service(provider=1).provider_id)
        assert [one["state"] for one in await street.offers()] == ["declined"]

    async def test_goes_to_the_next_after_silence(self, street: Street) -> None:
        await street.online(street.vans[0])
        await street.online(street.lindiwe, provider=1, place={"latitude": -26.12, "longitude": 28.0})
        await street.call_out()

        await street.shop.advance(seconds=50)
        await street.shop.advance(seconds=2)

        assert [one["state"] for one in await street.offers()] == ["expired"]
        assert [one["state"] for one in await street.offers(provider=1)] == ["sent"]

    async def test_that_finds_nobody_waits_on_or_is_cancelled_for_free(self, street: Street) -> None:
        customer, booking = await street.shop.customer(), await street.call_out()
        path = f"/v1/bookings/{booking['id']}"
        await street.shop.advance(minutes=16)
        for _ in range(5):  # a round comes a moment after it was asked for, by the queue's own clock
            await street.shop.advance(seconds=30)

        exhausted = await street.search(booking)
        waiting = await customer.do(f"{path}/search-on")
        detail = await customer.read(path)
        await customer.do(f"{path}/cancel", reason="too late", reason_code="change_of_plans")
        await street.shop.market.drain()

        assert (exhausted["state"], exhausted["moves"]) == ("exhausted", ["wait"])
        assert waiting["state"] == "queued"
        assert detail["provider"] is None
        assert detail["refund_if_cancelled_minor"] == booking["total_minor"]
        assert (await street.search(booking))["state"] == "withdrawn"
        assert (await street.shop.payment(booking["id"]))["refunded_minor"] in {0, booking["total_minor"]}

    async def test_that_is_handed_back_goes_to_another_one(self, street: Street) -> None:
        booking = await street.assigned()
        await street.online(street.lindiwe, provider=1)
        first = await street.shop.provider()

        await first.do(f"/v1/bookings/{booking['id']}/hand-back", reason="flat battery")
        await street.shop.market.drain()
        await street.shop.advance(seconds=2)
        await street.answer("accept", provider=1)

        detail = await street.shop.booking(booking["id"])
        assert detail["provider_id"] == str(street.shop.service(provider=1).provider_id)

    async def test_is_assigned_by_hand(self, street: Street) -> None:
        booking, admin = await street.call_out(), await street.shop.admin()
        provider_id = str(street.shop.service().provider_id)

        path = f"/admin/v1/bookings/{booking['id']}/assign"
        assigned = await admin.do(path, provider_id=provider_id, **DOING)
        await street.shop.market.drain()

        assert (assigned["state"], assigned["provider_id"]) == ("confirmed", provider_id)
        assert (await street.search(booking))["state"] == "withdrawn"


class TestABookingForAnotherDay:
    async def test_does_not_tell_where_its_provider_is_until_then(self, street: Street) -> None:
        shop = street.shop
        booking = await shop.confirmed(at=await shop.a_start(index=-1), place=HOME)
        path = f"/v1/bookings/{booking['id']}/way"
        customer, starts_at = await shop.customer(), datetime.fromisoformat(booking["starts_at"])
        for van in street.vans:
            await street.online(van)

        before = (await customer.get(path)).status_code
        await shop.until(starts_at - timedelta(minutes=90))
        for van in street.vans:
            await street.online(van)

        assert (before, (await customer.get(path)).status_code) == (404, 200)


class TestAHouseService:
    async def test_is_on_show_and_priced_but_has_no_slots(self, street: Street) -> None:
        nobody, now = street.shop.nobody, await street.shop.now()
        shown = [one for one in await nobody.pages("/v1/services") if one["id"] == street.house]

        price = await nobody.do(f"/v1/services/{street.house}/price", starts_at=now.isoformat())
        until = (now + timedelta(days=1)).isoformat()
        slots = await nobody.get(f"/v1/services/{street.house}/slots", from_=now.isoformat(), until=until)

        assert [one["provider_id"] for one in shown] == [None]
        assert (price["total_minor"], price["provider_minor"]) == (18_500, None)
        assert (slots.status_code, slots.json()["code"]) == (409, "not_bookable")
        assert "call-out" in slots.json()["detail"]

    async def test_that_is_a_draft_is_admins_alone(self, street: Street) -> None:
        admin, customer, key = await street.shop.admin(), await street.shop.customer(), str(uuid4())
        rule = {"kind": "fixed", "amount_minor": 10_000}
        draft = {"service_id": key, "name": "Wax", "category": "wax", "rule": rule, "duration_minutes": 30}
        await admin.do("/admin/v1/services", **draft, **DOING)

        before = await customer.get(f"/v1/services/{key}")
        await admin.do(f"/admin/v1/services/{key}/publish", **DOING)

        assert before.status_code == 404
        assert (await street.shop.nobody.get(f"/v1/services/{key}")).status_code == 200


class TestPositions:
    async def test_are_taken_or_dropped_and_counted(self, street: Street) -> None:
        await street.online(street.vans[0])
        now = await street.shop.now()
        near, far = {"latitude": -26.1470, "longitude": 28.0360}, {"latitude": -27.5, "longitude": 28.0}

        points = [
            {**near, "at": (now - timedelta(seconds=5)).isoformat()},
            {**far, "at": (now - timedelta(seconds=2)).isoformat()},
            {"latitude": 91.0, "longitude": 0.0, "at": now.isoformat()},
            {**near, "at": (now - timedelta(minutes=5)).isoformat()},
            {**near, "at": (now + timedelta(minutes=5)).isoformat()},
        ]
        response = await (await street.shop.provider()).post(
            f"/v1/units/{street.vans[0]}/positions", points=points
        )

        assert response.status_code == 202
        assert response.json() == {
            "taken": 1,
            "dropped": {"stale": 1, "from_the_future": 1, "impossible": 2},
        }

    async def test_are_taken_of_a_unit_whose_id_another_marketplace_has_too(
        self, street: Street, market: Any
    ) -> None:
        taken = []
        unit_id = str(uuid4())
        for shop in (await market.open("curbside"), street.shop):
            owner, provider = shop.service().provider_id, await shop.provider()
            van = {"unit_id": unit_id, "name": "Van", "skills": ["car-wash"]}
            await provider.do(f"/v1/providers/{owner}/units", **van)
            await provider.do(f"/v1/units/{unit_id}/online", place=HERE)
            points = [{**HERE, "at": (await shop.now()).isoformat()}]
            taken.append((await provider.post(f"/v1/units/{unit_id}/positions", points=points)).status_code)

        assert taken == [202, 202]

    async def test_of_a_unit_that_is_offline_or_anothers_are_refused(self, street: Street) -> None:
        points = [{**HERE, "at": (await street.shop.now()).isoformat()}]
        own, other = await street.shop.provider(), await street.shop.provider(1)
        path = f"/v1/units/{street.vans[1]}/positions"

        assert (await own.refused(path, 409, points=points))["code"] == "not_online"
        assert (await other.refused(path, 404, points=points))["code"] == "not_found"

    async def test_are_kept_and_bring_back_a_unit_that_the_map_has_forgotten(self, street: Street) -> None:
        await street.online(street.vans[0])
        street.shop.market.platform.live_map().forget_all()
        moved = {"latitude": -26.1475, "longitude": 28.0367}

        points = [{**moved, "at": (await street.shop.now()).isoformat()}]
        await (await street.shop.provider()).do(f"/v1/units/{street.vans[0]}/positions", points=points)

        (presence,) = await (await street.shop.admin()).pages("/admin/v1/dispatch/presences")
        assert presence["place"] == moved
        await street.call_out()
        assert len(await street.offers()) == 1

    async def test_are_nobody_s_who_is_not_on_the_way(self, street: Street) -> None:
        booking = await street.call_out()

        answer = await (await street.shop.customer()).get(f"/v1/bookings/{booking['id']}/way")

        assert answer.status_code == 404
        assert answer.json()["detail"] == f"no unit seen on its way to booking {booking['id']}"


class TestPresences:
    async def test_tell_a_provider_which_of_its_own_units_are_online(self, street: Street) -> None:
        await street.online(street.vans[0])
        await street.online(street.vans[1])
        await street.online(street.lindiwe, provider=1)
        await (await street.shop.provider()).do(f"/v1/units/{street.vans[1]}/offline")

        own = await street.shop.provider()
        online = await own.pages("/v1/provider/presences", state="online")
        both = await own.pages("/v1/provider/presences")

        assert [one["unit_id"] for one in online] == [street.vans[0]]
        assert {one["unit_id"] for one in both} == set(street.vans[:2])


class TestTheLiveMap:
    async def test_is_drawn_anew_when_it_has_forgotten_everything(self, street: Street) -> None:
        platform = street.shop.market.platform
        await street.online(street.vans[0])
        await street.online(street.vans[1])
        await (await street.shop.provider()).do(f"/v1/units/{street.vans[1]}/offline")
        platform.live_map().forget_all()

        await platform.cartographer().look()

        assert not await platform.live_map().blank()
        await street.call_out()
        assert [one["unit_id"] for one in await street.offers()] == [street.vans[0]]

    async def test_is_drawn_by_one_process_at_a_time(self, street: Street) -> None:
        platform = street.shop.market.platform
        platform.live_map().forget_all()
        leases = PostgresLeases(platform.worker_engine())
        held = await leases.take(LEASE)

        await platform.cartographer().look()
        before = await platform.live_map().blank()
        await held.release()
        await leases.close()
        await platform.cartographer().look()

        assert before
        assert not await platform.live_map().blank()


class TestSupport:
    async def test_reads_why_a_unit_was_asked_or_not(self, street: Street) -> None:
        await street.online(street.vans[0])
        booking = await street.call_out()
        support = await street.shop.support()
        (job,) = await support.pages("/admin/v1/dispatch/jobs", booking_id=booking["id"])
        path = f"/admin/v1/dispatch/jobs/{job['id']}"

        (decision,) = await support.pages(f"{path}/decisions")
        asked = await support.read(f"{path}/why-not", unit_id=street.vans[0])
        offline = await support.read(f"{path}/why-not", unit_id=street.vans[1])

        assert [one["unit_id"] for one in decision["asked"]["candidates"]] == [street.vans[0]]
        assert decision["verdicts"][0]["cost"]["total"] > 0
        assert asked["asked"]
        assert offline["sentence"] == "It was not looked at: it is offline."


class TestStars:
    async def test_that_a_customer_gave_count_when_the_next_job_is_decided(self, street: Street) -> None:
        shop, van = street.shop, street.vans[0]
        booking = await street.assigned()
        path = f"/v1/bookings/{booking['id']}"
        customer, provider, support = await shop.customer(), await shop.provider(), await shop.support()
        confirmed = (await customer.read(path))["booking"]
        for step in ("set-out", "arrive"):
            await provider.do(f"{path}/{step}")
        await provider.do(f"{path}/start", start_code=confirmed["start_code"])
        await provider.do(f"{path}/deliver")
        await customer.do(f"{path}/approve")
        review = await customer.do(f"{path}/review", stars=2, words="Left the wheels.")
        await shop.market.drain()

        points = [{**HERE, "at": (await shop.now()).isoformat()}]
        await provider.do(f"/v1/units/{van}/positions", points=points)
        again = await street.call_out(by=1)

        stars = {}
        for key in (booking["id"], again["id"]):
            (job,) = await support.pages("/admin/v1/dispatch/jobs", booking_id=key)
            (decision,) = await support.pages(f"/admin/v1/dispatch/jobs/{job['id']}/decisions")
            (candidate,) = decision["asked"]["candidates"]
            stars[key] = (candidate["unit_id"], candidate["stars"])
        (unit,) = [one for one in await provider.pages("/v1/provider/units") if one["id"] == van]
        assert stars == {booking["id"]: (van, None), again["id"]: (van, 2.0)}
        assert (review["stars"], unit["stars"], unit["reviews_count"]) == (2, 2.0, 1)


class TestAMember:
    async def test_goes_before_whoever_waits_longer(self, street: Street) -> None:
        shop, (first, member) = street.shop, (await street.shop.customer(), await street.shop.customer(1))
        grant = {"membership_id": str(uuid4()), "customer_id": member.tokens["user_id"]}
        until = (await shop.now() + timedelta(days=30)).isoformat()
        await (await shop.admin()).do("/admin/v1/memberships", **grant, until=until, **DOING)
        bookings = [await street.call_out(by=by) for by in (0, 1)]

        await street.online(street.vans[0])
        await shop.advance(seconds=2)

        jobs = {one["booking_id"]: one for one in await (await shop.admin()).pages("/admin/v1/dispatch/jobs")}
        (offer,) = await street.offers()
        assert [jobs[one["id"]]["priority"] for one in bookings] == [0, 1]
        assert jobs[bookings[0]["id"]]["queued_at"] < jobs[bookings[1]["id"]]["queued_at"]
        assert offer["booking_id"] == bookings[1]["id"]
        assert (await first.read("/v1/me"))["membership"] is None


class TestABlock:
    async def test_keeps_a_provider_away_and_is_seen_by_who_set_it(self, street: Street) -> None:
        customer, provider = await street.shop.customer(), await street.shop.provider()
        provider_id = str(street.shop.service().provider_id)
        block = await customer.do("/v1/blocks", provider_id=provider_id)
        await street.online(street.vans[0])

        await street.call_out()

        assert await street.offers() == []
        assert [one["id"] for one in await customer.pages("/v1/blocks")] == [block["id"]]
        assert await provider.pages("/v1/blocks") == []
        assert (await provider.post(f"/v1/blocks/{block['id']}/lift")).status_code == 404
        assert (await customer.do(f"/v1/blocks/{block['id']}/lift"))["state"] == "lifted"
