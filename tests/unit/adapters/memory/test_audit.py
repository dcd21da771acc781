"""Each promise is seen broken: an audit that finds nothing in corrupt data proves nothing of clean data."""

import asyncio
import copy
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from marketplace.adapters.memory.audit import MemoryAudit
from marketplace.adapters.memory.store import MemoryStore
from marketplace.core.bookings.booking import Booking
from marketplace.core.bookings.booking import State as BookingState
from marketplace.core.ledger.movement import Movement, Posting, provider_payable, provider_receivable
from marketplace.core.notifications.notification import Notification
from marketplace.core.payments.payment import HELD, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.payments.refund import Refund
from marketplace.core.payments.refund import State as RefundState
from marketplace.core.payments.usecases import VendorEvent
from marketplace.core.payouts.earning import Earning
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.payouts.reversal import State as ReversalState
from marketplace.core.promises import Name
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.providers.reservation import Reservation
from marketplace.core.providers.reservation import State as ReservationState
from marketplace.core.reviews.review import Review
from marketplace.core.reviews.review import State as ReviewState
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.settlements.settlement import State as SettlementState
from marketplace.core.settlements.statement import RailStatement
from marketplace.core.shared.events import Event
from marketplace.core.shared.money import Money
from marketplace.entrypoints.simulation.engine import lane_of
from marketplace.entrypoints.simulation.share import Share
from marketplace.entrypoints.simulation.vendors import LaneOutbox

SECOND = timedelta(seconds=1)


@dataclass
class Stored:
    """A store in which a lane's lives have come to their ends, and what the vendors say of them."""

    store: MemoryStore
    now: datetime
    books: Mapping[str, Money]
    copies: Mapping[UUID, int]

    def rows(self, kind: type) -> list[Any]:
        return sorted(self.store.rows_of(kind), key=lambda row: row.id)

    def one(self, kind: type, wanted: Callable[[Any], bool] = lambda _: True) -> Any:
        return next(row for row in self.rows(kind) if wanted(row))

    def put(self, *rows: Any) -> None:
        """Past every rule."""
        for row in rows:
            self.store._table(type(row))._rows.setdefault(row.tenant_id, {})[row.id] = row

    def drop(self, row: Any) -> None:
        del self.store._table(type(row))._rows[row.tenant_id][row.id]

    async def balance(self, _tenant_id: UUID, *, read_to: str | None = None) -> Mapping[str, Money]:
        return self.books

    async def received(self, _tenant_id: UUID) -> Mapping[UUID, int]:
        return self.copies

    async def broken(self) -> dict[str, tuple[str, ...]]:
        outbox = type("Outbox", (), {"copies": staticmethod(self.received)})()
        audit = MemoryAudit(store=self.store, books={"sandbox": self}, outbox=outbox)
        promises = await audit.audit(None, now=self.now)
        assert [promise.name for promise in promises] == list(Name)
        return {promise.name: promise.violations for promise in promises if promise.violations}


async def lives() -> Stored:
    store = MemoryStore()
    lane = lane_of(0, seed=1, faults=True, storage=store)
    await Share(number=0, lane=lane, bookings=40, faults=True, over=lambda: None).run()
    key = lane.tenant.id
    (statement,) = store.rows_of(RailStatement)
    held = await lane.books.balance(key, read_to=statement.cursor)
    return Stored(store, lane.now, held, await LaneOutbox(lane.channel).copies(key))


@pytest.fixture(scope="module")
def clean() -> Stored:
    return asyncio.run(lives())


@pytest.fixture
def stored(clean: Stored) -> Stored:
    return copy.deepcopy(clean)


async def test_finds_nothing_in_clean_data(stored: Stored) -> None:
    assert await stored.broken() == {}


def asked_back(payout: Payout) -> PayoutReversal:
    return PayoutReversal(
        id=uuid4(),
        tenant_id=payout.tenant_id,
        version=1,
        payout_id=payout.id,
        provider_id=payout.provider_id,
        booking_id=uuid4(),
        payment_id=uuid4(),
        rail=payout.rail,
        transfer=payout.reference,
        currency=payout.currency,
        amount_minor=1,
        requested_at=payout.drawn_at,
    )


class TestTheLedger:
    async def test_that_does_not_balance_is_found(self, stored: Stored) -> None:
        posting = stored.one(Posting)
        stored.put(replace(posting, amount_minor=posting.amount_minor + 1))

        found = (await stored.broken())[Name.LEDGER]

        assert len(found) == 2
        assert any(str(posting.movement_id) in sentence for sentence in found)

    async def test_with_a_lost_line_is_found(self, stored: Stored) -> None:
        stored.drop(stored.one(Posting))

        assert Name.LEDGER in await stored.broken()


class TestAHold:
    async def test_that_resolves_twice_is_found(self, stored: Stored) -> None:
        payment = stored.one(Payment, lambda row: row.released_minor)
        stored.put(replace(payment, refunded_minor=payment.captured_minor))

        assert "more than it captured" in (await stored.broken())[Name.HOLDS][0]

    @pytest.mark.parametrize("field", ["captured_minor", "refunded_minor", "released_minor"])
    async def test_that_the_ledger_knows_otherwise_is_found(self, stored: Stored, field: str) -> None:
        payment = stored.one(Payment, lambda row: getattr(row, field))
        stored.put(replace(payment, **{field: getattr(payment, field) - 1}))

        assert any("is posted" in sentence for sentence in (await stored.broken())[Name.HOLDS])


class TestCapacity:
    async def test_that_is_sold_twice_is_found(self, stored: Stored) -> None:
        held = stored.one(Reservation)
        rows = [
            replace(
                held, id=uuid4(), state=ReservationState.HELD, starts_at=start, ends_at=start + 3 * SECOND
            )
            for start in (held.starts_at, held.starts_at + 2 * SECOND)
        ]
        stored.put(*rows)

        assert Name.CAPACITY in await stored.broken()

    async def test_that_is_sold_end_to_end_is_fine(self, stored: Stored) -> None:
        held = stored.one(Reservation)
        unit = uuid4()
        rows = [
            replace(held, id=uuid4(), state=ReservationState.HELD, unit_id=unit, starts_at=a, ends_at=b)
            for a, b in ((stored.now, stored.now + SECOND), (stored.now + SECOND, stored.now + 2 * SECOND))
        ]
        stored.put(*rows)

        assert Name.CAPACITY not in await stored.broken()


class TestAHistory:
    async def test_with_an_unlawful_step_is_found(self, stored: Stored) -> None:
        last = stored.one(Event, lambda row: row.kind == "booking" and row.after == "cancelled")
        stored.put(replace(last, before="completed"))

        assert any(
            "from completed to cancelled" in found for found in (await stored.broken())[Name.HISTORIES]
        )

    async def test_with_a_gap_is_found(self, stored: Stored) -> None:
        stored.drop(stored.one(Event, lambda row: row.kind == "booking" and row.version == 2))

        assert any("gap" in found for found in (await stored.broken())[Name.HISTORIES])

    async def test_that_the_row_has_left_is_found(self, stored: Stored) -> None:
        booking = stored.one(Booking, lambda row: row.state == BookingState.CANCELLED)
        stored.put(replace(booking, state=BookingState.COMPLETED))

        assert any("its history ends in" in found for found in (await stored.broken())[Name.HISTORIES])

    async def test_that_is_missing_is_found(self, stored: Stored) -> None:
        stored.put(replace(stored.one(Booking), id=uuid4()))

        assert any("has no history" in found for found in (await stored.broken())[Name.HISTORIES])


class TestTheOthers:
    async def test_find_an_event_that_counted_twice(self, stored: Stored) -> None:
        stored.put(replace(stored.one(VendorEvent), id=uuid4()))

        assert Name.VENDOR_EVENTS in await stored.broken()

    async def test_find_funds_that_no_payment_holds(self, stored: Stored) -> None:
        payment = stored.one(Payment, lambda row: row.state in HELD and row.released_minor)
        stored.put(replace(payment, released_minor=payment.released_minor - 1))

        assert Name.CUSTOMER_FUNDS in await stored.broken()

    async def test_find_a_closed_booking_that_still_holds_money(self, stored: Stored) -> None:
        """As if its settlement had never run."""
        movement = stored.one(Movement, lambda row: row.name == "released")
        payment = stored.one(
            Payment, lambda row: row.booking_id == movement.subject_id and row.released_minor
        )
        for posting in stored.rows(Posting):
            if posting.movement_id == movement.id:
                stored.drop(posting)
        stored.put(replace(payment, released_minor=0))

        assert any("still holds" in found for found in (await stored.broken())[Name.CUSTOMER_FUNDS])

    async def test_find_a_loss_that_nobody_bears(self, stored: Stored) -> None:
        stored.drop(stored.one(Movement, lambda row: row.name == "loss_absorbed"))

        assert any("borne" in found for found in (await stored.broken())[Name.CUSTOMER_FUNDS])

    async def test_find_what_the_rail_knows_otherwise(self, stored: Stored) -> None:
        ((currency, money),) = stored.books.items()
        stored.books = {currency: Money(money.minor + 1, currency)}

        assert "the rail has" in (await stored.broken())[Name.CLEARING][0]

    async def test_find_a_settled_line_that_nobody_booked(self, stored: Stored) -> None:
        line = stored.one(Settlement)
        stored.put(replace(line, state=SettlementState.BREAK))

        assert "the rail has" in (await stored.broken())[Name.CLEARING][0]

    async def test_take_what_resolving_took_out_of_clearing_for_settled(self, stored: Stored) -> None:
        line = stored.one(Settlement)
        resolved = replace(line, state=SettlementState.RESOLVED)

        stored.put(replace(resolved, cleared_minor=line.gross_minor))
        explained = (await stored.broken()).get(Name.CLEARING)
        stored.put(resolved)
        unexplained = (await stored.broken())[Name.CLEARING]

        assert not explained
        assert "the rail has" in unexplained[0]

    async def test_find_an_earning_in_a_payout_that_does_not_pay_it(self, stored: Stored) -> None:
        earning = stored.one(Earning, lambda row: row.payout_id)
        stored.put(replace(earning, id=uuid4()))

        assert any("its earnings are" in found for found in (await stored.broken())[Name.EARNINGS])

    async def test_find_an_earning_that_was_drawn_twice(self, stored: Stored) -> None:
        event = stored.one(Event, lambda row: row.kind == "earning" and row.move == "draw")
        stored.put(replace(event, id=uuid4(), version=event.version + 1))

        assert any("was drawn 2 times" in found for found in (await stored.broken())[Name.EARNINGS])

    async def test_find_a_provider_who_is_owed_something_else(self, stored: Stored) -> None:
        payout = stored.one(Payout)
        stored.put(replace(payout, amount_minor=payout.amount_minor + 1))

        assert Name.PROVIDER_PAYABLE in await stored.broken()

    async def test_find_a_payable_on_the_wrong_side(self, stored: Stored) -> None:
        provider = stored.one(Provider)
        payable, receivable = provider_payable(provider.id), provider_receivable(provider.id)
        posting = stored.one(Posting, lambda row: row.account == payable)
        ahead = replace(posting, id=uuid4(), amount_minor=10**9)
        stored.put(ahead, replace(ahead, id=uuid4(), account=receivable, amount_minor=-(10**9)))

        found = (await stored.broken())[Name.PROVIDER_PAYABLE]

        assert any("payable and" in sentence for sentence in found)

    async def test_find_a_provider_who_owes_something_else(self, stored: Stored) -> None:
        provider = stored.one(Provider)
        stored.put(replace(provider, owed_minor=provider.owed_minor + 1))

        assert "owes" in (await stored.broken())[Name.PROVIDER_PAYABLE][0]

    async def test_find_refunds_that_are_owed_and_not_in_the_books(self, stored: Stored) -> None:
        refund = stored.one(Refund, lambda row: row.state == RefundState.SUCCEEDED)
        stored.put(replace(refund, state=RefundState.FAILED))

        assert "not paid yet" in (await stored.broken())[Name.REFUNDS_PAYABLE][0]

    async def test_find_what_banks_contest_and_the_books_do_not_say(self, stored: Stored) -> None:
        payment = stored.one(Payment, lambda row: row.contested_minor)
        stored.put(replace(payment, state=PaymentState.DISPUTED))

        assert "banks contest" in (await stored.broken())[Name.DISPUTE_HOLD][0]

    async def test_find_what_is_asked_back_and_the_books_do_not_say(self, stored: Stored) -> None:
        stored.put(asked_back(stored.one(Payout)))

        assert "rails are asked for" in (await stored.broken())[Name.REVERSALS][0]

    async def test_find_more_asked_back_than_was_paid(self, stored: Stored) -> None:
        payout = stored.one(Payout)
        done = replace(asked_back(payout), state=ReversalState.SUCCEEDED)
        stored.put(replace(done, amount_minor=payout.amount_minor + 1))

        assert "of it is asked back" in (await stored.broken())[Name.REVERSALS][0]

    async def test_find_whoever_is_overdue(self, stored: Stored) -> None:
        booking = stored.one(Booking)
        stored.put(replace(booking, state=BookingState.CONFIRMED, due_at=stored.now - timedelta(hours=1)))

        assert any("was due at" in found for found in (await stored.broken())[Name.STUCK])

    async def test_find_whoever_waits_for_nothing(self, stored: Stored) -> None:
        payment = stored.one(Payment)
        stored.put(replace(payment, state=PaymentState.UNKNOWN, due_at=None))

        assert any("nothing will happen" in found for found in (await stored.broken())[Name.STUCK])

    @pytest.mark.parametrize("kind", [Provider, Unit])
    async def test_find_stars_that_nobody_gave(self, stored: Stored, kind: Any) -> None:
        rated = stored.one(kind, lambda row: row.reviews_count)
        stored.put(replace(rated, stars_sum=rated.stars_sum + 1))

        assert str(rated.id) in (await stored.broken())[Name.STARS][0]

    async def test_find_a_hidden_review_that_still_counts(self, stored: Stored) -> None:
        review = stored.one(Review)
        stored.put(replace(review, state=ReviewState.HIDDEN))

        assert "the sums do not know" in (await stored.broken())[Name.STARS][0]

    async def test_find_a_message_that_came_twice(self, stored: Stored) -> None:
        key = next(iter(stored.copies))
        stored.copies = Counter(stored.copies) + Counter([key])

        assert "received 2 times" in (await stored.broken())[Name.MESSAGES][0]

    async def test_find_a_message_that_was_begun_twice(self, stored: Stored) -> None:
        sent = stored.one(Event, lambda row: row.kind == "notification" and row.move == "begin")
        stored.put(replace(sent, id=uuid4(), version=sent.version + 10))

        assert any(str(sent.subject_id) in found for found in (await stored.broken())[Name.MESSAGES]), (
            stored.one(Notification)
        )
