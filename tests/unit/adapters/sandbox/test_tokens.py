from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from marketplace.adapters.sandbox.faults import CALL_FAULTS, POSSIBLE, Fault, FaultPlan, Operation
from marketplace.adapters.sandbox.rail import SandboxRail
from marketplace.adapters.sandbox.tokens import METHODS, PAYEES, TOKENS, check_token, showing
from marketplace.core.shared.errors import Invalid, OutcomeUnknown, Unavailable
from marketplace.ports.payments import Standing

SHOWN = sorted(POSSIBLE[Operation.COLLECT] - CALL_FAULTS)


class TestTable:
    def test_describes_each_token_in_its_own_words(self) -> None:
        assert len({behaviour.description for behaviour in METHODS.values()}) == len(METHODS)
        assert len({behaviour.description for behaviour in PAYEES.values()}) == len(PAYEES)
        assert len(TOKENS) == len(METHODS) + len(PAYEES)

    def test_begins_each_path_at_once(self) -> None:
        assert all(behaviour.path[0].after_seconds == 0 for behaviour in TOKENS.values())

    def test_names_every_token_when_one_is_unknown(self) -> None:
        with pytest.raises(Invalid) as refused:
            check_token("tok_no", field="method", table=METHODS)

        assert refused.value.facts["allowed"] == ", ".join(METHODS)

    @pytest.mark.parametrize("fault", SHOWN)
    def test_has_a_token_for_every_fault_of_a_charge(self, fault: Fault) -> None:
        assert showing(fault, table=METHODS)

    @pytest.mark.parametrize("fault", sorted(POSSIBLE[Operation.RELEASE] - CALL_FAULTS))
    def test_has_a_payee_for_every_fault_of_a_transfer(self, fault: Fault) -> None:
        assert showing(fault, table=PAYEES)

    def test_leaves_the_token_when_the_fault_is_of_the_call(self) -> None:
        assert all(showing(fault, table=METHODS) is None for fault in CALL_FAULTS)


class TestEveryToken:
    @pytest.mark.parametrize("token", METHODS)
    async def test_lets_a_charge_come_to_an_end(self, sandbox: Any, token: str) -> None:
        charge = sandbox.charge(token)

        for _ in range(2):
            try:
                await sandbox.rail.collect(charge)
            except (Unavailable, OutcomeUnknown):
                continue
        await sandbox.rail.fail_action(charge.reference)
        sandbox.forward(days=60)
        report = await sandbox.rail.find(charge.reference)

        assert report.standing in {Standing.SUCCEEDED, Standing.FAILED, Standing.RETURNED, Standing.LOST}

    @pytest.mark.parametrize("token", PAYEES)
    async def test_lets_a_transfer_come_to_an_end(self, sandbox: Any, token: str) -> None:
        transfer = sandbox.transfer(token)

        for _ in range(2):
            try:
                await sandbox.rail.release(transfer)
            except (Unavailable, OutcomeUnknown):
                continue
        sandbox.forward(days=60)
        report = await sandbox.rail.find(transfer.reference)

        assert report.standing in {Standing.SUCCEEDED, Standing.FAILED, Standing.RETURNED}

    @pytest.mark.parametrize(
        ("token", "kinds"),
        [
            ("tok_success", ["succeeded"]),
            ("tok_decline", ["failed"]),
            ("tok_needs_action", ["needs_action"]),
            ("tok_pending_success", ["pending", "succeeded"]),
            ("tok_pending_decline", ["pending", "failed"]),
            ("tok_returned", ["succeeded", "returned"]),
            ("tok_chargeback", ["succeeded", "disputed", "lost"]),
            ("tok_chargeback_won", ["succeeded", "disputed", "lost"]),
            ("tok_chargeback_late", ["succeeded", "disputed", "lost"]),
            ("tok_debit", ["pending", "succeeded"]),
            ("tok_debit_unpaid", ["pending", "failed"]),
            ("tok_debit_returned", ["pending", "succeeded", "returned"]),
            ("tok_debit_late", ["pending", "succeeded"]),
        ],
    )
    async def test_tells_its_story(self, sandbox: Any, token: str, kinds: list[str]) -> None:
        await sandbox.rail.collect(sandbox.charge(token))

        sandbox.forward(days=60)
        await sandbox.books.tick()
        told = [event.payload.kind for event in await sandbox.courier.events(sandbox.tenant_id)]

        assert sorted(told) == sorted(f"charge.{kind}" for kind in kinds)

    async def test_disputes_late_when_the_provider_has_been_paid(self, sandbox: Any) -> None:
        charge = sandbox.charge("tok_chargeback_late")
        await sandbox.rail.collect(charge)

        sandbox.forward(days=29)
        before = await sandbox.rail.find(charge.reference)
        sandbox.forward(days=2)
        after = await sandbox.rail.find(charge.reference)

        assert (before.standing, after.standing) == (Standing.SUCCEEDED, Standing.DISPUTED)

    async def test_goes_on_where_it_has_gone_for_good(self, sandbox: Any) -> None:
        charge = sandbox.charge("tok_debit")
        await sandbox.rail.collect(charge)

        called_back = await sandbox.rail.void(charge.reference)
        sandbox.forward(days=2)

        assert called_back.standing is Standing.PENDING
        assert (await sandbox.rail.find(charge.reference)).standing is Standing.SUCCEEDED


class TestHurry:
    @pytest.mark.parametrize(
        ("token", "standing"),
        [("tok_pending_success", Standing.SUCCEEDED), ("tok_chargeback_late", Standing.DISPUTED)],
    )
    async def test_lets_what_waits_happen_now(self, sandbox: Any, token: str, standing: Standing) -> None:
        charge = sandbox.charge(token)
        await sandbox.rail.collect(charge)

        order = await sandbox.books.hurry(charge.reference)

        assert order.standing == standing

    async def test_undoes_a_refund_that_fails(self, sandbox: Any) -> None:
        charge, refund = sandbox.charge("tok_refund_fails_later"), uuid4()
        await sandbox.rail.collect(charge)
        await sandbox.rail.refund(charge.reference, refund=refund, amount=charge.amount)

        await sandbox.books.hurry(refund)

        assert (await sandbox.rail.find(refund)).standing == Standing.FAILED
        assert (await sandbox.books.find(charge.reference)).left_minor == charge.amount.minor

    async def test_does_nothing_where_nothing_waits(self, sandbox: Any) -> None:
        charge = sandbox.charge()
        await sandbox.rail.collect(charge)

        assert (await sandbox.books.hurry(charge.reference)).standing == Standing.SUCCEEDED
        assert await sandbox.books.hurry(uuid4()) is None


class TestOverride:
    async def test_lets_one_charge_behave_as_another_token(self, sandbox: Any) -> None:
        charge, other = sandbox.charge(), sandbox.charge()

        await sandbox.rail.override(charge.reference, token="tok_decline")
        reports = [await sandbox.rail.collect(each) for each in (charge, charge, other)]

        assert [report.standing for report in reports] == [
            Standing.FAILED,
            Standing.FAILED,
            Standing.SUCCEEDED,
        ]

    async def test_lets_one_transfer_behave_as_another_payee(self, sandbox: Any) -> None:
        transfer = sandbox.transfer()

        await sandbox.rail.override(transfer.reference, token="payee_rejected")

        assert (await sandbox.rail.release(transfer)).standing == Standing.FAILED

    async def test_refuses_a_token_that_is_not_in_the_table(self, sandbox: Any) -> None:
        with pytest.raises(Invalid, match="token"):
            await sandbox.rail.override(uuid4(), token="tok_no")

    async def test_refuses_a_payee_as_a_method(self, sandbox: Any) -> None:
        charge = sandbox.charge()
        await sandbox.rail.override(charge.reference, token="payee_ok")

        with pytest.raises(Invalid, match="method"):
            await sandbox.rail.collect(charge)


class TestPlan:
    @pytest.mark.parametrize("fault", SHOWN)
    async def test_brings_its_fault_about_and_counts_it(
        self, sandbox_with: Callable[[FaultPlan], Any], fault: Fault
    ) -> None:
        sandbox = sandbox_with(lambda operation, _: fault if operation is Operation.COLLECT else None)
        await sandbox.rail.collect(sandbox.charge(hold=fault is Fault.HOLD_EXPIRED))

        sandbox.forward(minutes=2)
        await sandbox.books.tick()

        assert sandbox.books.tally[fault] == 1

    @pytest.mark.parametrize("fault", sorted(CALL_FAULTS))
    @pytest.mark.parametrize("operation", ["capture", "void", "refund", "submit_evidence", "release"])
    async def test_strikes_every_call(
        self, sandbox_with: Callable[[FaultPlan], Any], operation: str, fault: Fault
    ) -> None:
        sandbox = sandbox_with(lambda asked, _: fault if asked == operation else None)
        charge = sandbox.charge("tok_chargeback" if operation == "submit_evidence" else "tok_success")
        await sandbox.rail.collect(charge)
        sandbox.forward(minutes=2)
        calls = {
            "capture": lambda: sandbox.rail.capture(charge.reference, charge.amount),
            "void": lambda: sandbox.rail.void(charge.reference),
            "refund": lambda: sandbox.rail.refund(charge.reference, refund=uuid4(), amount=charge.amount),
            "submit_evidence": lambda: sandbox.rail.submit_evidence(charge.reference, text="x"),
            "release": lambda: sandbox.rail.release(sandbox.transfer()),
        }

        with pytest.raises(Unavailable if fault is Fault.UNAVAILABLE else OutcomeUnknown):
            await calls[operation]()

        assert sandbox.books.tally[fault] == 1

    async def test_sends_a_refund_back_that_had_succeeded(
        self, sandbox_with: Callable[[FaultPlan], Any]
    ) -> None:
        sandbox = sandbox_with(lambda asked, _: Fault.REFUND_BOUNCED if asked is Operation.REFUND else None)
        charge, refund = sandbox.charge(), uuid4()
        await sandbox.rail.collect(charge)

        first = await sandbox.rail.refund(charge.reference, refund=refund, amount=charge.amount)
        sandbox.forward(days=21)
        report = await sandbox.rail.find(refund)

        assert (first.standing, report.standing) == (Standing.SUCCEEDED, Standing.FAILED)
        assert (await sandbox.books.find(charge.reference)).left_minor == charge.amount.minor
        assert sandbox.books.tally == {Fault.REFUND_BOUNCED: 1}

    async def test_makes_a_refund_fail_or_pend(self, sandbox_with: Callable[[FaultPlan], Any]) -> None:
        for fault, standing in ((Fault.REFUND_FAILED, "failed"), (Fault.REFUND_PENDING, "pending")):
            sandbox = sandbox_with(lambda asked, _, f=fault: f if asked is Operation.REFUND else None)
            charge = sandbox.charge()
            await sandbox.rail.collect(charge)

            report = await sandbox.rail.refund(charge.reference, refund=uuid4(), amount=charge.amount)

            assert report.standing == standing
            assert sandbox.books.tally[fault] == 1

    async def test_makes_looking_fail_only_as_unavailable(
        self, sandbox_with: Callable[[FaultPlan], Any]
    ) -> None:
        down = sandbox_with(lambda *_: Fault.UNAVAILABLE)
        slow = sandbox_with(lambda *_: Fault.TIMEOUT_AFTER)

        with pytest.raises(Unavailable):
            await down.rail.find(uuid4())

        assert await slow.rail.find(uuid4()) is None


class TestSandboxRail:
    @pytest.mark.parametrize("secrets", [(), ("",), ("good", "")])
    def test_refuses_to_run_without_a_secret(self, sandbox: Any, secrets: tuple[str, ...]) -> None:
        with pytest.raises(Invalid, match="secrets"):
            SandboxRail(books=sandbox.books, secrets=secrets)
