"""One object of each kind, for whoever tries every door; more of those that a row uses up."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from marketplace.core.payouts.reversal import PayoutReversal
from marketplace.core.reviews.review import Review
from marketplace.core.settlements.settlement import Settlement
from marketplace.core.shared.aggregate import create
from marketplace.core.shared.roles import SYSTEM, Role
from marketplace.ports.storage import Work

DOING = {"reason": "a test"}
PLACE = {"latitude": -33.9293, "longitude": 18.4125}

MANDATE = {"value": "usage_based", "frequency": "ad_hoc", "collection_day": 99, "maximum_minor": 100_000}


def fresh() -> str:
    return str(uuid4())


def service_of(provider_id: str) -> dict[str, Any]:
    return {
        "service_id": fresh(),
        "provider_id": provider_id,
        "name": "Gutters",
        "category": "plumbing",
        "rule": {"kind": "fixed", "amount_minor": 10_000},
        "duration_minutes": 60,
    }


def a_line() -> dict[str, Any]:
    """Of a rail's statement, as an operator brings it in."""
    return {
        "line_id": fresh(),
        "reference": fresh(),
        "subject": "charge",
        "currency": "ZAR",
        "gross_minor": 1,
        "settled_at": datetime.now(UTC).isoformat(),
    }


async def a_break(shop: Any) -> str:
    """A line of a rail's statement that matches nothing."""
    work = Work(shop.market.platform.api_store(), shop.seeded.tenant.id)
    line = Settlement(
        id=uuid4(),
        tenant_id=work.tenant_id,
        rail="sandbox",
        line_id="line_1",
        reference=uuid4(),
        subject="charge",
        currency="ZAR",
        gross_minor=1,
        fee_minor=0,
        settled_at=datetime.now(UTC),
    )
    call = await shop.market.platform.directory().call(work.tenant_id, SYSTEM, "a test")
    work.add(create(line, call))
    await work.store.write(work.batch([]))
    return str(line.id)


async def a_reversal(shop: Any) -> str:
    """Of a payout that the rail is asked to take back."""
    work = Work(shop.market.platform.api_store(), shop.seeded.tenant.id)
    reversal = PayoutReversal(
        id=uuid4(),
        tenant_id=work.tenant_id,
        payout_id=uuid4(),
        provider_id=uuid4(),
        booking_id=uuid4(),
        payment_id=uuid4(),
        rail="sandbox",
        transfer=uuid4(),
        currency="ZAR",
        amount_minor=1,
        requested_at=datetime.now(UTC),
    )
    call = await shop.market.platform.directory().call(work.tenant_id, SYSTEM, "a test")
    work.add(create(reversal, call))
    await work.store.write(work.batch([]))
    return str(reversal.id)


async def a_review(shop: Any) -> str:
    """Of a booking that the first provider did once."""
    work = Work(shop.market.platform.api_store(), shop.seeded.tenant.id)
    review = Review(
        id=uuid4(),
        tenant_id=work.tenant_id,
        booking_id=uuid4(),
        customer_id=uuid4(),
        provider_id=shop.service().provider_id,
        unit_id=None,
        service_id=shop.service().id,
        service_name="Gutters",
        stars=4,
        given_at=datetime.now(UTC),
    )
    call = await shop.market.platform.directory().call(work.tenant_id, SYSTEM, "a test")
    work.add(create(review, call))
    await work.store.write(work.batch([]))
    return str(review.id)


async def online(shop: Any) -> dict[str, str]:
    """Units that take jobs or rest, a service of the house's that asks for one, and a block by each side."""
    desk, owner, customer, service = (
        await shop.admin(),
        await shop.provider(),
        await shop.customer(),
        shop.service(),
    )
    working, resting = ("van_id", "tired_id", "other_tired_id"), ("resting_id", "other_resting_id")
    made = {name: fresh() for name in (*working, *resting, "house_id")}
    house = service_of("") | {"service_id": made["house_id"], "provider_id": None, **DOING}
    await desk.do("/admin/v1/services", **house)
    await desk.do(f"/admin/v1/services/{made['house_id']}/publish", **DOING)
    for name in (*working, *resting):
        units = f"/v1/providers/{service.provider_id}/units"
        await owner.do(units, unit_id=made[name], name="Van", skills=["gutters"])
    present = [await owner.do(f"/v1/units/{made[name]}/online", place=PLACE) for name in working]
    block = await customer.do("/v1/blocks", provider_id=str(service.provider_id))
    other = await owner.do("/v1/blocks", customer_id=customer.tokens["user_id"])
    return made | {
        "presence_id": present[0]["id"],
        "block_id": block["id"],
        "other_block_id": other["id"],
    }


_MADE = ("draft_id", "other_draft_id", "amended_id", "unit_id", "spare_unit_id")


async def objects(shop: Any) -> dict[str, str]:
    """One of each kind, and more of those that a row uses up."""
    desk, owner = await shop.admin(), await shop.provider()
    service = shop.service()
    made = {name: fresh() for name in _MADE}
    for name in ("draft_id", "other_draft_id", "amended_id"):
        body = service_of(str(service.provider_id)) | {"service_id": made[name]}
        await owner.do("/v1/services", **body)
    await owner.do(f"/v1/services/{made['amended_id']}/publish")
    for name in ("unit_id", "spare_unit_id"):
        await owner.do(f"/v1/providers/{service.provider_id}/units", unit_id=made[name], name="Crew")
    spare = await shop.sign_in(shop.people(Role.CUSTOMER)[0])
    other = await shop.sign_in(shop.people(Role.CUSTOMER)[0])
    stranger = await desk.do("/admin/v1/users", phone="+27600000177", roles=["customer"], **DOING)
    user_id = (await shop.customer(1)).tokens["user_id"]
    member_id = (await shop.customer()).tokens["user_id"]
    until = f"{datetime.now(UTC).year + 2}-01-01T00:00:00Z"
    for name, customer_id in (("membership_id", member_id), ("other_membership_id", user_id)):
        member = {"membership_id": (key := fresh()), "customer_id": customer_id, "until": until}
        await desk.do("/admin/v1/memberships", **member, **DOING)
        made[name] = key
    customer = await shop.customer()
    for name in ("payment_method_id", "other_method_id", "third_method_id"):
        debit_order = {"kind": "debit_order", "source": "setup_success", "terms": MANDATE}
        await customer.do("/v1/payment-methods", payment_method_id=(key := fresh()), **debit_order)
        made[name] = key
    for name, number in (("payout_account_id", 0), ("other_payout_account_id", 1)):
        path = f"/admin/v1/providers/{shop.service(provider=number).provider_id}/payout-accounts"
        hosted = {"kind": "hosted", "source": "opening_success"}
        await desk.do(path, payout_account_id=(key := fresh()), **hosted, **DOING)
        made[name] = key
    await shop.market.drain()
    return made | {
        "service_id": str(service.id),
        "second_provider_id": str(shop.service(provider=1).provider_id),
        "second_id": str(shop.service(provider=1).id),
        "provider_id": str(service.provider_id),
        "refund_id": (await desk.pages("/admin/v1/refunds"))[0]["id"],
        "payout_id": (await desk.pages("/admin/v1/payouts"))[0]["id"],
        "user_id": user_id,
        "member_id": member_id,
        "stranger_id": stranger["id"],
        "session_id": spare.tokens["session_id"],
        "other_session_id": other.tokens["session_id"],
        "message_id": (await desk.pages("/admin/v1/messages"))[0]["id"],
        "reservation_id": (await desk.pages("/admin/v1/reservations"))[0]["id"],
        "earning_id": (await desk.pages("/admin/v1/earnings"))[0]["id"],
        "vendor_event_id": (await desk.pages("/admin/v1/vendor-events"))[0]["id"],
    }
