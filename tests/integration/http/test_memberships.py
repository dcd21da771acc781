"""Who is a member, over HTTP: granted with a reason, seen by whom it concerns, and ended."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

PATH = "/admin/v1/memberships"
DOING = {"reason": "a test"}


async def asked_for(shop: Any, **given: Any) -> dict[str, Any]:
    """What a membership of the first customer is granted by."""
    until = (await shop.now() + timedelta(days=30)).isoformat()
    customer_id = (await shop.customer()).tokens["user_id"]
    return {"membership_id": str(uuid4()), "customer_id": customer_id, "until": until, **DOING} | given


class TestAMembership:
    async def test_is_seen_by_the_customer_and_by_support(self, shop: Any) -> None:
        customer, support = await shop.customer(), await shop.support()
        asked = await asked_for(shop, level=3)
        granted = await (await shop.admin()).do(PATH, **asked)

        seen = (await customer.read("/v1/me"))["membership"]
        user = await support.read(f"/admin/v1/users/{asked['customer_id']}")
        other = await (await shop.customer(1)).read("/v1/me")

        assert (granted["level"], granted["state"], granted["moves"]) == (3, "active", ["renew", "end"])
        assert seen == granted | {"moves": []}
        assert (user["membership"], other["membership"]) == (seen, None)
        assert await support.pages(PATH, customer_id=asked["customer_id"], state="active") == [seen]
        assert await support.read(f"{PATH}/{granted['id']}") == seen

    async def test_is_renewed_and_ended_with_a_reason(self, shop: Any) -> None:
        customer, admin = await shop.customer(), await shop.admin()
        asked = await asked_for(shop)
        path = f"{PATH}/{asked['membership_id']}"
        unreasoned = await admin.refused(PATH, 400, **{k: v for k, v in asked.items() if k != "reason"})
        await admin.do(PATH, **asked)

        later = (datetime.fromisoformat(asked["until"]) + timedelta(days=30)).isoformat()
        renewed = await admin.do(f"{path}/renew", until=later, **DOING)
        shorter = await admin.refused(f"{path}/renew", 400, until=asked["until"], **DOING)
        ended = await admin.do(f"{path}/end", **DOING)

        assert datetime.fromisoformat(renewed["until"]) == datetime.fromisoformat(later)
        assert (unreasoned["facts"]["field"], shorter["facts"]["field"]) == ("reason", "until")
        assert (ended["state"], ended["moves"]) == ("ended", [])
        assert (await customer.read("/v1/me"))["membership"] is None

    async def test_is_over_at_its_day(self, shop: Any) -> None:
        asked = await asked_for(shop)
        await (await shop.admin()).do(PATH, **asked)

        await shop.until(asked["until"])

        found = await (await shop.support()).read(f"{PATH}/{asked['membership_id']}")
        assert (found["state"], found["ended_at"]) == ("ended", found["until"])
        assert (await (await shop.customer()).read("/v1/me"))["membership"] is None

    async def test_is_one_at_a_time_however_many_are_asked_for(self, shop: Any, together: Any) -> None:
        admin = await shop.admin()
        first, *others = [await asked_for(shop) for _ in range(5)]

        answers = await together(*(admin.post(PATH, **asked) for asked in (first, *others)))
        again = await admin.refused(PATH, 409, **await asked_for(shop))

        (granted,) = [one.json()["id"] for one in answers if one.is_success]
        refused = [one.json() for one in answers if not one.is_success]
        assert {one["code"] for one in refused} <= {"already_member", "already_there"}
        assert not any("membership_id" in one["detail"] for one in refused)
        assert (again["code"], again["facts"]["membership_id"]) == ("already_member", granted)

    async def test_of_another_marketplace_is_not_there(self, shop: Any, market: Any) -> None:
        asked, foreign = await asked_for(shop), await (await market.open()).admin()
        await (await shop.admin()).do(PATH, **asked)

        assert await foreign.pages(PATH) == []
        assert (await foreign.get(f"{PATH}/{asked['membership_id']}")).status_code == 404
        await foreign.refused(PATH, 404, **(asked | {"membership_id": str(uuid4())}))
