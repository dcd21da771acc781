"""Of what Stripe answers we read what we rest on, typed: that has to be there, the rest may come and go."""

from typing import Any, Final, Generic, TypeVar

import msgspec

from marketplace.core.shared.errors import OutcomeUnknown

T = TypeVar("T")
Item = TypeVar("Item", bound="Object")

# Where metadata of an object says whose it is. Stripe copies an intent's to its charge.
REFERENCE, TENANT, SUBJECT = "marketplace_reference", "marketplace_tenant", "marketplace_subject"
CUSTOMER: Final = "marketplace_customer"
METHOD: Final = "method"  # the subject of what is saved, as of its hints
PAYEE: Final = "payee"  # that of an account that is opened
Metadata = dict[str, str]


class Object(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    metadata: Metadata = {}


class CardDetails(msgspec.Struct, frozen=True, kw_only=True):
    """`capture_before` is until when a hold lasts, in seconds."""

    capture_before: int | None = None


class MethodDetails(msgspec.Struct, frozen=True, kw_only=True):
    card: CardDetails | None = None


class Charge(Object, frozen=True, kw_only=True):
    amount_captured: int = 0
    amount_refunded: int = 0
    disputed: bool = False
    payment_intent: str | None = None
    payment_method_details: MethodDetails | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    code: str | None = None
    decline_code: str | None = None


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    url: str | None = None


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    redirect_to_url: Redirect | None = None


class Intent(Object, frozen=True, kw_only=True):
    amount: int
    currency: str
    status: str
    amount_capturable: int = 0
    amount_received: int = 0
    cancellation_reason: str | None = None
    last_payment_error: Failure | None = None
    latest_charge: Charge | str | None = None
    next_action: NextAction | None = None

    @property
    def charge(self) -> Charge | None:
        """Where it was asked for whole."""
        return self.latest_charge if isinstance(self.latest_charge, Charge) else None


class Customer(Object, frozen=True, kw_only=True):
    """`deleted` is all that is left to be told of one that was."""

    deleted: bool = False


class Card(msgspec.Struct, frozen=True, kw_only=True):
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    display_brand: str | None = None


class PaymentMethod(Object, frozen=True, kw_only=True):
    """`customer` is to whom it is attached."""

    customer: str | None = None
    card: Card | None = None


class SetupIntent(Object, frozen=True, kw_only=True):
    """`client_secret` is for the app of its customer alone."""

    status: str
    client_secret: str | None = None
    customer: str | None = None
    last_setup_error: Failure | None = None
    next_action: NextAction | None = None
    payment_method: PaymentMethod | str | None = None

    @property
    def method(self) -> PaymentMethod | None:
        """Where it was asked for whole."""
        return self.payment_method if isinstance(self.payment_method, PaymentMethod) else None


class Refund(Object, frozen=True, kw_only=True):
    amount: int
    currency: str
    status: str | None = None
    failure_reason: str | None = None


class Reversal(Object, frozen=True, kw_only=True):
    amount: int
    currency: str


class Reversals(msgspec.Struct, frozen=True, kw_only=True):
    """The latest of a transfer's."""

    data: tuple[Reversal, ...] = ()


class Transfer(Object, frozen=True, kw_only=True):
    amount: int
    currency: str
    reversed: bool = False
    reversals: Reversals = Reversals()

    @property
    def came_back(self) -> bool:
        """Whether somebody else reversed it whole: what we have asked back is told by itself."""
        return self.reversed and not any(REFERENCE in one.metadata for one in self.reversals.data)


class Dispute(Object, frozen=True, kw_only=True):
    amount: int
    currency: str
    status: str
    reason: str = ""
    created: int = 0
    charge: str | None = None
    payment_intent: str | None = None


class Requirements(msgspec.Struct, frozen=True, kw_only=True):
    """`disabled_reason` says why an account is not what it was asked to be."""

    currently_due: tuple[str, ...] = ()
    past_due: tuple[str, ...] = ()
    pending_verification: tuple[str, ...] = ()
    disabled_reason: str | None = None


class ExternalAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A bank account, or a card without `bank_name`."""

    bank_name: str | None = None
    last4: str | None = None


class ExternalAccounts(msgspec.Struct, frozen=True, kw_only=True):
    data: tuple[ExternalAccount, ...] = ()


class ConnectedAccount(Object, frozen=True, kw_only=True):
    details_submitted: bool = False
    payouts_enabled: bool = False
    capabilities: dict[str, str] = {}
    requirements: Requirements = Requirements()
    external_accounts: ExternalAccounts = ExternalAccounts()


class AccountLink(msgspec.Struct, frozen=True, kw_only=True):
    url: str


class BalanceTransaction(Object, frozen=True, kw_only=True):
    """`source` is what moved the money: an object of a kind that its id tells."""

    amount: int
    currency: str
    fee: int
    created: int
    available_on: int
    type: str
    source: dict[str, Any] | str | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    livemode: bool


class WebhookEndpoint(Object, frozen=True, kw_only=True):
    url: str
    status: str
    enabled_events: tuple[str, ...]
    api_version: str | None = None


class Page(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    data: tuple[Item, ...]
    has_more: bool = False


def read(answer: Any, kind: type[T]) -> T:
    """Raises OutcomeUnknown: whatever was asked is done, and we cannot tell what."""
    try:
        return msgspec.convert(answer.to_dict(), kind)
    except msgspec.ValidationError as error:
        raise OutcomeUnknown("Stripe answered what cannot be read") from error
