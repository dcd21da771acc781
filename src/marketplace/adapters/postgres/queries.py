"""The condition that answers each query stands here; `:field` is a field of the query, `t` the table."""

from marketplace.ports.storage import One

CLAUSES: dict[type, str] = {
    One: "t.id = :id",
}
