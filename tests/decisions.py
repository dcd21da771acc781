"""What is kept of rounds, decided once more."""

from collections import defaultdict
from collections.abc import Iterable

from marketplace.adapters.memory.assigner import AugmentingAssigner
from marketplace.core.dispatch.deciding import decide
from marketplace.core.dispatch.decision import DispatchDecision


def unlike(decisions: Iterable[DispatchDecision]) -> list[list[DispatchDecision]]:
    """The rounds that would be decided otherwise, by what is kept of them."""
    rounds = defaultdict(list)
    for kept in decisions:
        rounds[kept.round_id].append(kept)
    found = []
    for parts in rounds.values():
        parts.sort(key=lambda part: part.place)
        again = decide(
            [part.asked for part in parts], terms=parts[0].terms, assign=AugmentingAssigner().pairs
        )
        if [part.verdicts for part in parts] != [decision.verdicts for decision in again]:
            found.append(parts)
    return found
