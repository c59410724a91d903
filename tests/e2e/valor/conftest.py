"""Shops on the shared gateways: each test has a merchant of its own, so that none sees another's batch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.valor.shop import Office, Shop, Till
from tests.e2e.valor.wire import Wire
from tests.support.gateway import Gateway


@pytest.fixture(scope="session")
def _office(_shared: Gateway) -> Iterator[Office]:
    with Office(_shared) as office:
        yield office


@pytest.fixture
def office(gateway: Gateway, _office: Office) -> Office:
    """Boards merchants on the shared gateway."""
    return _office


@pytest.fixture
def shop(office: Office) -> Shop:
    """A new merchant with two terminals, in New York."""
    return office.board(terminals=2)


@pytest.fixture
def till(shop: Shop) -> Till:
    """The first terminal of a new merchant."""
    return shop.tills[0]


@pytest.fixture
def wire(gateway: Gateway) -> Iterator[Wire]:
    """A connection to the gateway. Whatever the test sent, the server still lives and nothing crashed."""
    wire = Wire(gateway)
    yield wire
    wire.close()
    assert gateway.is_ready()
    assert "request crashed" not in gateway.log_text()
