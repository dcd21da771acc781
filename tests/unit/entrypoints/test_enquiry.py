"""Who asks rails is patient, and says what nobody has answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from marketplace.core.agreement import Claim
from marketplace.core.payments.payment import Payment
from marketplace.core.promises import PATIENCE
from marketplace.core.shared.errors import Invalid, Unavailable
from marketplace.core.shared.money import Money
from marketplace.entrypoints.enquiry import AGAIN_SECONDS, Enquiry
from marketplace.ports.audit import Promise
from marketplace.ports.payments import Report, Standing

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
LONG_AGO = NOW - PATIENCE - timedelta(seconds=1)


def claim(rail: str = "stripe", *, since: datetime = LONG_AGO) -> Claim:
    return Claim(
        kind=Payment,
        subject_id=uuid4(),
        tenant_id=uuid4(),
        rail=rail,
        reference=uuid4(),
        state="succeeded",
        since=since,
        agrees=frozenset({Standing.SUCCEEDED}),
        amount=Money(100, "ZAR"),
    )


def report(reference: UUID, standing: Standing = Standing.SUCCEEDED) -> Report:
    return Report(reference=reference, rail_reference="pi_1", standing=standing, amount=Money(100, "ZAR"))


@dataclass
class Rail:
    """Answers in turn what is in `answers`, then as we say; `asked` are the references."""

    answers: list[Any] = field(default_factory=list)
    asked: list[UUID] = field(default_factory=list)

    async def find(self, reference: UUID) -> Report | None:
        self.asked.append(reference)
        answer = self.answers.pop(0) if self.answers else Standing.SUCCEEDED
        if isinstance(answer, Exception):
            raise answer
        return None if answer is None else report(reference, answer)


@dataclass
class Told:
    """Claims as they are, and as they are by the second look."""

    first: Sequence[Claim]
    then: dict[UUID, Claim] = field(default_factory=dict)

    async def made(self, *_: Any, limit: int, **__: Any) -> tuple[Claim, ...]:
        return tuple(self.first[:limit])

    async def again(self, claim: Claim) -> Claim:
        return self.then.get(claim.subject_id, claim)


async def asked(rail: Rail, said: Told, **given: Any) -> tuple[Promise, list[float]]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    rails: Any = {"stripe": rail}
    enquiry = Enquiry(claims=said, rails=rails, now=lambda _: NOW, sleep=sleep, **given)
    return await enquiry.ask(None, since=None), slept


class TestAnEnquiry:
    async def test_asks_one_after_the_other_at_its_pace(self) -> None:
        rail, claims, far = Rail(), [claim(), claim(), claim()], []

        promise, slept = await asked(
            rail, Told(claims), a_second=4, told=lambda *place: far.append(place), most=2
        )

        assert (promise.rows, promise.violations) == (2, ())
        assert rail.asked == [one.reference for one in claims[:2]]
        assert slept == [0.25, 0.25]
        assert far == [(1, 2), (2, 2)]

    async def test_looks_again_at_what_differs(self) -> None:
        one = claim()

        passing, slept = await asked(Rail([Standing.DISPUTED]), Told([one]))
        lasting, _ = await asked(Rail([Standing.DISPUTED, Standing.DISPUTED]), Told([one]))

        assert passing.violations == ()
        assert AGAIN_SECONDS in slept
        assert lasting.violations == (f"payment {one.subject_id} is succeeded, stripe has it disputed",)

    async def test_leaves_what_has_moved_here_meanwhile(self) -> None:
        one = claim()
        told = Told([one], {one.subject_id: replace(one, state="disputed", since=NOW)})

        promise, _ = await asked(Rail([Standing.DISPUTED, Standing.DISPUTED]), told)

        assert promise.violations == ()

    async def test_waits_for_a_rail_that_is_down_for_a_moment(self) -> None:
        rail = Rail([Unavailable("down"), Unavailable("down")])

        promise, slept = await asked(rail, Told([claim()]))

        assert promise.violations == ()
        assert len(rail.asked) == 3
        assert slept[1::2] == [1.0, 4.0]

    async def test_leaves_alone_what_does_not_answer_and_says_so(self) -> None:
        rail = Rail([Unavailable("it is down")] * 99)

        promise, _ = await asked(rail, Told([claim() for _ in range(5)]))

        assert len(rail.asked) == 9
        assert promise.violations == ("stripe did not answer for 5 references: it is down",)

    async def test_says_which_rail_is_not_set_up(self) -> None:
        promise, _ = await asked(Rail(), Told([claim("stitch")]))

        assert promise.violations == ("stitch did not answer for 1 references: it is not set up here",)

    async def test_tells_what_a_rail_refuses_to_say(self) -> None:
        one = claim()
        refusal = Invalid("reference", "is another marketplace's")

        promise, _ = await asked(Rail([refusal, refusal]), Told([one]))

        (sentence,) = promise.violations
        assert sentence.startswith(f"payment {one.subject_id} is succeeded, stripe answers:")
