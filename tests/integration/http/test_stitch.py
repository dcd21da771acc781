"""A marketplace on the Stitch rail, over HTTP: servers on loopback play Stitch's API and its files."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from tests.integration.http.conftest import BASE_URL, Market, Shop, running
from tests.vendors.stitch.house import House, playing_house
from tests.vendors.stitch.server import CLIENT_ID, CLIENT_SECRET, METHODS, PAYEES, Stitch, playing
from tests.vendors.stitch.stage import SECRET

from marketplace.adapters.stitch.signatures import sign
from marketplace.core.shared.roles import Role
from marketplace.entrypoints import configuration, stitch
from marketplace.entrypoints.settings import BadSetting, Settings

MANDATE = "mandate:Y29uc2VudC8x:CONTRACT-1"


@pytest.fixture(scope="module")
def api() -> Any:
    with playing(lambda: datetime.now(UTC)) as played:
        yield played


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with playing_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened


@pytest.fixture(scope="module")
def given(api: Stitch, house: House, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    key = tmp_path_factory.mktemp("key") / "key"
    key.write_text(house.host.key, "utf-8")
    return {
        "stitch_client_id": CLIENT_ID,
        "stitch_client_secret": CLIENT_SECRET,
        "stitch_webhook_secret": SECRET,
        "stitch_sftp_host": house.host.name,
        "stitch_sftp_port": str(house.host.port),
        "stitch_sftp_user": house.host.user,
        "stitch_sftp_key_file": str(key),
        "stitch_sftp_host_key": house.host.host_key.strip(),
        "stitch_api_url": api.url,
        "public_base_url": BASE_URL,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(shared_url: str, data_directory: str, given: dict[str, str]) -> AsyncIterator[Market]:
    typed: dict[str, Any] = given | {"stitch_sftp_port": int(given["stitch_sftp_port"])}
    async with running(shared_url, data_directory=data_directory, **typed) as market:
        yield market


@pytest_asyncio.fixture(loop_scope="module")
async def shop(market: Market) -> Shop:
    shop = await market.open()
    admin = await shop.admin()
    policy = (await admin.read("/admin/v1/tenant"))["policy"]
    policy["payment"] |= {"rail": "stitch", "capture": "on_booking"}
    await admin.do("/admin/v1/tenant/policy", policy=policy, reason="debit orders")
    for index, person in enumerate(shop.people(Role.PROVIDER)):
        owner = await shop.provider(index)
        await owner.do(f"/v1/providers/{person.provider_id}", payee=PAYEES["succeeds"])
    return shop


TERMS = {"value": "usage_based", "frequency": "ad_hoc", "collection_day": 99, "maximum_minor": 5_000_000}
PAYER = {
    "holder": "T Mokoena",
    "identity_number": "8001015009087",
    "account_number": "62001234567",
    "branch_code": "632005",
}


def nonce_of(row: dict[str, Any]) -> str:
    return str(row["id"]).replace("-", "")


async def hear(shop: Shop, reference: str) -> None:
    """What Stitch posts of a consent's news."""
    body = json.dumps({"type": "payment-consent-request", "data": {"externalReference": reference}}).encode()
    headers = sign(body, message_id=f"msg_{uuid4().hex}", secret=SECRET, at=datetime.now(UTC))
    answer = await shop.market.client.post("/hooks/stitch", content=body, headers=headers)
    assert answer.json() == {"heard": 1}
    await shop.market.drain()


async def saved(shop: Shop, api: Stitch, *, agrees: bool = True) -> dict[str, Any]:
    """A mandate as its owner sees it once its payer has answered."""
    customer = await shop.customer()
    asked: dict[str, Any] = {"kind": "debit_order", "payer": PAYER, "terms": TERMS}
    begun = await customer.do("/v1/payment-methods", payment_method_id=str(uuid4()), **asked)
    await shop.market.drain()
    path = f"/v1/payment-methods/{begun['id']}"
    waiting = await customer.read(path)
    assert waiting["state"] == "pending_auth"
    assert waiting["next_action"].startswith("https://secure.stitch.example/consent/")
    api.consents.act(nonce_of(begun), agrees=agrees)
    await hear(shop, api.consents.books[nonce_of(begun)]["externalReference"])
    seen: dict[str, Any] = await customer.read(path)
    return seen


async def booked_by(shop: Shop, method: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """A booking some days ahead, as a debit order has days to come; and the nonce of its payment."""
    start = (await shop.slots(days=10, skip=4))[-1]["start"]
    booking = await shop.booked(at=start, payment_method=method["id"])
    return booking, nonce_of(await shop.payment(booking["id"]))


async def collected(shop: Shop, house: House) -> None:
    """A day later the file is sent, taken and answered."""
    await exchanged(shop)
    house.take()
    await exchanged(shop)


async def told(shop: Shop, house: House, nonce: str, status: str, reason: str) -> None:
    house.output([(nonce, status, reason)])
    await exchanged(shop)


async def exchanged(shop: Shop) -> None:
    exchange = shop.market.platform.stitch_exchange()
    late = replace(exchange.clearing, clock=lambda: datetime.now(UTC) + timedelta(days=1))
    await replace(exchange, clearing=late, seconds=0).round()
    await shop.market.drain()


def settings_of(given: dict[str, str], **other: str) -> Settings:
    environ = {f"MARKETPLACE_{name.upper()}": value for name, value in (given | other).items()}
    return configuration.load(environ=environ)


class TestABookingOnStitch:
    async def test_is_paid_by_a_consent_at_once(self, shop: Shop, api: Stitch) -> None:
        booking = await shop.booked(payment_method=METHODS["succeeds"])

        payment = await shop.payment(booking["id"])

        assert payment["state"] == "succeeded"
        assert api.forms[-1]["nonce"] == payment["id"].replace("-", "")

    async def test_is_what_stitch_says_of_it_to_an_audit(self, shop: Shop) -> None:
        await shop.booked(payment_method=METHODS["succeeds"])
        await shop.advance(minutes=20)

        promise = await shop.rails_asked()

        assert (promise.rows, promise.violations) == (1, ())

    async def test_hears_what_a_webhook_hints_at(self, shop: Shop, api: Stitch) -> None:
        booking = await shop.booked(payment_method=METHODS["needs action"])
        payment = await shop.payment(booking["id"])
        nonce = payment["id"].replace("-", "")
        api.act(nonce, proves=True)
        reference = api.transactions[nonce]["externalReference"]
        body = json.dumps({"type": "transaction", "data": {"externalReference": reference}}).encode()
        headers = sign(body, message_id=f"msg_{uuid4().hex}", secret=SECRET, at=datetime.now(UTC))

        answers = [
            await shop.market.client.post("/hooks/stitch", content=body, headers=headers) for _ in range(2)
        ]
        forged = await shop.market.client.post("/hooks/stitch", content=body + b" ", headers=headers)
        await shop.market.drain()

        assert [answer.json() for answer in answers] == [{"heard": 1}, {"heard": 0}]
        assert forged.status_code == 403
        assert (await shop.payment(booking["id"]))["state"] == "succeeded"

    async def test_is_paid_by_a_mandate_when_the_file_says_so(self, shop: Shop, house: House) -> None:
        booking = await shop.booked(payment_method=MANDATE)
        waiting = await shop.payment(booking["id"])
        exchange = shop.market.platform.stitch_exchange()
        now = exchange.clearing.clock
        exchange.clearing = replace(exchange.clearing, clock=lambda: now() + timedelta(days=1))
        exchange.seconds = 0

        await exchange.round()
        house.take()
        house.output([(waiting["id"].replace("-", ""), "SUCCESS", "PROCESSED")])
        await exchange.round()
        await shop.market.drain()

        assert waiting["state"] == "submitted"
        assert (await shop.payment(booking["id"]))["state"] == "succeeded"
        assert house.incoming() == []


class TestAMandate:
    """Saved, authorised by its payer, and collected by file: both servers are played, and keep books."""

    async def test_pays_a_booking_when_the_file_says_so(self, shop: Shop, api: Stitch, house: House) -> None:
        mandate = await saved(shop, api)
        booking, nonce = await booked_by(shop, mandate)
        waiting = await shop.payment(booking["id"])

        await collected(shop, house)
        pending = await shop.payment(booking["id"])
        await told(shop, house, nonce, "SUCCESS", "PROCESSED")

        assert (mandate["state"], mandate["usable"]) == ("active", True)
        assert (waiting["state"], pending["state"]) == ("submitted", "submitted")
        assert house.debits[nonce]["CONTRACT_REFERENCE"] == mandate["contract"]
        assert (await shop.payment(booking["id"]))["state"] == "succeeded"

    async def test_takes_back_days_later_what_is_returned(
        self, shop: Shop, api: Stitch, house: House
    ) -> None:
        booking, nonce = await booked_by(shop, await saved(shop, api))
        await collected(shop, house)
        await told(shop, house, nonce, "SUCCESS", "PROCESSED")
        paid = await shop.payment(booking["id"])

        await told(shop, house, nonce, "UNPAID", "INSUFFICIENT_FUNDS")

        returned = await shop.payment(booking["id"])
        assert (paid["state"], returned["state"]) == ("succeeded", "returned")
        assert returned["failure"] == "insufficient_funds"

    async def test_that_its_payer_refuses_pays_nothing(self, shop: Shop, api: Stitch) -> None:
        mandate = await saved(shop, api, agrees=False)

        assert (mandate["state"], mandate["usable"]) == ("rejected", False)

    async def test_is_ended_at_stitch_when_it_is_removed(self, shop: Shop, api: Stitch) -> None:
        mandate, customer = await saved(shop, api), await shop.customer()

        await customer.do(f"/v1/payment-methods/{mandate['id']}/remove")
        await shop.market.drain()

        assert (await customer.read(f"/v1/payment-methods/{mandate['id']}"))["state"] == "cancelled"
        assert api.consents.books[nonce_of(mandate)]["status"] == "PaymentConsentRevoked"

    async def test_leaves_no_account_number_behind(self, shop: Shop, api: Stitch) -> None:
        await saved(shop, api)

        number = PAYER["account_number"]
        left = await shop.market.sql(
            f"SELECT (SELECT count(*) FROM payment_method AS t WHERE t::text LIKE '%{number}%')"
            f" + (SELECT count(*) FROM sandbox_document AS t WHERE t::text LIKE '%{number}%')"
        )

        assert left == 0


class TestDoctor:
    async def test_sees_that_client_and_files_are_right(self, market: Market, given: dict[str, str]) -> None:
        found = await stitch.check(settings_of(given), market.platform.shelf())

        assert [(one.name, one.ok) for one in found] == [
            ("stitch client", True),
            ("stitch files", True),
            ("stitch answers", True),
        ]

    @pytest.mark.parametrize(
        ("other", "name", "saw"),
        [
            ({"stitch_client_secret": "another-secret-01234"}, "stitch client", "secret"),
            ({"stitch_sftp_user": "nobody", "stitch_sftp_port": "1"}, "stitch files", "cannot be reached"),
            ({"stitch_sftp_key_file": "/nowhere/key"}, "stitch files", "/nowhere/key"),
            ({"stitch_sftp_host_key": f"ssh-ed25519 {'A' * 68}"}, "stitch files", "safely"),
        ],
        ids=str,
    )
    async def test_says_what_is_not(
        self, market: Market, given: dict[str, str], other: dict[str, str], name: str, saw: str
    ) -> None:
        found = await stitch.check(settings_of(given, **other), market.platform.shelf())

        (wrong,) = [one for one in found if not one.ok]
        assert wrong.name == name
        assert saw in wrong.saw
        assert "another-secret" not in wrong.saw

    async def test_says_nothing_where_there_is_no_stitch(self, market: Market) -> None:
        assert await stitch.check(configuration.load(environ={}), market.platform.shelf()) == []


class TestSettings:
    @pytest.mark.parametrize("name", ["stitch_client_secret", "stitch_sftp_host_key", "stitch_sftp_key_file"])
    def test_of_a_part_are_refused(self, given: dict[str, str], name: str) -> None:
        with pytest.raises(BadSetting, match=name.upper()):
            settings_of({key: value for key, value in given.items() if key != name})

    def test_lead_to_no_other_server_in_production(self, given: dict[str, str]) -> None:
        with pytest.raises(BadSetting, match="STITCH_API_URL"):
            configuration.load(
                environ={f"MARKETPLACE_{name.upper()}": value for name, value in given.items()}
                | {"MARKETPLACE_MODE": "production", "DATABASE_URL": "postgresql://nobody@nowhere/none"}
            )


class TestAPayoutAccount:
    async def test_by_bank_details_leaves_its_number_with_the_rail_alone(self, shop: Shop) -> None:
        provider, key = await shop.provider(), str(uuid4())
        bank = {"holder": "T Mokoena", "bank": "absa", "account_number": "4081239876"}
        path = f"/v1/providers/{shop.service().provider_id}/payout-accounts"

        await provider.do(path, payout_account_id=key, kind="bank_account", bank_account=bank)
        await shop.market.drain()

        account = await provider.read(f"/v1/payout-accounts/{key}")
        assert (account["state"], account["label"]) == ("active", "absa 9876")
        assert (await provider.read("/v1/provider"))["payee"] == f"payee:{key}"
        left = await shop.market.sql(
            "SELECT (SELECT count(*) FROM payout_account AS t WHERE t::text LIKE '%4081239876%')"
            " + (SELECT count(*) FROM event AS t WHERE t::text LIKE '%4081239876%')"
            " + (SELECT count(*) FROM provider AS t WHERE t::text LIKE '%4081239876%')"
        )
        assert left == 0

    async def test_that_stitch_could_not_pay_is_refused_by_its_field(self, shop: Shop) -> None:
        provider = await shop.provider()
        bank = {"holder": "T Mokoena", "bank": "absa", "account_number": "12"}
        path = f"/v1/providers/{shop.service().provider_id}/payout-accounts"

        problem = await provider.refused(
            path, 400, payout_account_id=str(uuid4()), kind="bank_account", bank_account=bank
        )

        assert problem["facts"]["field"] == "bank_account.account_number"
