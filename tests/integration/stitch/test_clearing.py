"""Debits by file, over a real SFTP server: what is sent, what is read back, and what goes wrong there."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import asyncssh
import pytest
from tests.integration.stitch.conftest import PAYER, Desk

from marketplace.adapters.memory.leases import MemoryLeases
from marketplace.adapters.stitch import sftp
from marketplace.adapters.stitch.clearing import troubles
from marketplace.adapters.stitch.payers import Payers
from marketplace.adapters.stitch.sftp import HostNotTrusted
from marketplace.core.shared.errors import Invalid, Unavailable
from marketplace.ports.payments import Hint, Standing


class TestSend:
    async def test_waits_for_the_hour_and_sends_all_that_waits_in_one_file(self, desk: Desk) -> None:
        references = await desk.collect(desk.charge(), desk.charge(minor=500))

        early = await desk.round()
        sent = await desk.round(hours=2, seconds=1)
        desk.house.take()

        assert (list(early.sent), len(sent.sent)) == ([], 1)
        assert sorted(desk.house.debits) == sorted(references)
        assert {one["COLLECTION_DATE"] for one in desk.house.debits.values()} == {"2026-11-20"}
        assert sorted(one["VALUE"] for one in desk.house.debits.values()) == ["123.45", "5.00"]

    async def test_sends_each_channel_a_file_of_its_own(self, desk: Desk) -> None:
        account = await Payers(desk.shelf).keep(uuid4(), PAYER, tenant_id=desk.tenant_id)
        references = await desk.collect(desk.charge(), desk.charge(account))

        sent = await desk.round(hours=3)
        desk.house.take()

        assert len(sent.sent) == 2
        assert sorted(desk.house.debits) == sorted(references)
        assert desk.house.debits[references[1]]["DEBTOR_NAME"] == "Mokoena, T"

    async def test_sends_as_many_files_as_it_takes(self, desk: Desk) -> None:
        desk.batches = replace(desk.batches, lines_max=3)
        references = await desk.collect(*(desk.charge() for _ in range(7)))

        sent = await desk.round(hours=3)
        desk.house.take()

        assert len(set(sent.sent)) == 3
        assert sorted(desk.house.debits) == sorted(references)

    async def test_keeps_no_account_number_once_the_file_is_sent(self, desk: Desk) -> None:
        account = await Payers(desk.shelf).keep(uuid4(), PAYER, tenant_id=desk.tenant_id)
        await desk.collect(desk.charge(account))

        await desk.round(hours=3)

        assert [batch.text for batch in await desk.batches.latest()] == [""]

    async def test_opens_no_account_of_another_tenant(self, desk: Desk) -> None:
        account = await Payers(desk.shelf).keep(uuid4(), PAYER, tenant_id=uuid4())
        charge = desk.charge(account)
        await desk.collect(charge)

        sent = await desk.round(hours=3)

        assert list(sent.sent) == []
        assert (await desk.truth(charge)).failure == "payer_unknown"

    async def test_sends_what_is_late_for_the_day_after(self, desk: Desk) -> None:
        desk.now += timedelta(hours=2, minutes=10)
        (reference,) = await desk.collect(desk.charge())

        early = await desk.round(hours=1)
        await desk.round(days=1)
        desk.house.take()

        assert list(early.sent) == []
        # Sent on Friday after the cut-off: Saturday is over too, and Sunday is no day.
        assert desk.house.debits[reference]["COLLECTION_DATE"] == "2026-11-23"

    async def test_leaves_out_what_was_called_back(self, desk: Desk) -> None:
        kept, gone = desk.charge(), desk.charge()
        await desk.collect(kept, gone)

        voided = await desk.rail.void(gone.reference)
        await desk.round(hours=3)
        desk.house.take()

        assert voided.standing == Standing.CANCELLED
        assert list(desk.house.debits) == [kept.reference.hex]
        assert await desk.standings(kept, gone) == [Standing.PENDING, Standing.CANCELLED]

    @pytest.mark.parametrize("source", [None, "account"])
    async def test_sends_nothing_by_a_method_that_was_revoked_meanwhile(
        self, desk: Desk, source: str | None
    ) -> None:
        setup = desk.setup(source)
        await desk.rail.begin_setup(setup)
        if source is None:
            desk.stitch.consents.act(setup.reference.hex, agrees=True)
        report = await desk.rail.find_setup(setup.reference)
        assert report is not None
        charge = replace(desk.charge(report.token or ""), setup=setup.reference)
        other = desk.charge()
        await desk.collect(charge, other)

        await desk.rail.revoke_setup(setup.reference)
        await desk.round(hours=3)
        desk.house.take()

        assert list(desk.house.debits) == [other.reference.hex]
        assert (await desk.truth(charge)).failure == "method_revoked"

    async def test_calls_nothing_back_that_is_in_a_file(self, desk: Desk) -> None:
        charge = desk.charge()
        await desk.collect(charge)
        await desk.round(hours=3)

        assert (await desk.rail.void(charge.reference)).standing == Standing.PENDING

    async def test_sends_once_by_many_workers_at_once(self, desk: Desk) -> None:
        await desk.collect(*(desk.charge() for _ in range(5)))
        desk.now += timedelta(hours=3)

        rounds = await asyncio.gather(*(desk.clearing().round(desk.leases) for _ in range(8)))
        desk.house.take()

        assert sum(len(one.sent) for one in rounds) == 1
        assert set(desk.house.nonces.values()) == {1}

    async def test_sends_once_even_by_workers_that_share_no_lease(self, desk: Desk) -> None:
        await desk.collect(*(desk.charge() for _ in range(5)))
        desk.now += timedelta(hours=3)

        await asyncio.gather(
            *(desk.clearing().round(MemoryLeases()) for _ in range(4)), return_exceptions=True
        )
        await desk.round()
        desk.house.take()

        assert len(desk.house.debits) == 5
        assert set(desk.house.nonces.values()) == {1}

    async def test_sends_again_what_never_arrived(self, desk: Desk) -> None:
        await desk.collect(desk.charge())
        desk.now += timedelta(hours=3)
        down = replace(desk.house.host, port=1)

        with pytest.raises(Unavailable):
            await desk.clearing(open_post=lambda: sftp.opened(down)).round(desk.leases)
        sent = await desk.round()

        assert desk.house.outgoing() == list(sent.sent)

    async def test_does_not_send_again_what_was_taken_before_we_knew(self, desk: Desk) -> None:
        (reference,) = await desk.collect(desk.charge())
        desk.now += timedelta(hours=3)
        with pytest.raises(Unavailable):
            await desk.clearing(open_post=lambda: breaking(desk, after="put")).round(desk.leases)
        desk.house.take()

        sent = await desk.round()

        assert len(sent.sent) == 1
        assert desk.house.outgoing() == []
        assert desk.house.nonces == {reference: 1}


@asynccontextmanager
async def breaking(desk: Desk, *, after: str) -> AsyncIterator[Any]:
    """Files whose server goes just after it did something, so that nobody hears of it."""

    async def broken(folders: Any, *arguments: Any, **named: Any) -> None:
        await getattr(folders, after)(*arguments, **named)
        raise ConnectionResetError

    async with sftp.opened(desk.house.host) as folders:
        calls: dict[str, Any] = {
            name: getattr(folders, name) for name in ("put", "incoming", "fetch", "archive")
        }
        calls[after] = lambda *arguments, **named: broken(folders, *arguments, **named)
        yield type("Broken", (), {name: staticmethod(call) for name, call in calls.items()})


class TestRead:
    async def test_takes_the_good_lines_of_a_file_and_fails_only_the_others(self, desk: Desk) -> None:
        good, bad = desk.charge(), desk.charge()
        _, refused = await desk.collect(good, bad)
        desk.house.failing[refused] = "INVALID_ACCOUNT_NUMBER"
        await desk.round(hours=3)
        desk.house.take()

        read = await desk.round(minutes=5)

        assert len(read.read) == 1
        assert await desk.standings(good, bad) == [Standing.PENDING, Standing.FAILED]
        assert (await desk.truth(bad)).failure == "invalid_account_number"
        assert [hint.reference for hint in desk.told] == [bad.reference]

    async def test_sends_only_the_failed_line_again_under_a_new_reference(self, desk: Desk) -> None:
        good, bad = desk.charge(), desk.charge()
        _, refused = await desk.collect(good, bad)
        desk.house.failing[refused] = "INVALID_ACCOUNT_NUMBER"
        await desk.round(hours=3)
        desk.house.take()
        await desk.round(minutes=5)

        again = desk.charge()
        await desk.collect(again)
        await desk.round(days=1)
        desk.house.take()

        assert sorted(desk.house.debits) == sorted([good.reference.hex, again.reference.hex])
        assert set(desk.house.nonces.values()) == {1}

    async def test_keeps_the_day_to_which_a_bank_has_moved_a_debit(self, desk: Desk) -> None:
        account = await Payers(desk.shelf).keep(uuid4(), PAYER, tenant_id=desk.tenant_id)
        charge = desk.charge(account)
        (reference,) = await desk.collect(charge)
        desk.house.moving[reference] = "2026-11-23"
        await desk.round(hours=3)
        desk.house.take()

        await desk.round(minutes=5)

        order = await desk.rail.orders.find(charge.reference)
        assert order is not None
        assert (order.debit_on, order.standing) == (date(2026, 11, 23), Standing.PENDING)

    async def test_tells_success_and_days_later_that_it_was_returned(self, desk: Desk) -> None:
        charge = desk.charge()
        (reference,) = await desk.collect(charge)
        await desk.round(hours=3)
        desk.house.take()

        desk.house.output([(reference, "SUCCESS", "PROCESSED")])
        await desk.round(days=1)
        first = await desk.standings(charge)
        desk.house.output([(reference, "UNPAID", "INSUFFICIENT_FUNDS")])
        await desk.round(days=3)

        assert first == [Standing.SUCCEEDED]
        report = await desk.truth(charge)
        assert (report.standing, report.failure) == (Standing.RETURNED, "insufficient_funds")
        assert [hint.event_id.partition(":")[2] for hint in desk.told] == ["succeeded", "returned"]
        assert {hint.tenant_id for hint in desk.told} == {desk.tenant_id}

    async def test_is_not_misled_by_files_that_come_late_or_twice(self, desk: Desk) -> None:
        charge = desk.charge()
        (reference,) = await desk.collect(charge)
        await desk.round(hours=3)
        desk.house.take()
        late = desk.house.output([(reference, "SUCCESS", "PROCESSED")])
        text = (desk.house.root / "Incoming" / late).read_text("utf-8")
        (desk.house.root / "Incoming" / late).unlink()
        desk.house.output([(reference, "UNPAID", "INSUFFICIENT_FUNDS")])
        await desk.round(days=1)

        for name in (late, "again.csv", late):
            desk.house.put(name, text)
            await desk.round(hours=1)

        assert await desk.standings(charge) == [Standing.RETURNED]
        assert desk.house.incoming() == []
        assert len(desk.told) == 2

    async def test_reads_a_file_again_that_nobody_put_away(self, desk: Desk) -> None:
        charge = desk.charge()
        (reference,) = await desk.collect(charge)
        await desk.round(hours=3)
        desk.house.take()
        await desk.round(minutes=5)
        desk.house.output([(reference, "SUCCESS", "PROCESSED")])
        with pytest.raises(Unavailable):
            await desk.clearing(open_post=lambda: breaking(desk, after="fetch")).round(desk.leases)

        await desk.round()

        assert await desk.standings(charge) == [Standing.SUCCEEDED]
        assert desk.house.incoming() == []

    async def test_tells_again_what_was_not_heard(self, desk: Desk) -> None:
        charge = desk.charge()
        (reference,) = await desk.collect(charge)
        await desk.round(hours=3)
        desk.house.take()
        await desk.round(minutes=5)
        desk.house.output([(reference, "SUCCESS", "PROCESSED")])

        async def deaf(_: Sequence[Hint]) -> None:
            raise Unavailable("nobody hears")

        with pytest.raises(Unavailable):
            await replace(desk.clearing(), tell=deaf).round(desk.leases)
        await desk.round()

        assert [hint.reference for hint in desk.told] == [charge.reference]

    async def test_fails_all_of_a_file_that_was_refused_as_a_whole(self, desk: Desk) -> None:
        charges = [desk.charge(), desk.charge()]
        await desk.collect(*charges)
        desk.house.refusing_files = "INVALID_PRODUCT_HEADER_RECORD_TITLE"
        await desk.round(hours=3)
        desk.house.take()

        await desk.round(minutes=5)

        assert await desk.standings(*charges) == [Standing.FAILED] * 2
        assert [one.refusal for one in await desk.batches.latest()] == ["invalid_product_header_record_title"]

    async def test_takes_the_refusal_of_a_copy_for_no_failure(self, desk: Desk) -> None:
        charge = desk.charge()
        await desk.collect(charge)
        await desk.round(hours=3)
        (name,) = desk.house.outgoing()
        text = (desk.house.root / "Outgoing" / name).read_text("utf-8")
        desk.house.take()
        await desk.round(minutes=5)
        (desk.house.root / "Outgoing" / "copy.csv").write_text(text, "utf-8")
        desk.house.refusing_files = "INVALID_HEADER_RECORD_TITLE"
        desk.house.take()

        read = await desk.round(minutes=5)

        assert "copy" in read.troubles[0].problem
        assert await desk.standings(charge) == [Standing.PENDING]

    async def test_takes_no_repeat_for_a_failure(self, desk: Desk) -> None:
        charge = desk.charge()
        await desk.collect(charge)
        await desk.round(hours=3)
        (name,) = desk.house.outgoing()
        text = (desk.house.root / "Outgoing" / name).read_text("utf-8")
        desk.house.take()
        (desk.house.root / "Outgoing" / "copy.csv").write_text(text, "utf-8")
        desk.house.take()

        await desk.round(minutes=5)

        assert set(desk.house.nonces.values()) == {2}
        assert await desk.standings(charge) == [Standing.PENDING]

    async def test_leaves_what_it_does_not_understand_and_reads_the_rest(self, desk: Desk) -> None:
        charge = desk.charge()
        (reference,) = await desk.collect(charge)
        await desk.round(hours=3)
        desk.house.take()
        desk.house.put("000_new.csv", "RECORD_TYPE,SURPRISE\nQ,1\n")
        desk.house.output([(reference, "SUCCESS", "PROCESSED")])

        read = await desk.round(minutes=5)

        assert [(one.name, one.problem.partition(":")[0]) for one in read.troubles] == [
            ("000_new.csv", "line 2, RECORD_TYPE")
        ]
        assert [one.name for one in await troubles(desk.shelf)] == ["000_new.csv"]
        assert desk.house.incoming() == ["000_new.csv"]
        assert await desk.standings(charge) == [Standing.SUCCEEDED]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"EXTERNAL_COLLECTION_REFERENCE": "f" * 32}, "EXTERNAL_COLLECTION_REFERENCE"),
            ({"VALUE": "9"}, "VALUE"),
        ],
        ids=["a debit of others", "another amount"],
    )
    async def test_names_what_does_not_fit_our_books(
        self, desk: Desk, change: dict[str, str], problem: str
    ) -> None:
        charge = desk.charge()
        (reference,) = await desk.collect(charge)
        await desk.round(hours=3)
        desk.house.take()
        await desk.round(minutes=5)
        desk.house.debits[reference] |= change
        desk.house.output([(reference, "SUCCESS", "PROCESSED")])

        read = await desk.round(days=1)

        assert problem in read.troubles[0].problem
        assert await desk.standings(charge) == [Standing.PENDING]

    async def test_tells_the_truth_of_a_debit_that_failed(self, desk: Desk) -> None:
        charge = desk.charge()
        (reference,) = await desk.collect(charge)
        await desk.round(hours=3)
        desk.house.take()
        desk.house.output([(reference, "PENDING", ""), (reference, "FAILED", "ACCOUNT_CLOSED")])

        await desk.round(days=1)

        report = await desk.truth(charge)
        assert (report.standing, report.failure) == (Standing.FAILED, "account_closed")


class TestTrust:
    async def test_sends_nothing_to_a_host_with_another_key(self, desk: Desk) -> None:
        await desk.collect(desk.charge())
        desk.now += timedelta(hours=3)
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        host = replace(desk.house.host, host_key=other)

        with pytest.raises(HostNotTrusted):
            await desk.clearing(open_post=lambda: sftp.opened(host)).round(desk.leases)

        assert desk.house.outgoing() == []

    async def test_says_that_its_own_key_is_not_taken(self, desk: Desk) -> None:
        stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        host = replace(desk.house.host, key=stranger)

        with pytest.raises(HostNotTrusted):
            await desk.clearing(open_post=lambda: sftp.opened(host)).round(desk.leases)

    async def test_shows_no_secret(self, desk: Desk) -> None:
        assert "PRIVATE" not in repr(desk.house.host)
        assert PAYER.account_number not in repr(PAYER)

    async def test_gives_nothing_back_and_holds_nothing(self, desk: Desk) -> None:
        charge = desk.charge()
        await desk.collect(charge)

        with pytest.raises(Invalid):
            await desk.rail.refund(charge.reference, refund=uuid4(), amount=charge.amount)
        with pytest.raises(Invalid, match="hold"):
            await desk.rail.collect(replace(desk.charge(), hold=True))
