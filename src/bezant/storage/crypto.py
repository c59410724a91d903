"""Keys, and what is done with them: card data sealed, secrets hashed, tokens made.

A key-encryption key (KEK) comes from a file or the environment and never touches the database. It wraps
random data keys, which seal card numbers and shown-again secrets with AES-256-GCM. Tokens and hashes
are HMACs under keys derived from the KEK's root, so that they stay the same when data keys rotate.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
import string
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from bezant.core.faults import fault_point
from bezant.core.sensitive import AccountNumber, Pan, Secret
from bezant.randomness import drawing, random_bytes

_NONCE_BYTES = 12
_KEY_BYTES = 32
_LETTERS = string.ascii_letters + string.digits


class KeyTrouble(Exception):
    """Keys are missing, too widely readable, or not the ones that the data was sealed with."""


class RootKey:
    """32 random bytes from which the working keys are derived."""

    def __init__(self, root: bytes) -> None:
        if len(root) != _KEY_BYTES:
            message = "the root key must have 32 bytes"
            raise KeyTrouble(message)
        self._root = root
        self.key_id = hashlib.sha256(b"bezant key id" + root).hexdigest()[:16]

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        return HKDFExpand(algorithm=SHA256(), length=_KEY_BYTES, info=purpose.encode()).derive(self._root)

    def __repr__(self) -> str:
        return f"RootKey({self.key_id})"


def load_root_key(path: Path) -> RootKey:
    """The root key in ``path`` (64 hex digits). Refuses a file that others may read."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        message = f"{path} is readable by others (mode {mode:04o}): chmod 600 it"
        raise KeyTrouble(message)
    try:
        return RootKey(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except ValueError:
        message = f"{path} does not hold 64 hex digits"
        raise KeyTrouble(message) from None


def create_root_key(path: Path) -> RootKey:
    """A new root key, written to ``path`` for its owner only. Raises ``FileExistsError``.

    Whoever finds it finds the whole of it: a process that dies here leaves a draft, never half a key.
    """
    root = secrets.token_bytes(_KEY_BYTES)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(root.hex() + "\n")
            fault_point("keys.root-half-made")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(draft)
    finally:
        draft.unlink()
    # The name, too, must survive a power cut: what is sealed under a lost key is lost.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return RootKey(root)


class _Hmac:
    """HMAC-SHA-256 under one key, set up once.

    The standard library's sets its key up for each message and lets go of the interpreter meanwhile, so that
    whoever computes it on the event loop may have to wait for a lane.
    """

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        self._keyed = HMAC(key, SHA256())

    def digest(self, message: bytes) -> bytes:
        """32 bytes."""
        keyed = self._keyed.copy()
        keyed.update(message)
        return keyed.finalize()


class SecretHasher:
    """Keyed one-way hashes of secrets, and new secrets."""

    def __init__(self, root: RootKey) -> None:
        self._hmac = _Hmac(root.derive("secret hash"))

    def digest(self, secret: str) -> bytes:
        """HMAC-SHA-256 of ``secret``: 32 bytes."""
        return self._hmac.digest(secret.encode("utf-8", "surrogatepass"))

    def app_name(self) -> str:
        """32 random letters and digits (190 bits): an app id or an app key."""
        return self.random_text(32)

    @drawing()
    def random_text(self, length: int) -> str:
        """So many random ASCII letters and digits: 5.95 bits each."""
        return "".join(secrets.choice(_LETTERS) for _ in range(length))

    @drawing()
    def random_digits(self, length: int) -> str:
        """So many random digits."""
        return "".join(secrets.choice(string.digits) for _ in range(length))

    @drawing()
    def one_time_password(self) -> Secret:
        """Six random digits."""
        return Secret(f"{secrets.randbelow(10**6):06d}")

    @drawing()
    def new_client_token(self) -> str:
        """122 random bits in UUID form, the form that clients expect."""
        return str(uuid.uuid4())


class CardSealer:
    """Tokens and ciphertexts of card numbers, account numbers and secrets."""

    def __init__(self, root: RootKey, data_keys: dict[int, bytes]) -> None:
        if not data_keys:
            message = "no data key"
            raise KeyTrouble(message)
        self._tokens = _Hmac(root.derive("card token"))
        self._account_key = root.derive("account fingerprint")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in data_keys.items()}
        self._current = max(data_keys)

    def token(self, merchant_id: int, pan: Pan) -> str:
        """The first 160 bits of an HMAC over merchant and number, as 40 upper-case hex digits."""
        subject = f"{merchant_id}:{pan.reveal()}".encode()
        return self._tokens.digest(subject)[:20].hex().upper()

    def seal(self, merchant_id: int, token: str, pan: Pan) -> bytes:
        """The card number, bound to its merchant and token."""
        return self._encrypt(pan.reveal(), f"card:{merchant_id}:{token}")

    def open(self, merchant_id: int, token: str, sealed: bytes) -> Pan:
        """The card number back. Raises ``ValueError`` when it was not sealed for this merchant and token."""
        return Pan(self._decrypt(sealed, f"card:{merchant_id}:{token}"))

    def account_fingerprint(self, merchant_id: int, routing_number: str, account: AccountNumber) -> bytes:
        """An HMAC over merchant, bank and number: 32 bytes."""
        subject = f"{merchant_id}:{routing_number}:{account.reveal()}".encode()
        return hmac.digest(self._account_key, subject, "sha256")

    def seal_account(self, merchant_id: int, profile_id: int, account: AccountNumber) -> bytes:
        """The account number, bound to its merchant and profile."""
        return self._encrypt(account.reveal(), f"account:{merchant_id}:{profile_id}")

    def open_account(self, merchant_id: int, profile_id: int, sealed: bytes) -> AccountNumber:
        """The account number back. Raises ``ValueError`` when it was not sealed for this profile."""
        return AccountNumber(self._decrypt(sealed, f"account:{merchant_id}:{profile_id}"))

    def seal_secret(self, merchant_id: int, credential_id: int, secret: Secret) -> bytes:
        """A secret that may have to be shown again."""
        return self._encrypt(secret.reveal(), f"secret:{merchant_id}:{credential_id}")

    def open_secret(self, merchant_id: int, credential_id: int, sealed: bytes) -> Secret:
        """The secret back."""
        return Secret(self._decrypt(sealed, f"secret:{merchant_id}:{credential_id}"))

    def seal_phrase(self, merchant_id: int, purpose: str, phrase: Secret) -> bytes:
        """A phrase that both sides sign with, bound to its merchant and what it is for."""
        return self._encrypt(phrase.reveal(), f"phrase:{merchant_id}:{purpose}")

    def open_phrase(self, merchant_id: int, purpose: str, sealed: bytes) -> Secret:
        """The phrase back. Raises ``ValueError`` when it was sealed for something else."""
        return Secret(self._decrypt(sealed, f"phrase:{merchant_id}:{purpose}"))

    def seal_parcel(self, merchant_id: int, delivery_id: int, text: str) -> bytes:
        """What a delivery sends and where, bound to it."""
        return self._encrypt(text, f"parcel:{merchant_id}:{delivery_id}")

    def open_parcel(self, merchant_id: int, delivery_id: int, sealed: bytes) -> str:
        """What a delivery sends back. Raises ``ValueError`` when it was sealed for something else."""
        return self._decrypt(sealed, f"parcel:{merchant_id}:{delivery_id}")

    def seal_notice(self, merchant_id: int, notice_id: int, text: str) -> bytes:
        """What somebody is told and where, bound to that notice."""
        return self._encrypt(text, f"notice:{merchant_id}:{notice_id}")

    def open_notice(self, merchant_id: int, notice_id: int, sealed: bytes) -> str:
        """The same back. Raises ``ValueError`` when it was sealed for something else."""
        return self._decrypt(sealed, f"notice:{merchant_id}:{notice_id}")

    def seal_owned(self, owner: str, purpose: str, secret: Secret) -> bytes:
        """A secret, bound to whoever owns it, merchant or not, and what it is for."""
        return self._encrypt(secret.reveal(), f"owned:{owner}:{purpose}")

    def open_owned(self, owner: str, purpose: str, sealed: bytes) -> Secret:
        """The secret back. Raises ``ValueError`` when it was sealed for something else."""
        return Secret(self._decrypt(sealed, f"owned:{owner}:{purpose}"))

    def _encrypt(self, text: str, bound_to: str) -> bytes:
        nonce = random_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), bound_to.encode())
        return self._current.to_bytes(4, "big") + nonce + sealed

    def _decrypt(self, sealed: bytes, bound_to: str) -> str:
        key_id, nonce, text = int.from_bytes(sealed[:4], "big"), sealed[4:16], sealed[16:]
        try:
            return self._ciphers[key_id].decrypt(nonce, text, bound_to.encode()).decode()
        except (InvalidTag, KeyError):
            message = "sealed under another key, or for somebody else"
            raise ValueError(message) from None


class ChainKey:
    """Links rows of a log into a chain that nobody can forge without the root key."""

    def __init__(self, root: RootKey) -> None:
        self._key = root.derive("audit chain")

    def link(self, previous: bytes, values: Sequence[object]) -> bytes:
        """HMAC-SHA-256 over the link before and a row's values: 32 bytes. No two rows make the same text."""
        text = json.dumps([previous.hex(), *values], default=repr)
        return hmac.digest(self._key, text.encode(), "sha256")


@dataclass(frozen=True, slots=True)
class Keys:
    """What works under the root key."""

    hasher: SecretHasher
    sealer: CardSealer
    chain: ChainKey


def new_data_key(root: RootKey) -> tuple[bytes, bytes]:
    """A random data key, and the same wrapped by the root."""
    key = AESGCM.generate_key(bit_length=256)
    nonce = os.urandom(_NONCE_BYTES)
    return key, nonce + AESGCM(root.derive("key wrap")).encrypt(nonce, key, b"data key")


def unwrap_data_key(root: RootKey, wrapped: bytes) -> bytes:
    """A data key back. Raises ``KeyTrouble`` under another root."""
    try:
        return AESGCM(root.derive("key wrap")).decrypt(
            wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], b"data key"
        )
    except InvalidTag:
        message = "the data keys in this database were wrapped by another root key"
        raise KeyTrouble(message) from None
