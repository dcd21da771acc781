"""Whatever is wrong with a request, the answer is a problem that names the field and what is allowed."""

from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from marketplace.entrypoints.http.problems import MEDIA_TYPE

DEEP = 100_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(market: Any) -> Any:
    """One for all: what is refused leaves nothing behind."""
    return await market.open()


def booking(**wrong: Any) -> dict[str, Any]:
    whole = {
        "booking_id": str(uuid4()),
        "provider_id": str(uuid4()),
        "service_id": str(uuid4()),
        "starts_at": "2026-12-01T10:00:00Z",
        "payment_method": "tok_success",
    }
    return {name: value for name, value in (whole | wrong).items() if value is not ...}


def is_problem(response: Any, status: int, code: str) -> Any:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    problem = response.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


class TestABody:
    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"booking_id": "none"}, "booking_id"),
            ({"booking_id": 7}, "booking_id"),
            ({"booking_id": ...}, "booking_id"),
            ({"starts_at": "tomorrow"}, "starts_at"),
            ({"starts_at": "2026-12-01T10:00:00"}, "starts_at"),
            ({"starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
            ({"starts_at": "9999-12-31T23:59:59Z"}, "starts_at"),
            ({"note": 5}, "note"),
            ({"note": "a\0b"}, "note"),
            ({"note": "x" * 2_001}, "note"),
            ({"payment_method": ""}, "payment_method"),
            ({"duration_minutes": 2**63}, "duration_minutes"),
            ({"duration_minutes": 2**200}, "duration_minutes"),
            ({"duration_minutes": 1.5}, "duration_minutes"),
            ({"options": [{"code": "x"}] * 51}, "options"),
            ({"options": [{"code": "x"}, {"code": "y", "colour": 1}]}, "options[1].colour"),
            ({"options": [{"code": "x", "quantity": 0}]}, "options[0].quantity"),
            ({"options": [{"code": "x\0"}]}, "options[0].code"),
            ({"options": {}}, "options"),
            ({"place": {"latitude": 91, "longitude": 0}}, "place.latitude"),
            ({"place": {"latitude": 1}}, "place.longitude"),
            ({"colour": "blue"}, "colour"),
            ({"tenant_id": str(uuid4())}, "tenant_id"),
            ({"customer_id": str(uuid4())}, "customer_id"),
        ],
    )
    async def test_is_refused_with_the_field_and_what_is_allowed(
        self, shop: Any, wrong: dict[str, Any], field: str
    ) -> None:
        customer = await shop.customer()

        response = await customer.post("/v1/bookings", **booking(**wrong))

        problem = is_problem(response, 400, "invalid")
        assert problem["facts"]["field"] == field
        assert problem["facts"]["allowed"]

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b"\xff\xfe",
            b"NaN",
            b'{"note": "\xff"}',
            b'{"note": "\\ud800"}',
            b"[" * 60_000,
            b'{"options":' * 5_000,
            b'{"place":' * 5_000 + b"1" + b"}" * 5_000,
        ],
        ids=lambda body: str(body[:12]),
    )
    async def test_is_refused_where_it_is_no_json_object(self, shop: Any, body: bytes) -> None:
        customer = await shop.customer()

        response = await customer.client.post("/v1/bookings", content=body, headers=customer.headers)

        is_problem(response, 400, "invalid")

    @pytest.mark.parametrize("body", [b"[" * DEEP, b" " * 65_537, b'{"note":"' + b"x" * 65_536 + b'"}'])
    async def test_is_refused_where_it_is_too_large(self, shop: Any, body: bytes) -> None:
        customer = await shop.customer()

        response = await customer.client.post("/v1/bookings", content=body, headers=customer.headers)

        is_problem(response, 413, "too_large")

    async def test_is_refused_where_it_grows_too_large_on_the_way(self, shop: Any) -> None:
        customer = await shop.customer()

        async def chunks() -> Any:
            for _ in range(100):
                yield b" " * 1_000

        response = await customer.client.post("/v1/bookings", content=chunks(), headers=customer.headers)

        is_problem(response, 413, "too_large")

    async def test_that_breaks_a_rule_of_the_value_names_its_place(self, shop: Any) -> None:
        provider = await shop.provider()
        path = f"/v1/providers/{shop.service().provider_id}"
        hours = {"weekday": 0, "opens": "08:00", "closes": "07:00"}
        period = {"start": "2026-12-02T00:00:00Z", "end": "2026-12-01T00:00:00Z"}

        for body, field in (
            ({"hours": [hours]}, "hours[0].closes"),
            ({"time_off": [period]}, "time_off[0].end"),
            ({"time_zone": "Mars/Olympus"}, "time_zone"),
            ({"hours": [hours | {"weekday": 7}]}, "hours[0].weekday"),
        ):
            problem = await provider.refused(path, 400, **body)
            assert problem["facts"]["field"] == field

    async def test_is_not_looked_at_before_who_sends_it(self, shop: Any) -> None:
        is_problem(await shop.nobody.post("/v1/bookings", wrong=True), 401, "not_signed_in")
        is_problem(await (await shop.provider()).post("/v1/bookings", wrong=True), 403, "not_allowed")


class TestABooking:
    async def test_in_the_past_is_refused_as_such(self, shop: Any) -> None:
        customer, asked = await shop.customer(), shop.booking_at("2026-01-05T10:00:00Z")

        facts = (await customer.refused("/v1/bookings", 400, **asked))["facts"]

        assert (facts["field"], facts["problem"]) == ("starts_at", "is in the past")

    async def test_paid_by_what_the_rail_does_not_know_holds_no_time(self, shop: Any) -> None:
        customer, free = await shop.customer(), (await shop.slots())[0]["start"]
        asked = shop.booking_at(free) | {"payment_method": "tok_none"}

        facts = (await customer.refused("/v1/bookings", 400, **asked))["facts"]

        assert facts["field"] == "payment_method"
        assert "tok_success" in facts["allowed"]
        assert (await shop.slots())[0]["start"] == free

    async def test_is_not_paid_again_by_what_the_rail_does_not_know(self, shop: Any) -> None:
        booking, again = await shop.book(), {"payment_id": str(uuid4()), "payment_method": "tok_none"}
        path = f"/v1/bookings/{booking['id']}/retry-payment"

        assert (await (await shop.customer()).refused(path, 400, **again))["facts"][
            "field"
        ] == "payment_method"

    async def test_under_an_id_that_stands_says_so_without_storages_names(self, shop: Any) -> None:
        booking, free = await shop.book(), (await shop.slots())[-1]["start"]
        asked = shop.booking_at(free) | {"booking_id": booking["id"]}

        problem = await (await shop.customer()).refused("/v1/bookings", 409, **asked)

        assert problem["code"] == "already_there"
        assert problem["facts"] == {"field": "booking_id"}
        assert "stands already" in problem["detail"]

    async def test_of_a_provider_is_never_paid_out_to_what_the_rail_does_not_know(self, shop: Any) -> None:
        path = f"/v1/providers/{shop.service().provider_id}"

        problem = await (await shop.provider()).refused(path, 400, payee="payee_none")

        assert problem["facts"]["field"] == "payee"


class TestAQuery:
    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/v1/services?limit=0", "limit"),
            ("/v1/services?limit=101", "limit"),
            ("/v1/services?limit=99999999999999999999999", "limit"),
            ("/v1/services?limit=-1", "limit"),
            ("/v1/services?limit=many", "limit"),
            ("/v1/services?limit=1&limit=2", "limit"),
            ("/v1/services?after=none", "after"),
            ("/v1/services?after=%00", "after"),
            ("/v1/services?after=W10", "after"),
            # A cursor of another list.
            (
                "/v1/services?after=WyJib29raW5nIiwiMjAyNi0wMS0wMVQwMDowMDowMFoiLCIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiXQ",
                "after",
            ),
            ("/v1/services?price_max=99999999999999999999", "price_max"),
            ("/v1/services?price_max=-1", "price_max"),
            ("/v1/services?provider_id=none", "provider_id"),
            ("/v1/services?text=a%00b", "text"),
            ("/v1/services?category=%00", "category"),
            ("/v1/services?colour=blue", "colour"),
            ("/v1/services/{service}/slots", "from"),
            ("/v1/services/{service}/slots?from=2026-03-01T00:00:00&until=2026-03-02T00:00:00Z", "from"),
            ("/v1/services/{service}/slots?from=never&until=2026-03-02T00:00:00Z", "from"),
            ("/v1/services/{service}/slots?from=0001-01-01T00:00:00Z&until=2026-03-02T00:00:00Z", "from"),
            ("/v1/services/{service}/slots?from=2026-03-01T00:00:00Z&until=9999-12-31T23:59:59Z", "until"),
            ("/v1/services/{service}/slots?from=2026-03-01T00:00:00Z&until=2026-05-01T00:00:00Z", "until"),
            ("/v1/services/none", "service_id"),
            ("/v1/services/%00", "service_id"),
            ("/v1/sandbox/inbox?limit=0", "limit"),
        ],
    )
    async def test_is_refused_with_the_field_and_what_is_allowed(
        self, shop: Any, path: str, field: str
    ) -> None:
        response = await shop.nobody.get(path.replace("{service}", str(shop.service().id)))

        problem = is_problem(response, 400, "invalid")
        assert problem["facts"]["field"] == field

    async def test_is_refused_with_an_unknown_state_and_those_that_there_are(self, shop: Any) -> None:
        response = await (await shop.customer()).get("/v1/bookings", state="lost")

        assert "awaiting_payment" in is_problem(response, 400, "invalid")["facts"]["allowed"]

    async def test_is_refused_with_too_many_parameters(self, shop: Any) -> None:
        path = "/v1/services?" + "&".join(f"a{number}=1" for number in range(100))

        is_problem(await shop.nobody.get(path), 400, "invalid")

    async def test_is_refused_where_a_period_ends_before_it_begins(self, shop: Any) -> None:
        path = f"/v1/services/{shop.service().id}/slots"

        response = await shop.nobody.get(path, from_="2026-03-02T00:00:00Z", until="2026-03-01T00:00:00Z")

        assert is_problem(response, 400, "invalid")["facts"]["field"] == "until"


class TestARoute:
    @pytest.mark.parametrize(
        "path",
        ["/", "/v1", "/v1/none", "/admin/v1/none", "/hooks", "/docs", "/%00", "/admin"],
    )
    async def test_that_is_not_there_is_a_problem(self, shop: Any, path: str) -> None:
        response = await (await shop.customer()).get(path)

        is_problem(response, 404, "not_found")

    @pytest.mark.parametrize(("verb", "path"), [("PUT", "/v1/me"), ("DELETE", "/admin/v1/bookings")])
    async def test_with_another_verb_is_a_problem_that_tells_the_right_one(
        self, shop: Any, verb: str, path: str
    ) -> None:
        response = await shop.nobody.client.request(verb, path, headers=shop.nobody.headers)

        is_problem(response, 405, "method_not_allowed")
        assert "GET" in response.headers["allow"]

    async def test_of_a_rail_that_is_not_there_is_a_problem(self, shop: Any) -> None:
        is_problem(await shop.nobody.post("/hooks/none", id="evt"), 404, "not_found")


class TestABearer:
    @pytest.mark.parametrize(
        "authorization",
        [
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "Bearer mk_",
            "Bearer mk_%%%",
            "Bearer mk_" + "A" * 5_000,
            "mk_x",
        ],
    )
    async def test_that_is_none_is_refused(self, shop: Any, authorization: str) -> None:
        response = await shop.nobody.get("/v1/me", headers={"authorization": authorization})

        is_problem(response, 401, "not_signed_in")
        assert response.headers["www-authenticate"].startswith("Bearer")

    async def test_whose_secret_is_another_is_refused(self, shop: Any) -> None:
        token = (await shop.customer()).tokens["access_token"]
        forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")

        response = await shop.nobody.get("/v1/me", headers={"authorization": f"Bearer {forged}"})

        is_problem(response, 401, "not_signed_in")

    async def test_is_refused_in_another_marketplace(self, shop: Any, market: Any) -> None:
        other, customer = await market.open(), await shop.customer()

        is_problem(await customer.get("/v1/me", headers={"marketplace-tenant": other.slug}), 404, "not_found")

    async def test_of_an_unknown_marketplace_is_refused(self, market: Any) -> None:
        for path in ("/v1/services", "/v1/sandbox/tokens"):
            response = await market.client.get(path, headers={"marketplace-tenant": "none"})
            is_problem(response, 404, "not_found")


class TestAKey:
    @pytest.mark.parametrize("key", ["", "x" * 201])
    async def test_of_a_wrong_length_is_refused(self, shop: Any, key: str) -> None:
        response = await (await shop.customer()).post(
            "/v1/me", headers={"idempotency-key": key}, name="Somebody"
        )

        assert is_problem(response, 400, "invalid")["facts"]["field"] == "Idempotency-Key"


class TestADefect:
    async def test_says_nothing_of_what_broke(self, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        office = shop.market.platform.office()

        async def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("s3cret-planted-here")

        monkeypatch.setattr(office.reads, "page", broken)
        response = await shop.nobody.get("/v1/services")

        is_problem(response, 500, "internal")
        assert "s3cret" not in response.text + str(response.headers)
        assert "RuntimeError" not in response.text


class TestARequestId:
    async def test_that_is_given_comes_back_and_stands_in_the_events(self, shop: Any) -> None:
        customer, admin = await shop.customer(), await shop.admin()

        response = await customer.post("/v1/me", headers={"x-request-id": "mine-12345678"}, name="Ayesha")

        assert response.headers["x-request-id"] == "mine-12345678"
        trail = await admin.pages("/admin/v1/trail", subject_id=response.json()["id"])
        assert trail[0]["request_id"] == "mine-12345678"

    @pytest.mark.parametrize(
        "given", ["short", "with space in it", "x" * 65, "ünsafe-12345678", "a\tb-12345678"]
    )
    async def test_that_is_none_is_replaced(self, shop: Any, given: str) -> None:
        headers = {b"x-request-id": given.encode("latin-1")}

        response = await shop.nobody.client.get("/livez", headers=headers)

        assert response.headers["x-request-id"] != given
        assert len(response.headers["x-request-id"]) == 36

    async def test_goes_with_the_jobs_that_follow(self, shop: Any) -> None:
        booking = await shop.book()
        await shop.market.drain()
        admin = await shop.admin()

        created = (await admin.pages("/admin/v1/trail", subject_id=booking["id"]))[-1]
        followed = await admin.pages("/admin/v1/trail", subject_id=booking["payment_id"])

        assert {one["request_id"] for one in followed} == {created["request_id"]}
