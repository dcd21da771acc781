"""A request under a key is carried out once, and answered the same as often as it comes."""

from typing import Any
from uuid import uuid4

import pytest

REPLAYED = "idempotent-replayed"


async def asked(shop: Any, **more: Any) -> dict[str, Any]:
    service = shop.service(index=1)
    return {
        "booking_id": str(uuid4()),
        "provider_id": str(service.provider_id),
        "service_id": str(service.id),
        "starts_at": (await shop.slots(index=1))[0]["start"],
        "payment_method": "tok_success",
    } | more


class TestAKey:
    async def test_gives_the_first_answer_again(self, shop: Any) -> None:
        customer, body = await shop.customer(), await asked(shop)

        first = await customer.post("/v1/bookings", key="mine", **body)
        await shop.market.drain()
        again = await customer.post("/v1/bookings", key="mine", **body)

        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert REPLAYED not in first.headers
        assert again.headers[REPLAYED] == "true"

    async def test_is_refused_under_another_body_or_route(self, shop: Any) -> None:
        customer, body = await shop.customer(), await asked(shop)
        await customer.post("/v1/bookings", key="mine", **body)

        other = await customer.post("/v1/bookings", key="mine", **(body | {"note": "another"}))
        elsewhere = await customer.post("/v1/me", key="mine", name="Ayesha")

        for response in (other, elsewhere):
            assert response.status_code == 422
            assert response.json()["code"] == "idempotency_key_reused"

    async def test_of_fifty_at_once_makes_one(self, shop: Any, together: Any) -> None:
        customer, body = await shop.customer(), await asked(shop)

        responses = await together(*(customer.post("/v1/bookings", key="mine", **body) for _ in range(50)))

        assert {response.status_code for response in responses} == {201}
        assert len({response.content for response in responses}) == 1
        assert sum(REPLAYED not in response.headers for response in responses) == 1
        assert len(await customer.pages("/v1/bookings")) == 1

    async def test_of_fifty_at_once_without_ids_of_their_own_makes_one(
        self, shop: Any, together: Any
    ) -> None:
        """What each of them would do is lawful alone: only the key tells that it is one wish."""
        admin, now = await shop.admin(), (await shop.now()).timestamp()

        body = {"seconds": 3_600, "reason": "once"}
        responses = await together(
            *(admin.post("/admin/v1/tenant/clock", key="mine", **body) for _ in range(50))
        )

        assert {response.status_code for response in responses} == {200}
        assert 3_590 < (await shop.now()).timestamp() - now < 3_660

    async def test_of_another_is_apart(self, shop: Any, market: Any) -> None:
        people = [await shop.customer(), await shop.customer(1), await (await market.open()).customer()]

        answers = [
            await person.post("/v1/me", key="the same", name=f"N{i}") for i, person in enumerate(people)
        ]

        assert [answer.json()["name"] for answer in answers] == ["N0", "N1", "N2"]
        assert not [answer for answer in answers if REPLAYED in answer.headers]

    async def test_of_a_refused_command_is_free(self, shop: Any) -> None:
        customer, body = await shop.customer(), await asked(shop)
        wrong = body | {"options": [{"code": "none"}]}

        refused = await customer.post("/v1/bookings", key="mine", **wrong)
        taken = await customer.post("/v1/bookings", key="mine", **body)

        assert (refused.status_code, taken.status_code) == (400, 201)

    async def test_of_a_move_survives_that_the_object_went_on(self, shop: Any) -> None:
        booking, provider = await shop.booked(), await shop.provider()
        path = f"/v1/bookings/{booking['id']}"

        first = await provider.post(f"{path}/accept", key="mine")
        await provider.do(f"{path}/cancel", reason="fell ill")
        again = await provider.post(f"{path}/accept", key="mine")

        assert again.content == first.content
        assert again.json()["state"] == "confirmed"

    async def test_of_a_question_that_acts_is_kept_too(self, shop: Any) -> None:
        admin = await shop.admin()

        first = await admin.post("/admin/v1/jobs/parked/requeue", key="mine", ids=[1], reason="again")
        again = await admin.post("/admin/v1/jobs/parked/requeue", key="mine", ids=[1], reason="again")
        other = await admin.post("/admin/v1/jobs/parked/requeue", key="mine", ids=[2], reason="again")

        assert first.content == again.content
        assert again.headers[REPLAYED] == "true"
        assert other.status_code == 422

    async def test_makes_no_difference_to_a_question(self, shop: Any) -> None:
        path, body = f"/v1/services/{shop.service().id}/price", {"starts_at": "2027-03-01T10:00:00Z"}

        answers = [await shop.nobody.post(path, key="mine", **body) for _ in range(2)]

        assert {answer.status_code for answer in answers} == {200}
        assert answers[0].content == answers[1].content

    async def test_is_not_needed_for_a_repeat_to_be_harmless(self, shop: Any) -> None:
        customer, body = await shop.customer(), await asked(shop)

        await customer.do("/v1/bookings", **body)
        again = await customer.refused("/v1/bookings", 409, **body)

        assert again["code"] in {"already_there", "slot_taken"}
        assert len(await customer.pages("/v1/bookings")) == 1


class TestSigningIn:
    async def test_again_under_a_key_gives_the_same_tokens(self, shop: Any) -> None:
        who, key = shop.seeded.people[0], str(uuid4())
        await shop.nobody.do("/v1/sign-in/codes", sign_in_id=key, phone=who.phone)
        body = {"sign_in_id": key, "code": await shop.code_of(who.phone)}

        first = await shop.nobody.post("/v1/sign-in/tokens", key="mine", **body)
        again = await shop.nobody.post("/v1/sign-in/tokens", key="mine", **body)
        other_key = await shop.nobody.post("/v1/sign-in/tokens", key="other", **body)
        no_key = await shop.nobody.post("/v1/sign-in/tokens", **body)

        assert (first.status_code, first.content) == (200, again.content)
        assert {other_key.status_code, no_key.status_code} == {401}

    async def test_stores_nothing_secret(self, shop: Any) -> None:
        who, key = shop.seeded.people[0], str(uuid4())
        await shop.nobody.post("/v1/sign-in/codes", key="code", sign_in_id=key, phone=who.phone)
        code = await shop.code_of(who.phone)
        answer = await shop.nobody.post("/v1/sign-in/tokens", key="mine", sign_in_id=key, code=code)
        tokens = answer.json()
        await shop.nobody.post("/v1/sign-in/refresh", key="fresh", refresh_token=tokens["refresh_token"])

        tables = ("receipt", "session", "sign_in", "event", "notification", "pgqueuer")
        stored = [
            str(await shop.market.sql(f"SELECT json_agg(t)::text FROM {table} AS t")) for table in tables
        ]

        assert not [text for text in stored if tokens["access_token"] in text]
        assert not [text for text in stored if tokens["refresh_token"] in text]
        assert not [text for text in stored if f'"{code}"' in text]

    async def test_asks_for_one_code_under_one_key(self, shop: Any) -> None:
        who, body = shop.seeded.people[0], {"sign_in_id": str(uuid4())}

        answers = [
            await shop.nobody.post("/v1/sign-in/codes", key="mine", phone=who.phone, **body) for _ in range(3)
        ]

        assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
        assert [answer.headers.get(REPLAYED) for answer in answers] == [None, "true", "true"]
        inbox = await shop.nobody.read("/v1/sandbox/inbox", address=who.phone)
        assert len(inbox["items"]) == 1

    async def test_sends_the_same_code_again_where_sending_failed(self, shop: Any) -> None:
        """The number's gateway is down for the first send."""
        phone, body = "+27600009906", {"sign_in_id": str(uuid4())}

        failed = await shop.nobody.post("/v1/sign-in/codes", key="mine", phone=phone, **body)
        again = await shop.nobody.post("/v1/sign-in/codes", key="mine", phone=phone, **body)

        assert (failed.status_code, again.status_code) == (503, 202)
        assert REPLAYED not in again.headers
        code = await shop.code_of(phone)
        assert (await shop.nobody.do("/v1/sign-in/tokens", code=code, **body))["role"] == "customer"

    async def test_of_two_nobodies_is_apart(self, shop: Any) -> None:
        bodies = [{"sign_in_id": str(uuid4()), "phone": person.phone} for person in shop.seeded.people[:2]]

        answers = [await shop.nobody.post("/v1/sign-in/codes", key="1", **body) for body in bodies]

        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[0].json()["sign_in_id"] != answers[1].json()["sign_in_id"]

    async def test_refreshes_once_under_a_key(self, shop: Any) -> None:
        tokens = (await shop.customer()).tokens
        body = {"refresh_token": tokens["refresh_token"]}

        first = await shop.nobody.post("/v1/sign-in/refresh", key="mine", **body)
        again = await shop.nobody.post("/v1/sign-in/refresh", key="mine", **body)
        stolen = await shop.nobody.post("/v1/sign-in/refresh", key="a thief's", **body)

        assert (first.status_code, first.content) == (200, again.content)
        assert stolen.status_code == 401

    @pytest.mark.parametrize("path", ["/v1/sign-in/out"])
    async def test_out_ends_the_token_and_so_its_keys(self, shop: Any, path: str) -> None:
        customer = await shop.sign_in(shop.seeded.people[0])
        body = {"session_id": customer.tokens["session_id"]}

        first = await customer.post(path, key="mine", **body)
        again = await customer.post(path, key="mine", **body)

        assert (first.status_code, again.status_code) == (200, 401)
