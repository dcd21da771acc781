"""A sandbox that plays a vendor does no more than that vendor can."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from marketplace.adapters.sandbox.rail import CAPABILITIES, SandboxRail
from marketplace.core.shared.errors import Invalid
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Setup, Standing


def able(sandbox: Any, **changes: Any) -> SandboxRail:
    rail: SandboxRail = replace(sandbox.rail, capabilities=replace(CAPABILITIES, **changes))
    return rail


class TestASandboxThatCanDoLess:
    async def test_gives_nothing_back(self, sandbox: Any) -> None:
        rail, charge = able(sandbox, refunds=False), sandbox.charge()
        await rail.collect(charge)

        with pytest.raises(Invalid, match="by hand"):
            await rail.refund(charge.reference, refund=uuid4(), amount=charge.amount)

    async def test_tells_no_statement(self, sandbox: Any) -> None:
        rail = able(sandbox, settles=False)
        await rail.collect(sandbox.charge())

        sandbox.forward(days=10)

        assert (await rail.settlement_lines(sandbox.tenant_id, after=None, limit=5)).lines == ()

    async def test_holds_nothing(self, sandbox: Any) -> None:
        with pytest.raises(Invalid, match="hold"):
            await able(sandbox, hold_max=None).collect(replace(sandbox.charge(), hold=True))

    async def test_holds_no_longer_than_that(self, sandbox: Any) -> None:
        charge = replace(sandbox.charge(), hold=True)
        held = await able(sandbox, hold_max=timedelta(days=4, hours=18)).collect(charge)

        sandbox.forward(days=4, hours=18)

        assert held.hold_until == charge.at + timedelta(days=4, hours=18)
        assert (await sandbox.rail.find(charge.reference)).standing is Standing.CANCELLED

    async def test_takes_no_other_currency(self, sandbox: Any) -> None:
        rail = able(sandbox, currencies=frozenset({"ZAR"}))

        with pytest.raises(Invalid, match="EUR"):
            await rail.collect(replace(sandbox.charge(), amount=Money(100, "EUR")))
        with pytest.raises(Invalid, match="EUR"):
            await rail.release(replace(sandbox.transfer("payee_ok"), amount=Money(100, "EUR")))

    async def test_pays_from_no_charge(self, sandbox: Any) -> None:
        charge = sandbox.charge()
        await sandbox.rail.collect(charge)

        with pytest.raises(Invalid, match="balance"):
            await sandbox.rail.release(replace(sandbox.transfer("payee_ok"), charge=charge.reference))

    async def test_takes_nothing_back(self, sandbox: Any) -> None:
        transfer = sandbox.transfer("payee_ok")
        await sandbox.rail.release(transfer)

        with pytest.raises(Invalid, match="back"):
            await sandbox.rail.claw_back(transfer.reference, reversal=uuid4(), amount=transfer.amount)

    async def test_keeps_no_mandate(self, sandbox: Any) -> None:
        setup = Setup(
            reference=uuid4(),
            tenant_id=sandbox.tenant_id,
            customer_id=uuid4(),
            kind=MethodKind.DEBIT_ORDER,
            currency="ZAR",
            description="Wash",
            at=sandbox.now,
            source="setup_success",
        )

        with pytest.raises(Invalid, match="debit_order"):
            await able(sandbox, saves=frozenset({MethodKind.CARD})).begin_setup(setup)
