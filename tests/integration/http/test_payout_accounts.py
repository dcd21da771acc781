"""A provider opens an account over HTTP, does what is required, and is paid into it."""

from typing import Any
from uuid import uuid4

import pytest

PATH = "/v1/payout-accounts"
BANK = {"holder": "T Mokoena", "bank": "absa", "account_number": "4081234567"}
BACK = {"return_url": "https://app.example/back"}


def asked(**given: Any) -> dict[str, Any]:
    return {"payout_account_id": str(uuid4()), "kind": "hosted", **given}


def opening_path(shop: Any) -> str:
    return f"/v1/providers/{shop.service().provider_id}/payout-accounts"


async def opened(shop: Any, **given: Any) -> dict[str, Any]:
    """As it is once the rail has answered; what stood half open before is closed."""
    provider = await shop.provider()
    for one in await provider.pages("/v1/provider/payout-accounts"):
        if one["state"] in {"opening", "needs_action", "pending"}:
            await provider.do(f"{PATH}/{one['id']}/close")
    body = asked(**given)
    await provider.do(opening_path(shop), **body)
    await shop.market.drain()
    account: dict[str, Any] = await provider.read(f"{PATH}/{body['payout_account_id']}")
    return account


class TestAnAccount:
    async def test_is_opened_on_the_rails_pages_by_its_owner(self, shop: Any) -> None:
        account, provider = await opened(shop), await shop.provider()

        link = await provider.do(f"{PATH}/{account['id']}/link", **BACK)
        await provider.do(link["url"], outcome="approved")
        await shop.market.drain()

        assert (account["state"], account["receives"]) == ("needs_action", False)
        assert account["required"]
        assert "link" in account["advice"]
        after = await provider.read(f"{PATH}/{account['id']}")
        assert (after["state"], after["receives"], after["required"]) == ("active", True, [])
        payee = (await provider.read("/v1/provider"))["payee"]
        assert payee == f"opened_{account['id'].replace('-', '')}"

    async def test_by_bank_details_leaves_no_number_behind(self, shop: Any) -> None:
        account = await opened(shop, kind="bank_account", bank_account=BANK)

        left = await shop.market.sql(
            "SELECT (SELECT count(*) FROM payout_account AS t WHERE t::text LIKE '%4081234567%')"
            " + (SELECT count(*) FROM event AS t WHERE t::text LIKE '%4081234567%')"
            " + (SELECT count(*) FROM receipt AS t WHERE t::text LIKE '%4081234567%')"
        )

        assert (account["state"], account["label"], left) == ("active", "Sandbox Bank 4567", 0)

    async def test_is_one_at_a_time(self, shop: Any) -> None:
        account, provider = await opened(shop), await shop.provider()

        problem = await provider.refused(opening_path(shop), 409, **asked())

        assert problem["code"] == "opening_under_way"
        assert problem["facts"]["payout_account_id"] == account["id"]

    async def test_of_another_is_not_there(self, shop: Any) -> None:
        account, other = await opened(shop), await shop.provider(1)

        await other.refused(f"{PATH}/{account['id']}/link", 404, **BACK)
        await other.refused(f"{PATH}/{account['id']}/close", 404)
        await other.refused(opening_path(shop), 404, **asked())

        assert (await other.get(f"{PATH}/{account['id']}")).status_code == 404
        assert await other.pages("/v1/provider/payout-accounts") == []

    async def test_is_found_looked_up_and_closed_by_admin_with_a_reason(self, shop: Any) -> None:
        account, admin = await opened(shop, source="opening_success"), await shop.admin()
        path = f"/admin/v1/payout-accounts/{account['id']}"

        unreasoned = await admin.refused(f"{path}/close", 400)
        found = await admin.pages(
            "/admin/v1/payout-accounts", provider_id=account["provider_id"], state="active"
        )
        await admin.do(f"{path}/look-up", reason="asked by telephone")
        closed = await admin.do(f"{path}/close", reason="fraud")

        assert unreasoned["facts"]["field"] == "reason"
        assert [one["id"] for one in found] == [account["id"]]
        assert (closed["state"], closed["receives"]) == ("closed", False)
        assert (await (await shop.provider()).read("/v1/provider"))["payee"] is None

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"kind": "cheque"}, "kind"),
            ({"source": "opening_no_such"}, "source"),
            ({"country": "ZAF"}, "country"),
            ({"bank_account": BANK}, "bank_account"),
            ({"kind": "bank_account"}, "bank_account"),
            ({"kind": "bank_account", "bank_account": BANK | {"holder": ""}}, "bank_account.holder"),
            (
                {"kind": "bank_account", "bank_account": BANK | {"account_number": "x"}},
                "bank_account.account_number",
            ),
        ],
        ids=str,
    )
    async def test_that_cannot_be_is_refused_by_its_field(
        self, shop: Any, given: dict[str, Any], field: str
    ) -> None:
        problem = await (await shop.provider()).refused(opening_path(shop), 400, **asked(**given))

        assert problem["facts"]["field"] == field


class TestALink:
    @pytest.mark.parametrize("url", ["app.example", "ftp://app.example", "javascript:alert(1)", "https://"])
    async def test_leads_back_to_a_page_only(self, shop: Any, url: str) -> None:
        account, provider = await opened(shop), await shop.provider()

        problem = await provider.refused(f"{PATH}/{account['id']}/link", 400, return_url=url)

        assert problem["facts"]["field"] == "return_url"

    async def test_is_none_of_what_is_known_by_its_bank_details(self, shop: Any) -> None:
        account = await opened(shop, kind="bank_account", bank_account=BANK)

        await (await shop.provider()).refused(f"{PATH}/{account['id']}/link", 400, **BACK)

    async def test_is_none_of_what_is_closed(self, shop: Any) -> None:
        account, provider = await opened(shop), await shop.provider()
        await provider.do(f"{PATH}/{account['id']}/close")

        problem = await provider.refused(f"{PATH}/{account['id']}/link", 409, **BACK)

        assert problem["code"] == "move_refused"
