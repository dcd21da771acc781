"""A customer pays by a card, which is charged at once, or by a debit order, which is collected in days."""

from enum import StrEnum


class MethodKind(StrEnum):
    CARD = "card"
    DEBIT_ORDER = "debit_order"
