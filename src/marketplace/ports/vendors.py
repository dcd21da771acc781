"""The vendors that a process can reach, by the names that policy uses."""

from collections.abc import Mapping
from dataclasses import dataclass

from marketplace.core.shared.errors import Invalid
from marketplace.ports.messaging import Channel
from marketplace.ports.payments import PaymentRail


@dataclass(frozen=True, slots=True)
class Vendors:
    rails: Mapping[str, PaymentRail]
    channels: Mapping[str, Channel]

    def rail(self, name: str) -> PaymentRail:
        if name not in self.rails:
            raise Invalid("rail", f"{name} is not set up", ", ".join(sorted(self.rails)) or "none")
        return self.rails[name]

    def channel(self, name: str) -> Channel:
        if name not in self.channels:
            raise Invalid("channel", f"{name} is not set up", ", ".join(sorted(self.channels)) or "none")
        return self.channels[name]
