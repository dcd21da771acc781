"""Where the demo plays: who is there, what time it is, and every step noted as soon as it is done."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marketplace.core.providers.hours import zone
from marketplace.entrypoints.blueprints import Blueprint, DemoService
from marketplace.entrypoints.cli.demo.visitor import Answer, Api, DemoStopped, Visitor
from marketplace.entrypoints.cli.demo.words import instant, length

_INBOX_MAX = 100
_DAY = timedelta(days=1)
_QUIET_LOOKS, _QUIET_SECONDS_MAX, _LOOK_AGAIN_SECONDS = 8, 30.0, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Who did what by which request, and what it led to; `at` is the marketplace's time."""

    by: str
    did: str
    request: str
    result: str
    at: datetime
    milliseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays in the demo, and what is booked."""

    customer: Visitor
    provider: Visitor
    admin: Visitor
    approver: Visitor
    service: DemoService
    zone: ZoneInfo

    @classmethod
    def of(cls, blueprint: Blueprint, api: Api) -> "Cast":
        demo = blueprint.demo
        business = demo.providers[0]
        return cls(
            customer=Visitor(api, demo.customers[0], "customer"),
            provider=Visitor(api, business.owner, "provider"),
            admin=Visitor(api, demo.admin, "admin"),
            approver=Visitor(api, demo.approver, "admin"),
            service=business.services[0],
            zone=zone(blueprint.policy.time_zone),
        )


@dataclass
class Stage:
    """`tell` hears of each step; `ahead` is how far the marketplace's clock is before the real one."""

    cast: Cast
    tell: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)
    ahead: timedelta = timedelta()

    @property
    def now(self) -> datetime:
        """The marketplace's time."""
        return datetime.now(UTC) + self.ahead

    def read_clock(self) -> None:
        """Raises DemoStopped where time and money are real."""
        tenant = self.cast.admin.ask("GET", "/admin/v1/tenant")
        if tenant["mode"] != "test":
            raise DemoStopped(f"{tenant['slug']} is no test marketplace: a demo plays with money and clock")
        self.ahead = timedelta(seconds=tenant["clock_ahead_seconds"])

    def move_clock(self, to: datetime, where: str) -> None:
        """Forward only: nothing is done where it is later already."""
        self.let_messages_go()
        seconds = int((to - self.now).total_seconds()) + 1
        if seconds <= 0:
            return
        self.do(
            self.cast.admin,
            f"moves the clock {where}",
            "POST /admin/v1/tenant/clock",
            lambda _: f"{length(seconds)} on",
            json={"seconds": seconds, "reason": "demo"},
        )
        self.ahead += timedelta(seconds=seconds)

    def messages(self, since: datetime) -> list[Answer]:
        """What the two sides were sent from then on, in order."""
        inbox = [
            message
            for visitor in (self.cast.customer, self.cast.provider)
            for message in visitor.api.ask(
                "GET", "/v1/sandbox/inbox", params={"address": visitor.person.phone, "limit": _INBOX_MAX}
            )["items"]
        ]
        return sorted(
            (message for message in inbox if instant(message["at"]) >= since),
            key=lambda one: instant(one["at"]),
        )

    def let_messages_go(self) -> None:
        """
        Most are of no use an hour later: those on their way come before time jumps.

        Looks are counted, and not seconds, for where they take long the messages do too.
        """
        since, give_up_at = self.now - _DAY, time.monotonic() + _QUIET_SECONDS_MAX
        sent, quiet = 0, 0
        while quiet < _QUIET_LOOKS and time.monotonic() < give_up_at:
            time.sleep(_LOOK_AGAIN_SECONDS)
            before, sent = sent, len(self.messages(since))
            quiet = quiet + 1 if sent == before else 0

    def do(
        self, by: Visitor, did: str, request: str, result: Callable[[Answer], str], **given: Any
    ) -> Answer:
        """`request` is method and path; `result` puts the answer into words."""
        began = time.perf_counter()
        answer = by.ask(*request.split(), **given)
        self.note(by.role, did, request, result(answer), began)
        return answer

    def note(self, by: str, did: str, request: str, result: str, began: float) -> None:
        step = Step(
            by=by,
            did=did,
            request=request,
            result=result,
            at=self.now,
            milliseconds=round((time.perf_counter() - began) * 1000),
        )
        self.steps.append(step)
        self.tell(step)
