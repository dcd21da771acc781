"""What draws is loaded when the first document is asked for: nobody else waits for it."""

from importlib import import_module

from marketplace.entrypoints.papers.paper import Paper


def draw(paper: Paper) -> bytes:
    """The PDF of a statement. It takes a while where there are many pages."""
    body: bytes = import_module("marketplace.entrypoints.papers.pdf").statement_pdf(paper)
    return body
