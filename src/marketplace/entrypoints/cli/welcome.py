"""Whoever has started the marketplace reads where it answers, who can sign in, and what to try next."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from rich import box
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from marketplace.core.shared.roles import Role
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.seed import Seeded
from marketplace.entrypoints.settings import Settings

_JSON = "-H 'Content-Type: application/json'"


def documents(base_url: str) -> Mapping[str, str]:
    """Where the OpenAPI documents are, by whom they are for."""
    return {
        "customers and providers": f"{base_url}/v1/openapi.json",
        "the platform's people": f"{base_url}/admin/v1/openapi.json",
    }


def show_json(base_url: str, seeded: Seeded, *, kept_in: Path | None) -> None:
    screen.show_json(
        {
            "url": base_url,
            "documents": documents(base_url),
            "tenant": seeded.tenant.slug,
            "data": kept_in,
            "people": [
                {"role": one.role, "name": one.name, "phone": one.phone, "user_id": one.user_id}
                for one in seeded.people
            ],
        }
    )


def show(base_url: str, seeded: Seeded, *, kept_in: Path | None) -> None:
    console = screen.stdout()
    answers = Group(_facts(base_url, seeded, kept_in), Text(), _people(seeded))
    title = f"{seeded.tenant.policy.wording.brand} - a {seeded.tenant.slug} marketplace"
    if console.is_terminal:
        console.print(Panel(answers, title=title, title_align="left", border_style="green", box=box.ROUNDED))
    else:
        console.print(title, answers, sep="\n\n")
    console.print()
    _show_lines(
        console, "Sign in, like anybody, by a code that comes as a message:", _sign_in(base_url, seeded)
    )
    _show_lines(console, "Look around, or see a booking go its whole way:", _next_steps(base_url))
    console.print("Ctrl-C stops it.\n" if kept_in is None else "Ctrl-C stops it; the data stays.\n")
    console.file.flush()


def _facts(base_url: str, seeded: Seeded, kept_in: Path | None) -> Table:
    made = _grid()
    made.add_row("answers at", base_url)
    for reader, url in documents(base_url).items():
        made.add_row("OpenAPI", f"{url}  for {reader}")
    made.add_row("data", str(kept_in) if kept_in else "in the database that DATABASE_URL names")
    ahead = seeded.tenant.clock_ahead_seconds
    if ahead:
        made.add_row("clock", f"{screen.length_of(ahead)} ahead, as it was moved")
    return made


def _people(seeded: Seeded) -> Table:
    made = _grid()
    for person in seeded.people:
        made.add_row(person.role, f"{person.phone}  {person.name}{_works_for(person.provider_id, seeded)}")
    return made


def _works_for(provider_id: object, seeded: Seeded) -> str:
    names = [provider.name for provider in seeded.providers if provider.id == provider_id]
    return f", {names[0]}" if names else ""


def _grid() -> Table:
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    return made


def _sign_in(base_url: str, seeded: Seeded) -> Iterator[str]:
    phone, sign_in_id = seeded.first(Role.CUSTOMER).phone, uuid4()
    yield f"curl {base_url}/v1/sign-in/codes {_JSON} -d '{_body(sign_in_id, phone=phone)}'"
    yield f"curl '{base_url}/v1/sandbox/inbox?address={quote(phone)}&limit=1'"
    proof = _body(sign_in_id, code="THE CODE", role="customer")
    yield f"curl {base_url}/v1/sign-in/tokens {_JSON} -d '{proof}'"


def _body(sign_in_id: object, **others: Any) -> str:
    members = {"sign_in_id": sign_in_id, **others}
    return "{" + ", ".join(f'"{name}": "{value}"' for name, value in members.items()) + "}"


def _next_steps(base_url: str) -> Iterator[str]:
    program = "./marketplace" if Path("marketplace").is_file() else "marketplace"
    yield f"curl {base_url}/v1/services"
    yield f"{program} demo" + ("" if base_url == Settings().base_url else f" --url {base_url}")
    yield f"{program} --help"


def _show_lines(console: Console, said: str, lines: Iterator[str]) -> None:
    """Unwrapped and without a frame, so that they can be copied."""
    console.print(f"{said}\n")
    for line in lines:
        console.print(Text(f"  {line}", style="cyan"), soft_wrap=True)
    console.print()
