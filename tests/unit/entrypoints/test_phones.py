import pytest

from marketplace.core.shared.errors import Invalid
from marketplace.entrypoints.phones import countries, normalise


class TestNormalise:
    @pytest.mark.parametrize(
        "spelling", ["+27600000101", "060 000 0101", "0600000101", "+27 (0)60 000-0101", "0027600000101"]
    )
    def test_keeps_one_form_of_every_spelling(self, spelling: str) -> None:
        assert normalise(spelling, country="ZA") == "+27600000101"

    def test_reads_a_number_without_plus_as_one_of_the_country(self) -> None:
        assert normalise("07400 123456", country="GB") == "+447400123456"

    def test_takes_a_mobile_number_of_another_country(self) -> None:
        assert normalise("+447400123456", country="ZA") == "+447400123456"

    def test_takes_a_number_that_may_be_either(self) -> None:
        assert normalise("(201) 555-0123", country="US") == "+12015550123"

    @pytest.mark.parametrize(
        ("phone", "problem"),
        [
            ("+27110000000", "not a mobile number"),
            ("0800 123 456", "not a mobile number"),
            ("+2760000", "not a phone number in use"),
            ("+27600000101 ext. 5", "not a phone number in use"),
            ("hello", "not a phone number"),
            ("", "not a phone number"),
            ("0" * 41, "too long"),
            ("0600000101" + " " * 100_000, "too long"),
        ],
    )
    def test_refuses_what_gets_no_message_and_names_the_field(self, phone: str, problem: str) -> None:
        with pytest.raises(Invalid, match=problem) as caught:
            normalise(phone, country="ZA")

        assert caught.value.facts["field"] == "phone"

    def test_does_not_repeat_the_number(self) -> None:
        with pytest.raises(Invalid) as caught:
            normalise("+27110000000", country="ZA")

        assert "110000" not in str(caught.value)


class TestCountries:
    def test_are_two_letters(self) -> None:
        assert {"ZA", "GB", "US"} <= countries()
        assert "za" not in countries()
