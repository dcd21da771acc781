"""
The whole schema as the core calls for it today: `python -m marketplace.adapters.postgres.draft`.

It writes the first draft of a migration, and the drift test compares a migrated database with it.
"""

import sys

from pgqueuer.adapters.persistence.qb import Durability, QueryBuilderEnvironment
from pgqueuer.adapters.persistence.schema_ddl import render_install
from pgqueuer.domain.settings import DBSettings

from marketplace.adapters.postgres.foundation import FOUNDATION, QUEUE_GRANTS
from marketplace.adapters.postgres.kinds import STORED
from marketplace.adapters.postgres.schema import APP_ROLE, table_script
from marketplace.adapters.postgres.shelf import DDL
from marketplace.adapters.postgres.turns import INDEX

_SHELF_GRANTS = f"GRANT SELECT, INSERT, UPDATE, DELETE ON sandbox_document TO {APP_ROLE};\n"


def whole_schema() -> str:
    """Every statement, in order, for an empty database."""
    queue = DBSettings(durability=Durability.durable)
    return "\n".join(
        (
            FOUNDATION,
            *(table_script(kind, indexes) for kind, indexes in STORED.items()),
            DDL,
            _SHELF_GRANTS,
            render_install(queue),
            QueryBuilderEnvironment(queue).build_optimize_autovacuum_query(),
            "",
            INDEX,
            QUEUE_GRANTS,
        )
    )


if __name__ == "__main__":
    sys.stdout.write(whole_schema())
