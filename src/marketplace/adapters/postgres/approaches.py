"""Who is on the way to whom: asked each time that a customer looks, so one statement by primary keys."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from marketplace.adapters.postgres.reads import Reads
from marketplace.core.bookings.booking import Booking

_UNIT = "SELECT unit_id FROM reservation WHERE tenant_id = :tenant_id AND id = :reservation_id"
_COMING = """
SELECT coalesce(json_agg(json_build_object('booking', row_to_json(b), 'unit_id', r.unit_id)), '[]')::text
FROM booking AS b JOIN reservation AS r ON (r.tenant_id, r.id) = (b.tenant_id, b.reservation_id)
WHERE b.tenant_id = :tenant_id AND b.customer_id = :customer_id AND b.state = 'en_route'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    booking: Booking
    unit_id: UUID


_decoder = msgspec.json.Decoder(tuple[Approach, ...])


async def coming_unit(reads: Reads, tenant_id: UUID, *, reservation_id: UUID) -> UUID | None:
    unit_id: UUID | None = await reads.value(tenant_id, _UNIT, reservation_id=reservation_id)
    return unit_id


async def coming_to(reads: Reads, tenant_id: UUID, *, customer_id: UUID) -> tuple[Approach, ...]:
    """Every unit that is on its way to a customer just now."""
    return _decoder.decode(await reads.value(tenant_id, _COMING, customer_id=customer_id))
