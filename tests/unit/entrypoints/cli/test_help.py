import inspect
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import rich_click as click
from click.testing import CliRunner

from marketplace.entrypoints.cli.main import COMMANDS, load, marketplace

EXAMPLES = "For example:"
# What fits into a terminal of 100 columns, within the margins of the help.
LINE_MAX = 97
HEAVY = ("alembic", "asyncpg", "httpx", "litestar", "sqlalchemy", "uvicorn", "marketplace.entrypoints.wiring")


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command with its path, groups too."""
    for name in COMMANDS:
        yield from below(name, load(name))


def below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from below(f"{path} {name}", child)


TREE = dict(leaves())


def examples(command: click.Command) -> list[list[str]]:
    _, found, shown = (command.help or "").partition(EXAMPLES)
    lines = [shlex.split(line) for line in shown.splitlines() if line.strip()] if found else []
    return [words[words.index("marketplace") + 1 :] for words in lines]


class TestAGroup:
    def test_keeps_its_commands_together(self) -> None:
        """A command that is named like one of the overview stands in no panel of the overview's."""
        result = CliRunner().invoke(marketplace, ["dispatch", "--help"])

        assert "jobs" in result.stdout
        assert "Operate it" not in result.stdout


class TestOverview:
    def test_loads_no_command(self) -> None:
        program = (
            "import sys; from marketplace.entrypoints.cli.main import marketplace;"
            "marketplace(['--help'], standalone_mode=False);"
            f"sys.exit(','.join(name for name in {HEAVY} if name in sys.modules) or 0)"
        )

        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

        assert result.stderr == ""
        assert result.returncode == 0
        assert "Operate it" in result.stdout

    @pytest.mark.parametrize("name", COMMANDS)
    def test_says_of_a_command_what_the_command_says_first(self, name: str) -> None:
        first = (load(name).help or "").strip().splitlines()[0]

        assert first == COMMANDS[name].line

    def test_asks_back_where_no_command_is_named(self) -> None:
        result = CliRunner().invoke(marketplace, [])

        assert result.exit_code == 2
        assert "marketplace run" in result.output

    def test_refuses_a_command_that_there_is_not(self) -> None:
        result = CliRunner().invoke(marketplace, ["walk"])

        assert result.exit_code == 2
        assert "No such command 'walk'" in result.output


class TestEveryCommand:
    @pytest.mark.parametrize("path", TREE)
    def test_answers_for_help_with_examples(self, path: str) -> None:
        result = CliRunner().invoke(marketplace, [*path.split(), "--help"])

        assert result.exit_code == 0
        assert EXAMPLES in result.output
        assert examples(TREE[path])

    @pytest.mark.parametrize("path", TREE)
    def test_fits_on_the_lines_of_a_terminal(self, path: str) -> None:
        lines = inspect.cleandoc(TREE[path].help or "").splitlines()

        assert not [line for line in lines if line.startswith("    ") and len(line) > LINE_MAX]

    @pytest.mark.parametrize("path", TREE)
    def test_has_examples_that_name_what_there_is(self, path: str) -> None:
        for words in examples(TREE[path]):
            named = max((known for known in TREE if words[: len(known.split())] == known.split()), key=len)
            command = TREE[named]
            options = {name for parameter in command.params for name in parameter.opts}

            assert named.startswith(path)
            assert {word for word in words if word.startswith("--")} <= options

    @pytest.mark.parametrize("path", [path for path, one in TREE.items() if not isinstance(one, click.Group)])
    def test_can_answer_programs(self, path: str) -> None:
        options = {name for parameter in TREE[path].params for name in parameter.opts}

        assert "--json" in options

    @pytest.mark.parametrize("path", TREE)
    def test_takes_each_value_under_a_name_of_its_own(self, path: str) -> None:
        names = [parameter.name for parameter in TREE[path].params]

        assert len(names) == len(set(names))
