"""What every test may ask for. None may reach beyond this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import loopback
from tests.support import postgres as private_postgres
from tests.support.gateway import SEEDED, swift_starts

loopback.confine()
# A busy machine is no failure.
settings.register_profile("bezant", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("bezant")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio, so its tests do too."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _swift_starts() -> Iterator[None]:
    with swift_starts():
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[private_postgres.Server]:
    """A PostgreSQL server, started when first asked for. Its absence is a failure, never a skip."""
    try:
        with private_postgres.server() as server:
            SEEDED.borrow(server)
            yield server
    except private_postgres.Unavailable as reason:
        pytest.fail(str(reason), pytrace=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new, empty database: the test runs once on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bezant.db'}"
        return
    server: private_postgres.Server = request.getfixturevalue("postgres")
    name = f"bezant_{secrets.token_hex(8)}"
    yield server.create_database(name)
    server.drop_database(name)
