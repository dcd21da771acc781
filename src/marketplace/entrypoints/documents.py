"""Documents about what stands in the code are written from the code, and a stale one is found."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from marketplace.adapters.sandbox.inbox import NUMBERS
from marketplace.adapters.sandbox.openings import OPENINGS, OpeningBehaviour
from marketplace.adapters.sandbox.sources import SOURCES, SourceBehaviour
from marketplace.adapters.sandbox.tokens import METHODS, PAYEES, TokenBehaviour
from marketplace.core.lifecycles import AGGREGATES
from marketplace.core.shared.aggregate import Aggregate
from marketplace.core.shared.lifecycle import Lifecycle, Move
from marketplace.core.shared.roles import Role
from marketplace.entrypoints.configuration import CONFIG, Documented, documented

LIFECYCLES = "lifecycles"
_WRITTEN = "<!-- Written by `marketplace docs` from the code; changes made here are lost. -->"

Row = tuple[str, ...]


def write(folder: Path) -> list[Path]:
    """Write what is out of date below `folder` (docs), and remove what has lost its subject; returns both."""
    stale = check(folder)
    texts = documents()
    for path in stale:
        text = texts.get(path.relative_to(folder).as_posix())
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return stale


def check(folder: Path) -> list[Path]:
    """The documents below `folder` that are missing, differ from the code, or have lost their subject."""
    texts = documents()
    expected = {folder / name: text for name, text in texts.items()}
    there = set((folder / LIFECYCLES).glob("*.md"))
    wrong = [path for path, text in expected.items() if not path.is_file() or path.read_text("utf-8") != text]
    return sorted({*wrong, *(there - expected.keys())})


def documents() -> dict[str, str]:
    """The text of each document by its path below docs/."""
    lifecycles = {f"{LIFECYCLES}/{kind.LIFECYCLE.kind}.md": _lifecycle(kind) for kind in AGGREGATES}
    return {
        f"{LIFECYCLES}/README.md": _index(),
        **lifecycles,
        "settings.md": _settings(),
        "sandbox.md": _sandbox(),
    }


def _index() -> str:
    rows = [
        (
            f"[{_words(table.kind)}]({table.kind}.md)",
            _rule_of(kind),
            str(len(table.states)),
            str(len({move.name for move in table.moves})),
        )
        for kind in AGGREGATES
        for table in [kind.LIFECYCLE]
    ]
    return _page(
        "Lifecycles",
        "Each object has a table of lawful moves. The same table guards the commands, sets the timers, makes "
        "the database's constraints, tells the API which moves to offer, and draws these pages.",
        _table(("object", "rule", "states", "moves"), rows),
    )


def _lifecycle(kind: type[Aggregate]) -> str:
    table = kind.LIFECYCLE
    return _page(
        _words(table.kind).capitalize(),
        _rule_of(kind),
        _diagram(table),
        "Moves that stay in their state are left out of the picture. A clock marks what a timer does.",
        "## Moves",
        _table(("move", "from → to", "by", "timer", "event"), _moves(table)),
        *_requirements(table),
    )


def _rule_of(kind: type[Aggregate]) -> str:
    """The sentence of its module, or of the class where it is not the first that the module owns."""
    first = next(one for one in AGGREGATES if one.__module__ == kind.__module__)
    return _first_sentence(sys.modules[kind.__module__] if kind is first else kind)


def _first_sentence(owner: object) -> str:
    return " ".join((owner.__doc__ or "").split("\n\n")[0].split())


def _diagram(table: Lifecycle) -> str:
    edges = {(source, str(move.target)): "" for move in table.moves for source in map(str, move.sources)}
    labels = {
        (source, target): ", ".join(_labels(table, source, target))
        for source, target in edges
        if source != target
    }
    lines = [
        "stateDiagram-v2",
        *(f"    [*] --> {state}" for state in table.initials),
        *(f"    {source} --> {target}: {label}" for (source, target), label in labels.items()),
        *(f"    {state} --> [*]" for state in table.states if state in table.terminal()),
    ]
    return "\n".join(["```mermaid", *lines, "```"])


def _labels(table: Lifecycle, source: str, target: str) -> Iterator[str]:
    for move in table.moves:
        if source in move.sources and move.target == target:
            yield _words(move.name) + (" ⏱" if move.after else "")


def _moves(table: Lifecycle) -> Iterator[Row]:
    """One row for moves that differ only in where they start, or in the one state in which they stay."""
    for (name, emits, by, after, target), same in groupby(table.moves, key=_sameness):
        sources = [str(source) for move in same for source in move.sources]
        way = f"{', '.join(sources)} → {target or 'same'}"
        yield f"`{name}`", way, by, _words(after or ""), f"`{emits}`"


def _sameness(move: Move) -> tuple[str, str, str, str | None, str | None]:
    stays = set(move.sources) == {move.target}
    return move.name, move.emits, _by(move), move.after, None if stays else str(move.target)


def _by(move: Move) -> str:
    if move.implied:
        return "follows from another's move"
    return "anyone" if move.by == frozenset(Role) else ", ".join(role for role in Role if role in move.by)


def _requirements(table: Lifecycle) -> Iterator[str]:
    rows = [
        (str(state), ", ".join(f"`{name}`" for name in sorted(table.requires[state])))
        for state in table.states
        if state in table.requires
    ]
    if rows:
        yield "## What must be known"
        yield _table(("in state", "is set"), rows)


def _settings() -> str:
    sections = groupby(documented(), key=lambda one: one.section)
    return _page(
        "Settings",
        "A setting is taken from the command's options, else from the environment, else from a TOML file, "
        f"else it has its default. `--config` or `{CONFIG}` names the file, which holds the keys below, "
        "without sections. An unknown setting is an error. `marketplace doctor` shows what is set.",
        *(part for name, rows in sections for part in (f"## {name}", _settings_of(rows))),
    )


def _settings_of(rows: Iterable[Documented]) -> str:
    titles = ("variable", "key in the file", "default", "allowed", "what it is")
    return _table(
        titles, [(f"`{one.name}`", f"`{one.key}`", one.default, one.allowed, one.description) for one in rows]
    )


def _sandbox() -> str:
    numbers = [(f"…{digits}", behaviour.description) for digits, behaviour in NUMBERS.items()]
    return _page(
        "Sandbox",
        "The sandbox plays a payment vendor and a messaging gateway. What happens is chosen by the token or "
        "the number, for each booking. A minute is one of the marketplace's clock, which can be moved on.",
        "## Payment methods",
        _table(("`payment_method`", "what happens"), _tokens(METHODS)),
        "## Saved methods",
        "The `source` of a payment method that is saved: a card, or a mandate for debit orders. Without one "
        "the payer is asked: who has given a bank account by its bank, whoever else by an action.",
        _table(("`source`", "what happens"), _tokens(SOURCES)),
        "## Payees",
        _table(("`payee` of a provider", "what happens to a payout"), _tokens(PAYEES)),
        "## Payout accounts",
        "The `source` of an account that a provider opens. Without one an account that is known by its bank "
        "details is active at once, and a hosted one waits for its owner.",
        _table(("`source`", "what happens"), _tokens(OPENINGS)),
        "## Phone numbers",
        "By the last four digits; a message to any other number is accepted and can be read in the inbox.",
        _table(("number", "what happens to a message"), numbers),
    )


def _tokens(table: Mapping[str, TokenBehaviour | SourceBehaviour | OpeningBehaviour]) -> list[Row]:
    return [(f"`{token}`", behaviour.description) for token, behaviour in table.items()]


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _WRITTEN, *parts]) + "\n"


def _table(titles: Row, rows: Iterable[Row]) -> str:
    body = [titles, ("---",) * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in body)


def _words(name: str) -> str:
    return name.replace("_", " ")
