"""Gateways on which the vendor's samples are replayed: one for each database, for the whole folder."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest

from bezant.core.merchants import Profile
from tests.e2e.valor.shop import Office, Till
from tests.support import postgres as private_postgres
from tests.support.gateway import Gateway


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Boards merchants on a running gateway."""
    with contextlib.ExitStack() as stack:
        database_url = ""
        if request.param == "postgresql":
            server: private_postgres.Server = request.getfixturevalue("postgres")
            name = f"bezant_{secrets.token_hex(8)}"
            database_url = server.create_database(name)
            stack.callback(server.drop_database, name)
        gateway = stack.enter_context(Gateway(tmp_path_factory.mktemp("samples"), database_url=database_url))
        yield stack.enter_context(Office(gateway))


@pytest.fixture
def till(office: Office) -> Till:
    """A terminal like that of the samples: VT #2 of Valor Store LLC in New York, on the surcharge profile."""
    return office.board(terminals=2, profiles=(Profile.SURCHARGE,), store="Valor Store LLC").tills[1]
