"""Every table of the first release."""

from alembic import op

from marketplace.adapters.postgres.migrations.script import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(__file__)
    op.execute("GRANT SELECT ON schema_version TO marketplace_app")
