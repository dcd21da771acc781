"""Two marketplaces share a rail and a queue, and nothing that one takes comes in the way of the other."""

from typing import Any
from uuid import uuid4


class TestAnId:
    async def test_of_another_marketplace_s_booking_pays_for_nothing(self, market: Any) -> None:
        """Else a payment of the same id would be found at the rail, paid already, and given back twice."""
        shop, other = await market.open("curbside"), await market.open("curbside")
        booking, second = await shop.confirmed(), str(uuid4())
        body = other.booking_at(await other.a_start())

        same = await (await other.customer()).refused(
            "/v1/bookings", 409, **(body | {"booking_id": booking["id"]})
        )
        paid, unpaid = [await self._again(one, second) for one in (shop, other)]

        assert same["code"] == "already_there"
        assert (paid.status_code, unpaid.status_code) == (200, 409)

    async def _again(self, shop: Any, payment_id: str) -> Any:
        """A payment that failed is tried again, under that id."""
        booking = await shop.book(payment_method="tok_decline")
        await shop.market.drain()
        path = f"/v1/bookings/{booking['id']}/retry-payment"
        again = {"payment_id": payment_id, "payment_method": "tok_success"}
        return await (await shop.customer()).post(path, **again)

    async def test_that_both_have_taken_keeps_neither_from_going_on(self, market: Any) -> None:
        shops, states = [await market.open("curbside"), await market.open("curbside")], []
        unit_id = str(uuid4())

        for shop in shops:
            provider, owner = await shop.provider(), shop.service().provider_id
            van = {"unit_id": unit_id, "name": "Van", "skills": ["car-wash"]}
            await provider.do(f"/v1/providers/{owner}/units", **van)
            here = {"latitude": -26.1465, "longitude": 28.0357}
            states.append((await provider.do(f"/v1/units/{unit_id}/online", place=here))["state"])

        assert states == ["online", "online"]
