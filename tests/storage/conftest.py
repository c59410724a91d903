"""Databases that have the schema already: migrated once on each engine, then copied for every test."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bezant.storage import migrate
from bezant.storage.engine import open_engine
from tests.storage.shop import Shop, open_shop
from tests.support import postgres


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "bezant.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _postgresql_template(postgres: postgres.Server) -> Iterator[str]:
    name = f"bezant_{secrets.token_hex(8)}"
    _migrate(postgres.create_database(name))
    yield name
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database that has the schema and no rows: the test runs once on each engine."""
    if request.param == "postgresql":
        yield request.getfixturevalue("migrated_server_url")
        return
    path = tmp_path / "bezant.db"
    shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
    yield f"sqlite:///{path}"


@pytest.fixture
def migrated_server_url(postgres: postgres.Server, _postgresql_template: str) -> Iterator[str]:
    """The same on PostgreSQL alone, for what only a server does."""
    name = f"bezant_{secrets.token_hex(8)}"
    yield postgres.create_database(name, template=_postgresql_template)
    postgres.drop_database(name)


@pytest.fixture
def postgresql_url(postgres: postgres.Server) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    name = f"bezant_{secrets.token_hex(8)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """A migrated database, opened as the gateway opens it."""
    engine = open_engine(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture
async def shop(anyio_backend: str, engine: Engine, tmp_path: Path) -> AsyncIterator[Shop]:
    """A boarded merchant with one terminal, and the gateway around it."""
    async with open_shop(engine, tmp_path) as shop:
        yield shop


@pytest.fixture
async def server_shop(anyio_backend: str, migrated_server_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    """The same shop on PostgreSQL alone."""
    engine = open_engine(migrated_server_url)
    async with open_shop(engine, tmp_path) as shop:
        yield shop
    engine.dispose()


def _migrate(url: str) -> None:
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
