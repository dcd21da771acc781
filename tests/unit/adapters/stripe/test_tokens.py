import pytest

from marketplace.adapters.stripe.tokens import check_method, check_payee, check_source, check_unsaved
from marketplace.core.shared.errors import Invalid


class TestAMethod:
    def test_is_alone_or_of_a_customer(self) -> None:
        assert check_method("pm_card_visa", field="method") == ("pm_card_visa", None)
        assert check_method("cus_1/pm_2", field="method") == ("pm_2", "cus_1")

    @pytest.mark.parametrize(
        "token",
        ["", "pm_", "tok_success", "cus_1", "pm_1/cus_2", "pm_1\n", "pm_é", "pm_" + "x" * 200, "\x00"],
    )
    def test_of_another_form_is_refused_by_its_field(self, token: str) -> None:
        with pytest.raises(Invalid, match="payment_method"):
            check_method(token, field="payment_method")


class TestASource:
    def test_is_what_stripes_form_made(self) -> None:
        assert check_source("pm_card_visa", field="source") == "pm_card_visa"

    def test_of_somebodys_saved_card_is_not_for_an_app_to_name(self) -> None:
        check_unsaved("pm_card_visa", field="payment_method")

        with pytest.raises(Invalid, match="the id of the saved method"):
            check_unsaved("cus_1/pm_2", field="payment_method")

    @pytest.mark.parametrize("source", ["", "pm_", "cus_1/pm_2", "tok_visa", "setup_success", "pm_1\n"])
    def test_of_another_form_is_refused_by_its_field(self, source: str) -> None:
        with pytest.raises(Invalid, match="source"):
            check_source(source, field="source")


class TestAPayee:
    def test_is_a_connected_account(self) -> None:
        assert check_payee("acct_1032D82eZvKYlo2C", field="payee") == "acct_1032D82eZvKYlo2C"

    @pytest.mark.parametrize("token", ["", "acct_", "payee_ok", "acct_1/../x", "acct_1 "])
    def test_of_another_form_is_refused_by_its_field(self, token: str) -> None:
        with pytest.raises(Invalid, match="payee"):
            check_payee(token, field="payee")
