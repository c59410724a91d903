"""Gateways on which the vendor's samples are replayed: one for each database, for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.aps import Office, Shop
from tests.support.gateway import DATABASES, gateway_on


@pytest.fixture(scope="session", params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Boards merchants on a running gateway."""
    postgres = partial(request.getfixturevalue, "postgres")
    with (
        gateway_on(request.param, tmp_path_factory.mktemp("aps"), postgres=postgres) as gateway,
        Office(gateway) as office,
    ):
        yield office


@pytest.fixture(scope="session")
def shop(office: Office) -> Shop:
    """A shop of the current edition."""
    return office.board()


@pytest.fixture(scope="session")
def classic(office: Office) -> Shop:
    """A shop of the classic edition."""
    return office.board(classic=True)


@pytest.fixture(params=["current", "classic"])
def either(request: pytest.FixtureRequest, shop: Shop, classic: Shop) -> Shop:
    """Shops of both editions in turn."""
    return classic if request.param == "classic" else shop
