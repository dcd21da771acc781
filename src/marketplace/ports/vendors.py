"""The vendors that a process can reach, by the names that policy uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from marketplace.core.shared.errors import Unavailable
from marketplace.ports.geo import Assigner, LiveMap, Router
from marketplace.ports.messaging import Channel
from marketplace.ports.paying import ClawingRail, PayingRail
from marketplace.ports.payments import Capabilities, PaymentRail, SavingRail


@dataclass(frozen=True, slots=True)
class Vendors:
    """Raises Unavailable for one that is not set up: an operator can help that, the caller cannot."""

    rails: Mapping[str, PaymentRail]
    channels: Mapping[str, Channel]
    live_map: LiveMap
    router: Router
    assigner: Assigner

    def rail(self, name: str) -> PaymentRail:
        if name not in self.rails:
            raise Unavailable(f"the payment rail {name} is not set up", rail=name)
        return self.rails[name]

    def saving_rail(self, name: str) -> SavingRail:
        """One that keeps methods for later, as its capabilities say."""
        rail = self.rail(name)
        if not rail.capabilities.saves:
            raise Unavailable(f"the payment rail {name} keeps no methods", rail=name)
        return cast("SavingRail", rail)

    def paying_rail(self, name: str) -> PayingRail:
        """One that opens the accounts that it pays into, as its capabilities say."""
        rail = self.rail(name)
        if not rail.capabilities.opens_payees:
            raise Unavailable(f"the payment rail {name} opens no payees", rail=name)
        return cast("PayingRail", rail)

    def clawing_rail(self, name: str) -> ClawingRail:
        """One that takes back what it has transferred, as its capabilities say."""
        rail = self.rail(name)
        if not rail.capabilities.claws_back:
            raise Unavailable(f"the payment rail {name} takes nothing back", rail=name)
        return cast("ClawingRail", rail)

    @property
    def capabilities(self) -> Mapping[str, Capabilities]:
        """What each rail can do, by its name."""
        return {name: rail.capabilities for name, rail in self.rails.items()}

    def channel(self, name: str) -> Channel:
        if name not in self.channels:
            raise Unavailable(f"the channel {name} is not set up", channel=name)
        return self.channels[name]
