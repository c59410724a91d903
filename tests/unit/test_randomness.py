"""What happens to whoever needs random bytes when the system has none."""

from __future__ import annotations

import os
import random

import pytest

from bezant.core.outcomes import Unavailable
from bezant.core.sensitive import Pan, Secret
from bezant.storage.crypto import CardSealer, RootKey, SecretHasher
from bezant.web.seals import Seals, new_browser

ROOT = RootKey(bytes(32))
HASHER = SecretHasher(ROOT)
SEALER = CardSealer(ROOT, {1: bytes(32)})


@pytest.fixture
def _no_random_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(_count: int) -> bytes:
        raise OSError

    monkeypatch.setattr(os, "urandom", draw)
    monkeypatch.setattr(random, "_urandom", draw)


@pytest.mark.usefixtures("_no_random_bytes")
class TestWithoutRandomBytes:
    @pytest.mark.parametrize(
        "attempt",
        [
            pytest.param(lambda: SEALER.seal(1, "token", Pan("4111111111111111")), id="a card"),
            pytest.param(lambda: SEALER.seal_owned("owner", "purpose", Secret("x")), id="a secret"),
            pytest.param(HASHER.app_name, id="a name"),
            pytest.param(lambda: HASHER.random_digits(6), id="a number"),
            pytest.param(HASHER.one_time_password, id="a password"),
            pytest.param(HASHER.new_client_token, id="a client token"),
            pytest.param(new_browser, id="a browser"),
            pytest.param(lambda: Seals(HASHER.digest).new_form("uid", "b", agreed_minor=1), id="a form"),
        ],
    )
    def test_nothing_is_made_of_others_and_it_may_be_tried_again(self, attempt: object) -> None:
        assert callable(attempt)
        with pytest.raises(Unavailable):
            attempt()
