"""Signing in over HTTP: nobody learns who is known, nobody guesses, and who is out is out at once."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.core.identity.signin import CODES_PER_HOUR_MAX, TRIES_MAX
from marketplace.core.shared.errors import NotSignedIn
from marketplace.entrypoints.http.bearers import Bearers

UNKNOWN = "+27600000199"


async def a_code(shop: Any, phone: str) -> tuple[str, str]:
    """A sign-in and its code."""
    key = str(uuid4())
    await shop.nobody.do("/v1/sign-in/codes", sign_in_id=key, phone=phone)
    return key, await shop.code_of(phone)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


class TestACode:
    async def test_is_sent_to_the_known_and_the_unknown_alike(self, shop: Any) -> None:
        for phone in (shop.seeded.people[0].phone, UNKNOWN):
            response = await shop.nobody.post("/v1/sign-in/codes", sign_in_id=str(uuid4()), phone=phone)

            assert response.status_code == 202
            assert response.json().keys() == {"sign_in_id", "expires_at"}
            # Both do the same work, so that the time which it takes tells nothing either.
            assert await shop.code_of(phone)

    async def test_lets_a_newcomer_in_as_a_customer(self, shop: Any) -> None:
        key, code = await a_code(shop, UNKNOWN)

        tokens = await shop.nobody.do("/v1/sign-in/tokens", sign_in_id=key, code=code)

        assert tokens["role"] == "customer"

    async def test_lets_nobody_in_as_what_it_is_not(self, shop: Any) -> None:
        for role in ("admin", "support", "provider", "partner"):
            key, code = await a_code(shop, f"+2760000{1000 + len(role)}")
            refused = await shop.nobody.refused(
                "/v1/sign-in/tokens", 403, sign_in_id=key, code=code, role=role
            )
            assert refused["code"] == "not_allowed"

    @pytest.mark.parametrize("role", ["system", "clock"])
    async def test_never_lets_in_as_one_of_us(self, shop: Any, role: str) -> None:
        key, code = await a_code(shop, f"+2760000{1100 + len(role)}")

        refused = await shop.nobody.refused("/v1/sign-in/tokens", 400, sign_in_id=key, code=code, role=role)

        assert refused["facts"]["allowed"] == "customer, provider, support, admin, partner"

    async def test_dies_with_five_wrong_tries(self, shop: Any) -> None:
        key, code = await a_code(shop, UNKNOWN)
        path = "/v1/sign-in/tokens"

        left = [
            (await shop.nobody.refused(path, 401, sign_in_id=key, code=wrong(code)))["facts"]["tries_left"]
            for _ in range(TRIES_MAX)
        ]
        right = await shop.nobody.refused(path, 401, sign_in_id=key, code=code)

        assert left == [4, 3, 2, 1, 0]
        assert right["code"] == "not_signed_in"

    async def test_dies_with_five_wrong_tries_at_once(self, shop: Any, together: Any) -> None:
        key, code = await a_code(shop, UNKNOWN)

        answers = await together(
            *(
                shop.nobody.post("/v1/sign-in/tokens", sign_in_id=key, code=wrong(code))
                for _ in range(4 * TRIES_MAX)
            )
        )

        counted = [answer for answer in answers if answer.json().get("facts", {}).get("tries_left", 0) > 0]
        assert len(counted) < TRIES_MAX
        assert {answer.status_code for answer in answers} <= {401, 409}

    async def test_is_good_for_ten_minutes_and_one_use(self, shop: Any) -> None:
        key, code = await a_code(shop, UNKNOWN)
        used, again = str(uuid4()), "/v1/sign-in/tokens"
        await shop.nobody.do("/v1/sign-in/codes", sign_in_id=used, phone="+27600000198")
        used_code = await shop.code_of("+27600000198")
        await shop.nobody.do(again, sign_in_id=used, code=used_code)

        await shop.advance(minutes=11)

        await shop.nobody.refused(again, 401, sign_in_id=used, code=used_code)
        await shop.nobody.refused(again, 401, sign_in_id=key, code=code)

    async def test_is_asked_for_five_times_an_hour_for_a_number(self, shop: Any) -> None:
        path = "/v1/sign-in/codes"
        for _ in range(CODES_PER_HOUR_MAX):
            await shop.nobody.do(path, sign_in_id=str(uuid4()), phone=UNKNOWN)

        response = await shop.nobody.post(path, sign_in_id=str(uuid4()), phone=UNKNOWN)

        assert response.status_code == 429
        assert int(response.headers["retry-after"]) > 0
        await shop.advance(hours=1, minutes=1)
        await shop.nobody.do(path, sign_in_id=str(uuid4()), phone=UNKNOWN)

    async def test_is_sent_once_to_a_number_that_is_asked_for_at_once(self, shop: Any, together: Any) -> None:
        answers = await together(
            *(
                shop.nobody.post("/v1/sign-in/codes", sign_in_id=str(uuid4()), phone=UNKNOWN)
                for _ in range(30)
            )
        )

        inbox = await shop.nobody.read("/v1/sandbox/inbox", address=UNKNOWN)
        assert 1 <= len(inbox["items"]) <= CODES_PER_HOUR_MAX
        assert {answer.status_code for answer in answers} <= {202, 409, 429}

    async def test_is_asked_for_so_often_from_one_place(self, shop: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr("marketplace.core.identity.signin.CODES_PER_ORIGIN_AND_HOUR_MAX", 3)
        numbers = [f"+2760000{number}" for number in range(2000, 2004)]

        answers = [
            await shop.nobody.post("/v1/sign-in/codes", sign_in_id=str(uuid4()), phone=number)
            for number in numbers
        ]

        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]

    async def test_goes_to_mobile_numbers_in_any_spelling(self, shop: Any) -> None:
        path = "/v1/sign-in/codes"
        for phone in ("060 000 0199", "+27 60 000 0199", "0600000199"):
            await shop.nobody.do(path, sign_in_id=str(uuid4()), phone=phone)

        for phone in ("021 480 7700", "12", "+1", "x" * 60, "+27600000199\0"):
            refused = await shop.nobody.refused(path, 400, sign_in_id=str(uuid4()), phone=phone)
            assert refused["facts"]["field"] == "phone"


class TestASession:
    async def test_rotates_its_tokens(self, shop: Any) -> None:
        customer = await shop.sign_in(shop.seeded.people[0])
        before = customer.tokens

        customer.tokens = await shop.nobody.do("/v1/sign-in/refresh", refresh_token=before["refresh_token"])

        assert customer.tokens["session_id"] == before["session_id"]
        assert customer.tokens["access_token"] != before["access_token"]
        assert (await customer.get("/v1/me")).status_code == 200

    async def test_ends_for_both_when_a_spent_refresh_token_is_shown(self, shop: Any) -> None:
        customer = await shop.sign_in(shop.seeded.people[0])
        spent = customer.tokens["refresh_token"]
        fresh = await shop.nobody.do("/v1/sign-in/refresh", refresh_token=spent)
        customer.tokens = fresh

        await shop.nobody.refused("/v1/sign-in/refresh", 401, refresh_token=spent)

        await shop.nobody.refused("/v1/sign-in/refresh", 401, refresh_token=fresh["refresh_token"])
        assert (await customer.get("/v1/me")).status_code == 401
        trail = await (await shop.admin()).pages("/admin/v1/trail", subject_id=fresh["session_id"])
        assert "spent refresh token" in trail[0]["reason"]

    async def test_refreshed_twice_at_once_stays_with_one_or_none(self, shop: Any, together: Any) -> None:
        token = (await shop.sign_in(shop.seeded.people[0])).tokens["refresh_token"]

        answers = await together(
            *(shop.nobody.post("/v1/sign-in/refresh", refresh_token=token) for _ in range(10))
        )

        assert [answer.status_code for answer in answers].count(200) == 1
        assert {answer.status_code for answer in answers} <= {200, 401, 409}

    async def test_ends_at_once_when_its_user_signs_out(self, shop: Any) -> None:
        customer = await shop.sign_in(shop.seeded.people[0])
        assert (await customer.get("/v1/me")).status_code == 200

        await customer.do("/v1/sign-in/out", session_id=customer.tokens["session_id"])

        assert (await customer.get("/v1/me")).status_code == 401
        await shop.nobody.refused("/v1/sign-in/refresh", 401, refresh_token=customer.tokens["refresh_token"])

    async def test_ends_at_once_while_its_user_is_asking(self, shop: Any) -> None:
        """A look-up that began before the end must not be remembered after it."""
        customer, store = await shop.sign_in(shop.seeded.people[0]), shop.market.platform.api_store()
        body = {"session_id": customer.tokens["session_id"]}

        class Slow:
            reads = 0

            async def read(self, *asked: Any) -> Any:
                self.reads += 1
                answer = await store.read(*asked)
                if self.reads == 1:
                    await customer.do("/v1/sign-in/out", **body)
                    bearers.forget(UUID(body["session_id"]))
                return answer

        bearers = Bearers(Slow())  # type: ignore[arg-type]

        with pytest.raises(NotSignedIn):
            await bearers.of(customer.headers["authorization"])

    async def test_ends_at_once_when_its_user_is_blocked(self, shop: Any) -> None:
        customer, admin = await shop.sign_in(shop.seeded.people[0]), await shop.admin()
        assert (await customer.get("/v1/me")).status_code == 200
        path = f"/admin/v1/users/{customer.tokens['user_id']}"

        await admin.do(f"{path}/block", reason="fraud")

        assert (await customer.get("/v1/me")).status_code == 401
        key, code = await a_code(shop, customer.facts.phone)
        await shop.nobody.refused("/v1/sign-in/tokens", 403, sign_in_id=key, code=code)
        await admin.do(f"{path}/unblock", reason="it was another")
        assert await shop.sign_in(customer.facts)

    async def test_ends_when_its_role_is_taken(self, shop: Any) -> None:
        support, admin = await shop.support(), await shop.admin()

        await admin.do("/admin/v1/users", phone=support.facts.phone, roles=["customer"], reason="moved on")

        assert (await support.get("/admin/v1/users")).status_code == 401

    async def test_outlives_a_jump_of_the_test_clock(self, shop: Any) -> None:
        customer = await shop.customer()

        await shop.advance(days=20)

        assert (await customer.get("/v1/me")).status_code == 200

    async def test_ends_with_its_access_life(self, shop: Any) -> None:
        customer = await shop.sign_in(shop.seeded.people[0])
        key = customer.tokens["session_id"]
        await shop.market.sql("ALTER TABLE session DISABLE TRIGGER USER;")
        await shop.market.sql(f"UPDATE session SET access_until = now() WHERE id = '{key}'")
        await shop.market.sql("ALTER TABLE session ENABLE TRIGGER USER;")

        response = await customer.get("/v1/me")

        assert response.status_code == 401
        assert response.json()["facts"]["expired"] is True


class TestMe:
    async def test_can_change_its_name_and_apply_as_a_provider(self, shop: Any) -> None:
        customer, key = await shop.customer(1), str(uuid4())

        await customer.do("/v1/me", name="Johan B.")
        applied = await customer.do("/v1/providers", provider_id=key, name="Botha Roofing")
        again = await customer.refused("/v1/providers", 400, provider_id=str(uuid4()), name="Another")

        assert applied["state"] == "applied"
        assert again["facts"]["field"] == "provider_id"
        me = await customer.read("/v1/me")
        assert (me["name"], me["roles"], me["provider_id"]) == ("Johan B.", ["customer", "provider"], key)
