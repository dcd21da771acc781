"""A number outside its range is refused, with the field's name and the range."""

from marketplace.core.shared.errors import Invalid

# Generous for any service, and small enough that no sum of amounts can leave PostgreSQL's bigint.
AMOUNT_MINOR_MAX = 10**12


def check_range(field: str, number: int, *, most: int, least: int = 0) -> None:
    if not least <= number <= most:
        raise Invalid(field, f"{number} is out of range", f"{least} to {most}")
