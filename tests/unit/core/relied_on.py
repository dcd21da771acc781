"""A command that writes has guarded or written all that it has read, or the table says why it need not."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from marketplace.core.lifecycles import AGGREGATES
from marketplace.ports.storage import Question, Store, Work

UseCase = Callable[..., Awaitable[Any]]

AGAIN = "who lost its session, and may stay by now, signs in again"
CAPACITY = "a unit's time is sold once: a constraint; what is booked on a unit that retires just now stays"
FINAL = "nothing that it asks changes any more, once it is as it was read"
HINT = "who is asked to say yes is looked at again, and guarded, when it does"
LAST = "whichever offer ends writes the job, so that one of two is the last"
LATER = "what is left out comes with the next one, and what is taken is guarded"
MINE = "only whose it is was asked, and that never changes"
ONCE = "a constraint lets it happen once, whoever is first"
ORDER = "it is as if the other had come a moment later"
TOLD = "it is only told, or only looked at: nothing is decided for good"

# Command → kinds that it may read and neither write nor guard, and why.
UNGUARDED: dict[str, dict[str, str]] = {
    "AbsorbLoss": {
        "Booking": FINAL,
        "Payment": FINAL,
        "PayoutReversal": "whoever asks for another writes the provider, and one that is refused leaves more",
    },
    "AcceptTime": {"Unit": CAPACITY, "Reservation": CAPACITY},
    "AddUnit": {"Provider": MINE, "Service": TOLD},
    "AdvanceBooking": {"Booking": "closed, or on another payment, for good; and what is captured is settled"},
    "AmendUnit": {"Service": TOLD},
    "ApprovePayout": {"Provider": "it is looked at again before it is paid"},
    "AssignBooking": {"Unit": CAPACITY, "Reservation": CAPACITY},
    "BookLines": {"Settlement": ONCE},
    "ClockOffer": {"DispatchOffer": LAST, "DispatchJob": "it asks nobody by then"},
    "ClosePayoutAccount": {"Provider": ORDER},
    "ContinuePayoutRun": {"Provider": LATER, "Earning": LATER, "Payment": ORDER},
    "CreateBooking": {"Unit": CAPACITY, "Reservation": CAPACITY},
    "DeclineOffer": {"DispatchOffer": LAST, "DispatchJob": "it asks nobody by then"},
    "DraftService": {"Provider": MINE},
    "DropRefund": {"Payment": FINAL, "Refund": "one that is not dropped is owed, and may be dropped later"},
    "EndSessions": {"User": AGAIN},
    "FinishJob": {"Booking": FINAL},
    "GoOffline": {"Provider": MINE, "Unit": MINE},
    "GoOnline": {"Provider": HINT},
    "GrantMembership": {"User": ORDER},
    "ImportLines": {"Settlement": ONCE, "RailStatement": FINAL},
    "OpenSearch": {"Membership": "whoever is a member when the search begins goes first as long as it lasts"},
    "OpenPayoutAccount": {"Provider": MINE, "PayoutAccount": ONCE},
    "PlanMessages": dict.fromkeys((kind.__name__ for kind in AGGREGATES), TOLD),
    "ProposeTime": {"Provider": TOLD, "Unit": TOLD, "Reservation": TOLD},
    "RecheckSettlement": {"Settlement": ONCE},
    "RecordPayoutAccount": {"Provider": ORDER},
    "RecordRound": {"DispatchJob": LATER, "Area": "a job that is queued meanwhile asks for a round itself"},
    "RefreshSession": {"User": AGAIN},
    "RequestCode": {"SignIn": ONCE},
    "ResumePayout": {"Provider": ORDER},
    "RetireUnit": {"Reservation": CAPACITY},
    "RetryPayout": {"Provider": ORDER},
    "ReviewBooking": {"Reservation": FINAL, "User": ORDER},
    "SendWaiting": {"PayoutAccount": ORDER},
    "SetBlock": dict.fromkeys(("Booking", "DispatchJob", "Provider", "User"), FINAL),
    "SettleBooking": {"Booking": FINAL},
    "WakeArea": {"Presence": HINT},
    "WakeFreed": {"Reservation": HINT},
}


class Reading:
    """Storage that remembers which aggregates were read."""

    def __init__(self, store: Store) -> None:
        self.store, self.read_so_far = store, dict[UUID, str]()

    async def read(self, tenant_id: UUID, questions: Sequence[Question[Any]]) -> list[tuple[Any, ...]]:
        answers = await self.store.read(tenant_id, questions)
        rows = (row for answer in answers for row in answer if hasattr(row, "LIFECYCLE"))
        self.read_so_far |= {row.id: type(row).__name__ for row in rows}
        return answers


def watched(use_case: UseCase) -> UseCase:
    """The same use case; it fails where it writes, and leaves to chance what the table does not name."""

    async def watching(command: Any, *, call: Any, work: Work) -> Any:
        reading: Any = Reading(work.store)
        work.store = reading
        result = await use_case(command, call=call, work=work)
        name = type(command).__name__
        left = set(_left_to_chance(reading.read_so_far, work)) - UNGUARDED.get(name, {}).keys()
        assert not left, f"{name} rests on {sorted(left)}, which it neither writes nor guards"
        return result

    return watching


def _left_to_chance(read: dict[UUID, str], work: Work) -> Iterator[str]:
    if not work.empty:
        kept = {row.id for row in work.added} | work.saved.keys() | {key for _, key, _ in work.guarded}
        yield from (kind for key, kind in read.items() if key not in kept)
