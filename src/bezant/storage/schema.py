"""Which version of the schema a database has, and which one this code speaks.

Every start asks; so it is found out without the machinery that brings one to the other
(``storage/migrate``), which takes longer to load than most commands take.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine, column, inspect, select, table

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_VERSIONS: Final = table("alembic_version", column("version_num"))


def head() -> str:
    """The version that this code speaks: the number at the beginning of the last migration's file name."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def version(engine: Engine) -> str | None:
    """The version that a database has; ``None`` when it is empty."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(_VERSIONS.name):
            return None
        return connection.execute(select(_VERSIONS.c.version_num)).scalar_one_or_none()
