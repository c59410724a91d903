"""A running gateway, and payers with real browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.gateway import Gateway
from tests.support.browser import Payer, chromium

MakePayer = Callable[..., Payer]


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"BEZANT_TRUSTED_PROXIES": "127.0.0.1"}
    with Gateway(tmp_path_factory.mktemp("gateway"), settings=settings) as gateway:
        yield gateway


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


@pytest.fixture
def make_payer(browser: Browser, gateway: Gateway) -> Iterator[MakePayer]:
    """Makes payers. Whatever a browser complained of on their way fails the test."""
    made: list[Payer] = []

    def make(**options: Any) -> Payer:
        made.append(Payer(browser, gateway, **options))
        return made[-1]

    yield make
    for payer in made:
        payer.context.close()
    assert [complaint for payer in made for complaint in payer.complaints] == []


@pytest.fixture
def payer(make_payer: MakePayer) -> Payer:
    """A payer at a desk."""
    return make_payer()
