"""Stitch over HTTP: tokens, nonces, and what is told where the network or Stitch fails."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from tests.vendors.stitch.server import CLIENT_SECRET, METHODS, PAYEES, Stitch, consent
from tests.vendors.stitch.stage import START, Watch, client_of, rail_of

from marketplace.adapters.stitch.account import ModeMismatch
from marketplace.adapters.stitch.rail import StitchRail
from marketplace.adapters.stitch.refusals import KeyRefused
from marketplace.core.shared.errors import MarketplaceError, OutcomeUnknown, Unavailable
from marketplace.core.shared.money import Money
from marketplace.ports.payments import Charge, Standing, Transfer

TENANT = UUID(int=7)


@pytest.fixture
async def rail(stitch: Stitch, watch: Watch) -> AsyncIterator[StitchRail]:
    async with rail_of(stitch, watch) as opened:
        yield opened


def charge(method: str = METHODS["succeeds"]) -> Charge:
    return Charge(
        reference=uuid4(),
        tenant_id=TENANT,
        amount=Money(12_345, "ZAR"),
        method=method,
        hold=False,
        description="Wash",
        at=START,
    )


def transfer() -> Transfer:
    return Transfer(
        reference=uuid4(),
        tenant_id=TENANT,
        amount=Money(8_005, "ZAR"),
        payee=PAYEES["succeeds"],
        description="Week 47 of the year 2026",
        at=START,
    )


class TestToken:
    async def test_is_asked_for_once_by_all_who_need_one(self, rail: StitchRail, stitch: Stitch) -> None:
        await asyncio.gather(*(rail.collect(charge()) for _ in range(20)))

        assert stitch.asked["token"] == 1
        assert stitch.asked["transaction"] == 20

    async def test_is_renewed_before_it_ends(self, rail: StitchRail, stitch: Stitch, watch: Watch) -> None:
        await rail.collect(charge())
        watch.now += timedelta(minutes=59, seconds=30)

        await rail.collect(charge())

        assert stitch.asked["token"] == 2
        assert stitch.asked["transaction"] == 2

    async def test_is_asked_for_again_when_it_is_taken_no_more(
        self, rail: StitchRail, stitch: Stitch
    ) -> None:
        await rail.collect(charge())
        stitch.tokens.clear()

        report = await rail.collect(charge())

        assert report.standing == Standing.SUCCEEDED
        assert stitch.asked["token"] == 2
        assert len(stitch.transactions) == 2

    async def test_lets_nothing_begin_where_there_is_none(self, rail: StitchRail, stitch: Stitch) -> None:
        stitch.faults.append("token_500")

        with pytest.raises(Unavailable):
            await rail.collect(charge())

        assert stitch.asked["transaction"] == 0

    async def test_is_not_given_for_a_wrong_secret_which_nobody_repeats(
        self, stitch: Stitch, watch: Watch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        wrong = client_of(stitch, secret="wrong-secret-9876543210")
        async with rail_of(stitch, watch, client=wrong) as rail:
            with pytest.raises(KeyRefused) as refused:
                await rail.collect(charge())

        assert "wrong-secret" not in f"{refused.value} {refused.value.facts} {rail!r} {caplog.text}"


class TestNonce:
    async def test_is_looked_up_when_it_is_refused_as_a_repeat(
        self, rail: StitchRail, stitch: Stitch, watch: Watch
    ) -> None:
        first, wanted = charge(), transfer()
        await rail.collect(first)
        await rail.release(wanted)

        # One that has lost its books knows nothing of the first.
        async with rail_of(stitch, watch) as other:
            reports = [await other.collect(first), await other.release(wanted)]

        assert [report.standing for report in reports] == [Standing.SUCCEEDED] * 2
        assert (len(stitch.transactions), len(stitch.disbursements)) == (1, 1)

    async def test_carries_whose_it_is_and_what(self, rail: StitchRail, stitch: Stitch) -> None:
        wanted = transfer()
        await rail.release(wanted)

        (form,) = stitch.forms
        assert form["nonce"] == wanted.reference.hex
        assert form["externalReference"] == f"marketplace:transfer:{TENANT}:{wanted.reference}"
        assert form["amount"] == {"quantity": "80.05", "currency": "ZAR"}
        assert form["beneficiaryReference"] == "Week 47 of the year "
        assert form["bankBeneficiary"]["bankId"] == "absa"


class TestMode:
    async def test_orders_nothing_of_a_live_marketplace_at_a_test_client(
        self, stitch: Stitch, watch: Watch
    ) -> None:
        wanted = [charge(), charge("mandate:YQ==:C-1")]
        async with rail_of(stitch, watch, live=True) as rail:
            for call in (*map(rail.collect, wanted), rail.release(transfer())):
                with pytest.raises(ModeMismatch):
                    await call

            assert [await rail.find(one.reference) for one in wanted] == [None, None]
        assert not stitch.asked


class TestTrouble:
    @pytest.mark.parametrize("fault", ["500_after", "drop_after"])
    async def test_finds_what_was_done_without_an_answer(
        self, rail: StitchRail, stitch: Stitch, fault: str
    ) -> None:
        stitch.faults += [fault, fault]
        first, wanted = charge(), transfer()

        for call in (rail.collect(first), rail.release(wanted)):
            with pytest.raises(OutcomeUnknown):
                await call

        reports = [await rail.find(one.reference) for one in (first, wanted)]
        assert [report.standing for report in reports if report] == [Standing.SUCCEEDED] * 2

    async def test_does_not_know_what_became_of_a_call_that_hangs(self, stitch: Stitch, watch: Watch) -> None:
        stitch.faults.append("hang")
        impatient = httpx.AsyncClient(timeout=httpx.Timeout(10, read=0.5))
        async with rail_of(stitch, watch, http=impatient) as rail:
            wanted = charge()
            with pytest.raises(OutcomeUnknown):
                await rail.collect(wanted)
            stitch.let_go.set()

            report = await rail.find(wanted.reference)

        assert report is not None
        assert report.standing == Standing.SUCCEEDED

    async def test_did_nothing_where_nobody_listens(self, stitch: Stitch, watch: Watch) -> None:
        deaf = client_of(stitch, url="http://127.0.0.1:1")
        async with rail_of(stitch, watch, client=deaf) as rail:
            for call in (rail.collect(charge()), rail.release(transfer())):
                with pytest.raises(Unavailable):
                    await call

    async def test_repeats_nothing_of_what_stitch_answers(
        self, rail: StitchRail, stitch: Stitch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        stitch.faults.append("500_before")

        with pytest.raises(MarketplaceError) as failed:
            await rail.collect(charge())

        assert CLIENT_SECRET not in f"{failed.value} {failed.value.facts} {failed.value.__cause__}"
        assert CLIENT_SECRET not in caplog.text
        assert "played-token" not in caplog.text

    async def test_leaves_a_pending_charge_when_it_is_called_back(self, rail: StitchRail) -> None:
        pending = charge(consent("stays pending"))
        await rail.collect(pending)

        assert (await rail.void(pending.reference)).standing == Standing.PENDING

    async def test_keeps_away_what_never_arrived_once_it_cannot_be_on_its_way(
        self, rail: StitchRail, stitch: Stitch, watch: Watch
    ) -> None:
        stitch.faults.append("drop_before")
        lost = charge()
        with pytest.raises(OutcomeUnknown):
            await rail.collect(lost)

        with pytest.raises(OutcomeUnknown):
            await rail.void(lost.reference)
        watch.now += timedelta(minutes=3)
        voided = await rail.void(lost.reference)
        late = await rail.collect(lost)

        assert voided.standing == late.standing == Standing.CANCELLED
        assert not stitch.transactions
