"""What README and docs name is there: links, pictures, files, commands, paths, codes, settings, tokens."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import rich_click as click

from marketplace.adapters.postgres.schema import APP_ROLE
from marketplace.adapters.sandbox.tokens import TOKENS
from marketplace.core.promises import Name
from marketplace.core.shared.errors import MarketplaceError
from marketplace.entrypoints.cli.main import COMMANDS, load
from marketplace.entrypoints.configuration import CONFIG
from marketplace.entrypoints.http.problems import STATUSES, problem_of
from marketplace.entrypoints.http.watch import Meters
from marketplace.entrypoints.settings import SETTINGS, Settings, variable
from marketplace.entrypoints.wiring import Platform

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
]
PICTURES = sorted(DOCS.rglob("*.svg"))
# What ./marketplace does by itself.
OF_THE_SCRIPT = {"test", "check"}
TEST_VARIABLE = "MARKETPLACE_TEST_"

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(?:^|[`\s(])(?:\./)?marketplace ((?:[a-z]|--)[^`\n]*)", re.MULTILINE)
_CODE = re.compile(r"```.*?```|`[^`\n]+`|^ {4}\S[^\n]*", re.DOTALL | re.MULTILINE)
_PATH = re.compile(
    r"(?:\b(GET|POST) )?(?<![\w.}/])(?:\$(?:API|KERB)|https?://[\w.:]+)?(/(?:v1|admin|hooks|livez|readyz|metrics)[\w/{}$.-]*)"
)
_FILE = re.compile(r"`((?:src|tests|requirements|docs|bench)/[\w./-]+)`")
_PLACEHOLDER = re.compile(r"[A-Z]{2,}$|.*[$…|]")


def name_of(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def anchors_of(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> list[str]:
    """Relative links and pictures that lead nowhere, and places that their page does not have."""
    broken = []
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        where, _, anchor = target.partition("#")
        file = page.parent / where if where else page
        if not file.exists() or (anchor and anchor not in anchors_of(file.read_text("utf-8"))):
            broken.append(target)
    return broken


def commands_in(text: str) -> Iterator[str]:
    """Every command line of ours in code, without what stands behind it, or two blanks from it."""
    for code in _CODE.findall(text):
        for line in _COMMAND.findall(code):
            yield re.split(r" #| \||  ", line)[0].strip()


def wrong_command(line: str) -> str | None:
    """What is wrong with the words after `marketplace`; None where they can be given so."""
    words = shlex.split(line.replace("…", "").replace("...", ""))
    if words[0] in OF_THE_SCRIPT or words[0].startswith("-"):
        return None
    if words[0] not in COMMANDS:
        return f"no command {words[0]}"
    command, rest = load(words[0]), words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.commands.get(rest[0])
        if found is None:
            return f"no command {rest[0]} in {line}"
        command, rest = found, rest[1:]
    return _wrong_arguments(command, rest, line)


def _wrong_arguments(command: click.Command, given: list[str], line: str) -> str | None:
    known = {name for option in command.params for name in option.opts} | {"--help", "-h"}
    unknown = [word for word in given if word.startswith("-") and word.split("=")[0] not in known]
    if unknown:
        return f"no option {unknown[0]} in {line}"
    if not given or any(_PLACEHOLDER.match(word) for word in given):
        return None
    try:
        command.make_context(line, list(given))
    except click.ClickException as refused:
        return f"{line}: {refused.format_message()}"
    return None


@cache
def served() -> dict[str, set[str]]:
    """The methods of each path of both applications, as they are wired, with {} for a parameter."""
    settings = Settings(sandbox_webhook_secret="0" * 16)
    platform = Platform(
        settings=settings, database_url="postgresql://nobody@/nowhere", base_url="http://here"
    )
    front = platform.front()
    found: dict[str, set[str]] = {}
    for app in (front._users, front._admin):
        for route in app.routes:
            found.setdefault(_normal(route.path), set()).update(route.methods)
    return found


def _normal(path: str) -> str:
    return re.sub(r"\{[^}]*\}|\$\w+", "{}", path).rstrip("/.")


def unserved(text: str) -> list[str]:
    """Paths that no route answers, nor begins with, or not by the method that is named."""
    wrong = []
    for method, path in _PATH.findall(text):
        methods = served().get(_normal(path), set())
        begins = not method and any(route.startswith(_normal(path) + "/") for route in served())
        if not begins and (not methods or (method and method not in methods)):
            wrong.append(f"{method} {path}".strip())
    return wrong


def kinds_of(parent: type[MarketplaceError] = MarketplaceError) -> Iterator[type[MarketplaceError]]:
    yield parent
    for kind in parent.__subclasses__():
        yield from kinds_of(kind)


def statuses() -> dict[str, set[int]]:
    """The statuses with which each code leaves; what is no error of ours leaves as `internal`."""
    found = {problem_of(ZeroDivisionError())[0].code: {500}}
    for kind in kinds_of():
        status = next(status for parent, status in STATUSES if issubclass(kind, parent))
        found.setdefault(kind.code, set()).add(status)
    return found


def wrong_codes(text: str) -> list[str]:
    """Of rows that begin with a status: codes that nothing raises, or not with that status."""
    return [
        f"{status} {code}"
        for status, cell in re.findall(r"^\| (\d{3}) \| ([^|]+) \|", text, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", cell)
        if int(status) not in statuses().get(code, set())
    ]


def unknown_settings(text: str) -> list[str]:
    known = {variable(name) for name in SETTINGS} | {CONFIG}
    tests = (REPOSITORY / "tests" / "conftest.py").read_text("utf-8")
    named = re.findall(r"\b(?:MARKETPLACE_[A-Z_]*[A-Z]|DATABASE_URL)\b", text)
    return [
        name for name in named if name not in known and not (name.startswith(TEST_VARIABLE) and name in tests)
    ]


def unknown_tokens(text: str) -> list[str]:
    return [token for token in re.findall(r"\b(?:tok|payee)_[a-z_]+\b", text) if token not in TOKENS]


def unknown_figures(text: str) -> list[str]:
    """Metrics that no page of /metrics shows."""
    shown = {metric.name for metric in Meters().registry.collect()}
    known = shown | {f"{name}_total" for name in shown} | {APP_ROLE}
    return [name for name in re.findall(r"\bmarketplace_[a-z_]+\b", text) if name not in known]


def lost_files(text: str) -> list[str]:
    return [name for name in _FILE.findall(text) if not (REPOSITORY / name).exists() and "VENDOR" not in name]


@pytest.fixture(params=PAGES, ids=name_of)
def page(request: Any) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def text(page: Path) -> str:
    return page.read_text("utf-8")


class TestAPage:
    def test_links_to_what_is_there(self, page: Path, text: str) -> None:
        assert broken_links(page, text) == []

    def test_names_commands_that_can_be_given(self, text: str) -> None:
        assert [wrong for line in commands_in(text) if (wrong := wrong_command(line))] == []

    def test_names_paths_that_are_served(self, text: str) -> None:
        assert unserved(text) == []

    def test_names_codes_with_the_status_that_they_have(self, text: str) -> None:
        assert wrong_codes(text) == []

    def test_names_settings_tokens_and_figures_that_there_are(self, text: str) -> None:
        assert unknown_settings(text) == []
        assert unknown_tokens(text) == []
        assert unknown_figures(text) == []

    def test_names_files_that_there_are(self, text: str) -> None:
        assert lost_files(text) == []


class TestTheMoneyPage:
    def test_names_every_promise(self) -> None:
        text = (DOCS / "money.md").read_text("utf-8")

        assert [name for name in Name if f"| `{name}` |" not in text] == []


class TestTheHttpPage:
    def test_names_every_code_that_a_caller_can_act_on(self) -> None:
        text = (DOCS / "http.md").read_text("utf-8")
        # The parents, and what only settings lead to.
        nobodys = {"refused", "error", "bad_setting"}

        acted = {code for code, told in statuses().items() if told & set(range(400, 500))}
        assert sorted(code for code in acted - nobodys if f"`{code}`" not in text) == []


class TestAPicture:
    @pytest.mark.parametrize("picture", PICTURES, ids=name_of)
    def test_is_shown_somewhere_and_needs_nothing_from_elsewhere(self, picture: Path) -> None:
        text = picture.read_text("utf-8")

        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert not re.search(r"@import|href=|url\(|<script|<image", text)
        assert [page for page in PAGES if picture.name in page.read_text("utf-8")]


class TestEachLook:
    """Would see what is wrong, if anything were."""

    def test_sees_links_that_lead_nowhere(self) -> None:
        wrong = ["docs/nowhere.md", "docs/nothing.svg", "docs/money.md#no-place"]
        text = " ".join(f"![it]({target})" for target in [*wrong, "docs/money.md#payouts", "LICENSE"])

        assert broken_links(REPOSITORY / "README.md", text) == wrong

    @pytest.mark.parametrize(
        "line",
        [
            "dance",
            "bookings dance",
            "run --dance",
            "simulate lifecycles --bookings many",
            "run here",
            "tenants clock --forward 2d",
        ],
    )
    def test_sees_commands_that_cannot_be_given(self, line: str) -> None:
        assert list(commands_in(f"Say `./marketplace {line}`.")) == [line]
        assert list(commands_in(f"Say:\n\n    marketplace {line}  # to see\n")) == [line]
        assert wrong_command(line)

    @pytest.mark.parametrize("line", ["test -n 2", "bookings", "bookings show ID", "run --port 8080 --fresh"])
    def test_takes_commands_that_can_be_given(self, line: str) -> None:
        assert wrong_command(line) is None

    def test_sees_paths_that_nothing_serves(self) -> None:
        wrong = (
            "`GET /v1/bookings/{id}/accept` $API/v1/bookings/$ID/dance /v1/elsewhere http://me:80/v1/me/too"
        )
        right = (
            "`POST /v1/bookings/{id}/accept` under `/admin/v1` $API/v1/services?limit=2 http://me:80/livez"
        )

        assert len(unserved(wrong)) == wrong.count("/v1/")
        assert unserved(right) == []

    def test_sees_codes_that_nothing_raises_so(self) -> None:
        text = "| 409 | `stale`, `dance` | |\n| 400 | `not_found` | |\n| 500 | `internal` | |\n"

        assert wrong_codes(text) == ["409 dance", "400 not_found"]

    def test_sees_settings_tokens_figures_and_files_that_there_are_not(self) -> None:
        assert unknown_settings("MARKETPLACE_PORT MARKETPLACE_DANCE DATABASE_URL MARKETPLACE_TEST_DANCE") == [
            "MARKETPLACE_DANCE",
            "MARKETPLACE_TEST_DANCE",
        ]
        assert unknown_tokens("tok_success tok_dance payee_dance") == ["tok_dance", "payee_dance"]
        assert unknown_figures("marketplace_jobs_parked marketplace_dance") == ["marketplace_dance"]
        assert lost_files("`src/marketplace/core/dance.py` `tests/conftest.py`") == [
            "src/marketplace/core/dance.py"
        ]
