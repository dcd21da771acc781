"""A booking with what belongs to it comes in one round trip, because it is what everybody looks at."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.bookings.booking import Booking
from marketplace.core.identity.user import User
from marketplace.core.payments.payment import Payment
from marketplace.core.providers.provider import Provider

# Steps that the planner cannot reorder, each by primary key: a join planned while the tables were small
# went through all users first (113 ms at 200 of them).
_DETAIL = """
WITH b AS MATERIALIZED (SELECT * FROM booking WHERE tenant_id = :tenant_id AND id = :booking_id),
v AS MATERIALIZED (
  SELECT (SELECT to_jsonb(p) FROM provider AS p WHERE p.tenant_id = :tenant_id AND p.id = b.provider_id) AS it
  FROM b
)
SELECT json_build_object(
  'booking', to_jsonb(b),
  'payment', (SELECT to_jsonb(p) FROM payment AS p WHERE p.tenant_id = :tenant_id AND p.id = b.payment_id),
  'customer', (SELECT to_jsonb(u) FROM "user" AS u WHERE u.tenant_id = :tenant_id AND u.id = b.customer_id),
  'provider', v.it,
  'owner', (SELECT to_jsonb(u) FROM "user" AS u
            WHERE u.tenant_id = :tenant_id AND u.id = (v.it ->> 'owner_id')::uuid))::text
FROM b CROSS JOIN v
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """All of it: who may see what is for the reader's edge to decide."""

    booking: Booking
    payment: Payment | None
    customer: User
    provider: Provider
    owner: User


_decoder = msgspec.json.Decoder(Detail)


async def booking_detail(reads: Reads, tenant_id: UUID, *, booking_id: UUID) -> Detail | None:
    text = await reads.value(tenant_id, _DETAIL, booking_id=booking_id)
    return None if text is None else _decoder.decode(text)
