"""
How a debit order is authorised is named by its source: by which of the bank's channels, or not at all.

https://docs.stitch.money/api/types/enums/mandate-authentication-channel-enum. `registeredMandate` is none of
these: it says that the bank has the payer's word already, which a customer could only claim.
"""

from collections.abc import Mapping
from types import MappingProxyType

from marketplace.core.shared.errors import Invalid

# While the payer is there, by the end of its day, or within two days.
CHANNELS: Mapping[str, str] = MappingProxyType(
    {"realtime": "authRealtime", "end_of_day": "authEndOfDay", "within_48_hours": "auth48Hour"}
)
# The account is debited on the customer's word alone: no bank asks its holder.
ACCOUNT = "account"


def check_source(source: str, *, field: str, accounts: bool) -> None:
    """`accounts` is whether accounts are debited without their bank's asking."""
    allowed = (*CHANNELS, ACCOUNT) if accounts else tuple(CHANNELS)
    if source not in allowed:
        raise Invalid(field, f"Stitch has no {source[:60]!r}", ", ".join(allowed))
