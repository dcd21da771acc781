"""The condition that answers each query stands here; `:field` is a field of the query, `t` the table."""

from marketplace.core.catalogue.queries import HouseServicesOf
from marketplace.core.dispatch.queries import (
    BlocksOf,
    DecisionsOn,
    DoneBy,
    GivenUpBy,
    HeldBy,
    OffersTo,
    OnlineAfter,
    OnlineIn,
    OpenJobOf,
    OpenOffersOf,
    QueuedIn,
    ReservationsOf,
)
from marketplace.core.identity.queries import LiveSessions, RecentSignIns, RecentSignInsFrom
from marketplace.core.payments.queries import RefundsOf, RefundUnder
from marketplace.core.payouts.queries import (
    AccountsOf,
    ApprovedOf,
    PayoutUnder,
    ProvidersAfter,
    ReversalsOf,
    UndrawnBetween,
    UndrawnOf,
)
from marketplace.core.providers.queries import ActiveUnits, HeldAfter, HeldBetween
from marketplace.core.settlements.queries import MovementsOf, PostingsOf, SettlementsOf, StatementsAskedBefore
from marketplace.core.subscriptions.queries import MembershipsOf
from marketplace.ports.storage import Among, One

CLAUSES: dict[type, str] = {
    One: "t.id = :id",
    Among: "t.id = ANY(:ids::uuid[])",
    QueuedIn: "t.area_id = :area_id AND t.state = 'queued' AND t.queued_at <= :at",
    OpenJobOf: "t.booking_id = :booking_id AND t.state IN ('queued', 'offering', 'exhausted')",
    OpenOffersOf: "t.job_id = :job_id AND t.state IN ('sent', 'delivered', 'seen')",
    OffersTo: "t.unit_id = ANY(:unit_ids::uuid[]) AND t.sent_at >= :since",
    HeldBy: (
        "t.unit_id = ANY(:unit_ids::uuid[]) AND t.state = 'held'"
        " AND t.starts_at < :end AND t.ends_at > :start"
    ),
    ReservationsOf: "t.booking_id = :booking_id AND t.state = 'held'",
    BlocksOf: "t.customer_id = ANY(:customer_ids::uuid[]) AND t.state = 'standing'",
    DoneBy: "t.customer_id = :customer_id AND (t.provider_id = :by OR t.handed_back_by = :by)",
    GivenUpBy: "t.customer_id = :customer_id AND :by = ANY(t.unfit)",
    OnlineIn: "t.state = 'online' AND t.square = ANY(:squares::text[]) AND t.placed_at >= :since",
    OnlineAfter: "t.state = 'online' AND t.id > :after",
    DecisionsOn: "t.job_id = :job_id",
    MembershipsOf: "t.customer_id = :customer_id AND t.state = 'active'",
    ActiveUnits: "t.provider_id = :provider_id AND t.state = 'active'",
    HeldBetween: (
        "t.provider_id = :provider_id AND t.state = 'held' AND t.starts_at < :end AND t.ends_at > :start"
    ),
    HouseServicesOf: (
        "t.state = 'published' AND t.category = ANY(:categories::text[]) AND t.provider_id IS NULL"
    ),
    HeldAfter: "t.unit_id = :unit_id AND t.state = 'held' AND t.ends_at > :at",
    LiveSessions: "t.user_id = :user_id AND t.state = 'active'",
    ProvidersAfter: "t.id > :after",
    UndrawnBetween: "t.state = 'payable' AND t.provider_id > :after AND t.provider_id <= :through",
    UndrawnOf: "t.provider_id = :provider_id AND t.state = 'payable'",
    AccountsOf: "t.provider_id = :provider_id AND t.state NOT IN ('rejected', 'closed')",
    ApprovedOf: "t.provider_id = :provider_id AND t.state = 'approved'",
    ReversalsOf: "t.provider_id = :provider_id",
    PayoutUnder: "t.reference = :reference",
    RefundUnder: "t.reference = :reference",
    RefundsOf: "t.payment_id = :payment_id",
    StatementsAskedBefore: "t.asked_at < :at",
    SettlementsOf: "t.reference = ANY(:references::uuid[])",
    MovementsOf: "t.subject_id = ANY(:subject_ids::uuid[])",
    PostingsOf: "t.movement_id = ANY(:movement_ids::uuid[])",
    RecentSignIns: "t.phone = :phone AND t.requested_at >= :since",
    RecentSignInsFrom: "t.origin = :origin AND t.requested_at >= :since",
}
