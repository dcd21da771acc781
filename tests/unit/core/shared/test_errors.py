from marketplace.core.dispatch.offer import DispatchOffer
from marketplace.core.shared.errors import MoveRefused
from marketplace.core.shared.rules import noun_of


class TestWhatPeopleRead:
    def test_names_a_kind_in_words(self) -> None:
        refused = MoveRefused("dispatch_offer", "accept", "expired", ())

        assert noun_of(DispatchOffer) == "dispatch offer"
        assert refused.detail == "dispatch offer is expired: cannot accept; possible now: none"
