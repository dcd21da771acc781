from collections import Counter
from uuid import UUID

from marketplace.adapters.sandbox.faults import (
    POSSIBLE,
    Fault,
    Operation,
    fault_for,
    no_faults,
    seeded_faults,
    seeded_random,
)

REFERENCES = [UUID(int=number) for number in range(400)]


class TestSeededRandom:
    def test_gives_the_same_for_the_same_seed_whatever_the_order(self) -> None:
        first, second = seeded_random(1), seeded_random(1)

        forth = {thing: first(thing) for thing in "abc"}
        back = {thing: second(thing) for thing in "cba"}

        assert forth == back
        assert len(set(forth.values())) == 3
        assert seeded_random(2)("a") != first("a")

    def test_spreads_from_nought_to_one(self) -> None:
        numbers = [seeded_random(1)(str(number)) for number in range(2_000)]

        assert 0 <= min(numbers) < 0.01
        assert 0.99 < max(numbers) < 1
        assert 0.47 < sum(numbers) / len(numbers) < 0.53


class TestSeededFaults:
    def test_gives_the_same_run_for_the_same_seed(self) -> None:
        runs = []
        for _ in range(2):
            plan = seeded_faults(seed=3, share=0.5)
            runs.append([plan(Operation.COLLECT, reference) for reference in REFERENCES])

        assert runs[0] == runs[1]

    def test_troubles_the_share_that_was_asked_for_with_every_kind(self) -> None:
        plan = seeded_faults(seed=3, share=0.5)

        met = Counter(plan(Operation.COLLECT, reference) for reference in REFERENCES)

        assert 150 < met[None] < 250
        assert set(met) - {None} == POSSIBLE[Operation.COLLECT]

    def test_lets_a_call_through_in_the_end(self) -> None:
        plan = seeded_faults(seed=3, share=1, in_a_row_max=2)

        met = [plan(Operation.COLLECT, REFERENCES[0]) for _ in range(4)]

        assert [fault is None for fault in met] == [False, False, True, True]

    def test_troubles_nothing_at_a_share_of_nought(self) -> None:
        plan = seeded_faults(seed=3, share=0)

        assert {plan(operation, REFERENCES[0]) for operation in Operation} == {None}


class TestFaultFor:
    def test_follows_no_plan_to_what_cannot_be(self) -> None:
        assert fault_for(lambda *_: Fault.REJECTED, Operation.CAPTURE, REFERENCES[0]) is None
        assert fault_for(lambda *_: Fault.UNAVAILABLE, Operation.CAPTURE, REFERENCES[0]) is Fault.UNAVAILABLE
        assert fault_for(no_faults, Operation.CAPTURE, REFERENCES[0]) is None
