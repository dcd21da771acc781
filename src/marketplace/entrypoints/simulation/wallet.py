"""Some customers save a card or a mandate, pay by it while it stands, and remove it some days later."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from marketplace.adapters.sandbox.sources import SOURCES
from marketplace.core.payments.method import PaymentMethod, State
from marketplace.core.payments.saving import AmendMandate, RemoveMethod, SaveMethod
from marketplace.core.shared.errors import Conflict, OutcomeUnknown, Refused, Unavailable
from marketplace.core.shared.ids import derive
from marketplace.core.shared.mandates import DebitValue, Frequency, MandateTerms
from marketplace.core.shared.methods import MethodKind
from marketplace.core.shared.roles import Actor
from marketplace.entrypoints.simulation.lane import Lane
from marketplace.ports.storage import One

PAYS = "tok_success"  # whoever would pay by this may pay by what is saved; where some debit, everybody
_SOON, _AFTER = timedelta(seconds=30), timedelta(minutes=5)
_KEPT_DAYS_MAX = {MethodKind.CARD: 10, MethodKind.DEBIT_ORDER: 30}
_MANDATES, _AMENDED = 2 / 3, 1 / 3
# Most debit orders take days; some are of a bank that tells at once.
_SLOW = tuple(source for source, one in SOURCES.items() if one.charges.startswith("tok_debit"))
_SOURCES_OF_MANDATES = ("setup_debits", "setup_debits", "setup_debits", *_SLOW, *_SLOW, *SOURCES)
_MAXIMA_MINOR = (20_000, 75_000, 100_000, 1_000_000)  # some are for less than a job may cost


@dataclass(kw_only=True)
class Wallet:
    """`methods` are those that customers believe to pay, by their owners; `debits` is whether some debit."""

    lane: Lane
    random: Random
    debits: bool = False
    methods: dict[UUID | None, UUID] = field(default_factory=dict)
    _mandates: set[str] = field(default_factory=set)

    async def save(self, number: int, customer: Actor) -> None:
        key = derive(self.lane.tenant.id, "method", number)
        if self.debits and self.random.random() < _MANDATES:
            command = SaveMethod(
                payment_method_id=key,
                kind=MethodKind.DEBIT_ORDER,
                source=self.random.choice(_SOURCES_OF_MANDATES),
                terms=self._terms(),
            )
        else:
            source = self.random.choice(list(SOURCES))
            command = SaveMethod(payment_method_id=key, kind=MethodKind.CARD, source=source)
        await self._save(command, customer)

    async def _save(self, command: SaveMethod, customer: Actor) -> None:
        """Under one id, however often it takes."""
        key = command.payment_method_id
        try:
            await self.lane.do(command, customer)
        except Conflict:
            pass  # it stands: the answer before was lost
        except (Unavailable, OutcomeUnknown):
            self.lane.agenda.put(partial(self._save, command, customer), at=self.lane.now + _SOON)
            return
        self.methods[customer.user_id] = key
        kept = timedelta(days=self.random.uniform(0, _KEPT_DAYS_MAX[command.kind]))
        self.lane.agenda.put(partial(self._answer, key), at=self.lane.now + _AFTER)
        self.lane.agenda.put(partial(self._remove, key, customer), at=self.lane.now + kept)
        if command.terms is None:
            return
        self._mandates.add(str(key))
        if self.random.random() < _AMENDED:
            wanted = AmendMandate(
                payment_method_id=key, amendment_id=derive(key, "amendment"), terms=self._terms()
            )
            self.lane.agenda.put(partial(self._try, wanted, customer), at=self.lane.now + kept / 2)

    def _terms(self) -> MandateTerms:
        """By usage and at any time: a booking may cost anything, and comes when it comes."""
        return MandateTerms(
            value=DebitValue.USAGE_BASED,
            frequency=Frequency.AD_HOC,
            collection_day=99,
            maximum_minor=self.random.choice(_MAXIMA_MINOR),
        )

    def pays(self, customer: Actor, token: str) -> str:
        """What the customer names to pay by."""
        key = self.methods.get(customer.user_id)
        return str(key) if key is not None and (self.debits or token == PAYS) else token

    def debits_by(self, method: str) -> bool:
        return method in self._mandates

    def forget(self, customer: Actor) -> None:
        self.methods.pop(customer.user_id, None)

    async def _answer(self, key: UUID) -> None:
        """What its payer says to a method that waits for it."""
        (found,) = await self.lane.storage.read(self.lane.tenant.id, [One(PaymentMethod, key)])
        if found and found[0].state == State.PENDING_AUTH:
            rail = self.lane.rails[found[0].rail]
            await rail.answer_setup(key, agreed=self.random.random() < 2 / 3)

    async def _remove(self, key: UUID, customer: Actor) -> None:
        await self._try(RemoveMethod(payment_method_id=key), customer)

    async def _try(self, command: Any, customer: Actor) -> None:
        try:
            await self.lane.do(command, customer)
        except Refused:
            pass  # the bank was faster
        except (Unavailable, OutcomeUnknown):
            self.lane.agenda.put(partial(self._try, command, customer), at=self.lane.now + _SOON)
