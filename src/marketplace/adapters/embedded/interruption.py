"""Ctrl-C waits while a program is being started: nobody would know of it, and it would go on for ever."""

import contextlib
import signal
import threading
from collections.abc import Iterator

_ENDINGS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def put_off() -> Iterator[None]:
    """What interrupts meanwhile does so at the end."""
    # Handlers run in the main thread, so nothing interrupts another one.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if heard:
            signal.raise_signal(heard[0])
