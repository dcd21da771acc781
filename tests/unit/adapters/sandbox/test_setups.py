"""What is saved at the sandbox moves by its source and its time, and each step is told of."""

from typing import Any
from uuid import uuid4

import pytest

from marketplace.adapters.sandbox.faults import Fault, Operation
from marketplace.adapters.sandbox.setups import PREFIX
from marketplace.adapters.sandbox.sources import SOURCES
from marketplace.adapters.sandbox.tokens import TOKENS
from marketplace.core.shared.errors import Invalid, Unavailable
from marketplace.core.shared.mandates import Payer
from marketplace.core.shared.methods import MethodKind
from marketplace.ports.payments import Setup, SetupStanding

ENDS = {
    "setup_success": SetupStanding.ACTIVE,
    "setup_needs_action": SetupStanding.NEEDS_ACTION,
    "setup_pending": SetupStanding.ACTIVE,
    "setup_rejected": SetupStanding.REJECTED,
    "setup_expires": SetupStanding.EXPIRED,
    "setup_unanswered": SetupStanding.PENDING,
    "setup_suspended": SetupStanding.ACTIVE,
    "setup_revoked": SetupStanding.CANCELLED,
    "setup_declines": SetupStanding.ACTIVE,
    "setup_returned": SetupStanding.ACTIVE,
    "setup_amendment_refused": SetupStanding.ACTIVE,
    "setup_debits": SetupStanding.ACTIVE,
    "setup_debits_unpaid": SetupStanding.ACTIVE,
    "setup_debits_returned": SetupStanding.ACTIVE,
    "setup_debits_late": SetupStanding.ACTIVE,
}


def setup_of(sandbox: Any, source: str | None = "setup_success", **given: Any) -> Setup:
    facts = {"kind": MethodKind.CARD, "reference": uuid4(), "customer_id": uuid4(), **given}
    return Setup(
        tenant_id=sandbox.tenant_id,
        currency="ZAR",
        description="Wash",
        at=sandbox.now,
        source=source,
        **facts,
    )


class TestASource:
    def test_has_an_end_here_unless_its_call_fails(self) -> None:
        failing = {source for source, one in SOURCES.items() if one.fault}

        assert SOURCES.keys() - failing == ENDS.keys()

    def test_is_charged_as_a_token_there_is_and_is_none_itself(self) -> None:
        assert {one.charges for one in SOURCES.values()} <= TOKENS.keys()
        assert not SOURCES.keys() & TOKENS.keys()

    @pytest.mark.parametrize("source", ENDS)
    async def test_comes_to_its_end_by_time_alone(self, sandbox: Any, source: str) -> None:
        setup = setup_of(sandbox, source)
        await sandbox.rail.begin_setup(setup)

        sandbox.forward(days=2)
        await sandbox.books.tick()

        assert (await sandbox.rail.find_setup(setup.reference)).standing is ENDS[source]

    async def test_that_is_none_is_asked_of_the_payer(self, sandbox: Any) -> None:
        payer = Payer(holder="T", identity_number="8", account_number="62001234567", branch_code="25")

        card = await sandbox.rail.begin_setup(setup_of(sandbox, None))
        account = await sandbox.rail.begin_setup(
            setup_of(sandbox, None, kind=MethodKind.DEBIT_ORDER, payer=payer)
        )

        assert (card.standing, account.standing) == (SetupStanding.NEEDS_ACTION, SetupStanding.PENDING)
        assert (card.token, account.label) == (None, "Bank account 4567")


class TestEachStep:
    async def test_is_told_of_once_with_the_subject_method(self, sandbox: Any) -> None:
        setup = setup_of(sandbox, "setup_pending")
        await sandbox.rail.begin_setup(setup)
        await sandbox.rail.begin_setup(setup)
        sandbox.forward(minutes=2)
        await sandbox.books.tick()

        await sandbox.deliver()

        hints = [
            sandbox.rail.verify_and_parse(headers=headers, body=body, now=sandbox.now)[0]
            for body, headers in sandbox.heard
        ]
        assert {(hint.reference, hint.subject) for hint in hints} == {(setup.reference, "method")}
        assert len(set(sandbox.heard_ids)) == len(sandbox.heard) == 2

    async def test_of_a_tombstone_is_nobodys_news(self, sandbox: Any) -> None:
        await sandbox.rail.revoke_setup(uuid4())

        await sandbox.deliver()

        assert sandbox.heard == []


class TestATokenOfASavedMethod:
    async def test_is_no_payment_method_that_a_customer_may_name(self, sandbox: Any) -> None:
        report = await sandbox.rail.begin_setup(setup_of(sandbox))

        assert report.token.startswith(PREFIX)
        with pytest.raises(Invalid):
            sandbox.rail.check_method(report.token, field="payment_method")

    async def test_behaves_as_its_source_says(self, sandbox: Any) -> None:
        report = await sandbox.rail.begin_setup(setup_of(sandbox, "setup_returned"))
        charge = sandbox.charge(report.token)
        await sandbox.rail.collect(charge)

        sandbox.forward(minutes=2)

        assert str((await sandbox.rail.find(charge.reference)).standing) == "returned"

    async def test_may_be_voided_before_its_charge_comes(self, sandbox: Any) -> None:
        report = await sandbox.rail.begin_setup(setup_of(sandbox))
        charge = sandbox.charge(report.token)
        await sandbox.rail.void(charge.reference)

        late = await sandbox.rail.collect(charge)

        assert str(late.standing) == "cancelled"


class TestTrouble:
    @pytest.mark.parametrize(
        ("operation", "call"),
        [
            (Operation.BEGIN_SETUP, lambda rail, setup: rail.begin_setup(setup)),
            (
                Operation.AMEND_SETUP,
                lambda rail, setup: rail.amend_setup(setup.reference, amendment=uuid4(), terms=None),
            ),
            (Operation.REVOKE_SETUP, lambda rail, setup: rail.revoke_setup(setup.reference)),
            (Operation.FIND, lambda rail, setup: rail.find_setup(setup.reference)),
        ],
    )
    async def test_strikes_by_plan(self, sandbox_with: Any, operation: Operation, call: Any) -> None:
        sandbox = sandbox_with(lambda asked, _: Fault.UNAVAILABLE if asked is operation else None)

        with pytest.raises(Unavailable):
            await call(sandbox.rail, setup_of(sandbox))
