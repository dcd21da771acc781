"""What is asked about services."""

from dataclasses import dataclass
from typing import Any, ClassVar

from marketplace.core.catalogue.service import Service, State


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseServicesOf:
    """The house's services on show in some categories: for these somebody may be sent."""

    kind: ClassVar[type[Service]] = Service
    categories: tuple[str, ...]

    def matches(self, row: Any) -> bool:
        on_show = row.state == State.PUBLISHED and row.provider_id is None
        return bool(on_show and row.category in self.categories)
