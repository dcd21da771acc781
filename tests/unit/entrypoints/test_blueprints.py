from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from marketplace.adapters.sandbox.rail import CAPABILITIES
from marketplace.adapters.sandbox.tokens import PAYEES
from marketplace.core.shared.errors import Invalid
from marketplace.core.tenants.policy import Capture, Confirmation
from marketplace.entrypoints.blueprints import load, load_policy, names

NAMES = ("curbside", "home-services", "live-music")


def text_of(name: str) -> str:
    return (resources.files("marketplace.blueprints") / f"{name}.toml").read_text(encoding="utf-8")


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = text_of("home-services")
    assert text.count(old) == 1
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


class TestNames:
    def test_are_those_of_the_three_businesses(self) -> None:
        assert names() == NAMES


class TestLoad:
    @pytest.mark.parametrize("name", NAMES)
    def test_reads_what_comes_with_the_product(self, name: str) -> None:
        blueprint = load(name)

        policy = blueprint.policy
        assert policy.blueprint == name
        assert (policy.currency, policy.locale, policy.country) == ("ZAR", "en-ZA", "ZA")
        assert policy.time_zone == "Africa/Johannesburg"
        assert policy == load_policy(name)

    @pytest.mark.parametrize("name", NAMES)
    def test_knows_the_rate_of_vat_of_every_day(self, name: str) -> None:
        vat = load(name).policy.vat

        days = [date(1993, 4, 6), date(1993, 4, 7), date(2018, 3, 31), date(2018, 4, 1), date(2026, 11, 20)]
        assert [vat.basis_points_on(day) for day in days] == [0, 1400, 1400, 1500, 1500]

    @pytest.mark.parametrize("name", NAMES)
    def test_has_people_for_every_role_of_the_demo(self, name: str) -> None:
        demo = load(name).demo

        phones = [person.phone for person in demo.people()]
        assert len(set(phones)) == len(phones) == 3 + len(demo.providers) + len(demo.customers)
        assert all(phone.startswith("+27600000") for phone in phones)
        assert 2 <= len(demo.providers) <= 3
        assert all(person.address and person.place for person in demo.customers)
        assert all(one.units and one.hours and one.services for one in demo.providers)
        assert {one.payee for one in demo.providers} <= PAYEES.keys()

    def test_gives_each_business_its_way_of_confirming_and_taking_money(self) -> None:
        ways = {name: (load(name).policy.booking, load(name).policy.payment) for name in NAMES}

        assert {name: (booking.confirmation, booking.start_code) for name, (booking, _) in ways.items()} == {
            "curbside": (Confirmation.INSTANT, True),
            "home-services": (Confirmation.REQUEST, True),
            "live-music": (Confirmation.REQUEST, False),
        }
        assert {name: payment.capture for name, (_, payment) in ways.items()} == {
            "curbside": Capture.ON_BOOKING,
            "home-services": Capture.ON_CONFIRMATION,
            "live-music": Capture.NEAR_DATE,
        }

    @pytest.mark.parametrize("name", NAMES)
    def test_holds_money_no_longer_than_the_rail_can(self, name: str) -> None:
        policy = load(name).policy
        longest = policy.booking.payment_window_minutes + policy.booking.acceptance_window_minutes

        assert CAPABILITIES.hold_max is not None
        if policy.payment.capture == Capture.ON_CONFIRMATION:
            assert longest * 60 < CAPABILITIES.hold_max.total_seconds()

    def test_reads_a_file_by_its_path(self, tmp_path: Path) -> None:
        path = changed(tmp_path, 'brand = "Handyside"', 'brand = "Mine"')

        assert load(path).policy.wording.brand == load(str(path)).policy.wording.brand == "Mine"

    def test_says_which_names_there_are(self) -> None:
        with pytest.raises(Invalid, match="curbside, home-services, live-music"):
            load("curb-side")

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("horizon_days = 60 ", "horizon_dais = 60 ", "mine.toml: booking.horizon_dais: is not known"),
            ("horizon_days = 60 ", "horizon_days = 0 ", "mine.toml: booking.horizon_days: 0 is out of range"),
            ('"on_confirmation"', '"later"', "mine.toml: payment.capture: invalid enum value 'later'"),
            (
                "notice_minutes = 240, refund_basis_points = 5000",
                "notice_minutes = 2400, refund_basis_points = 5000",
                "mine.toml: cancellation.tiers[1].notice_minutes: is not in falling order",
            ),
            ('currency = "ZAR"', 'currency = "RAND"', "mine.toml: currency: is not known"),
            ('country = "ZA"', 'country = "South Africa"', "mine.toml: country: is not known"),
            ("Africa/Johannesburg", "Africa/Joburg", "mine.toml: time_zone: is not known"),
            ("+27600000103", "+27110000000", "mine.toml: phone of Ayesha Patel: is not a mobile number"),
            ("+27600000103", "0600000103", "mine.toml: phone of Ayesha Patel: must be its own"),
            ("+27600000103", "+27600000104", "mine.toml: phone of Johan Botha: must be its own"),
            ('units = ["Riaan"]', 'units = "Riaan"', "mine.toml: demo.providers[2].units: expected array"),
            (
                '"08:00", closes = "13:00"',
                '"08:00", closes = "07:00"',
                "mine.toml: demo.providers[0].hours[5].closes: does not follow 08:00",
            ),
            (
                "duration_minutes = 420",
                "duration_minutes = 420\nprice = 1",
                "mine.toml: demo.providers[1].services[1].price: is not known",
            ),
        ],
    )
    def test_names_the_file_and_the_field_that_are_wrong(
        self, tmp_path: Path, old: str, new: str, said: str
    ) -> None:
        with pytest.raises(Invalid) as caught:
            load(changed(tmp_path, old, new))

        assert str(caught.value).startswith(said)


class TestLoadPolicy:
    def test_needs_no_demo(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text(text_of("curbside").partition("[demo.admin]")[0], encoding="utf-8")

        assert load_policy(path) == load("curbside").policy
        with pytest.raises(Invalid, match=r"mine.toml: demo: object missing required field admin"):
            load(path)
