"""Envelopes: a card number under a random AES-256-GCM key, that key under a recipient's RSA key (OAEP).

The sender holds public keys only, one for each sales organization, in a folder: ``ISO_ID.pem``. The format,
for those who open envelopes, is in ``docs/encryption-fetch.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from bezant.core.sensitive import Pan
from bezant.core.vault import Envelope
from bezant.randomness import random_bytes
from bezant.storage.crypto import KeyTrouble

RSA_BITS_MIN: Final = 2048
_SESSION_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_PADDING: Final = OAEP(mgf=MGF1(algorithm=SHA256()), algorithm=SHA256(), label=None)
_FILE: Final = re.compile(r"([0-9]{1,18})\.pem", re.ASCII)


class IsoEnvelopes:
    """Seals for sales organizations, each under its own public key."""

    def __init__(self, keys: Mapping[int, RSAPublicKey]) -> None:
        self._keys = dict(keys)

    def seal(self, iso_id: int, pan: Pan, *, token: str) -> Envelope | None:
        """The number in an envelope that is bound to its token; None without that organization's key."""
        key = self._keys.get(iso_id)
        if key is None:
            return None
        session, nonce = random_bytes(_SESSION_BYTES), random_bytes(_NONCE_BYTES)
        sealed = AESGCM(session).encrypt(nonce, pan.reveal().encode(), token.encode())
        return Envelope(encrypted_pan=nonce + sealed, wrapped_key=key.encrypt(session, _PADDING))


def open_envelope(key: RSAPrivateKey, envelope: Envelope, *, token: str) -> Pan:
    """The card number: what the recipient does.

    Raises ``KeyTrouble`` when the envelope was sealed for another key or another token, or was changed.
    """
    try:
        session = key.decrypt(envelope.wrapped_key, _PADDING)
        nonce, sealed = envelope.encrypted_pan[:_NONCE_BYTES], envelope.encrypted_pan[_NONCE_BYTES:]
        return Pan(AESGCM(session).decrypt(nonce, sealed, token.encode()).decode())
    except (InvalidTag, ValueError):
        message = "the envelope was sealed for another key or token, or was changed"
        raise KeyTrouble(message) from None


def load_iso_keys(folder: Path | None) -> IsoEnvelopes:
    """The public keys in a folder, a file ``ISO_ID.pem`` each; none without a folder.

    Raises ``KeyTrouble`` for a file that is no RSA public key of 2048 bits or more.
    """
    if folder is None:
        return IsoEnvelopes({})
    if not folder.is_dir():
        raise KeyTrouble(f"{folder} is no folder")
    named = {path: _FILE.fullmatch(path.name) for path in sorted(folder.glob("*.pem"))}
    if odd := [path for path, match in named.items() if match is None]:
        raise KeyTrouble(f"{odd[0]} is not named for a sales organization: ISO_ID.pem")
    return IsoEnvelopes({int(match[1]): _public_key(path) for path, match in named.items() if match})


def _public_key(path: Path) -> RSAPublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        raise KeyTrouble(f"{path} holds no public key in PEM form") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < RSA_BITS_MIN:
        raise KeyTrouble(f"{path} is no RSA key of {RSA_BITS_MIN} bits or more")
    return key
