"""One format, by the sponsor bank's words: collections out, answers back; and any file, for whoever looks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from marketplace.adapters.iso20022.direct_debits import read_collections, write_collections
from marketplace.adapters.iso20022.mandate_files import (
    read_acceptances,
    read_amendments,
    read_cancellations,
    read_initiations,
)
from marketplace.adapters.iso20022.mandates import (
    MandateAnswers,
    MandateBatch,
    MandateChange,
    MandateEnd,
    MandateOrder,
)
from marketplace.adapters.iso20022.messages import (
    ACCEPTANCE,
    AMENDMENT,
    CANCELLATION,
    COLLECTIONS,
    INITIATION,
    NOTIFICATION,
    STATUSES,
    expected,
    unwrapped,
)
from marketplace.adapters.iso20022.notifications import read_notifications
from marketplace.adapters.iso20022.parties import Sponsor
from marketplace.adapters.iso20022.statuses import read_statuses
from marketplace.adapters.iso20022.tree import Node
from marketplace.ports.batches import Answers, Batch

Content = (
    Batch
    | Answers
    | MandateBatch[MandateOrder]
    | MandateBatch[MandateChange]
    | MandateBatch[MandateEnd]
    | MandateAnswers
)
_READERS: Mapping[str, Callable[[Node], Content]] = MappingProxyType(
    {
        **dict.fromkeys(COLLECTIONS, read_collections),
        INITIATION: read_initiations,
        AMENDMENT: read_amendments,
        CANCELLATION: read_cancellations,
        ACCEPTANCE: read_acceptances,
        **dict.fromkeys(STATUSES, read_statuses),
        NOTIFICATION: read_notifications,
    }
)


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file that was read: the message's name and what it says."""

    message: str
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoFiles:
    """A `BatchFormat` for a bank that takes pain.008 and answers by pain.002 and camt.054."""

    sponsor: Sponsor
    message: str = COLLECTIONS[0]

    def write(self, batch: Batch) -> bytes:
        return write_collections(batch, sponsor=self.sponsor, message=self.message)

    def read(self, content: bytes) -> Answers:
        message, body = expected(content, *STATUSES, NOTIFICATION)
        return read_notifications(body) if message == NOTIFICATION else read_statuses(body)


def read_any(content: bytes) -> BankFile:
    """Raises Invalid for a file that is none of these messages, or lacks what they must have."""
    message, body = unwrapped(content)
    return BankFile(message, _READERS[message](body))
