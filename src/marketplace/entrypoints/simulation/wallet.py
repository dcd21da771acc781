"""Some customers save a card before they book, pay by it while it stands, and remove it some days later."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from uuid import UUID

from marketplace.adapters.sandbox.sources import SOURCES
from marketplace.core.payments.method import PaymentMethod, State
from marketplace.core.payments.saving import RemoveMethod, SaveMethod
from marketplace.core.shared.errors import Conflict, OutcomeUnknown, Refused, Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.roles import Actor
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.ports.storage import One

PAYS = "tok_success"  # whoever would pay by this may pay by a card that is saved
_SOON, _AFTER = timedelta(seconds=30), timedelta(minutes=5)
_KEPT_DAYS_MAX = 10


@dataclass(kw_only=True)
class Wallet:
    """`cards` are those that customers believe to pay, by their owners."""

    lane: Lane
    random: Random
    cards: dict[UUID | None, UUID] = field(default_factory=dict)

    async def save(self, number: int, customer: Actor) -> None:
        """Under one id, however often it takes."""
        key = derive(self.lane.tenant.id, "card", number)
        source = self.random.choice(list(SOURCES))
        command = SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source=source)
        try:
            await self.lane.do(command, customer)
        except Conflict:
            pass  # it stands: the answer before was lost
        except (Unavailable, OutcomeUnknown):
            self.lane.agenda.put(partial(self.save, number, customer), at=self.lane.now + _SOON)
            return
        self.cards[customer.user_id] = key
        kept = timedelta(days=self.random.uniform(0, _KEPT_DAYS_MAX))
        self.lane.agenda.put(partial(self._answer, key), at=self.lane.now + _AFTER)
        self.lane.agenda.put(partial(self._remove, key, customer), at=self.lane.now + kept)

    def pays(self, customer: Actor, token: str) -> str:
        """What the customer names to pay by."""
        key = self.cards.get(customer.user_id)
        return token if key is None or token != PAYS else str(key)

    def forget(self, customer: Actor) -> None:
        self.cards.pop(customer.user_id, None)

    async def _answer(self, key: UUID) -> None:
        """What its payer says to a card that waits for it."""
        (found,) = await self.lane.storage.read(self.lane.tenant.id, [One(PaymentMethod, key)])
        if found and found[0].state == State.PENDING_AUTH:
            await self.lane.rail.answer_setup(key, agreed=self.random.random() < 2 / 3)

    async def _remove(self, key: UUID, customer: Actor) -> None:
        try:
            await self.lane.do(RemoveMethod(payment_method_id=key), customer)
        except Refused:
            pass  # the bank was faster
        except (Unavailable, OutcomeUnknown):
            self.lane.agenda.put(partial(self._remove, key, customer), at=self.lane.now + _SOON)
