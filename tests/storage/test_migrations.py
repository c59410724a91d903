"""The schema: what the versions build is what the code speaks, and the past stays as it was."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Table, UniqueConstraint, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from bezant.storage import migrate, schema, tables
from bezant.storage.engine import open_engine
from bezant.storage.migrations import append_only
from tests.storage.shop import Shop


class TestAnEmptyDatabase:
    def test_is_brought_to_the_schema_that_the_code_speaks(self, database_url: str) -> None:
        engine = open_engine(database_url)
        assert schema.version(engine) is None
        migrate.upgrade(engine)
        assert schema.version(engine) == schema.head()
        assert _differences(engine) == []
        engine.dispose()

    def test_is_brought_there_once(self, database_url: str) -> None:
        engine = open_engine(database_url)
        for _ in range(2):
            migrate.upgrade(engine)
        assert schema.version(engine) == schema.head()
        engine.dispose()

    def test_stays_empty_when_a_version_fails(self, database_url: str) -> None:
        """Half a schema would be worse than none: the same command starts again from where it was."""
        engine = open_engine(database_url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE reversals (merchant_id INTEGER)"))
        with pytest.raises(Exception, match="reversals"):
            migrate.upgrade(engine)
        assert schema.version(engine) is None
        assert set(inspect(engine).get_table_names()) <= {"reversals", "alembic_version"}
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE reversals"))
        migrate.upgrade(engine)
        assert _differences(engine) == []
        engine.dispose()


class TestTheVersionThatTheCodeSpeaks:
    def test_is_the_last_of_one_line(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        line = [each.revision for each in ScriptDirectory.from_config(config).walk_revisions()]
        assert line == sorted(line, reverse=True)
        assert line[0] == schema.head()


class TestATable:
    @pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=lambda table: table.name)
    def test_of_a_merchants_can_be_distributed_by_merchant(self, table: Table) -> None:
        """The merchant comes first in its primary key and in whatever else is unique."""
        if "merchant_id" not in table.columns or table.name == "directory":
            return  # nobody's, or looked in to learn whose a name is
        assert next(iter(table.primary_key.columns)).name == "merchant_id"
        unique = [index.columns for index in table.indexes if index.unique]
        unique += [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
        assert {next(iter(columns)).name for columns in unique} <= {"merchant_id"}


class TestThePast:
    @pytest.mark.anyio
    @pytest.mark.parametrize("table", append_only.TABLES)
    async def test_cannot_be_changed(self, shop: Shop, table: str) -> None:
        await shop.sale()
        await shop.settlements.settle(shop.caller)
        before = shop.count(table)
        statements = [
            f"UPDATE {table} SET merchant_id = merchant_id",  # noqa: S608 - our names
            f"UPDATE {table} SET merchant_id = 0 WHERE merchant_id < 0",  # noqa: S608 - the same
            f"DELETE FROM {table}",  # noqa: S608 - the same
        ]
        if shop.engine.dialect.name == "postgresql":
            statements.append(f"TRUNCATE {table}")
        for statement in statements:
            _refused(shop.engine, statement, unless_idle="< 0" in statement)
        assert shop.count(table) == before > 0

    @pytest.mark.anyio
    async def test_goes_on(self, shop: Shop) -> None:
        await shop.sale()
        before = [shop.count(table) for table in append_only.TABLES]
        await shop.sale()
        assert all(shop.count(table) > count for table, count in zip(append_only.TABLES, before, strict=True))


def _refused(engine: Engine, statement: str, *, unless_idle: bool) -> None:
    """SQLite's triggers see rows: a statement that finds none changes nothing, and may pass."""
    if unless_idle and engine.dialect.name == "sqlite":
        return
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))


def _differences(engine: Engine) -> list[object]:
    plain = create_engine(engine.url)
    with plain.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        found: list[object] = compare_metadata(context, tables.metadata)
    plain.dispose()
    return found
