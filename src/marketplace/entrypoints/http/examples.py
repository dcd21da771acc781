"""An example is made of the types that are read and written, and of one table of values by name."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from hashlib import sha256
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

NOON = "2026-03-02T10:00:00Z"
_PLAIN: Mapping[Any, Any] = {
    str: "text",
    int: 1,
    float: 0.5,
    bool: True,
    datetime: NOON,
    date: "2026-03-02",
    UUID: "01a1f85f-4aee-7173-a33d-6c747ab49d81",
    NoneType: None,
    dict: {},
    Any: None,
}

# "Type.field" before "field"; what is in neither is made from its type. None leaves an optional field out.
VALUES: Mapping[str, Any] = {
    "about": "Two crews for leaks, geysers and blocked drains.",
    "access_token": "mk_AaH4X0ruQXOjPWx0erSdgQGh-F9K7kFzoz1sdHq0nYE",
    "account": "platform_fee",
    "address": "14 Kloof Street, Gardens, Cape Town, 8001",
    "after": "WyIyMDI2LTAzLTAyVDEwOjAwOjAwWiIsIjAxYTFmODVmIl0",
    "amount_minor": 49_500,
    "approved_by": None,
    "balance_minor": -7_425,
    "basis_points": 1_500,
    "before": "awaiting_provider",
    "blueprint": "home-services",
    "brand": "Handyside",
    "captured_minor": 51_000,
    "charge_grace_minutes": 1_440,
    "charge_lead_minutes": 4_320,
    "category": "plumbing",
    "channel_reference": "sandbox_01a1f85f_1",
    "closes": "17:00",
    "closing_minor": 41_208,
    "code": "drain-machine",
    "Code.code": "493817",
    "VerifyCode.code": "493817",
    "PriceLine.code": "base",
    "PriceLine.label": "Service, 60 minutes",
    "commission_basis_points": 1_500,
    "copy": 1,
    "country": "ZA",
    "currency": "ZAR",
    "customer_fee_minor": 1_500,
    "customer_fee_vat_minor": 196,
    "description": "Leaks, taps, toilets and blocked drains.",
    "drawn": 3,
    "duration_max_minutes": 240,
    "duration_minutes": 60,
    "earned_minor": 41_208,
    "end": "2026-03-02T11:00:00Z",
    "ends_at": "2026-03-02T11:00:00Z",
    "error": "Unavailable",
    "expires_at": "2026-03-02T11:00:00Z",
    "failure": None,
    "fault": None,
    "fee_minor": 7_425,
    "fee_vat_minor": 1_114,
    "fees": None,
    "gross_minor": 51_000,
    "horizon_days": 60,
    "Parked.job": {"event_id": "01a1f85f-4aee-7173-a33d-6c747ab49d81", "name": "payment.created"},
    "MovementLine.key": "released:01a1f85f-4aee-7173-a33d-6c747ab49d81",
    "Event.kind": "booking",
    "Moved.kind": "booking",
    "StatementLine.kind": "job",
    "latitude": -33.9293,
    "ledger_minor": 41_208,
    "limit": 20,
    "locale": "en-ZA",
    "longitude": 18.4125,
    "max_quantity": 4,
    "minimum_minor": 0,
    "Event.move": "accept",
    "moves": ["cancel"],
    "name": "Plumber by the hour",
    "AmendUser.name": "Ayesha Patel",
    "UserView.name": "Ayesha Patel",
    "GrantRoles.name": "Ayesha Patel",
    "Contact.name": "Ayesha Patel",
    "ApplyAsProvider.name": "Dlamini Plumbing",
    "ProviderView.name": "Dlamini Plumbing",
    "AddUnit.name": "Crew 1",
    "UnitView.name": "Crew 1",
    "Event.name": "booking.confirmed",
    "Moved.name": "booking.confirmed",
    "MovementLine.name": "released",
    "Event.after": "confirmed",
    "Moved.after": "confirmed",
    "Event.changes": {"due_at": [None, NOON]},
    "net_minor": 41_208,
    "next_action": None,
    "note": "The gate is on the left.",
    "notice_minutes": 120,
    "on_behalf_of": None,
    "on_its_way_minor": 0,
    "opening_minor": 0,
    "opens": "08:00",
    "opened_at": NOON,
    "paid_minor": 0,
    "payable_minor": 41_208,
    "payee": "payee_ok",
    "payment_method": "tok_success",
    "pending_minor": 0,
    "phone": "+27600000103",
    "place": {"latitude": -33.9293, "longitude": 18.4125},
    "postings": {"customer_funds:01a1f85f": 51_000, "platform_fee": -51_000},
    "MovementLine.postings": {"customer_funds:01a1f85f": 51_000, "platform_fee": -51_000},
    "AccountBalance.postings": 12,
    "price_max": 100_000,
    "proposed_by": None,
    "proposed_starts_at": None,
    "provider_minor": 42_461,
    "quantity": 1,
    "queue": "reaction",
    "rail": "sandbox",
    "reach_metres": 15_000,
    "reach_minutes": 90,
    "offer_seconds": 45,
    "fresh_seconds": 120,
    "skill": "car-wash",
    "skills": ["car-wash"],
    "travel_seconds": 420,
    "sentence": "It was not looked at: it is offline.",
    "window_end": "2026-03-02T11:30:00Z",
    "rates": [{"since": "2018-04-01", "basis_points": 1_500}],
    "reason": "The customer asked for it.",
    "EarningView.reason": "job",
    "Explanation.reason": None,
    "Verdict.reason": None,
    "DispatchDecision.place": 0,
    "reason_code": "illness",
    "refresh_token": "mk_AaH4X0ruQXOjPWx0erSdgQGh-F9K7kFzoz1sdHq0nYF",
    "refund_if_cancelled_minor": 51_000,
    "fee_if_cancelled_minor": None,
    "charge_at": None,
    "payment_deadline": None,
    "refund_minor": 0,
    "refunded_minor": 0,
    "released_at": None,
    "released_minor": 0,
    "request_id": "01a1f85f-4aef-7f95-aa7b-18137729a8f8",
    "risk_delay_minutes": 0,
    "roles": ["customer"],
    "rule": {"kind": "per_hour", "amount_minor": 49_500, "call_out_minor": 0, "minimum_minor": 0},
    "run_hour": 6,
    "BookingView.state": "confirmed",
    "EarningView.state": "drawn",
    "PaymentView.state": "succeeded",
    "PayoutView.state": "paid",
    "PayoutRunView.state": "finished",
    "PayoutReversalView.state": "succeeded",
    "ProviderView.state": "active",
    "ProviderView.moves": ["amend", "close"],
    "RefundView.state": "succeeded",
    "ServiceView.state": "published",
    "ServiceView.moves": ["amend", "withdraw"],
    "PaymentView.moves": [],
    "PaymentMethodView.state": "active",
    "PaymentMethodView.kind": "card",
    "PaymentMethodView.moves": ["remove"],
    "PayoutAccountView.state": "active",
    "PayoutAccountView.kind": "bank_account",
    "PayoutAccountView.moves": ["close"],
    "PayoutAccountView.label": "absa 4567",
    "OpenPayoutAccount.kind": "bank_account",
    "OpenPayoutAccount.source": None,
    "bank_account": {
        "holder": "T Mokoena",
        "bank": "absa",
        "account_number": "4081234567",
        "account_type": "current",
    },
    "holder": "T Mokoena",
    "bank": "absa",
    "account_number": "4081234567",
    "account_type": "current",
    "receives": True,
    "required": [],
    "return_url": "https://app.example/onboarded",
    "refresh_url": "https://app.example/onboarding",
    "OnboardingLink.url": "/v1/sandbox/payout-accounts/01a1f85f-4aef-7f95-aa7b-18137729a8f8/action",
    "PaymentMethodView.terms": None,
    "PaymentMethodView.contract": None,
    "SaveMethod.kind": "card",
    "SaveMethod.terms": None,
    "wanted": None,
    "advice": None,
    "usable": True,
    "label": "Visa 4242",
    "payer": None,
    "source": "setup_success",
    "MandateTerms.value": "usage_based",
    "MandateTerms.frequency": "ad_hoc",
    "MandateTerms.collection_day": 99,
    "MandateTerms.first_collection_on": None,
    "maximum_minor": 100_000,
    "instalment_minor": None,
    "initial_minor": None,
    "adjustment_minor": None,
    "adjustment_basis_points": None,
    "authorise_by": "2026-03-05T10:00:00Z",
    "RailView.name": "stripe",
    "RailView.failed_at": None,
    "calls": 214,
    "failures": 0,
    "RailView.down_until": None,
    "p50_ms": 180.0,
    "p99_ms": 640.0,
    "payments_created": 0,
    "payments_unknown": 0,
    "oldest_seconds": None,
    "currencies": ["ZAR"],
    "hold_max_minutes": 10_080,
    "saving_rail": "sandbox",
    "is_down": False,
    "fallback_rail": None,
    "debit_order_rail": None,
    "payout_rail": None,
    "VatPolicy.number": None,
    "Wording.customer": "customer",
    "Wording.provider": "provider",
    "Wording.booking": "booking",
    "payment_failure": None,
    "unit_name": "Crew 1",
    "evidence": None,
    "event_id": "evt_01a1f85f",
    "line_id": "set_01a1f85f",
    "subject": "charge",
    "problem": None,
    "cause": None,
    "age_days": None,
    "Break.kind": "line",
    "Break.problem": "no charge of ours is known under this reference",
    "Break.cause": "line_without_movement",
    "Break.age_days": 3,
    "Break.booking_id": None,
    "Reconciliation.clear": False,
    "moved_minor": 51_000,
    "settled_minor": 9_792,
    "waiting_minor": 41_208,
    "settled_since_minor": 0,
    "overdue_minor": 0,
    "unexplained_minor": 0,
    "channel": "sandbox",
    "template": "booking.confirmed:customer",
    "rejection": None,
    "MessageView.address": "+27600000103",
    "warnings": [],
    "unasked_skills": [],
    "EarningView.moves": [],
    "PayoutView.moves": [],
    "PayoutRunView.moves": [],
    "PayoutReversalView.moves": [],
    "RefundView.moves": [],
    "SessionView.moves": ["revoke"],
    "TenantView.moves": ["amend", "move_clock"],
    "UnitView.moves": ["retire"],
    "UserView.moves": ["amend"],
    "PersonView.name": "Ayesha Patel",
    "PersonView.moves": ["amend"],
    "MembershipView.moves": ["renew", "end"],
    "MembershipView.until": "2027-03-02T10:00:00Z",
    "GrantMembership.until": "2027-03-02T10:00:00Z",
    "RenewMembership.until": "2027-09-02T10:00:00Z",
    "ended_at": None,
    "level": 1,
    "grace_minutes": 60,
    "Option.name": "Drain machine",
    "reply": None,
    "replied_at": None,
    "review": None,
    "review_until": None,
    "ReviewView.moves": [],
    "reviews_count": 12,
    "stars": 5,
    "ProviderView.stars": 4.75,
    "UnitView.stars": 4.75,
    "OfferedServiceView.stars": 4.75,
    "OfferedServiceView.moves": [],
    "OfferedServiceView.state": "published",
    "words": "On time, and nothing leaks any more.",
    "ReplyToReview.words": "Thank you!",
    "window_days": 30,
    "seconds": 3_600,
    "service_name": "Plumber by the hour",
    "since": NOON,
    "VatRate.since": "2018-04-01",
    "skipped": 0,
    "slug": "home-services",
    "standing": "succeeded",
    "RailView.standing": "answers",
    "start": NOON,
    "start_code": "4821",
    "BookingPolicy.start_code": True,
    "starts_at": NOON,
    "text": "Handyside: your code is 493817. Tell it to nobody.",
    "tiers": [{"notice_minutes": 1_440, "refund_basis_points": 10_000}],
    "time_off": [{"start": NOON, "end": "2026-03-09T10:00:00Z"}],
    "time_zone": "Africa/Johannesburg",
    "token": "tok_success",
    "Token.description": "succeeds at once",
    "total_minor": 51_000,
    "tries": 10,
    "unit_minor": 49_500,
    "units_free": 2,
    "until": "2026-03-09T10:00:00Z",
    "vat_minor": 6_652,
    "version": 3,
    "weekday": 0,
    "why": "unavailable: the sandbox is down",
}


def example_of(annotation: Any, owner: str = "", name: str = "") -> Any:
    """A value of that type, as JSON has it."""
    for known in (f"{owner}.{name}", name):
        if known in VALUES and (VALUES[known] is not None or NoneType in get_args(annotation)):
            return VALUES[known]
    origin = get_origin(annotation)
    if origin is Annotated:
        return example_of(annotation.__origin__, owner, name)
    if origin in {Union, UnionType}:
        members = [one for one in get_args(annotation) if one not in {NoneType, msgspec.UnsetType}]
        return example_of(members[0], owner, name)
    if origin is Literal:
        return get_args(annotation)[0]
    if origin is tuple or origin is list:
        return [example_of(get_args(annotation)[0], owner, name)]
    return _plain(annotation, origin, name)


def _plain(annotation: Any, origin: Any, name: str) -> Any:
    kind = origin or annotation
    if isinstance(kind, enum.EnumMeta):
        return next(iter(kind)).value
    if kind is UUID:
        return _id(name)
    if isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, msgspec.Struct)):
        return dict(_object(kind, dict(zip(_parameters(kind), get_args(annotation), strict=False))))
    return _PLAIN[kind]


def _object(kind: Any, given: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The fields of an object; `given` are what a generic's parameters stand for."""
    hints = get_type_hints(kind, include_extras=True)
    owner = kind.__name__.removesuffix("Input")
    if is_dataclass(kind):
        names = [(one.name, one.name) for one in fields(kind)]
    else:
        names = list(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    for name, written in names:
        value = example_of(_filled(hints[name], given), owner, written)
        yield written, value


def _filled(hint: Any, given: Mapping[Any, Any]) -> Any:
    if isinstance(hint, TypeVar):
        return given[hint]
    if get_origin(hint) is tuple and get_args(hint)[0] in given:
        return tuple[given[get_args(hint)[0]], ...]  # type: ignore[misc]
    return hint


def _parameters(kind: Any) -> tuple[Any, ...]:
    return getattr(kind, "__parameters__", ())


def _id(name: str) -> str:
    """A time-ordered id, another one for each name."""
    return f"01a1f85f-4aee-7173-a33d-{sha256(name.encode()).hexdigest()[:12]}"
