from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.bookings.cancellation import Canceller, refund_minor
from marketplace.core.tenants.policy import CancellationTerms, CancellationTier

STARTS_AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
BOOKED_AT = STARTS_AT - timedelta(days=7)
CAPTURED = 10_001
DAY, HOUR = 24 * 60, 60
TERMS = CancellationTerms((CancellationTier(DAY, 10_000), CancellationTier(4 * HOUR, 5_000)), 30)


def refund(
    *,
    notice_minutes: int,
    by: Canceller = "customer",
    reason_code: str = "changed_mind",
    terms: CancellationTerms = TERMS,
    booked_at: datetime = BOOKED_AT,
) -> int:
    return refund_minor(
        terms=terms,
        by=by,
        reason_code=reason_code,
        captured_minor=CAPTURED,
        booked_at=booked_at,
        starts_at=STARTS_AT,
        at=STARTS_AT - timedelta(minutes=notice_minutes),
    )


class TestRefundMinor:
    @pytest.mark.parametrize(
        ("notice_minutes", "refunded"),
        [
            (DAY, CAPTURED),
            (DAY - 1, 5_001),
            (4 * HOUR, 5_001),
            (4 * HOUR - 1, 0),
            (0, 0),
            (-1, 0),
        ],
    )
    def test_follows_the_tier_whose_notice_is_met(self, notice_minutes: int, refunded: int) -> None:
        assert refund(notice_minutes=notice_minutes) == refunded

    @pytest.mark.parametrize("by", ["provider", "platform"])
    def test_is_everything_when_the_other_side_cancels(self, by: Canceller) -> None:
        assert refund(notice_minutes=-HOUR, by=by) == CAPTURED

    @pytest.mark.parametrize("reason_code", ["death", "hospitalisation"])
    def test_is_everything_where_consumer_law_allows_no_charge(self, reason_code: str) -> None:
        assert refund(notice_minutes=-HOUR, reason_code=reason_code) == CAPTURED

    @pytest.mark.parametrize(
        ("minutes_booked", "notice_minutes", "refunded"),
        [(29, 31, CAPTURED), (30, 31, 0), (29, 30, 0)],
    )
    def test_is_everything_in_the_grace_unless_the_start_is_near(
        self, minutes_booked: int, notice_minutes: int, refunded: int
    ) -> None:
        booked_at = STARTS_AT - timedelta(minutes=notice_minutes + minutes_booked)

        assert refund(notice_minutes=notice_minutes, booked_at=booked_at) == refunded

    def test_reaches_past_the_start_where_a_tier_says_so(self) -> None:
        terms = CancellationTerms((CancellationTier(-15, 2_000),))

        refunds = [refund(notice_minutes=notice, terms=terms) for notice in (-15, -16)]

        assert refunds == [2_000, 0]


@st.composite
def any_terms(draw: st.DrawFn) -> CancellationTerms:
    notices = sorted(draw(st.sets(st.integers(-DAY, 14 * DAY), max_size=6)), reverse=True)
    count = len(notices)
    refunds = sorted(draw(st.lists(st.integers(0, 10_000), min_size=count, max_size=count)), reverse=True)
    tiers = tuple(CancellationTier(*tier) for tier in zip(notices, refunds, strict=True))
    return CancellationTerms(tiers, draw(st.integers(0, 2 * DAY)))


notices_in_minutes = st.integers(-2 * DAY, 15 * DAY)


class TestRefundByNotice:
    @given(terms=any_terms(), one=notices_in_minutes, other=notices_in_minutes)
    def test_never_falls_with_more_notice(self, terms: CancellationTerms, one: int, other: int) -> None:
        less, more = sorted((one, other))

        refunds = [refund(notice_minutes=notice, terms=terms) for notice in (less, more)]

        assert 0 <= refunds[0] <= refunds[1] <= CAPTURED
