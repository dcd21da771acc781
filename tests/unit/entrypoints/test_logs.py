"""In processes of their own: what is configured here is the whole process's logging."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Planted in every way in which something can be logged; none may come out.
CANARIES = {
    "TOKEN": "mk_AZMhq2x7dGFuZGVtLWNhbmFyeS1zZWNyZXQ",
    "CODE": "048213",
    "PHONE": "+27600000199",
    "CARD": "tok_chargeback_late",
    "NAME": "Thandeka",
}
PREAMBLE = """
import asyncio, gc, logging, os, sys, threading, warnings
import structlog, uvicorn
from structlog.contextvars import bound_contextvars
from marketplace.core.shared.errors import Invalid, Unavailable
from marketplace.entrypoints import logs
from marketplace.entrypoints.settings import LogFormat, LogLevel

TOKEN, CODE, PHONE, CARD, NAME = (os.environ[name] for name in ("TOKEN", "CODE", "PHONE", "CARD", "NAME"))
ALL = (TOKEN, CODE, PHONE, CARD, NAME)
before = logging.getLogger("before"); before.addHandler(logging.StreamHandler()); before.propagate = False
logs.configure(log_format=LogFormat(os.environ["FORMAT"]), level=LogLevel(os.environ.get("LEVEL", "debug")))
log = structlog.get_logger()
"""
ID = "018f0000-0000-7000-8000-000000000001"
WITHHELD = "(words withheld)"


def said(script: str, *, form: str = "json", level: str = "debug") -> str:
    """All that a process wrote, to stdout and stderr."""
    root = Path(__file__).parents[3]
    environ = {**os.environ, **CANARIES, "FORMAT": form, "LEVEL": level, "PYTHONPATH": str(root / "src")}
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def lines(script: str, **options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(script, **options).splitlines()]


WAYS = """
for secret in ALL:
    log.info("known words", token=secret, code=secret, phone=secret, route=secret, request_id=secret + "_")
    log.info("known words", status=secret, count=secret, method=secret, kind=secret, queue=secret)
    log.info(secret)
    log.info(f"words {secret}")
    log.info("words %s", secret)
    log.bind(user=secret).warning("known words", **{secret: secret})
    log.info("known words", extra={"a": [secret]}, user_id=secret, exc_info=ValueError(secret))
    logging.getLogger("library").error(secret)
    logging.getLogger("library").error("words %s", secret)
    logging.getLogger("library").error("words %d", secret)
    logging.getLogger("library").error("words", extra={"path": secret, "route": "/v1/" + secret})
    logging.getLogger(f"library-{secret}").error("words", stack_info=True)
    logging.getLogger("uvicorn.access").info('%s - "%s %s"', PHONE, "GET", "/v1/x?code=" + secret)
    before.warning(secret)
    warnings.warn(secret)
    with bound_contextvars(phone=secret, name=secret):
        log.info("known words")
    try:
        try:
            raise Invalid(secret, secret, secret)
        except Invalid as error:
            error.add_note(secret)
            raise Unavailable(secret, seen=secret) from error
    except Unavailable:
        log.exception("it failed")
        logging.getLogger("library").exception(secret)

async def boom(secret):
    raise ValueError(secret)

async def main():
    for secret in ALL:
        lost = asyncio.ensure_future(boom(secret))
        await asyncio.sleep(0)
        del lost
        gc.collect()
        await log.ainfo(f"words {secret}", token=secret)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(boom(secret))
        except* ValueError as error:
            log.error("group failed", exc_info=error)

asyncio.run(main())

class Unraisable:
    def __del__(self):
        raise ValueError(TOKEN)

Unraisable()
thread = threading.Thread(target=lambda: int(TOKEN))
thread.start()
thread.join()
raise Invalid("phone", PHONE, TOKEN)
"""


class TestConfigure:
    @pytest.mark.parametrize("form", ["json", "console"])
    def test_lets_no_secret_out_whatever_is_logged(self, form: str) -> None:
        text = said(WAYS, form=form)

        assert [name for name, secret in CANARIES.items() if secret in text] == []
        assert text.count("known words") == 5 * len(CANARIES)
        assert text.count("nobody caught an exception") == 3

    def test_would_find_a_secret_that_is_let_out(self) -> None:
        text = said("sys.stderr.write(TOKEN + CODE + PHONE + CARD + NAME)")

        assert all(secret in text for secret in CANARIES.values())

    def test_keeps_listed_fields_whose_values_fit(self) -> None:
        script = f"""
log.info("booking made", booking_id="{ID}", status=201, seconds=1.5, route="/v1/bookings/{{booking_id:uuid}}")
"""
        (line,) = lines(script)

        assert line.pop("timestamp").endswith("Z")
        assert line == {
            "level": "info",
            "event": "booking made",
            "booking_id": ID,
            "status": 201,
            "seconds": 1.5,
            "route": "/v1/bookings/{booking_id:uuid}",
            "logger": "__main__",
        }

    def test_keeps_the_literal_words_of_libraries_without_their_arguments(self) -> None:
        (line,) = lines('logging.getLogger("uvicorn.error").warning("Started %s", TOKEN)')

        assert (line["event"], line["logger"], line["level"]) == ("Started %s", "uvicorn.error", "warning")

    @pytest.mark.parametrize("call", ["log.info(words)", "logging.error(words)", 'log.info("code 048213")'])
    def test_withholds_words_that_are_no_plain_literal(self, call: str) -> None:
        (line,) = lines(f"words = 'made ' + 'up'.lower()\n{call}")

        assert line["event"] == WITHHELD

    def test_tells_of_an_exception_its_type_codes_and_places_but_not_its_words(self) -> None:
        script = """
class Lost(Exception):
    sqlstate = "08006"

def deep():
    raise Lost(TOKEN)

try:
    try:
        deep()
    except Lost as error:
        raise Unavailable(TOKEN) from error
except Unavailable:
    log.exception("it failed")
"""
        (line,) = lines(script)

        outer, inner = line["error"]
        assert (outer["type"], outer["code"]) == ("marketplace.core.shared.errors.Unavailable", "unavailable")
        assert (inner["type"], inner["sqlstate"]) == ("__main__.Lost", "08006")
        assert [place.split(":")[0] + place[-5:] for place in inner["at"]] == [
            "__main__ deep",
            "__main__dule>",
        ]

    def test_binds_a_request_id_for_every_line_within(self) -> None:
        script = f"""
with bound_contextvars(request_id="{ID}"):
    log.info("inside")
    logging.getLogger("library").warning("inside too")
log.info("outside")
"""
        assert [line.get("request_id") for line in lines(script)] == [ID, ID, None]

    def test_says_nothing_below_its_level(self) -> None:
        script = 'log.info("a"); logging.getLogger("x").info("b"); log.warning("c"); logging.error("d")'

        assert [line["event"] for line in lines(script, level="warning")] == ["c", "d"]

    def test_keeps_talkative_libraries_short(self) -> None:
        script = 'logging.getLogger("httpx").info("request sent"); logging.getLogger("httpx").warning("slow")'

        assert [line["event"] for line in lines(script)] == ["slow"]

    def test_loses_a_line_rather_than_its_secret(self) -> None:
        script = """
class Hostile(str):
    def __hash__(self):
        raise ValueError(TOKEN)

logging.getLogger("x").error("words", extra={"method": Hostile(TOKEN)})
"""
        assert said(script) == "a line of the log was lost\n"
