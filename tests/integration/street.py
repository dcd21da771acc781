"""A street with crews on the road who are called out, in a marketplace of the tests' own."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from marketplace.core.bookings.commands import CallOut
from marketplace.core.catalogue.pricing import PriceRule
from marketplace.core.catalogue.usecases import DraftService, PublishService
from marketplace.core.dispatch.decision import DispatchDecision
from marketplace.core.dispatch.presences import GoOnline
from marketplace.core.dispatch.queries import DecisionsOn
from marketplace.core.identity.usecases import GrantRoles
from marketplace.core.identity.user import user_id
from marketplace.core.providers.usecases import AddUnit, AmendProvider, ApplyAsProvider, MoveProvider
from marketplace.core.shared.ids import derive
from marketplace.core.shared.place import Place
from marketplace.core.shared.roles import Actor, Role

# What is remembered of each unit, beside what its offers, and the jobs that it was given and did, tell.
_MISCOUNTED = """
SELECT * FROM (
    SELECT p.unit_id, p.offered, p.accepted,
        (SELECT coalesce(sum(n::bigint), 0) FROM jsonb_each_text(p.done) AS d(skill, n)) AS done,
        (SELECT count(*) FROM dispatch_offer AS o WHERE (o.tenant_id, o.unit_id) = (p.tenant_id, p.unit_id)
            AND o.state IN ('accepted', 'declined', 'expired')) AS answers,
        (SELECT count(*) FROM dispatch_offer AS o WHERE (o.tenant_id, o.unit_id) = (p.tenant_id, p.unit_id)
            AND o.state = 'accepted') AS yeses,
        (SELECT count(*) FROM booking AS b
            JOIN reservation AS r ON (r.tenant_id, r.id) = (b.tenant_id, b.reservation_id)
            JOIN event AS e ON (e.tenant_id, e.subject_id, e.name) = (b.tenant_id, b.id, 'booking.delivered')
            WHERE (r.tenant_id, r.unit_id) = (p.tenant_id, p.unit_id)) AS deliveries
    FROM presence AS p WHERE p.tenant_id = $1
) AS c WHERE (offered, accepted, done) IS DISTINCT FROM (answers, yeses, deliveries)
"""
SKILL, HERE = "car-wash", Place(-26.125, 28.125)


@dataclass
class Street:
    """A marketplace with crews on the road, each with one unit unless told otherwise."""

    market: Any
    service_id: UUID
    crews: list[tuple[Actor, list[UUID]]] = field(default_factory=list)

    async def join(self, *, units: int = 1) -> None:
        market, number = self.market, len(self.crews)
        phone = f"+2784{number:07d}"
        await market.do(GrantRoles(phone=phone, roles=(Role.CUSTOMER,), reason="test"))
        owner = Actor(Role.CUSTOMER, user_id(market.tenant, phone))
        provider_id = derive(market.tenant.id, "crew", number)
        actor = replace(owner, role=Role.PROVIDER, provider_id=provider_id)
        await market.do(ApplyAsProvider(provider_id=provider_id, name=f"Crew {number}"), owner)
        await market.do(AmendProvider(provider_id=provider_id, payee="payee_ok"), actor)
        for move in ("verify", "activate"):
            await market.do(MoveProvider(provider_id=provider_id, move=move, reason="test"), market.admin)
        unit_ids = [derive(provider_id, "unit", unit) for unit in range(units)]
        for unit_id in unit_ids:
            await market.do(
                AddUnit(provider_id=provider_id, unit_id=unit_id, name="Van", skills=(SKILL,)), actor
            )
            await market.do(GoOnline(unit_id=unit_id, place=HERE), actor)
        self.crews.append((actor, unit_ids))

    def wish(self, number: int = 0) -> tuple[Any, Actor]:
        command = CallOut(
            booking_id=uuid4(), service_id=self.service_id, place=HERE, payment_method="tok_success"
        )
        return command, self.market.customers[number % len(self.market.customers)]

    async def call(self, number: int = 0) -> UUID:
        """A call-out, and whoever is to be asked has been."""
        command, customer = self.wish(number)
        await self.market.do(command, customer)
        await self.market.pass_time(timedelta(seconds=2))
        key: UUID = command.booking_id
        return key

    async def offers(self) -> list[tuple[UUID, Actor]]:
        """Every open offer, and who may answer it."""
        found = await self.market.connection.exec_driver_sql(
            "SELECT id, provider_id FROM dispatch_offer WHERE tenant_id = $1"
            " AND state IN ('sent', 'delivered', 'seen') ORDER BY id",
            (self.market.tenant.id,),
        )
        actors = {actor.provider_id: actor for actor, _ in self.crews}
        return [(row.id, actors[row.provider_id]) for row in found]

    async def job(self, key: UUID) -> str:
        """How a booking's last search stands."""
        return str(
            await self.market.sql(
                "SELECT state FROM dispatch_job WHERE tenant_id = $1 AND booking_id = $2"
                " ORDER BY queued_at DESC, id LIMIT 1",
                key,
            )
        )

    async def decisions(self) -> list[DispatchDecision]:
        """All that were kept."""
        found = await self.market.connection.exec_driver_sql(
            "SELECT DISTINCT job_id FROM dispatch_decision WHERE tenant_id = $1", (self.market.tenant.id,)
        )
        asked = [DecisionsOn(job_id=row.job_id) for row in found]
        answers = await self.market.store.read(self.market.tenant.id, asked) if asked else []
        return [kept for answer in answers for kept in answer]

    async def miscounted(self) -> list[str]:
        """Units of which is remembered what they never did, or not what they did."""
        found = await self.market.connection.exec_driver_sql(_MISCOUNTED, (self.market.tenant.id,))
        return [str(row) for row in found]

    async def is_sound(self) -> bool:
        """Nothing is left over, even when all timers have run out."""
        await self.market.pass_time(timedelta(hours=3))
        assert await self.market.violations() == []
        return True


async def pave(market: Any, *, crews: int, units: int = 1) -> Street:
    """What follows from it is still to be carried out."""
    service_id = uuid4()
    draft = DraftService(
        service_id=service_id,
        name="Wash",
        category=SKILL,
        rule=PriceRule("fixed", 18_000),
        duration_minutes=30,
        reason="test",
    )
    await market.do(draft, market.admin)
    await market.do(PublishService(service_id=service_id, reason="test"), market.admin)
    street = Street(market, service_id)
    for _ in range(crews):
        await street.join(units=units)
    return street
