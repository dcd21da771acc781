"""What a module logs, whatever an earlier test of the same process has set up."""

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import structlog
from structlog.testing import capture_logs


@contextlib.contextmanager
def listening(*modules: ModuleType) -> Iterator[list[Any]]:
    """
    The lines that these log meanwhile.

    A logger that has spoken once keeps how it was set up then, so each gets a fresh one for the while.
    """
    config, loggers = structlog.get_config(), [vars(module)["log"] for module in modules]
    structlog.reset_defaults()
    for module in modules:
        vars(module)["log"] = structlog.get_logger(module.__name__)
    try:
        with capture_logs() as lines:
            yield lines
    finally:
        for module, logger in zip(modules, loggers, strict=True):
            vars(module)["log"] = logger
        structlog.configure(**config)
