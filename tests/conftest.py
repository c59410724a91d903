"""What every test may ask for, and what none may do: reach beyond this machine."""

from __future__ import annotations

import ipaddress
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres as private_postgres


class OutsideReached(BaseException):
    """A test tried to leave this machine. No ``except Exception`` may take it for a failing network."""


def _refuse_outside(event: str, arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"} and not _is_loopback(arguments[1]):
        raise OutsideReached(f"{event} to {arguments[1]!r}: tests reach loopback only")


def _is_loopback(address: object) -> bool:
    """``address`` as sockets take it: a tuple for IP, a path for Unix sockets, none when connected before."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    try:
        return host in {"", "localhost"} or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


# An audit hook sees every socket that Python code opens, whoever imported it and however.
sys.addaudithook(_refuse_outside)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The server runs on asyncio, so its tests do too."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[private_postgres.Server]:
    """A PostgreSQL server, started when first asked for. Its absence is a failure, never a skip."""
    try:
        with private_postgres.server() as server:
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
