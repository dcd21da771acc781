"""A phone number enters in any spelling and is kept in E.164; only one that can receive an SMS is taken."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from marketplace.core.shared.errors import Invalid

# Longer than any spelling of a number, and short enough that nobody pays for parsing it.
_LENGTH_MAX = 40
# In some countries, the USA among them, a number does not tell which of the two it is.
_REACHABLE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


def normalise(phone: str, *, country: str) -> str:
    """`country` (ISO 3166, as in the policy) is meant where a number has no +. Raises Invalid."""
    allowed = f"a mobile number, of another country than {country} with + and its code"
    if len(phone) > _LENGTH_MAX:
        raise Invalid("phone", "is too long", allowed)
    try:
        number = phonenumbers.parse(phone, country)
    except NumberParseException as error:
        raise Invalid("phone", "is not a phone number", allowed) from error
    if number.extension or not phonenumbers.is_valid_number(number):
        raise Invalid("phone", "is not a phone number in use", allowed)
    if phonenumbers.number_type(number) not in _REACHABLE:
        raise Invalid("phone", "is not a mobile number", allowed)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def countries() -> frozenset[str]:
    """Those whose numbers are known, as ISO 3166 codes."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)
