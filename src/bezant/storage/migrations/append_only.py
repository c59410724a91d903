"""Triggers that refuse to change the past: postings and events are added, never edited or removed.

They guard against a bug of ours; whoever may drop a trigger is not held back. A refused statement fails
as a violated constraint does. Called by schema versions, so what is here does not change after its
release: another rule is another version.
"""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Connection

TABLES = ("postings", "payment_events")

_FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation', MESSAGE = TG_TABLE_NAME || ' is append-only';
END
$$
"""


class Operations(Protocol):
    """What a schema version is written with: alembic's ``op``."""

    def get_bind(self) -> Connection:
        """The connection that is being migrated."""
        ...

    def execute(self, sqltext: str) -> Any:  # noqa: ANN401 - what it returns is alembic's own matter
        """Run a statement."""
        ...


def create(op: Operations) -> None:
    """Guard the tables that are append-only from the first schema version on."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
    for table in TABLES:
        guard(op, table)


def guard(op: Operations, table: str) -> None:
    """Refuse UPDATE and DELETE, and on PostgreSQL TRUNCATE, of a table."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change} BEFORE {change.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
