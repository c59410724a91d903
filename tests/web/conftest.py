"""A running gateway, and payers with real browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Payer, chromium
from tests.support.gateway import Gateway
from tests.support.links import Desk

MakePayer = Callable[..., Payer]


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"BEZANT_TRUSTED_PROXIES": "127.0.0.1"}
    with Gateway(tmp_path_factory.mktemp("gateway"), settings=settings) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def desk(_shared: Gateway) -> Iterator[Desk]:
    """Where a merchant makes links."""
    with Desk.at(_shared) as desk:
        yield desk


@pytest.fixture
def gateway(_shared: Gateway) -> Iterator[Gateway]:
    """A running gateway, shared by all tests. Not to be stopped."""
    yield _shared
    _shared.control.clear_scripts()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, closed after the module: while it is open, no other test can run an event loop."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def _seat(browser: Browser, _shared: Gateway) -> Payer:
    return Payer(browser, _shared)


@pytest.fixture
def payer(_seat: Payer) -> Iterator[Payer]:
    """A payer at a desk. Whatever its browser complains of fails the test."""
    _seat.become_another()
    yield _seat
    assert _seat.complaints == []


@pytest.fixture
def make_payer(browser: Browser, gateway: Gateway) -> Iterator[MakePayer]:
    """Makes payers with browsers of their own. Whatever these complain of fails the test."""
    made: list[Payer] = []

    def make(**options: Any) -> Payer:
        made.append(Payer(browser, gateway, **options))
        return made[-1]

    yield make
    for payer in made:
        payer.context.close()
    assert [complaint for payer in made for complaint in payer.complaints] == []
