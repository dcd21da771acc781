"""
The tables that the core's classes call for: columns from fields, guards from lifecycles and rules.

Migrations are frozen text. This module writes the first draft of one, and the drift test compares what the
migrations made with what stands here.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from marketplace.adapters.postgres.tables import Column, table_of
from marketplace.core.shared.lifecycle import Lifecycle
from marketplace.core.shared.rules import AppendOnly, AtMost, Balanced, NoOverlap, Unique, kind_name, rules_of

APP_ROLE = "marketplace_app"
_OWN_TENANT = "tenant_id = nullif(current_setting('marketplace.tenant', true), '')::uuid"

# Read by server-sent events in (xact, seq) order, below the oldest transaction that is still running.
_EXTRA_COLUMNS = {
    "event": (
        '"seq" bigint GENERATED ALWAYS AS IDENTITY',
        '"xact" xid8 NOT NULL DEFAULT pg_current_xact_id()',
    )
}


def table_script(kind: type, indexes: Iterable[tuple[str, ...]] = ()) -> str:
    """Every statement that the table of one class needs."""
    statements = [
        _table(kind),
        *(_index(kind, fields) for fields in indexes),
        *_partial_uniques(kind),
        *_lifecycle_guards(kind),
        *_rule_guards(kind),
        *_tenants_apart(kind),
    ]
    return "\n".join(f"{statement};" for statement in statements) + "\n"


def _table(kind: type) -> str:
    table = table_of(kind)
    lines = [
        *map(_column, table.columns),
        *_EXTRA_COLUMNS.get(table.name, ()),
        f'CONSTRAINT "{table.name}_pkey" PRIMARY KEY (tenant_id, id)',
        *_state_checks(kind),
        *_rule_constraints(kind),
    ]
    return f"CREATE TABLE {table.quoted} (\n    " + ",\n    ".join(lines) + "\n)"


def _column(column: Column) -> str:
    return f'"{column.name}" {column.sql_type}' + ("" if column.nullable else " NOT NULL")


def _state_checks(kind: type) -> Iterator[str]:
    lifecycle = lifecycle_of(kind)
    if lifecycle is None:
        return
    name = kind_name(kind)
    nullable = {column.name for column in table_of(kind).columns if column.nullable}
    yield f'CONSTRAINT "{name}_state" CHECK (state = ANY ({_listed(lifecycle.states)}))'
    for field in sorted(nullable.intersection(chain.from_iterable(lifecycle.requires.values()))):
        states = [state for state, needed in lifecycle.requires.items() if field in needed]
        yield (
            f'CONSTRAINT "{name}_needs_{field}" CHECK ("{field}" IS NOT NULL'
            f" OR state <> ALL ({_listed(sorted(states))}))"
        )


def _rule_constraints(kind: type) -> Iterator[str]:
    for rule in rules_of(kind):
        match rule:
            case Unique(states=()):
                yield f'CONSTRAINT "{rule.name_on(kind)}" UNIQUE ({_unique_columns(rule)})'
            case NoOverlap():
                yield f'CONSTRAINT "{rule.name_on(kind)}" {_exclusion(rule)}'
            case AtMost():
                parts = " + ".join(f'"{part}"' for part in rule.parts)
                floors = " AND ".join(f'"{part}" >= 0' for part in rule.parts)
                yield f'CONSTRAINT "{rule.name_on(kind)}" CHECK ({floors} AND {parts} <= "{rule.whole}")'
            case _:
                pass


def _exclusion(rule: NoOverlap) -> str:
    """Without btree_gist, which embedded PostgreSQL lacks: equality is the overlap of one-point ranges."""
    return (
        "EXCLUDE USING gist (uuidrange(tenant_id, tenant_id, '[]') WITH &&,"
        f' uuidrange("{rule.owner}", "{rule.owner}", \'[]\') WITH &&,'
        f' tstzrange("{rule.starts}", "{rule.ends}") WITH &&)'
        f" WHERE (state = ANY ({_listed(rule.states)}))"
    )


def _unique_columns(rule: Unique) -> str:
    columns = ", ".join(f'"{field}"' for field in rule.fields)
    return columns if rule.everywhere else f"tenant_id, {columns}"


def _partial_uniques(kind: type) -> Iterator[str]:
    for rule in rules_of(kind):
        if isinstance(rule, Unique) and rule.states:
            yield (
                f'CREATE UNIQUE INDEX "{rule.name_on(kind)}" ON {table_of(kind).quoted}'
                f" ({_unique_columns(rule)}) WHERE state = ANY ({_listed(rule.states)})"
            )


def _index(kind: type, fields: tuple[str, ...]) -> str:
    table = table_of(kind)
    name = f"{table.name}_{'_'.join(fields)}_idx"
    columns = ", ".join(f'"{field}"' for field in fields)
    return f'CREATE INDEX "{name}" ON {table.quoted} (tenant_id, {columns})'


def _lifecycle_guards(kind: type) -> Iterator[str]:
    lifecycle = lifecycle_of(kind)
    if lifecycle is None:
        return
    table = table_of(kind)
    pairs = _listed(f"{source}>{target}" for source, target in sorted(lifecycle.pairs()))
    yield (
        f'CREATE TRIGGER "{table.name}_birth" BEFORE INSERT ON {table.quoted} FOR EACH ROW'
        f" WHEN (NEW.version <> 1 OR NEW.state <> ALL ({_listed(lifecycle.initials)}))"
        " EXECUTE FUNCTION refuse('no row begins so')"
    )
    yield (
        f'CREATE TRIGGER "{table.name}_move" BEFORE UPDATE ON {table.quoted} FOR EACH ROW'
        " WHEN (NEW.version <> OLD.version + 1 OR NEW.id <> OLD.id OR NEW.tenant_id <> OLD.tenant_id"
        f" OR OLD.state || '>' || NEW.state <> ALL ({pairs}))"
        " EXECUTE FUNCTION refuse('no move leads there')"
    )


def _rule_guards(kind: type) -> Iterator[str]:
    for rule in rules_of(kind):
        match rule:
            case AppendOnly():
                yield from _append_only(kind, rule)
            case Balanced():
                yield from _balanced(kind, rule)
            case _:
                pass


def _append_only(kind: type, rule: AppendOnly) -> Iterator[str]:
    yield (
        f'CREATE TRIGGER "{rule.name_on(kind)}" BEFORE UPDATE OR DELETE OR TRUNCATE'
        f" ON {table_of(kind).quoted} FOR EACH STATEMENT EXECUTE FUNCTION refuse('what is written stays')"
    )


def _balanced(kind: type, rule: Balanced) -> Iterator[str]:
    """Once for each statement, over the rows that it added: a write is one statement."""
    name = rule.name_on(kind)
    group = ", ".join(f'"{field}"' for field in rule.group)
    yield (
        f'CREATE FUNCTION "{name}"() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n'
        f"    IF EXISTS (SELECT FROM added GROUP BY tenant_id, {group}"
        f' HAVING sum("{rule.amount}") <> 0) THEN\n'
        f"        RAISE EXCEPTION '%: does not sum to zero', TG_TABLE_NAME"
        f" USING ERRCODE = 'MP002', CONSTRAINT = TG_NAME;\n"
        "    END IF;\n    RETURN NULL;\nEND $$"
    )
    yield (
        f'CREATE TRIGGER "{name}" AFTER INSERT ON {table_of(kind).quoted}'
        f' REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "{name}"()'
    )


def _tenants_apart(kind: type) -> Iterator[str]:
    """The second net; the first is that every statement names the tenant."""
    table = table_of(kind)
    moved = ", UPDATE" if lifecycle_of(kind) else ""
    yield f"ALTER TABLE {table.quoted} ENABLE ROW LEVEL SECURITY"
    yield f'CREATE POLICY "{table.name}_own" ON {table.quoted} USING ({_OWN_TENANT})'
    yield f"GRANT SELECT, INSERT{moved} ON {table.quoted} TO {APP_ROLE}"


def lifecycle_of(kind: type) -> Lifecycle | None:
    return getattr(kind, "LIFECYCLE", None)


def _listed(values: Iterable[str]) -> str:
    """As one constant: PostgreSQL reads a constraint's expression anew for each statement."""
    return "'{" + ",".join(values) + "}'::text[]"
