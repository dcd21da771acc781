import pytest

from marketplace.core.shared.category import folded
from marketplace.core.shared.errors import Invalid


class TestACategory:
    @pytest.mark.parametrize(
        "written", ["car-wash", "Car Wash", " CAR  WASH ", "car_wash", "car - wash", "\uff23ar wash"]
    )
    def test_has_one_form_however_it_is_written(self, written: str) -> None:
        assert folded(written, field="category") == "car-wash"

    @pytest.mark.parametrize("written", ["24h", "h\u00e4userputz", "\u0938\u092b\u093e\u0908"])
    def test_may_be_of_any_script(self, written: str) -> None:
        assert folded(written, field="category") == written

    @pytest.mark.parametrize("written", ["Car Wash!", "a/b", "--", " ", "wash, wax"])
    def test_holds_letters_and_digits_only(self, written: str) -> None:
        with pytest.raises(Invalid, match="letters and digits") as refused:
            folded(written, field="skills[0]")

        assert refused.value.facts["field"] == "skills[0]"
