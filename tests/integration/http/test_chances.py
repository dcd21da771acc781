"""A provider finds out why its unit gets no jobs, and nothing of who called."""

from typing import Any
from uuid import uuid4

import pytest_asyncio
from tests.integration.http.test_dispatch import DOING, HOME, Street, street_of

AWAY = {"latitude": -26.12, "longitude": 28.0}


@pytest_asyncio.fixture(loop_scope="module")
async def street(market: Any) -> Street:
    return await street_of(market)


async def chances(street: Street, unit_id: str, *, provider: int = 0, **asked: Any) -> Any:
    person = await street.shop.provider(provider)
    return await person.read(f"/v1/provider/units/{unit_id}/chances", **asked)


class TestChances:
    async def test_tell_what_was_decided_of_a_unit_and_never_of_whom(self, street: Street) -> None:
        await street.online(street.vans[0])
        await street.online(street.lindiwe, provider=1, place=AWAY)
        booking = await street.call_out()
        offline = await chances(street, street.vans[1])

        asked = await chances(street, street.vans[0])
        left_out = await chances(street, street.lindiwe, provider=1)

        assert asked["now"] == ["asked_already"]
        assert asked["lately"] == {
            "searches": 1,
            "for_its_skills": 1,
            "looked_at": 1,
            "asked": 1,
            "not_asked": {},
        }
        assert left_out["now"] == []
        assert left_out["lately"]["not_asked"] == {"others_first": 1}
        assert (offline["now"], offline["seen_seconds_ago"]) == (["offline"], None)
        assert offline["lately"] | {"searches": 1, "looked_at": 0} == offline["lately"]
        assert booking["id"] not in str(left_out)
        assert str(HOME["latitude"]) not in str(left_out)

    async def test_do_not_tell_a_block(self, street: Street) -> None:
        customer, provider_id = await street.shop.customer(), str(street.shop.service().provider_id)
        await customer.do("/v1/blocks", provider_id=provider_id)
        await street.online(street.vans[0])
        await street.call_out()

        told = await chances(street, street.vans[0])

        assert told["lately"]["looked_at"] > 0
        assert set(told["lately"]["not_asked"]) == {"others_first"}

    async def test_count_the_searches_for_other_skills_apart(self, street: Street) -> None:
        provider, provider_id = await street.shop.provider(), street.shop.service().provider_id
        key = str(uuid4())
        made = await provider.do(
            f"/v1/providers/{provider_id}/units", unit_id=key, name="Polisher", skills=["Hot Wax", "carwash"]
        )
        await street.online(key)
        await street.call_out()

        told = await chances(street, key)

        assert made["skills"] == ["hot-wax", "carwash"]
        assert [warning.rpartition(" ")[2] for warning in made["warnings"]] == ["'hot-wax'", "'carwash'"]
        assert told["now"] == ["skill_unasked"]
        assert told["unasked_skills"] == ["hot-wax", "carwash"]
        assert (told["lately"]["searches"], told["lately"]["for_its_skills"]) == (1, 0)

    async def test_are_of_the_last_hours(self, street: Street) -> None:
        await street.online(street.vans[0])
        await street.call_out()
        await street.shop.advance(hours=2)

        before = await chances(street, street.vans[0], hours=1)
        all_day = await chances(street, street.vans[0])

        assert before["lately"]["searches"] == 0
        assert all_day["lately"]["searches"] == 1

    async def test_are_of_ones_own_units_only(self, street: Street) -> None:
        other = await street.shop.provider(1)

        answer = await other.get(f"/v1/provider/units/{street.vans[0]}/chances")

        assert answer.status_code == 404


class TestSkills:
    async def test_are_folded_and_refused_by_their_names(self, street: Street) -> None:
        provider, path = await street.shop.provider(), f"/v1/units/{street.vans[0]}/amend"

        amended = await provider.do(path, skills=["Car Wash", "car_wash", "tyres"])
        refused = await provider.refused(path, 400, skills=["tyres", "Car Wash!"])

        assert amended["skills"] == ["car-wash", "tyres"]
        assert [one for one in amended["warnings"] if "car-wash" in one] == []
        assert (refused["facts"]["field"], refused["facts"]["allowed"]) == (
            "skills[1]",
            "letters and digits, in words joined by '-'",
        )

    async def test_and_categories_meet_however_they_are_written(self, street: Street) -> None:
        admin, nobody, key = await street.shop.admin(), street.shop.nobody, str(uuid4())
        rule = {"kind": "fixed", "amount_minor": 10_000}
        draft = {"service_id": key, "name": "Wax", "rule": rule, "duration_minutes": 30}

        drafted = await admin.do("/admin/v1/services", category="Hot  Wax", **draft, **DOING)
        await admin.do(f"/admin/v1/services/{key}/publish", **DOING)
        found = [one["id"] for one in await nobody.pages("/v1/services", category="Hot Wax")]
        path = f"/v1/units/{street.vans[0]}/amend"
        amended = await (await street.shop.provider()).do(path, skills=["HOT-WAX"])

        assert drafted["category"] == "hot-wax"
        assert found == [key]
        assert amended["warnings"] == []
