from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from bezant.core.credentials import SCOPES, Claims, Refusal, SigningKey
from bezant.core.people import OrganizationKind, OwnerRef
from bezant.storage.tokens import SignedTokens

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
CLAIMS: Final = Claims(
    owner=OwnerRef.merchant(7),
    scopes=SCOPES[OrganizationKind.MERCHANT],
    unique_id="7a0a4c2e-2f57-4e0c-8a52-0d1b2c3d4e5f",
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    stamp="dakey_x.1",
)


@pytest.fixture(scope="module")
def keys() -> list[SigningKey]:
    async def made() -> list[SigningKey]:
        return [await SignedTokens().new_key(number, at=NOW) for number in (2, 1)]

    return asyncio.run(made())


class TestAToken:
    def test_says_the_same_however_often_it_is_read(self, keys: list[SigningKey]) -> None:
        tokens = SignedTokens()
        text = tokens.write(CLAIMS, keys[1]).reveal()
        assert [tokens.read(text, keys) for _ in range(3)] == [(CLAIMS, keys[1])] * 3

    def test_is_taken_no_more_when_its_key_is_gone(self, keys: list[SigningKey]) -> None:
        tokens = SignedTokens()
        text = tokens.write(CLAIMS, keys[1]).reveal()
        tokens.read(text, keys)
        assert tokens.read(text, keys[:1]) is Refusal.BAD_SIGNATURE
        assert tokens.read(text, keys) == (CLAIMS, keys[1])

    def test_comes_with_its_key_as_that_is_now(self, keys: list[SigningKey]) -> None:
        tokens = SignedTokens()
        text = tokens.write(CLAIMS, keys[1]).reveal()
        tokens.read(text, keys)
        over = replace(keys[1], until=NOW)
        assert tokens.read(text, [keys[0], over]) == (CLAIMS, over)

    def test_lends_its_proof_to_no_other(self, keys: list[SigningKey]) -> None:
        tokens = SignedTokens()
        text = tokens.write(CLAIMS, keys[0]).reveal()
        another = tokens.write(replace(CLAIMS, owner=OwnerRef.merchant(8)), keys[0]).reveal()
        tokens.read(text, keys)
        tokens.read(another, keys)
        head, payload, signature = text.split(".")
        _, its_payload, its_signature = another.split(".")
        assert tokens.read(f"{head}.{its_payload}.{signature}", keys) is Refusal.BAD_SIGNATURE
        assert tokens.read(f"{head}.{payload}.{its_signature}", keys) is Refusal.BAD_SIGNATURE
        assert tokens.read(text[:-1], keys) is Refusal.INVALID
        assert tokens.read(f"{text} ", keys) is Refusal.INVALID

    def test_is_good_beside_more_than_can_be_kept(self, keys: list[SigningKey]) -> None:
        tokens = SignedTokens(proven_max=2)
        several = [replace(CLAIMS, owner=OwnerRef.merchant(number)) for number in range(1, 6)]
        texts = [tokens.write(claims, keys[0]).reveal() for claims in several]
        for _ in range(2):
            assert [tokens.read(text, keys) for text in texts] == [(claims, keys[0]) for claims in several]
