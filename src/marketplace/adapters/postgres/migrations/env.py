"""Alembic runs on the connection it is given, all of it in one transaction."""

from alembic import context

from marketplace.adapters.postgres.migrate import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
