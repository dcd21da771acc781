"""A booking with what belongs to it comes in one round trip, because it is what everybody looks at."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.bookings.booking import Booking
from marketplace.core.payments.payment import Payment

_DETAIL = """
SELECT json_build_object(
  'booking', to_jsonb(b), 'payment', to_jsonb(p), 'customer_name', c.name, 'customer_phone', c.phone,
  'provider_name', v.name, 'provider_phone', o.phone)::text
FROM booking AS b
JOIN "user" AS c ON c.tenant_id = b.tenant_id AND c.id = b.customer_id
JOIN provider AS v ON v.tenant_id = b.tenant_id AND v.id = b.provider_id
JOIN "user" AS o ON o.tenant_id = v.tenant_id AND o.id = v.owner_id
LEFT JOIN payment AS p ON p.tenant_id = b.tenant_id AND p.id = b.payment_id
WHERE b.tenant_id = :tenant_id AND b.id = :booking_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """All of it: who may see what is for the reader's edge to decide."""

    booking: Booking
    payment: Payment | None
    customer_name: str
    customer_phone: str
    provider_name: str
    provider_phone: str


_decoder = msgspec.json.Decoder(Detail)


async def booking_detail(reads: Reads, tenant_id: UUID, *, booking_id: UUID) -> Detail | None:
    text = await reads.value(tenant_id, _DETAIL, booking_id=booking_id)
    return None if text is None else _decoder.decode(text)
