"""Why a line and the ledger do not meet, as far as the two of them tell: where a person looks first."""

from datetime import timedelta
from enum import StrEnum

# Rails settle within days; what none of their lines has told of by then is to be asked about.
RAIL_DELAY = timedelta(days=7)


class Cause(StrEnum):
    """All are of a line, but the last: that is of a movement that no line has told of."""

    LINE_WITHOUT_MOVEMENT = "line_without_movement"
    AMOUNT_DIFFERS = "amount_differs"
    FEE_UNEXPECTED = "fee_unexpected"
    CURRENCY_DIFFERS = "currency_differs"
    DUPLICATE_LINE = "duplicate_line"
    ALREADY_SETTLED = "already_settled"
    LINE_OF_ANOTHER_TENANT = "line_of_another_tenant"
    MOVEMENT_WITHOUT_LINE = "movement_without_line"
