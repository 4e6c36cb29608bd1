"""Runs the migrations over the connection that `migrate` hands in, and writes new ones in our own types' names."""

from typing import Any, Literal

from alembic import context

from hub.store.tables import Amount, Json, Moment, metadata


def _named(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    if kind == "type" and isinstance(item, Moment | Amount):
        return f"tables.{type(item).__name__}()"
    if kind == "type" and item is Json:
        return "tables.Json"
    return False


context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_item=_named)
with context.begin_transaction():
    context.run_migrations()
