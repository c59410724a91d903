"""Shops on the shared gateways: each test has a merchant of its own where it changes one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aps import SHA_TYPES, Office, Shop
from tests.support.gateway import Gateway

EDITIONS = ("current", "classic")


@pytest.fixture(scope="session")
def _office(_shared: Gateway) -> Iterator[Office]:
    with Office(_shared) as office:
        yield office


@pytest.fixture
def office(gateway: Gateway, _office: Office) -> Office:
    """Boards merchants on the shared gateway."""
    return _office


@pytest.fixture(scope="session")
def _shops(_office: Office) -> dict[tuple[str, str], Shop]:
    return {
        (edition, sha_type): _office.board(classic=edition == "classic", sha_type=sha_type)
        for edition in EDITIONS
        for sha_type in SHA_TYPES
    }


@pytest.fixture(params=EDITIONS)
def edition(request: pytest.FixtureRequest) -> str:
    """Both editions in turn."""
    found: str = request.param
    return found


@pytest.fixture(params=SHA_TYPES)
def sha_type(request: pytest.FixtureRequest) -> str:
    """All ways to sign in turn."""
    found: str = request.param
    return found


@pytest.fixture
def shop(gateway: Gateway, _shops: dict[tuple[str, str], Shop]) -> Shop:
    """A shop of the current edition."""
    return _shops["current", "sha256"]


@pytest.fixture
def any_shop(gateway: Gateway, _shops: dict[tuple[str, str], Shop], edition: str, sha_type: str) -> Shop:
    """A shop of either edition that signs in any way."""
    return _shops[edition, sha_type]
