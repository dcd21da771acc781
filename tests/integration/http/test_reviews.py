"""What customers say over HTTP: given once, read by everybody, answered, hidden, and counted."""

from typing import Any
from uuid import uuid4

import pytest

DOING = {"reason": "a test"}


async def completed(shop: Any, **asked: Any) -> Any:
    booking = await shop.delivered(**asked)
    customer = await shop.customer(asked.get("by", 0))
    return await customer.do(f"/v1/bookings/{booking['id']}/approve")


async def reviewed(shop: Any, *, stars: int = 5, by: int = 0, **words: Any) -> Any:
    booking = await completed(shop, by=by)
    customer = await shop.customer(by)
    review = await customer.do(f"/v1/bookings/{booking['id']}/review", stars=stars, **words)
    await shop.market.drain()
    return review


async def rating(shop: Any) -> tuple[float | None, int]:
    found = await shop.nobody.read(f"/v1/providers/{shop.service().provider_id}")
    return found["stars"], found["reviews_count"]


@pytest.mark.parametrize("blueprint", ["home-services", "live-music", "curbside"])
async def test_is_offered_and_given_once_in_every_business(market: Any, blueprint: str) -> None:
    shop = await market.open(blueprint)
    booking, customer = await completed(shop), await shop.customer()
    path = f"/v1/bookings/{booking['id']}"

    before = await customer.read(path)
    review = await customer.do(f"{path}/review", stars=4, words="All well.")
    again = await customer.refused(f"{path}/review", 409, stars=5)
    after = await customer.read(path)

    assert before["review"] is None
    assert before["review_until"] > before["booking"]["completed_at"]
    assert again["code"] == "already_reviewed"
    assert (after["review"], after["review_until"]) == (review, None)
    assert await customer.pages("/v1/reviews") == [review]


class TestAReview:
    async def test_is_asked_for_whole(self, shop: Any) -> None:
        booking, customer = await shop.delivered(), await shop.customer()
        path = f"/v1/bookings/{booking['id']}/review"

        assert (await customer.refused(path, 409, stars=5))["code"] == "not_completed"
        assert (await customer.refused(path, 400, stars=6))["facts"]["field"] == "stars"
        assert (await customer.refused(path, 400, stars=5, words="x" * 1_001))["facts"]["field"] == "words"
        assert (await (await shop.customer(1)).refused(path, 404, stars=5))["code"] == "not_found"
        assert (await customer.read(f"/v1/bookings/{booking['id']}"))["review_until"] is None

    async def test_is_told_to_its_provider_and_answered_once(self, shop: Any) -> None:
        review = await reviewed(shop, stars=3, words="Late.")
        provider, support = await shop.provider(), await shop.support()
        path = f"/v1/reviews/{review['id']}/reply"

        (got,) = await provider.pages("/v1/reviews")
        answered = await provider.do(path, words="There was a strike.")
        again = await provider.refused(path, 409, words="And rain.")
        other = await (await shop.provider(1)).refused(path, 404, words="Mine.")
        told = await support.pages("/admin/v1/messages", subject_id=review["booking_id"])

        assert (got["booking_id"], got["customer_id"], got["moves"]) == (
            review["booking_id"],
            None,
            ["reply"],
        )
        assert (answered["reply"], answered["moves"]) == ("There was a strike.", [])
        assert (again["code"], other["code"]) == ("already_answered", "not_found")
        assert "review.published:provider" in {one["template"] for one in told}

    async def test_says_nothing_to_strangers_of_who_gave_it(self, shop: Any) -> None:
        review = await reviewed(shop, words="Quick.")
        path = f"/v1/providers/{review['provider_id']}/reviews"

        for stranger in (shop.nobody, await shop.customer(1), await shop.provider(1)):
            (shown,) = await stranger.pages(path)

            assert (shown["words"], shown["stars"], shown["moves"]) == ("Quick.", 5, [])
            assert (shown["customer_id"], shown["booking_id"], shown["unit_id"]) == (None, None, None)
        customer = await shop.customer()
        assert customer.tokens["user_id"] not in (await shop.nobody.get(path)).text
        assert customer.facts.name not in (await shop.nobody.get(path)).text

    async def test_asked_for_many_times_at_once_is_one(self, shop: Any, together: Any) -> None:
        booking, customer = await completed(shop), await shop.customer()
        path = f"/v1/bookings/{booking['id']}/review"

        answers = await together(*(customer.post(path, stars=stars) for stars in (1, 2, 3, 4, 5)))
        await shop.market.drain()

        assert sorted(one.status_code for one in answers) == [201, 409, 409, 409, 409]
        (given,) = [one.json()["stars"] for one in answers if one.is_success]
        assert await rating(shop) == (given, 1)

    async def test_of_nobody_is_not_found(self, shop: Any) -> None:
        assert (await shop.nobody.get(f"/v1/providers/{uuid4()}/reviews")).status_code == 404


class TestStars:
    async def test_are_shown_with_the_provider_and_what_it_offers(self, shop: Any) -> None:
        before = await rating(shop)
        await reviewed(shop, stars=5)
        await reviewed(shop, stars=4, by=1)

        key = str(shop.service().id)
        services = {one["id"]: one for one in await shop.nobody.pages("/v1/services")}
        one = await shop.nobody.read(f"/v1/services/{key}")
        unrated = services[str(shop.service(provider=1).id)]

        assert before == (None, 0)
        assert await rating(shop) == (4.5, 2)
        assert (services[key]["stars"], services[key]["reviews_count"]) == (4.5, 2)
        assert (one["stars"], one["reviews_count"]) == (4.5, 2)
        assert (unrated["stars"], unrated["reviews_count"]) == (None, 0)

    async def test_are_listed_the_latest_first_page_by_page(self, shop: Any) -> None:
        given = [await reviewed(shop, stars=stars) for stars in (1, 2, 3)]
        path = f"/v1/providers/{given[0]['provider_id']}/reviews"

        listed = await shop.nobody.pages(path, limit=2)

        assert [one["stars"] for one in listed] == [3, 2, 1]

    async def test_of_a_hidden_review_are_neither_shown_nor_counted(self, shop: Any) -> None:
        review, admin = await reviewed(shop, stars=1, words="Insults."), await shop.admin()
        shown, path = f"/v1/providers/{review['provider_id']}/reviews", f"/admin/v1/reviews/{review['id']}"

        unreasoned = await admin.refused(f"{path}/hide", 400)
        hidden = await admin.do(f"{path}/hide", **DOING)
        await shop.market.drain()
        gone, counted = await shop.nobody.pages(shown), await rating(shop)
        kept = await (await shop.customer()).pages("/v1/reviews", state="hidden")
        await admin.do(f"{path}/restore", **DOING)
        await shop.market.drain()

        assert unreasoned["facts"]["field"] == "reason"
        assert (hidden["state"], hidden["moves"]) == ("hidden", ["restore"])
        assert (gone, counted) == ([], (None, 0))
        assert [one["id"] for one in kept] == [review["id"]]
        assert len(await shop.nobody.pages(shown)) == 1
        assert await rating(shop) == (1.0, 1)

    async def test_of_another_marketplace_are_not_there(self, shop: Any, market: Any) -> None:
        review, foreign = await reviewed(shop), await market.open()

        path = f"/v1/providers/{review['provider_id']}/reviews"
        assert (await foreign.nobody.get(path)).status_code == 404
        assert await (await foreign.admin()).pages("/admin/v1/reviews") == []
