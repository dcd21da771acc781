"""What payout runs, webhooks and accounts ask of storage."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from marketplace.core.payouts.account import GONE, PayoutAccount
from marketplace.core.payouts.earning import Earning, State
from marketplace.core.payouts.payout import Payout
from marketplace.core.payouts.payout import State as PayoutState
from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.providers.provider import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvidersAfter:
    """The next few providers by id, of everybody."""

    kind: ClassVar[type[Provider]] = Provider
    after: UUID
    most: int

    def matches(self, row: Any) -> bool:
        return bool(row.id > self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndrawnBetween:
    """The earnings in no payout of every provider from behind one up to another, by id."""

    kind: ClassVar[type[Earning]] = Earning
    after: UUID
    through: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.state == State.PAYABLE and self.after < row.provider_id <= self.through)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndrawnOf:
    """One provider's earnings that are in no payout."""

    kind: ClassVar[type[Earning]] = Earning
    provider_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.provider_id == self.provider_id and row.state == State.PAYABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalsOf:
    """What was asked back of one provider's payouts."""

    kind: ClassVar[type[PayoutReversal]] = PayoutReversal
    provider_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.provider_id == self.provider_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutUnder:
    """The payout whose last attempt goes by a reference at the rail."""

    kind: ClassVar[type[Payout]] = Payout
    reference: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.reference == self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedOf:
    """One provider's payouts that may go, and of which the rail has not told yet."""

    kind: ClassVar[type[Payout]] = Payout
    provider_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.provider_id == self.provider_id and row.state == PayoutState.APPROVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsOf:
    """One provider's accounts that are not gone."""

    kind: ClassVar[type[PayoutAccount]] = PayoutAccount
    provider_id: UUID

    def matches(self, row: Any) -> bool:
        return bool(row.provider_id == self.provider_id and row.state not in GONE)
