"""A signal ends a command in order, so that nothing that it has started is left behind."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM)


def interruptible() -> None:
    """From now on the first of them raises KeyboardInterrupt, and later ones wait for what that ends."""
    for number in _ENDINGS:
        signal.signal(number, _interrupt)


def unstoppable() -> None:
    """For the time in which things are closed: stopping that would leave some open."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def stopping_is_success() -> Iterator[None]:
    """For what runs until it is stopped."""
    with contextlib.suppress(KeyboardInterrupt):
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    unstoppable()
    raise KeyboardInterrupt
