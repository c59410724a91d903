"""Bringing a database to the schema that this code speaks."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from bezant.core.faults import fault_point
from bezant.storage.schema import MIGRATIONS


def upgrade(engine: Engine) -> None:
    """Apply what is missing, each version in a transaction of its own."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    fault_point("migration.due")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    fault_point("migration.done")
