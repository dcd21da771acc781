"""What one rail collects another pays out: each has its own clearing, and the bank lies between them."""

from collections import Counter
from dataclasses import replace
from typing import Any

from marketplace.core.ledger.movement import Posting
from marketplace.core.payouts.payout import State
from marketplace.core.payouts.usecases import ApprovePayout, RetryPayout
from marketplace.core.providers.usecases import AmendProvider
from marketplace.core.settlements.statement import RailStatement
from marketplace.core.settlements.usecases import ReadStatements

PRICE, PROVIDER = 50_000, 41_375
FEE = 1_650  # 2.9 % and 2.00


def held(world: Any) -> dict[str, int]:
    """What the clearing accounts hold, by the names of their rails, and the bank."""
    sums: Counter[str] = Counter()
    for posting in world.all(Posting):
        name, _, rail = posting.account.partition(":")
        if name in {"psp_clearing", "bank"}:
            sums[rail or name] += posting.amount_minor
    return {name: minor for name, minor in sums.items() if minor}


async def paid_out(make_world: Any) -> Any:
    world = await make_world(payment={"payout_rail": "transfers"})
    await world.deliver()
    await world.forward(days=1)
    await world.pay_out()
    return world


class TestAPolicyOfTwoRails:
    async def test_pays_out_by_the_other_one(self, make_world: Any) -> None:
        world = await paid_out(make_world)

        assert (await world.payment()).rail == "sandbox"
        assert [payout.rail for payout in world.payouts()] == ["transfers"]
        assert held(world) == {"sandbox": PRICE, "transfers": -PROVIDER}
        assert await world.rail_minor("transfers") == -PROVIDER
        assert await world.broken() == []

    async def test_settles_both_by_the_bank(self, make_world: Any) -> None:
        world = await paid_out(make_world)
        await world.forward(days=3)

        await world.do(ReadStatements())
        await world.settle()

        assert {statement.rail for statement in world.all(RailStatement)} == {"sandbox", "transfers"}
        assert held(world) == {"bank": PRICE - FEE - PROVIDER}
        assert await world.broken() == []

    async def test_begins_the_statement_of_a_rail_that_is_new(self, make_world: Any) -> None:
        world = await paid_out(make_world)
        await world.do(ReadStatements())
        (before,) = {statement.asked_at for statement in world.all(RailStatement)}

        await world.forward(days=1)
        await world.do(ReadStatements())

        (after,) = {statement.asked_at for statement in world.all(RailStatement)}
        assert after > before

    async def test_pays_what_came_back_by_the_rail_that_pays_now(self, make_world: Any) -> None:
        """Its account is known to that one, and the first would refuse it for ever."""
        world = await make_world(payee="payee_returned", payment={"payout_rail": "transfers"})
        await world.deliver()
        await world.forward(days=1)
        await world.pay_out()
        await world.forward(minutes=5)
        (failed,) = world.payouts()
        tenant = world.lane.tenant
        payment = replace(tenant.policy.payment, payout_rail=None)
        world.lane.tenant = replace(tenant, policy=replace(tenant.policy, payment=payment))
        provider = AmendProvider(provider_id=failed.provider_id, payee="payee_ok")
        await world.do(provider, world.provider)

        await world.do(RetryPayout(payout_id=failed.id, reason="another rail"), world.admin)
        await world.do(ApprovePayout(payout_id=failed.id, reason="checked"), world.admin)
        await world.settle()

        (paid,) = world.payouts()
        assert (failed.state, paid.state, paid.rail) == (State.FAILED, State.PAID, "sandbox")
        assert held(world) == {"sandbox": PRICE - PROVIDER}
        assert await world.broken() == []
