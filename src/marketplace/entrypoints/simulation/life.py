"""One booking's life: wished for, paid for somehow, and then whatever people and clock make of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from marketplace.core.bookings.booking import Booking, State
from marketplace.core.bookings.commands import CallOut, CreateBooking, RetryPayment
from marketplace.core.payments.means import FIELD as METHOD
from marketplace.core.payments.method import MethodUnusable
from marketplace.core.payments.payment import DEAD, Payment
from marketplace.core.payments.payment import State as PaymentState
from marketplace.core.promises import ENDED, is_closed
from marketplace.core.providers.reservation import SlotTaken
from marketplace.core.shared.errors import Conflict, Invalid, OutcomeUnknown, Refused, Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.shared.roles import Actor
from marketplace.entrypoints.simulation.choices import Scene, choose
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.market import HERE, Market, Shop
from marketplace.entrypoints.simulation.mischief import try_unlawful
from marketplace.entrypoints.simulation.wallet import Wallet
from marketplace.ports.storage import AlreadyThere, One

TURNS_MAX = 40
_LEAD_HOURS, _LEAD_HOURS_OF_DEBITS = (3, 200), (60, 260)
_STARTS_AN_HOUR = 4
_FIRST_HOUR, _HOURS = 6, 14
_SOON = timedelta(seconds=2)
_MISCHIEF = 0.08
_CALL_OUTS = 0.25
_DEBIT_MINUTES = (300, 1_500)  # whoever waits for a debit order looks seldom

# How long somebody takes to act in each state, in minutes at least and at most.
_PAUSES: dict[State, tuple[int, int]] = {
    State.AWAITING_PAYMENT: (1, 12),
    State.AWAITING_PROVIDER: (2, 100),
    State.EN_ROUTE: (5, 60),
    State.ARRIVED: (5, 30),
    State.UNDER_WAY: (10, 120),
    State.DELIVERED: (10, 900),
    State.NO_SHOW: (10, 900),
    State.COMPLETED: (10, 900),
    State.DISPUTED: (60, 6_000),
}


@dataclass(kw_only=True)
class Life:
    """`tokens` are what the customer pays with, one after the other; `over` is told when it ends."""

    lane: Lane
    market: Market
    random: Random
    booking_id: UUID
    tokens: list[str]
    wallet: Wallet
    over: Callable[["Life"], None]
    violations: list[str] = field(default_factory=list)
    refused: int = 0
    turns: int = 0
    payments: int = 1
    _pays_otherwise: bool = False
    _debits: bool = False
    _shop: Shop = field(init=False)
    _customer: Actor = field(init=False)
    _is_call_out: bool = field(init=False)

    def __post_init__(self) -> None:
        self._shop = self.random.choice(self.market.shops)
        self._customer = self.random.choice(self.market.customers)
        self._is_call_out = self.random.random() < _CALL_OUTS

    async def begin(self) -> None:
        """Ask for random starts until one is free."""
        try:
            await self.lane.do(self._wish(), self._customer)
        except MethodUnusable:
            self.wallet.forget(self._customer)
            self._next(_SOON, self.begin)
        except (SlotTaken, Invalid) as refused:  # taken, past by now, or not to be paid for by this method
            self._pays_otherwise |= refused.facts.get("field") == METHOD
            self._shop = self.random.choice(self.market.shops)
            self._next(_SOON, self.begin)
        except (Unavailable, OutcomeUnknown, Conflict) as error:
            stands = isinstance(error, AlreadyThere)
            self._next(_SOON, self.turn if stands else self.begin)
        else:
            self.lane.rivals[self.booking_id] = self.rush
            self._next(self._pause(State.AWAITING_PAYMENT), self.turn)

    def _wish(self) -> CreateBooking | CallOut:
        """A slot of somebody's, or somebody to come: now, or some time."""
        token = self.tokens[0]
        method = token if self._pays_otherwise else self.wallet.pays(self._customer, token)
        self._debits = self.wallet.debits_by(method)
        if not self._is_call_out:
            return CreateBooking(
                booking_id=self.booking_id,
                provider_id=self._shop.provider_id,
                service_id=self._shop.service_id,
                starts_at=self._some_start(),
                payment_method=method,
            )
        return CallOut(
            booking_id=self.booking_id,
            service_id=self.market.house_id,
            place=HERE,
            starts_at=self._some_start() if self.random.random() < 1 / 3 else None,
            payment_method=method,
        )

    async def rush(self) -> None:
        """Do one thing out of turn, while somebody else is at something else."""
        try:
            await self._act(await self._look())
        except (Refused, Unavailable, OutcomeUnknown):
            return

    async def turn(self) -> None:
        """Look, and do one thing; again later, unless nothing can come any more."""
        self.turns += 1
        try:
            booking = await self._look()
            if self._is_over(booking):
                self.lane.rivals.pop(self.booking_id, None)
                self.over(self)
                return
            pause = self._until_next(booking)
            await self._act(booking)
        except Refused:
            self.refused += 1
        except (Unavailable, OutcomeUnknown):
            pause = _SOON
        self._next(pause, self.turn)

    async def _look(self) -> Booking:
        (found,) = await self.lane.store.read(self.lane.tenant.id, [One(Booking, self.booking_id)])
        booking: Booking = found[0]
        return booking

    def _is_over(self, booking: Booking) -> bool:
        closed = is_closed(booking)
        return closed or self.turns >= TURNS_MAX

    async def _act(self, booking: Booking) -> None:
        """One thing at most, and now and then something unlawful before it."""
        if self.random.random() < _MISCHIEF:
            wrong = await try_unlawful(self.lane, self.market, booking.id, self.random)
            self.violations += wrong
        if booking.state == State.AWAITING_PAYMENT and booking.payment_id is not None:
            await self._pay(booking, booking.payment_id)
        step = choose(Scene(booking, self.market, self.random))
        if step is not None:
            command, actor = step
            await self.lane.do(command, actor)
        elif booking.state in ENDED:
            self.turns = TURNS_MAX  # nobody complains: the rest is the clock's

    async def _pay(self, booking: Booking, payment_id: UUID) -> None:
        """What a customer does about a payment that waits for it, or has failed."""
        ((payment,),) = await self.lane.store.read(self.lane.tenant.id, [One(Payment, payment_id)])
        if payment.state == PaymentState.NEEDS_ACTION:
            if self.random.random() < 2 / 3:
                await self.lane.rails[payment.rail].complete_action(payment.id)
            else:
                await self.lane.rails[payment.rail].fail_action(payment.id)
        elif payment.state in DEAD and self.payments < len(self.tokens):
            token = self.tokens[self.payments]
            again = derive(booking.id, "payment", self.payments)
            self.payments += 1
            await self.lane.do(
                RetryPayment(booking_id=booking.id, payment_id=again, payment_method=token), self._customer
            )

    def _some_start(self) -> datetime:
        """On the grid of opening hours, in the market's own time."""
        zone = ZoneInfo(self.lane.tenant.policy.time_zone)
        lead = _LEAD_HOURS_OF_DEBITS if self._debits else _LEAD_HOURS
        local = (self.lane.now + timedelta(hours=self.random.randint(*lead))).astimezone(zone)
        step = self.random.randrange(_HOURS * _STARTS_AN_HOUR)
        hour, quarter = divmod(step, _STARTS_AN_HOUR)
        wall = datetime.combine(local.date(), time(_FIRST_HOUR + hour, quarter * 60 // _STARTS_AN_HOUR), zone)
        return wall.astimezone(self.lane.now.tzinfo)

    def _until_next(self, booking: Booking) -> timedelta:
        if booking.state != State.CONFIRMED:
            return self._pause(booking.state)
        # Mostly around the start, sometimes long before.
        near = booking.starts_at + timedelta(minutes=self.random.randint(-60, 45)) - self.lane.now
        early = self.random.random() < 1 / 4
        return max(near * self.random.random() if early else near, timedelta(minutes=5))

    def _pause(self, state: State) -> timedelta:
        least, most = _PAUSES.get(state, (10, 600))
        if self._debits and state == State.AWAITING_PAYMENT:
            least, most = _DEBIT_MINUTES
        return timedelta(minutes=self.random.uniform(least, most))

    def _next(self, pause: timedelta, what: Callable[[], object]) -> None:
        self.lane.agenda.put(what, at=self.lane.now + pause)
