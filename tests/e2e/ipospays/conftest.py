"""Merchants with keys on the shared gateways: a test that settles or changes one has its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.ipospays.merchant import Bureau, Caller, Merchant
from tests.support.gateway import Gateway


@pytest.fixture(scope="session")
def _bureau(_shared: Gateway) -> Iterator[Bureau]:
    with Bureau(_shared) as bureau:
        yield bureau


@pytest.fixture
def bureau(gateway: Gateway, _bureau: Bureau) -> Bureau:
    """Boards merchants on the shared gateway."""
    return _bureau


@pytest.fixture(scope="module")
def _standing(_bureau: Bureau) -> Merchant:
    return _bureau.open()


@pytest.fixture
def standing(gateway: Gateway, _standing: Merchant) -> Merchant:
    """A merchant that the tests of a module share: none of them changes it."""
    return _standing


@pytest.fixture
def merchant(bureau: Bureau) -> Merchant:
    """A new merchant."""
    return bureau.open()


@pytest.fixture
def caller(merchant: Merchant) -> Caller:
    """Its first terminal."""
    return merchant.caller
