"""A migration is SQL text beside its module, and is never changed once it was released."""

from pathlib import Path

from alembic import op


def run_script(module: str) -> None:
    """Runs the .sql file beside a migration's module, all statements of it."""
    text = Path(module).with_suffix(".sql").read_text(encoding="utf-8")
    pooled = op.get_bind().connection.dbapi_connection
    assert pooled is not None
    # Prepared statements hold one statement each; the driver's own `execute` takes a script.
    pooled.run_async(lambda driver: driver.execute(text))
