"""One lane's share of a simulation: its market, its lives, its payout runs, until nothing moves any more."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

from marketplace.adapters.sandbox.tokens import METHODS, PAYEES
from marketplace.core.shared.events import Event
from marketplace.core.shared.ids import derive
from marketplace.core.tenants.policy import Capture
from marketplace.entrypoints.simulation.clearing import unsettled
from marketplace.entrypoints.simulation.crews import Crews
from marketplace.entrypoints.simulation.ends import unfinished
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.entrypoints.simulation.life import Life
from marketplace.entrypoints.simulation.market import Market, open_market
from marketplace.entrypoints.simulation.office import Office
from marketplace.entrypoints.simulation.wallet import Wallet

_BOOKINGS_A_DAY = 30
_BOOKINGS_A_CARD, _METHODS_A_BOOKING = 5, 3
_SHOPS = 3
_DAY = timedelta(days=1)
_PATIENCE = timedelta(days=500)
_AFTERWARDS = (timedelta(days=5), timedelta(days=20), timedelta(days=60), timedelta(days=200))
_SETTLED_AFTER, _READINGS_AFTER = timedelta(days=3), 2
_TOKENS_APART = 5  # lanes begin with different tokens, so that few bookings have them all between them
_PAYEES_APART = 4  # so that each kind of rail has to do with those that it is about
_OF_HOLDS = ("tok_hold_expires",) * 4  # few lanes hold money, and of all tokens this one comes too seldom
_PLAIN_TOKENS = ("tok_success", "tok_success", "tok_decline", "tok_needs_action", "tok_pending_success")


@dataclass(kw_only=True)
class Share:
    """`over` is told of every life that has ended."""

    number: int
    lane: Lane
    bookings: int
    faults: bool
    over: Callable[[], None]
    violations: list[str] = field(default_factory=list)
    _left: int = field(init=False)
    _over_at: datetime | None = None
    _runs_after: list[timedelta] = field(init=False)
    _office: Office = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._runs_after = self.bookings, list(_AFTERWARDS)

    async def run(self) -> None:
        with self.lane.trouble.resting():
            market = await open_market(self.lane, payees=self._payees())
        self._office = Office(self.lane, market, Random(f"{self.lane.seed}/office"))  # noqa: S311 - no secrets
        crews = Crews(self.lane, market, Random(f"{self.lane.seed}/crews"))  # noqa: S311 - no secrets

        def hear(event: Event) -> None:
            self._office.hear(event)
            crews.hear(event)

        self.lane.store.told = hear
        self._begin_lives(market)
        self.lane.agenda.put(self._day, at=self.lane.now + _DAY)
        while len(self.lane.agenda) and not self._long_over():
            await self.lane.step()
        await self._settle_the_rest()
        self.violations += [f"a job failed for good: {job.key}: {error!r}" for job, error in self.lane.parked]
        self.violations += unfinished(self.lane.store.standing)
        if self._left:
            self.violations.append(f"{self._left} lives never ended")

    def _long_over(self) -> bool:
        """What still goes round and round so long after the last life will do so for ever."""
        return self._over_at is not None and self.lane.now > self._over_at + _PATIENCE

    async def _settle_the_rest(self) -> None:
        """Read the rails' statements to their ends; what is in clearing then is for ever."""
        for _ in range(_READINGS_AFTER):
            await self.lane.until(self.lane.now + _SETTLED_AFTER)
            await self._office.read_statements()
            while len(self.lane.agenda) and not self._long_over():
                await self.lane.step()
        self.violations += await unsettled(self.lane)

    async def _day(self) -> None:
        """
        A payout run and a look at the rail's statement each day, and some more after the last life, for what
        banks take their time with.
        """
        await self._office.pay_out()
        await self._office.read_statements()
        if self._left:
            self.lane.agenda.put(self._day, at=self.lane.now + _DAY)
        elif self._runs_after:
            self.lane.agenda.put(self._day, at=self.lane.now + self._runs_after.pop(0))

    def _begin_lives(self, market: Market) -> None:
        span = _DAY * (1 + self.bookings / _BOOKINGS_A_DAY)
        wallet = self._begin_saving(market, span)
        for number in range(self.bookings):
            random = Random(f"{self.lane.seed}/life/{number}")  # noqa: S311 - no secrets
            life = Life(
                lane=self.lane,
                market=market,
                random=random,
                booking_id=derive(self.lane.tenant.id, "booking", number),
                tokens=self._tokens(number, random),
                wallet=wallet,
                over=self._end,
            )
            self.lane.agenda.put(life.begin, at=self.lane.now + span * random.random())

    def _begin_saving(self, market: Market, span: timedelta) -> Wallet:
        random = Random(f"{self.lane.seed}/wallet")  # noqa: S311 - no secrets
        debits = self.lane.tenant.policy.payment.debit_order_rail is not None
        wallet = Wallet(lane=self.lane, random=random, debits=debits)
        for number in range(self._methods()):
            saving = partial(wallet.save, number, random.choice(market.customers))
            self.lane.agenda.put(saving, at=self.lane.now + span * random.random())
        return wallet

    def _methods(self) -> int:
        """One card to so many bookings; more where one may promise the money, or there are mandates too."""
        payment = self.lane.tenant.policy.payment
        if payment.debit_order_rail is not None:
            return self.bookings * _METHODS_A_BOOKING
        return self.bookings // (1 if payment.capture == Capture.NEAR_DATE else _BOOKINGS_A_CARD)

    def _end(self, life: Life) -> None:
        self._left -= 1
        self._over_at = None if self._left else self.lane.now
        self.violations += life.violations
        self.over()

    def _tokens(self, number: int, random: Random) -> list[str]:
        """Every token of the sandbox in turn, between payments that just succeed; then two more tries."""
        if not self.faults:
            return [random.choice(_PLAIN_TOKENS), "tok_success"]
        holds = self.lane.tenant.policy.payment.capture == Capture.ON_CONFIRMATION
        methods = [*METHODS, *(_OF_HOLDS if holds else ())]
        turn = number // 2 + self.number * _TOKENS_APART
        first = methods[turn % len(methods)] if number % 2 else "tok_success"
        return [first, random.choice(methods), "tok_success"]

    def _payees(self) -> tuple[str, ...]:
        if not self.faults:
            return ("payee_ok",) * _SHOPS
        payees = list(PAYEES)
        return tuple(payees[(self.number * _PAYEES_APART + shop) % len(payees)] for shop in range(_SHOPS))
