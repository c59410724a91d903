"""Signing accounts: made, changed, found again, and unreadable in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from bezant.core.merchants import (
    BadFacts,
    Digest,
    Edition,
    NoticeFormat,
    Notices,
    Signing,
    SigningAccount,
    SigningDirectory,
)
from bezant.core.outcomes import Conflict
from tests.storage.shop import Shop

PHRASES = ("FirstRequestPhrase", "FirstResponsePhrase")


@pytest.fixture
def signing(shop: Shop) -> Signing:
    return Signing(units=shop.units, names=shop.keys.hasher, clock=shop.clock)


@pytest.fixture
async def account(shop: Shop, signing: Signing) -> SigningAccount:
    return await signing.open(
        shop.caller.merchant.merchant_id,
        terminal_number=shop.caller.terminal.number,
        identifier="CycHZxVj",
        access_code="zx0IPmPy5jp1vAz8Kpg7",
        request_phrase=PHRASES[0],
        response_phrase=PHRASES[1],
    )


@pytest.mark.anyio
class TestASigningAccount:
    async def test_is_found_by_its_identifier_as_it_was_made(
        self, shop: Shop, account: SigningAccount
    ) -> None:
        directory = SigningDirectory(shop.units)
        assert await directory.by_identifier("CycHZxVj") == account
        assert await directory.of_merchant(account.merchant_id) == account
        assert await directory.by_identifier("cychzxvj") is None
        assert await directory.by_identifier("CycHZxVj' OR 1=1") is None

    async def test_is_changed_in_every_fact(
        self, shop: Shop, signing: Signing, account: SigningAccount
    ) -> None:
        wanted = replace(
            account,
            digest=Digest.HMAC512,
            edition=Edition.CLASSIC,
            notices=Notices(
                direct_url="https://shop.example.com/paid?x=1",
                later_url="https://shop.example.com/later",
                format=NoticeFormat.FORM,
            ),
            active=False,
        )
        assert await signing.change(account.merchant_id, lambda _: wanted) == wanted
        assert await SigningDirectory(shop.units).by_identifier(account.identifier) == wanted

    async def test_is_known_as_it_was_until_it_is_forgotten(
        self, shop: Shop, signing: Signing, account: SigningAccount
    ) -> None:
        directory = SigningDirectory(shop.units)
        await directory.by_identifier(account.identifier)
        await signing.change(account.merchant_id, lambda known: replace(known, active=False))
        known = await directory.by_identifier(account.identifier)
        assert known is not None
        assert known.active
        directory.forget()
        known = await directory.by_identifier(account.identifier)
        assert known is not None
        assert not known.active

    async def test_has_one_merchant_and_one_identifier(
        self, shop: Shop, signing: Signing, account: SigningAccount
    ) -> None:
        with pytest.raises(Conflict):
            await signing.open(account.merchant_id, terminal_number=shop.caller.terminal.number)

    async def test_keeps_its_phrases_sealed(self, shop: Shop, account: SigningAccount) -> None:
        with shop.engine.connect() as connection:
            (row,) = connection.execute(text("SELECT * FROM signing_accounts")).mappings()
        stored = b"".join(bytes(value) for value in row.values() if isinstance(value, bytes | memoryview))
        assert len(stored) > 60
        for phrase in PHRASES:
            assert phrase.encode() not in stored
        assert "Phrase" not in repr(account)

    async def test_is_missed_where_its_name_leads_to_another_merchant(
        self, shop: Shop, account: SigningAccount
    ) -> None:
        assert shop.wrong() == []
        with shop.engine.begin() as connection:
            connection.execute(text("UPDATE directory SET merchant_id = -1 WHERE kind = 'signing'"))
        (found,) = shop.wrong()
        assert (found.invariant, found.subject) == ("I14", f"signing {account.identifier}")

    async def test_tells_every_process_of_a_change(
        self, shop: Shop, signing: Signing, account: SigningAccount
    ) -> None:
        before = await shop.units.read(lambda unit: unit.system.accounts_version())
        await signing.rotate_response_phrase(account.merchant_id)
        assert await shop.units.read(lambda unit: unit.system.accounts_version()) > before


@pytest.mark.anyio
class TestARequestPhrase:
    async def test_is_replaced_with_an_overlap(
        self, shop: Shop, signing: Signing, account: SigningAccount
    ) -> None:
        changed = await signing.rotate_request_phrase(account.merchant_id, overlap=timedelta(hours=1))
        found = await SigningDirectory(shop.units).by_identifier(account.identifier)
        assert found == changed
        now = shop.clock.now()
        assert changed.request_phrases(now) == (changed.request_phrase, account.request_phrase)
        assert changed.request_phrases(now + timedelta(hours=1)) == (changed.request_phrase,)

    async def test_may_be_replaced_at_once(self, signing: Signing, account: SigningAccount) -> None:
        changed = await signing.rotate_request_phrase(account.merchant_id, overlap=timedelta())
        assert changed.old_phrase is None
        assert changed.request_phrase != account.request_phrase

    @pytest.mark.parametrize("overlap", [timedelta(days=31), timedelta(seconds=-1)])
    async def test_overlaps_for_a_month_at_most(
        self, signing: Signing, account: SigningAccount, overlap: timedelta
    ) -> None:
        with pytest.raises(BadFacts):
            await signing.rotate_request_phrase(account.merchant_id, overlap=overlap)

    @pytest.mark.parametrize("phrase", ["short", "with a blank", "x" * 65, "\u0661" * 10])
    async def test_is_printable(self, signing: Signing, account: SigningAccount, phrase: str) -> None:
        with pytest.raises(BadFacts):
            await signing.rotate_response_phrase(account.merchant_id, phrase=phrase)


@pytest.mark.anyio
class TestAnAccessCode:
    async def test_is_added_and_dropped(self, shop: Shop, signing: Signing, account: SigningAccount) -> None:
        more = await signing.add_access_code(account.merchant_id, code="Second1")
        assert set(more.access_codes) == {*account.access_codes, "Second1"}
        less = await signing.drop_access_code(account.merchant_id, account.access_codes[0])
        assert less.access_codes == ("Second1",)
        assert await SigningDirectory(shop.units).by_identifier(account.identifier) == less
        for code in ("Second1", "Unknown"):
            with pytest.raises(BadFacts):
                await signing.drop_access_code(account.merchant_id, code)


@pytest.mark.anyio
class TestANotice:
    @pytest.mark.parametrize(
        "url",
        [
            "ftp://shop.example.com/",
            "https://",
            "https://shop.example.com/a b",
            "https://user@shop.example.com/",
            "https://shop.example.com\\x",
            "https://shop.example.com/" + "x" * 500,
            "javascript:alert(1)",
        ],
    )
    async def test_goes_to_a_url(self, signing: Signing, account: SigningAccount, url: str) -> None:
        notices = Notices(direct_url=url)
        with pytest.raises(BadFacts):
            await signing.change(account.merchant_id, lambda known: replace(known, notices=notices))
