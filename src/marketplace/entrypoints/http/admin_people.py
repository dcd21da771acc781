"""The platform's people look after users, providers and what these offer, and act for them with a reason."""

from marketplace.adapters.postgres import listings
from marketplace.core.catalogue import usecases as catalogue
from marketplace.core.catalogue.service import Service
from marketplace.core.catalogue.skills import SkilledUnit
from marketplace.core.identity import usecases as identity
from marketplace.core.identity.session import Session
from marketplace.core.identity.user import User
from marketplace.core.providers import usecases as providers
from marketplace.core.providers.provider import Provider, Unit
from marketplace.core.reviews import usecases as reviews
from marketplace.core.reviews.review import Review
from marketplace.core.subscriptions import usecases as subscriptions
from marketplace.core.subscriptions.membership import Membership
from marketplace.core.tenants.tenant import Call
from marketplace.entrypoints.http.desk import command_row, finding_rows, listing_row, question_row
from marketplace.entrypoints.http.office import Office
from marketplace.entrypoints.http.providers import known_payee
from marketplace.entrypoints.http.representations import PersonView
from marketplace.entrypoints.http.routes import Route
from marketplace.entrypoints.http.signin import normal_phone, person

_PEOPLE, _OFFER = "People", "Offer"


async def _signed_out(office: Office, result: Session | None, _: Call) -> None:
    if result is not None:
        office.bearers.forget(result.id)


async def _kept_out(office: Office, result: User | None, _: Call) -> None:
    """Its sessions have ended: in this process at once, in others when they look again."""
    if result is not None:
        office.bearers.forget_user(result.id)


ROUTES: tuple[Route, ...] = (
    listing_row("/users", listings.USERS, "phone role state", "Users, by number, role or state.", _PEOPLE),
    question_row("/users/{key}", person, PersonView, "One user, and whether it is a member.", _PEOPLE),
    command_row("/users", identity.GrantRoles, User, _PEOPLE, prepare=normal_phone, after=_kept_out),
    command_row("/users/{user_id}/block", identity.BlockUser, User, _PEOPLE, after=_kept_out),
    command_row("/users/{user_id}/unblock", identity.UnblockUser, User, _PEOPLE),
    *finding_rows("sessions", listings.SESSIONS, "user_id state", "Who is signed in, and was.", _PEOPLE),
    command_row("/sessions/{session_id}/revoke", identity.RevokeSession, Session, _PEOPLE, after=_signed_out),
    *finding_rows(
        "memberships", listings.MEMBERSHIPS, "customer_id state", "Who is a member, and was.", _PEOPLE
    ),
    command_row("/memberships", subscriptions.GrantMembership, Membership, _PEOPLE, status=201),
    command_row("/memberships/{membership_id}/renew", subscriptions.RenewMembership, Membership, _PEOPLE),
    command_row("/memberships/{membership_id}/end", subscriptions.EndMembership, Membership, _PEOPLE),
    *finding_rows(
        "messages",
        listings.MESSAGES,
        "user_id subject_id state",
        "What was said to whom, and whether it came; codes are not shown.",
        _PEOPLE,
    ),
    *finding_rows(
        "providers",
        listings.PROVIDERS,
        "text state owner_id",
        "Providers, by text, state or owner.",
        _OFFER,
    ),
    command_row("/providers/{provider_id}", providers.AmendProvider, Provider, _OFFER, prepare=known_payee),
    command_row("/providers/{provider_id}/moves", providers.MoveProvider, Provider, _OFFER),
    command_row("/providers/{provider_id}/units", providers.AddUnit, SkilledUnit, _OFFER, status=201),
    *finding_rows("units", listings.UNITS, "provider_id state", "Units of capacity.", _OFFER),
    command_row("/units/{unit_id}/retire", providers.RetireUnit, Unit, _OFFER),
    command_row("/units/{unit_id}/return", providers.ReturnUnit, Unit, _OFFER),
    *finding_rows(
        "reservations",
        listings.RESERVATIONS,
        "provider_id booking_id state from_ until",
        "Whose time is taken, the latest start first.",
        _OFFER,
    ),
    *finding_rows(
        "services",
        listings.SERVICES,
        "provider_id category state text price_max",
        "Services, drafts and withdrawn ones too.",
        _OFFER,
    ),
    command_row("/services", catalogue.DraftService, Service, _OFFER, status=201),
    command_row("/services/{service_id}", catalogue.AmendService, Service, _OFFER),
    command_row("/services/{service_id}/publish", catalogue.PublishService, Service, _OFFER),
    command_row("/services/{service_id}/withdraw", catalogue.WithdrawService, Service, _OFFER),
    *finding_rows(
        "reviews",
        listings.REVIEWS,
        "state provider_id unit_id customer_id booking_id",
        "What customers gave, hidden reviews too.",
        _OFFER,
    ),
    command_row("/reviews/{review_id}/hide", reviews.HideReview, Review, _OFFER),
    command_row("/reviews/{review_id}/restore", reviews.RestoreReview, Review, _OFFER),
)
