from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.adapters.stripe.conftest import START
from tests.vendors.stripe.server import KEY, SECRET, playing

from marketplace.adapters.postgres.waiting import Waiting
from marketplace.adapters.sandbox.rail import CAPABILITIES
from marketplace.adapters.stripe.account import API_VERSION
from marketplace.adapters.stripe.webhooks import EVENTS
from marketplace.core.tenants.tenant import Mode, Tenant
from marketplace.entrypoints import blueprints, configuration
from marketplace.entrypoints.cli.checks import _answering, _rails, _stripe
from marketplace.entrypoints.directory import tenant_id_of
from marketplace.entrypoints.rail_health import Down
from marketplace.entrypoints.rails import capabilities_of, rails_of
from marketplace.entrypoints.settings import BadSetting, Settings

STRIPE = {"stripe_secret_key": KEY, "stripe_webhook_secret": SECRET}
LIVE = {"stripe_secret_key": "rk_live_0123456789", "stripe_webhook_secret": SECRET}


def settings(**flags: Any) -> Settings:
    return configuration.load(environ={}, flags=flags)


def tenant(mode: Mode, rail: str = "stripe") -> Tenant:
    policy = blueprints.load_policy("curbside")
    key = tenant_id_of("shop")
    paid = replace(policy, payment=replace(policy.payment, rail=rail))
    return Tenant(id=key, tenant_id=key, slug="shop", mode=mode, policy=paid)


def never() -> Any:
    raise AssertionError("nobody asked for it")


class TestTheRails:
    def test_are_those_that_are_set_up(self) -> None:
        made: Any = object()

        played = rails_of(settings(), sandbox=lambda: made, stripe=never, stitch=never)
        keyed = rails_of(settings(sandbox=False, **STRIPE), sandbox=never, stripe=lambda: made, stitch=never)

        assert (played.keys(), keyed.keys()) == ({"sandbox"}, {"stripe"})

    def test_move_the_money_that_the_key_says(self) -> None:
        assert capabilities_of(settings()) == {"sandbox": CAPABILITIES}
        assert capabilities_of(settings(**STRIPE))["stripe"].live is False
        assert capabilities_of(settings(**LIVE))["stripe"].live is True

    @pytest.mark.parametrize(
        ("flags", "mode", "said"),
        [
            (STRIPE, Mode.TEST, None),
            (STRIPE, Mode.LIVE, "stripe is set up for test marketplaces, and shop is live"),
            (LIVE, Mode.LIVE, None),
            (LIVE, Mode.TEST, "stripe is set up for live marketplaces, and shop is test"),
            ({}, Mode.TEST, "stripe is missing for shop"),
        ],
    )
    def test_are_missed_by_who_has_none_of_its_mode(self, flags: Any, mode: Mode, said: str | None) -> None:
        check = _rails(settings(**flags), [tenant(mode), tenant(Mode.TEST, "sandbox")])

        assert check.ok is (said is None)
        assert check.saw.partition("; ")[2] == (said or "")


class TestTheKey:
    def test_needs_the_secret_of_its_webhooks(self) -> None:
        with pytest.raises(BadSetting, match="MARKETPLACE_STRIPE_WEBHOOK_SECRET: is missing"):
            settings(stripe_secret_key=KEY)

    def test_is_not_left_out_where_that_secret_is_set(self) -> None:
        with pytest.raises(BadSetting, match="MARKETPLACE_STRIPE_SECRET_KEY: is missing"):
            settings(stripe_webhook_secret=SECRET)

    @pytest.mark.parametrize("key", ["pk_test_0123456789", "sk_0123456789", "whsec_0123456789", "sk_test_"])
    def test_of_another_kind_is_refused_and_not_repeated(self, key: str) -> None:
        with pytest.raises(BadSetting) as refused:
            settings(stripe_secret_key=key, stripe_webhook_secret=SECRET)

        assert key not in str(refused.value)

    def test_is_never_sent_to_another_server_in_production(self) -> None:
        environ = {"MARKETPLACE_MODE": "production", "DATABASE_URL": "postgresql://a@b/c"}

        with pytest.raises(BadSetting, match="MARKETPLACE_STRIPE_API_URL"):
            configuration.load(environ=environ, flags=LIVE | {"stripe_api_url": "http://localhost"})

    def test_is_shown_to_nobody(self) -> None:
        shown = repr(settings(**STRIPE)) + repr(configuration.describe(settings(**STRIPE)))

        assert not [secret for secret in STRIPE.values() if secret in shown]


class TestStitch:
    def test_is_set_up_whole_and_names_all_that_is_missing(self) -> None:
        with pytest.raises(BadSetting) as refused:
            settings(stitch_client_id="us", stitch_sftp_host="sftp.example.com", stitch_sftp_user="us")

        assert str(refused.value).startswith("MARKETPLACE_STITCH_CLIENT_SECRET: is missing")
        assert "MARKETPLACE_STITCH_SFTP_HOST_KEY" in str(refused.value)
        assert "MARKETPLACE_STITCH_SFTP_HOST," not in str(refused.value)

    def test_is_not_set_up_by_half_without_its_client(self) -> None:
        with pytest.raises(BadSetting, match="MARKETPLACE_STITCH_CLIENT_ID: is missing"):
            settings(stitch_sftp_host="sftp.example.com")


class TestDoctor:
    async def test_asks_stripe_where_there_is_a_key(self) -> None:
        with playing(lambda: START) as stripe:
            base_url = "https://api.example.com"
            stripe.books.new(
                "we",
                "webhook_endpoint",
                url=f"{base_url}/hooks/stripe",
                status="enabled",
                enabled_events=list(EVENTS),
                api_version=API_VERSION,
            )
            checks = await _stripe(settings(**STRIPE, stripe_api_url=stripe.url, public_base_url=base_url))

        assert [(check.name, check.ok) for check in checks] == [
            ("stripe key", True),
            ("stripe webhooks", True),
        ]
        assert await _stripe(settings()) == []


class TestWhatDoctorSees:
    def test_names_the_rails_that_are_down_or_waited_for(self) -> None:
        now = datetime.now(UTC)
        down = (
            Down(rail="stitch", until=now + timedelta(minutes=1), failure="unavailable"),
            Down(rail="sandbox", until=now - timedelta(minutes=1), failure=None),
        )
        waiting = (
            Waiting(rail="sandbox", created=2, unknown=1, oldest_seconds=40.2),
            Waiting(rail="stripe", created=0, unknown=1, oldest_seconds=7_200),
        )

        checks = _answering(down, waiting)

        assert [(check.name, check.ok) for check in checks] == [
            ("rail sandbox", True),
            ("rail stitch", False),
            ("rail stripe", False),
        ]
        assert checks[0].saw == "answers; 2 payments wait for it, 1 are in doubt, one for 40 s"
        assert checks[1].saw.startswith("is down, and left alone until ")
