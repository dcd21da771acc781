"""What is sent to each route, and the objects that a row keeps to itself, for whoever tries every door."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.http.objects import DOING, MANDATE, PLACE, a_line, fresh, service_of

CANCELLED = {"reason": "a test", "reason_code": "illness"}

SPECIAL: dict[str, Callable[[Any], dict[str, str]]] = {
    "/v1/services/{service_id}": lambda w: {"service_id": w.paths["amended_id"]},
    "/v1/services/{service_id}/publish": lambda w: {"service_id": w.paths["draft_id"]},
    "/v1/services/{service_id}/withdraw": lambda w: {"service_id": w.paths["amended_id"]},
    "/admin/v1/services/{service_id}": lambda w: {"service_id": w.paths["amended_id"]},
    "/admin/v1/services/{service_id}/publish": lambda w: {"service_id": w.paths["other_draft_id"]},
    "/admin/v1/services/{service_id}/withdraw": lambda w: {"service_id": w.paths["second_id"]},
    "/admin/v1/sessions/{session_id}/revoke": lambda w: {"session_id": w.paths["other_session_id"]},
    "/admin/v1/units/{unit_id}/return": lambda w: {"unit_id": w.paths["spare_unit_id"]},
    "/v1/payment-methods/{payment_method_id}/remove": lambda w: {
        "payment_method_id": w.paths["other_method_id"]
    },
    "/admin/v1/payment-methods/{payment_method_id}/remove": lambda w: {
        "payment_method_id": w.paths["third_method_id"]
    },
    "/admin/v1/providers/{provider_id}/payout-accounts": lambda w: {
        "provider_id": w.paths["second_provider_id"]
    },
    "/admin/v1/payout-accounts/{payout_account_id}/look-up": lambda w: {
        "payout_account_id": w.paths["other_payout_account_id"]
    },
    "/admin/v1/payout-accounts/{payout_account_id}/close": lambda w: {
        "payout_account_id": w.paths["other_payout_account_id"]
    },
    "/admin/v1/memberships/{membership_id}/end": lambda w: {"membership_id": w.paths["other_membership_id"]},
    "/admin/v1/users/{user_id}/block": lambda w: {"user_id": w.paths["stranger_id"]},
    "/v1/units/{unit_id}/return": lambda w: {"unit_id": w.paths["spare_unit_id"]},
    **{
        path: lambda w, name=name: {"unit_id": w.paths[name]}
        for path, name in (
            ("/v1/units/{unit_id}/retire", "idle_id"),
            ("/admin/v1/units/{unit_id}/retire", "idle_id"),
            ("/v1/units/{unit_id}/amend", "van_id"),
            ("/v1/units/{unit_id}/positions", "van_id"),
            ("/v1/units/{unit_id}/online", "resting_id"),
            ("/v1/units/{unit_id}/offline", "tired_id"),
            ("/admin/v1/units/{unit_id}", "van_id"),
            ("/admin/v1/units/{unit_id}/online", "other_resting_id"),
            ("/admin/v1/units/{unit_id}/offline", "other_tired_id"),
        )
    },
    "/admin/v1/dispatch/blocks/{block_id}/lift": lambda w: {"block_id": w.paths["other_block_id"]},
    "/admin/v1/reviews/{review_id}/hide": lambda w: {"review_id": w.paths["other_review_id"]},
}


def some_day() -> str:
    return (datetime.now(UTC) + timedelta(days=3_000)).isoformat()


def now() -> str:
    return datetime.now(UTC).isoformat()


BODIES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "/v1/sign-in/codes": lambda w: {"sign_in_id": fresh(), "phone": w.phone},
    "/v1/sign-in/tokens": lambda _: {"sign_in_id": fresh(), "code": "000000"},
    "/v1/sign-in/refresh": lambda _: {"refresh_token": "mk_none"},
    "/v1/sign-in/out": lambda w: {"session_id": w.paths["session_id"]},
    "/v1/me": lambda _: {"name": "Somebody"},
    "/v1/services/{service_id}/price": lambda _: {"starts_at": now()},
    "/v1/services": lambda w: service_of(w.paths["provider_id"]),
    "/v1/services/{service_id}": lambda _: {"description": "All of them."},
    "/v1/providers": lambda _: {"provider_id": fresh(), "name": "A New One"},
    "/v1/providers/{provider_id}": lambda _: {"about": "Something new."},
    "/v1/providers/{provider_id}/moves": lambda _: {"move": "activate", **DOING},
    "/v1/providers/{provider_id}/units": lambda _: {"unit_id": fresh(), "name": "Crew 9"},
    "/v1/bookings": lambda w: {
        "booking_id": fresh(),
        "provider_id": w.paths["provider_id"],
        "service_id": w.paths["service_id"],
        "starts_at": next(w.starts),
        "payment_method": "tok_success",
    },
    "/v1/payment-methods": lambda _: {
        "payment_method_id": fresh(),
        "kind": "card",
        "source": "setup_success",
    },
    "/v1/payment-methods/{payment_method_id}/amend": lambda _: {
        "amendment_id": fresh(),
        "terms": MANDATE | {"maximum_minor": 200_000},
    },
    "/v1/payment-methods/{payment_method_id}/remove": lambda _: {},
    "/v1/providers/{provider_id}/payout-accounts": lambda _: {
        "payout_account_id": fresh(),
        "kind": "hosted",
    },
    "/v1/payout-accounts/{payout_account_id}/link": lambda _: {"return_url": "https://app.example/back"},
    "/v1/payout-accounts/{payout_account_id}/close": lambda _: {},
    "/v1/sandbox/payout-accounts/{payout_account_id}/action": lambda _: {"outcome": "approved"},
    "/admin/v1/providers/{provider_id}/payout-accounts": lambda _: {
        "payout_account_id": fresh(),
        "kind": "hosted",
        **DOING,
    },
    "/v1/sandbox/payment-methods/{payment_method_id}/action": lambda _: {"outcome": "approved"},
    "/v1/call-outs": lambda w: {
        "booking_id": fresh(),
        "service_id": w.paths["house_id"],
        "place": PLACE,
        "payment_method": "tok_success",
    },
    "/online": lambda _: {"place": PLACE, **DOING},
    "/review": lambda _: {"stars": 5},
    "/admin/v1/memberships": lambda w: {
        "membership_id": fresh(),
        "customer_id": w.paths["member_id"],
        "until": some_day(),
        **DOING,
    },
    "/renew": lambda _: {"until": some_day(), **DOING},
    "/reply": lambda _: {"words": "Thank you!"},
    "/amend": lambda _: {"skills": ["gutters"]},
    "/positions": lambda _: {"points": [{**PLACE, "at": now()}]},
    "/admin/v1/units/{unit_id}": lambda _: {"skills": ["gutters"], **DOING},
    "/v1/blocks": lambda w: {"customer_id": w.paths["user_id"], "provider_id": w.paths["provider_id"]},
    "/admin/v1/dispatch/blocks": lambda w: {
        "customer_id": w.paths["user_id"],
        "provider_id": w.paths["provider_id"],
        **DOING,
    },
    "/retry-payment": lambda _: {"payment_id": fresh(), "payment_method": "tok_success", **DOING},
    "/assign": lambda w: {"provider_id": w.paths["provider_id"], **DOING},
    "/cancel": lambda _: CANCELLED,
    "/propose-time": lambda _: {"starts_at": some_day()},
    "/decline-time": lambda _: {},
    "/admin/v1/bookings/{booking_id}/report-no-show": lambda _: {"absent": "customer", **DOING},
    "/resolve": lambda _: {"refund_minor": 0, **DOING},
    "/v1/sandbox/payments/{payment_id}/action": lambda _: {"outcome": "approved"},
    "/admin/v1/payout-runs": lambda _: {"run_id": fresh(), **DOING},
    "/admin/v1/settlements/{settlement_id}/resolve": lambda _: {"outcome": "set_aside", **DOING},
    "/admin/v1/settlements/import": lambda _: {"rail": "sandbox", "lines": [a_line()], **DOING},
    "/admin/v1/users": lambda w: {"phone": w.phone, "roles": ["customer"], **DOING},
    "/admin/v1/jobs/parked/requeue": lambda _: {"ids": [1], **DOING},
    "/admin/v1/jobs/parked/discard": lambda _: {"ids": [1], **DOING},
    "/admin/v1/tenant/policy": lambda w: {"policy": w.policy, **DOING},
    "/admin/v1/tenant/clock": lambda _: {"seconds": 1, **DOING},
    "/admin/v1/providers/{provider_id}/moves": lambda _: {"move": "verify", **DOING},
    "/v1/units/{unit_id}/retire": lambda _: {},
    "/v1/units/{unit_id}/return": lambda _: {},
    "/v1/services/{service_id}/publish": lambda _: {},
    "/v1/services/{service_id}/withdraw": lambda _: {},
    "/admin/v1/providers/{provider_id}": lambda _: {"about": "Something new.", **DOING},
    "/admin/v1/providers/{provider_id}/units": lambda _: {"unit_id": fresh(), "name": "Crew 9", **DOING},
    "/admin/v1/services": lambda w: service_of(w.paths["provider_id"]) | DOING,
    "/admin/v1/services/{service_id}": lambda _: {"description": "All of them.", **DOING},
    "/submit-evidence": lambda _: {"text": "Signed for.", **DOING},
    "/hooks/{rail}": lambda _: {},
}
