"""Documents that come from the code are written anew, or found to be stale."""

from pathlib import Path

import rich_click as click

from marketplace.entrypoints import documents
from marketplace.entrypoints.cli import screen
from marketplace.entrypoints.cli.refusals import FAILED


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a document is stale.")
@click.option(
    "--folder", type=click.Path(path_type=Path), default="docs", show_default=True, help="Where they stand."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
def docs(*, check: bool, folder: Path, as_json: bool) -> int | None:
    """
    Write the documents that come from the code.

    Lifecycles, settings and the sandbox's tokens are described by the code that uses them.

    For example:
        $ marketplace docs
        $ marketplace docs --check

    """
    stale = documents.check(folder) if check else documents.write(folder)
    if as_json:
        screen.show_json({"stale" if check else "written": stale})
    else:
        screen.stdout().print("\n".join(map(str, stale)) if stale else "All documents are up to date.")
    if check and stale and not as_json:
        screen.stderr().print("Write them with `marketplace docs`.")
    return FAILED if check and stale else None
