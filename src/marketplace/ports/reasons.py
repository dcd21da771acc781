"""Why a bank said no is said in our words, of which there are few: what the payer or we can do about it."""

from collections.abc import Mapping
from types import MappingProxyType

DECLINED = "declined"

# By ISO 20022's external code sets for status reasons, return reasons and mandate reasons, which share their
# codes. What stands in none of these lines is a no without a word of its own, as is BE08, which
# means one thing in one set and another in the other.
_CODES: Mapping[str, str] = MappingProxyType(
    {
        "insufficient_funds": "AM04",
        "account_closed": "AC04 AC05",
        "account_blocked": "AC06 AC16 AC17 AG07",
        "account_wrong": "AC01 AC02 AC12 AC13 AC15 BE01 BE06 BE15 BE16 RR01 RR02",
        "account_not_allowed": "AG01 AG03 MD09 MD10 SL01 SL11 NOCM",
        "bank_unknown": (
            "AC08 AC14 AG05 AG10 AGNT DNOR MD08 MD11 MD14 RC01 RC02 RC03 RC05 RC06 RC08 RC09 RC11"
        ),
        "mandate_missing": "MD01",
        "mandate_wrong": "MD02 MD05 MD12",
        "mandate_ended": "MD16 MD17 MD18 MD19 MD20 MD22 MD23 FRTR",
        "not_authenticated": "MD13",
        "disputed_by_payer": "MD06 BE05 MS02 UPAY",
        "stopped_by_payer": "SP01 SP02 SL12 CUST",
        "payer_deceased": "MD07",
        "fraud_suspected": "FR01 FRAD MD21",
        "over_the_limit": "AM02 AM13 AM14 AM21 AM23 SL13 SL14",
        "amount_wrong": "AM01 AM03 AM06 AM09 AM11 AM12 AM15 CURR MD15",
        "sent_twice": "AM05 DUPL DU01 DU02 DU03 DU04 DU05 RF01",
        "date_wrong": "DT01 DT02 DT03 DT04 DT05 TM01",
        "tracking_ended": "TRAC",
        "file_wrong": (
            "AM10 AM16 AM17 AM18 AM19 AM20 FF01 FF02 FF03 FF04 FF05 FF06 FF07 FF08 RC12 RR07 RR10 AC03 AC07"
        ),
        "forbidden_by_law": "AM07 RR04",
        "try_again_later": "AB01 AB02 AB03 AB04 AB05 AB06 AB07 AB08 AB09 AB10 FF10 ED05",
    }
)
WORDS: Mapping[str, str] = MappingProxyType(
    {code: word for word, codes in _CODES.items() for code in codes.split()}
)


def failure_of(code: str | None) -> str:
    """Our word for a reason, or just that it was declined."""
    return WORDS.get(code or "", DECLINED)
