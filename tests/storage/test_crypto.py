"""Keys and what is sealed under them: bound to its owner, unreadable elsewhere, and nowhere in clear."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Charge, Kind
from bezant.core.sensitive import Cvv, Pan, Secret
from bezant.storage.crypto import (
    CardSealer,
    KeyTrouble,
    RootKey,
    SecretHasher,
    create_root_key,
    load_root_key,
    new_data_key,
    unwrap_data_key,
)
from bezant.storage.keyring import open_keys, open_root_key
from tests.storage.shop import CARD, SILENCE, Shop

ROOT = RootKey(bytes(range(32)))
OTHER_ROOT = RootKey(bytes(range(1, 33)))
CVV = Cvv("8315")
KEYS = {1: bytes(32), 2: bytes(range(32))}
PANS = st.from_regex(r"[0-9]{12,19}", fullmatch=True).map(Pan)
MERCHANTS = st.integers(1, 2**62)


def _sealer(root: RootKey = ROOT, keys: dict[int, bytes] | None = None) -> CardSealer:
    return CardSealer(root, KEYS if keys is None else keys)


class TestAToken:
    @given(MERCHANTS, PANS)
    def test_is_stable_and_looks_like_one(self, merchant_id: int, pan: Pan) -> None:
        token = _sealer().token(merchant_id, pan)
        assert re.fullmatch(r"[0-9A-F]{40}", token)
        assert token == _sealer(keys={7: os.urandom(32)}).token(merchant_id, pan)

    @given(MERCHANTS, PANS, st.integers(1, 1000))
    def test_is_another_for_another_merchant(self, merchant_id: int, pan: Pan, step: int) -> None:
        assert _sealer().token(merchant_id, pan) != _sealer().token(merchant_id + step, pan)

    def test_is_another_for_another_card_or_root(self) -> None:
        token = _sealer().token(1, CARD)
        assert token != _sealer().token(1, Pan("4111111111111112"))
        assert token != _sealer(OTHER_ROOT).token(1, CARD)

    def test_does_not_run_merchant_and_card_together(self) -> None:
        """1 with 2345... and 12 with 345... are two things."""
        assert _sealer().token(1, Pan("2345678901234")) != _sealer().token(12, Pan("345678901234"))


class TestASealedCard:
    @given(MERCHANTS, PANS)
    def test_opens_for_its_owner(self, merchant_id: int, pan: Pan) -> None:
        sealer = _sealer()
        token = sealer.token(merchant_id, pan)
        sealed = sealer.seal(merchant_id, token, pan)
        assert pan.reveal().encode() not in sealed
        assert sealer.open(merchant_id, token, sealed) == pan

    def test_opens_for_nobody_else(self) -> None:
        sealer = _sealer()
        token, other = sealer.token(1, CARD), sealer.token(2, CARD)
        sealed = sealer.seal(1, token, CARD)
        for merchant_id, claimed in ((2, token), (1, other), (2, other)):
            with pytest.raises(ValueError, match="somebody else"):
                sealer.open(merchant_id, claimed, sealed)
        with pytest.raises(ValueError, match="somebody else"):
            sealer.open_secret(1, 1, sealed)

    @given(st.data())
    def test_does_not_open_once_it_was_touched(self, data: st.DataObject) -> None:
        sealer = _sealer()
        token = sealer.token(1, CARD)
        sealed = bytearray(sealer.seal(1, token, CARD))
        place = data.draw(st.integers(0, len(sealed) - 1))
        sealed[place] ^= 1 << data.draw(st.integers(0, 7))
        with pytest.raises(ValueError, match="sealed"):
            sealer.open(1, token, bytes(sealed))

    @pytest.mark.parametrize("sealed", [b"", b"\x00\x00\x00\x01", bytes(16), bytes(31)], ids=len)
    def test_is_not_read_from_rubbish(self, sealed: bytes) -> None:
        with pytest.raises(ValueError, match=r"sealed|Nonce"):
            _sealer().open(1, "A" * 40, sealed)

    def test_is_sealed_under_the_newest_key_and_opens_under_older_ones(self) -> None:
        old = _sealer(keys={1: KEYS[1]})
        token = old.token(1, CARD)
        under_old = old.seal(1, token, CARD)
        both = _sealer()
        assert both.open(1, token, under_old) == CARD
        with pytest.raises(ValueError, match="another key"):
            old.open(1, token, both.seal(1, token, CARD))

    def test_differs_every_time(self) -> None:
        sealer = _sealer()
        assert len({sealer.seal(1, "A" * 40, CARD) for _ in range(100)}) == 100


class TestASecret:
    @given(st.text())
    def test_is_hashed_under_a_key(self, secret: str) -> None:
        digest = SecretHasher(ROOT).digest(secret)
        assert len(digest) == 32
        assert digest == SecretHasher(ROOT).digest(secret) != SecretHasher(OTHER_ROOT).digest(secret)

    def test_can_be_shown_again_to_its_owner(self) -> None:
        sealer = _sealer()
        sealed = sealer.seal_secret(1, 2, Secret("app key"))
        assert sealer.open_secret(1, 2, sealed) == Secret("app key")
        for merchant_id, credential_id in ((2, 2), (1, 3)):
            with pytest.raises(ValueError, match="somebody else"):
                sealer.open_secret(merchant_id, credential_id, sealed)

    def test_is_new_each_time(self) -> None:
        hasher = SecretHasher(ROOT)
        made = [make() for make in (hasher.app_name, hasher.new_client_token) for _ in range(100)]
        assert len(set(made)) == 200
        assert re.fullmatch(r"[A-Za-z0-9]{32}", hasher.app_name())
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", hasher.new_client_token())


class TestADataKey:
    def test_is_wrapped_by_its_root_alone(self) -> None:
        key, wrapped = new_data_key(ROOT)
        assert key not in wrapped
        assert unwrap_data_key(ROOT, wrapped) == key
        with pytest.raises(KeyTrouble):
            unwrap_data_key(OTHER_ROOT, wrapped)

    def test_is_needed(self) -> None:
        with pytest.raises(KeyTrouble):
            _sealer(keys={})


class TestARootKey:
    def test_is_kept_in_a_file_that_only_its_owner_reads(self, tmp_path: Path) -> None:
        path = tmp_path / "root.key"
        made = create_root_key(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert load_root_key(path).derive("a purpose") == made.derive("a purpose")
        with pytest.raises(FileExistsError):
            create_root_key(path)
        assert [found.name for found in tmp_path.iterdir()] == [path.name]  # no draft is left

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
    def test_is_refused_when_others_may_reach_it(self, tmp_path: Path, mode: int) -> None:
        path = tmp_path / "root.key"
        create_root_key(path)
        path.chmod(mode)
        with pytest.raises(KeyTrouble, match="chmod 600"):
            load_root_key(path)

    @pytest.mark.parametrize("text", ["", "00" * 31, "00" * 33, "zz" * 32, "0" * 63, "\u0660" * 64])
    def test_is_64_hex_digits(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "root.key"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        with pytest.raises(KeyTrouble) as trouble:
            load_root_key(path)
        assert not text or text not in str(trouble.value)

    def test_is_not_made_where_it_should_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(KeyTrouble, match="no root key"):
            open_root_key(tmp_path / "root.key", create=False)

    def test_shows_only_its_name(self) -> None:
        assert repr(ROOT) == f"RootKey({ROOT.key_id})"
        assert bytes(range(32)).hex() not in repr(ROOT)

    def test_gives_each_purpose_a_key_of_its_own(self) -> None:
        assert len({ROOT.derive(purpose) for purpose in ("one", "two", "one ")}) == 3


@pytest.mark.anyio
class TestADatabase:
    async def test_opens_with_its_own_root_key_only(self, shop: Shop, tmp_path: Path) -> None:
        again = open_keys(shop.engine, open_root_key(tmp_path / "root.key", create=False))
        token = shop.keys.sealer.token(1, CARD)
        assert again.sealer.open(1, token, shop.keys.sealer.seal(1, token, CARD)) == CARD
        with pytest.raises(KeyTrouble, match="another root key"):
            open_keys(shop.engine, open_root_key(tmp_path / "other.key", create=True))

    async def test_holds_no_card_number_or_secret_in_clear(self, shop: Shop, tmp_path: Path) -> None:
        """Whatever becomes of a payment, and in whatever file the database keeps it."""
        app_key = "C4naryC4naryC4naryC4naryC4nary99"
        await shop.boarding.issue_key(
            shop.caller.merchant.merchant_id, shop.caller.terminal.number, key=app_key
        )
        client_token, _ = await shop.gate.issue_client_token(shop.caller)
        canaries = [f"49{number:014d}" for number in (71_828_182_845_904, 71_828_182_845_905)]
        for number in canaries:
            shop.network.will_say(SILENCE)
            for _ in range(2):
                await shop.payments.charge(shop.caller, _charge(number))
        await shop.reverse()
        await shop.settlements.settle(shop.caller)
        root_key = (tmp_path / "root.key").read_text(encoding="ascii").strip()
        held = _everything(shop, tmp_path)
        for clear in (*canaries, app_key, client_token, root_key):
            assert clear.encode() not in held
            assert clear.encode().hex().encode() not in held
        assert CVV.reveal() not in _texts_of_payments(shop)
        # Such a search does find what is there: a token stands in clear.
        token = shop.keys.sealer.token(shop.caller.merchant.merchant_id, Pan(canaries[0]))
        assert token.encode() in held
        assert shop.count("payments") == 4


def _charge(number: str) -> Charge:
    return Charge(
        kind=Kind.SALE,
        profile=Profile.TRADITIONAL,
        amounts=Amounts.of(Money(10_00)),
        pan=Pan(number),
        expiry="2812",
        cvv=CVV,
    )


def _everything(shop: Shop, folder: Path) -> bytes:
    """Every byte of the database: its files, or a dump of it."""
    if shop.engine.dialect.name == "sqlite":
        return b"".join(path.read_bytes() for path in folder.glob("bezant.db*"))
    url = shop.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    dump = subprocess.run(["pg_dump", "--dbname", url], check=True, capture_output=True)
    return dump.stdout


def _texts_of_payments(shop: Shop) -> str:
    """What payments say, but for numbers of ours: four digits may stand in those by chance."""
    with shop.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT invoice, cardholder, source, details, expiry FROM payments")
        return repr(rows.all())
