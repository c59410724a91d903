"""Tokens as signed JSON (JWS, RS512), and the RSA keys that sign them.

What is read is what this module writes and nothing else: one algorithm, three known names in the head, seven
claims of known types, every part in its one spelling. A key comes from the gateway's own list, never from a
token, however it points at one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NoReturn
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bezant.core.credentials import LIFE_MAX, TOKEN_LENGTH_MAX, Claims, Refusal, Scope, SigningKey
from bezant.core.people import OrganizationKind, OwnerRef
from bezant.core.sensitive import Secret

ISSUER: Final = "bezant"
ALGORITHM: Final = "RS512"
KEY_BITS: Final = 2048
EXPONENT: Final = 65537

_HEAD: Final = frozenset({"alg", "kid", "typ"})
_CLAIMS: Final = frozenset({"iss", "sub", "scope", "uniqueId", "iat", "exp", "keyId"})
_FORM: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_SUBJECT: Final = re.compile(r"(iso|agent_office|merchant):([1-9][0-9]{0,17})", re.ASCII)
_STAMP: Final = re.compile(r"[A-Za-z0-9_]{1,64}\.[1-9][0-9]{0,8}", re.ASCII)
_INSTANT_MAX: Final = 32_503_680_000  # the year 3000: instants stay far from where Python's end

PROVEN_MAX: Final = 10_000
"""How many tokens are known to be signed, at most: about a kilobyte each."""


class _Strange(Exception):
    """Not what this module writes."""


class SignedTokens:
    """Writes and reads tokens. Keys are kept loaded, by their id: there are few.

    What a token says and which key has signed it never changes, so a signature is looked at once: callers
    show the same token all day. Whether that key is still one of ours, and whether the token is still good,
    is asked every time.
    """

    def __init__(self, *, proven_max: int = PROVEN_MAX) -> None:
        self._jws = jwt.PyJWS(algorithms=[ALGORITHM])
        self._private: dict[str, rsa.RSAPrivateKey] = {}
        self._public: dict[str, rsa.RSAPublicKey] = {}
        self._proven: dict[bytes, tuple[Claims, str]] = {}
        """Claims and the id of their key by the hash of a token that is signed."""
        self._proven_max = proven_max

    async def new_key(self, number: int, *, at: datetime) -> SigningKey:
        """A fresh key, made in a thread: it takes a tenth of a second."""
        private = await asyncio.to_thread(rsa.generate_private_key, EXPONENT, KEY_BITS)
        text = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return SigningKey(
            number=number,
            key_id=hashlib.sha256(public).hexdigest()[:32],
            public=public,
            private=Secret(text.decode()),
            made_at=at,
        )

    def write(self, claims: Claims, key: SigningKey) -> Secret:
        """A token that says this, signed."""
        says = {
            "iss": ISSUER,
            "sub": str(claims.owner),
            "scope": sorted(claims.scopes),
            "uniqueId": claims.unique_id,
            "iat": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
            "keyId": claims.stamp,
        }
        payload = json.dumps(says, separators=(",", ":")).encode()
        return Secret(self._jws.encode(payload, self._signer(key), ALGORITHM, {"kid": key.key_id}))

    def read(self, text: str, keys: Sequence[SigningKey]) -> tuple[Claims, SigningKey] | Refusal:
        """What a token says, once one of these keys is proven to have signed it. Never ``EXPIRED``."""
        if len(text) > TOKEN_LENGTH_MAX or not text.isascii():
            return Refusal.INVALID
        name = hashlib.sha256(text.encode()).digest()
        if (proven := self._proven.get(name)) is not None:
            claims, key_id = proven
            key = _named(key_id, keys)
            return Refusal.BAD_SIGNATURE if key is None else (claims, key)
        read = self._read(text, keys)
        if not isinstance(read, Refusal):
            if len(self._proven) >= self._proven_max:
                self._proven.clear()
            self._proven[name] = read[0], read[1].key_id
        return read

    def _read(self, text: str, keys: Sequence[SigningKey]) -> tuple[Claims, SigningKey] | Refusal:
        if _FORM.fullmatch(text) is None:
            return Refusal.INVALID
        try:
            head, payload, _ = map(_decoded, text.split("."))
            said = _object(head)
            if said.keys() != _HEAD or (said["alg"], said["typ"]) != (ALGORITHM, "JWT"):
                return Refusal.INVALID
            key = _named(said["kid"], keys)
            if key is None or not self._is_signed(text, key):
                return Refusal.BAD_SIGNATURE
            return _claims(_object(payload)), key
        except _Strange:
            return Refusal.INVALID

    def published(self, key: SigningKey) -> Mapping[str, str]:
        """The public half of a key as a JSON Web Key (RFC 7517)."""
        numbers = self._verifier(key).public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": ALGORITHM,
            "kid": key.key_id,
            "n": _encoded(numbers.n.to_bytes(KEY_BITS // 8, "big")),
            "e": _encoded(numbers.e.to_bytes(3, "big")),
        }

    def _is_signed(self, text: str, key: SigningKey) -> bool:
        try:
            self._jws.decode_complete(text, self._verifier(key), algorithms=[ALGORITHM])
        except jwt.InvalidTokenError:
            return False
        return True

    def _signer(self, key: SigningKey) -> rsa.RSAPrivateKey:
        assert key.private is not None, "a key that was replaced signs no more"
        if (known := self._private.get(key.key_id)) is None:
            loaded = serialization.load_pem_private_key(key.private.reveal().encode(), None)
            assert isinstance(loaded, rsa.RSAPrivateKey), "every key is made here"
            known = self._private[key.key_id] = loaded
        return known

    def _verifier(self, key: SigningKey) -> rsa.RSAPublicKey:
        if (known := self._public.get(key.key_id)) is None:
            loaded = serialization.load_der_public_key(key.public)
            assert isinstance(loaded, rsa.RSAPublicKey), "every key is made here"
            known = self._public[key.key_id] = loaded
        return known


def _named(key_id: object, keys: Sequence[SigningKey]) -> SigningKey | None:
    return next((key for key in keys if key.key_id == key_id), None)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    """A part's bytes. There is one spelling of them: bits that nothing depends on are refused, too."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise _Strange from None
    if _encoded(raw) != part:
        raise _Strange
    return raw


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Strange
    return found


def _refuse(_text: str) -> NoReturn:
    raise _Strange


_decode: Final[Callable[[str], Any]] = json.JSONDecoder(
    object_pairs_hook=_no_twins, parse_float=_refuse, parse_constant=_refuse
).decode


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = _decode(raw.decode("ascii"))
    except (ValueError, RecursionError):
        raise _Strange from None
    if not isinstance(found, dict):
        raise _Strange
    return found


def _claims(said: dict[str, Any]) -> Claims:
    if said.keys() != _CLAIMS or said["iss"] != ISSUER:
        raise _Strange
    subject = _SUBJECT.fullmatch(_text(said["sub"]))
    if subject is None or _STAMP.fullmatch(_text(said["keyId"])) is None:
        raise _Strange
    issued_at, expires_at = _instant(said["iat"]), _instant(said["exp"])
    if not issued_at < expires_at <= issued_at + LIFE_MAX:
        raise _Strange
    return Claims(
        owner=OwnerRef(kind=OrganizationKind(subject[1]), owner_id=int(subject[2])),
        scopes=_scopes(said["scope"]),
        unique_id=_unique_id(said["uniqueId"]),
        issued_at=issued_at,
        expires_at=expires_at,
        stamp=said["keyId"],
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Strange
    return value


def _instant(value: object) -> datetime:
    if type(value) is not int or not 0 < value < _INSTANT_MAX:
        raise _Strange
    return datetime.fromtimestamp(value, UTC)


def _scopes(value: object) -> frozenset[Scope]:
    if not isinstance(value, list) or not value:
        raise _Strange
    try:
        return frozenset(Scope(_text(name)) for name in value)
    except ValueError:
        raise _Strange from None


def _unique_id(value: object) -> str:
    try:
        return str(UUID(_text(value)))
    except ValueError:
        raise _Strange from None
