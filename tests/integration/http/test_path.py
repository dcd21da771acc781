from typing import Any
from uuid import uuid4


class TestThePath:
    async def test_leads_from_a_search_to_a_paid_provider(self, shop: Any) -> None:
        await shop.released()
        admin, provider = await shop.admin(), await shop.provider()

        await admin.do("/admin/v1/payout-runs", run_id=str(uuid4()))
        await shop.market.drain()

        (payout,) = await provider.pages("/v1/provider/payouts")
        assert payout["state"] == "paid"
        assert (await shop.ledger()).keys() == {"psp_clearing", "platform_fee", "vat_output"}
