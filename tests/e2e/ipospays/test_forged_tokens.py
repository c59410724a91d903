"""Tokens that nobody here signed, or that say what ours do not, are refused alike wherever they are shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bezant.storage.crypto import load_root_key
from bezant.storage.engine import open_engine
from bezant.storage.keyring import open_keys
from bezant.storage.units import Unit
from tests.e2e.ipospays.merchant import BATCHES, CARDS, ONBOARD, STATUS, TRANSACT, Merchant
from tests.e2e.valor.wire import ON_SQLITE
from tests.support.gateway import Gateway

pytestmark = ON_SQLITE

HEAD: Final = {"alg": "RS512", "typ": "JWT"}


def encoded(raw: bytes) -> str:
    """Base64 as it stands in tokens."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def written(value: object) -> str:
    """A part of a token; bytes go as they are."""
    return encoded(value if isinstance(value, bytes) else json.dumps(value).encode())


@dataclass(frozen=True, slots=True)
class Smith:
    """Has a good token, the gateway's own signing key (for what even that must not sign), and his own."""

    token: str
    ours: rsa.RSAPrivateKey
    key_id: str
    own: rsa.RSAPrivateKey

    @property
    def claims(self) -> dict[str, Any]:
        """What the good token says."""
        payload = self.token.split(".")[1]
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return found

    @property
    def head(self) -> dict[str, Any]:
        """Its head."""
        return {**HEAD, "kid": self.key_id}

    def signed(
        self,
        head: object,
        claims: object,
        key: rsa.RSAPrivateKey,
        algorithm: hashes.HashAlgorithm | None = None,
    ) -> str:
        """A token with a signature that this key made."""
        text = f"{written(head)}.{written(claims)}"
        return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), algorithm or hashes.SHA512()))}"

    def saying(self, **changes: Any) -> str:
        """The gateway's own signature over other claims; None leaves one out."""
        claims = {name: value for name, value in {**self.claims, **changes}.items() if value is not None}
        return self.signed(self.head, claims, self.ours)

    def raw(self, payload: str) -> str:
        """The gateway's own signature over any text."""
        return self.signed(self.head, payload.encode(), self.ours)

    def headed(self, *, key: rsa.RSAPrivateKey | None = None, **changes: Any) -> str:
        """Another head over the same claims; None leaves a name out."""
        head = {name: value for name, value in {**self.head, **changes}.items() if value is not None}
        return self.signed(head, self.claims, key or self.own)

    def public(self, form: serialization.PublicFormat, encoding: serialization.Encoding) -> bytes:
        """The gateway's public key."""
        return self.ours.public_key().public_bytes(encoding, form)

    def mac(self, secret: bytes, algorithm: str) -> str:
        """A token 'signed' with a public key as if that were a secret."""
        digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[algorithm]
        text = f"{written({**self.head, 'alg': algorithm})}.{written(self.claims)}"
        return f"{text}.{encoded(hmac.digest(secret, text.encode(), digest))}"

    def parts(self) -> list[str]:
        """The good token's three parts."""
        return self.token.split(".")


NOW: Final = int(datetime.now(UTC).timestamp())
PEM: Final = serialization.Encoding.PEM
SPKI: Final = serialization.PublicFormat.SubjectPublicKeyInfo
PUBLIC: Final = {
    "SPKI PEM": (SPKI, PEM),
    "SPKI DER": (SPKI, serialization.Encoding.DER),
    "PKCS1 PEM": (serialization.PublicFormat.PKCS1, PEM),
}
JWK: Final = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
_LAST: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

FORGED: Final[dict[str, Callable[[Smith], str]]] = {
    **{
        f"alg {name!r} without a signature": lambda s, name=name: (  # type: ignore[misc]  # bound per row
            f"{written({**s.head, 'alg': name})}.{s.parts()[1]}."
        )
        for name in ("none", "None", "NONE", "nOnE", "", "RS512")
    },
    **{
        f"alg {name!r} with the good signature": lambda s, name=name: s.headed(key=s.ours, alg=name)  # type: ignore[misc]  # bound per row
        for name in (
            "none",
            "HS512",
            "RS256",
            "PS512",
            "ES512",
            "EdDSA",
            "rs512",
            "RS512 ",
            512,
            None,
            ["RS512"],
        )
    },
    **{
        f"{name} with our public key ({form}) as the secret": (
            lambda s, name=name, form=form: s.mac(s.public(*PUBLIC[form]), name)  # type: ignore[misc]  # bound per row
        )
        for name, form in (
            ("HS256", "SPKI PEM"),
            ("HS384", "SPKI PEM"),
            ("HS512", "SPKI PEM"),
            ("HS256", "SPKI DER"),
            ("HS512", "PKCS1 PEM"),
        )
    },
    "HS512 with an empty secret": lambda s: s.mac(b"", "HS512"),
    "RS256 with the gateway's key": lambda s: s.signed(
        {**s.head, "alg": "RS256"}, s.claims, s.ours, hashes.SHA256()
    ),
    "another's key under our key id": lambda s: s.headed(),
    "another's key under no key id": lambda s: s.headed(kid=None),
    **{
        f"a head with {name}": lambda s, name=name, value=value: s.headed(key=s.ours, **{name: value})  # type: ignore[misc]  # bound per row
        for name, value in (
            ("jku", "http://127.0.0.1/jwks.json"),
            ("jwk", JWK),
            ("x5u", "http://127.0.0.1/cert.pem"),
            ("x5c", ["AAAA"]),
            ("crit", ["exp"]),
            ("crit", ["made-up"]),
            ("b64", False),
            ("zip", "DEF"),
            ("cty", "JWT"),
            ("p2c", 2**31),
            ("enc", "A256GCM"),
        )
    },
    "its own key in its head": lambda s: s.headed(jwk=JWK),
    **{
        f"the key id {name[:20]!r}": lambda s, name=name: s.headed(key=s.ours, kid=name)  # type: ignore[misc]  # bound per row
        for name in (
            "../../etc/passwd",
            "/dev/null",
            "' OR 1=1 --",
            "x' UNION SELECT 'k",
            "",
            "0" * 32,
            "a" * 3000,
        )
    },
    "a key id that is a number": lambda s: s.headed(key=s.ours, kid=1),
    "a key id that is a list": lambda s: s.headed(key=s.ours, kid=[s.key_id]),
    "typ in another case": lambda s: s.headed(key=s.ours, typ="jwt"),
    **{
        f"no {name}": lambda s, name=name: s.saying(**{name: None})  # type: ignore[misc]  # bound per row
        for name in ("iss", "sub", "scope", "uniqueId", "iat", "exp", "keyId")
    },
    "one claim more": lambda s: s.saying(nbf=NOW - 60),
    "exp as a text": lambda s: s.saying(exp=str(NOW + 3600)),
    "exp with decimals": lambda s: s.saying(exp=NOW + 3600.5),
    "exp as true": lambda s: s.saying(exp=True),
    "exp below zero": lambda s: s.saying(exp=-1),
    "exp in the far future": lambda s: s.saying(exp=10**18),
    "exp beyond a day": lambda s: s.saying(exp=s.claims["iat"] + 86_401),
    "exp before iat": lambda s: s.saying(exp=s.claims["iat"] - 1),
    "exp as NaN": lambda s: s.raw(json.dumps(s.claims).replace(str(s.claims["exp"]), "NaN")),
    "exp as Infinity": lambda s: s.raw(json.dumps(s.claims).replace(str(s.claims["exp"]), "Infinity")),
    "exp in the exponent form": lambda s: s.raw(json.dumps(s.claims).replace(str(s.claims["exp"]), "2e9")),
    "exp twice": lambda s: s.raw(json.dumps(s.claims)[:-1] + f', "exp": {NOW + 3600}}}'),
    "sub of another kind": lambda s: s.saying(sub="operator:1"),
    "sub without a number": lambda s: s.saying(sub="merchant:0x1"),
    "sub in Arabic digits": lambda s: s.saying(sub="merchant:\u0661"),
    "sub as a list": lambda s: s.saying(sub=["merchant:1"]),
    "scope as a text": lambda s: s.saying(scope="PaymentTokenization"),
    "scope that there is not": lambda s: s.saying(scope=["Everything"]),
    "no scope at all": lambda s: s.saying(scope=[]),
    "another issuer": lambda s: s.saying(iss="bezant2"),
    "claims that are a list": lambda s: s.signed(s.head, [s.claims], s.ours),
    "claims that are no JSON": lambda s: s.raw("{"),
    "claims in another encoding": lambda s: s.signed(s.head, json.dumps(s.claims).encode("utf-16"), s.ours),
    "claims nested too deep": lambda s: s.raw('{"a":' + "[" * 900 + "]" * 900 + "}"),
    "claims over four kilobytes": lambda s: s.saying(uniqueId="a" * 4096),
    "a payload of somebody else's": lambda s: ".".join(
        (s.parts()[0], written({**s.claims, "sub": "iso:1"}), s.parts()[2])
    ),
    "no signature": lambda s: ".".join((*s.parts()[:2], "")),
    "half a signature": lambda s: s.token[:-100],
    "a signature of zeros": lambda s: ".".join((*s.parts()[:2], encoded(bytes(256)))),
    "a signature with one bit more": lambda s: s.token[:-1] + _LAST[_LAST.index(s.token[-1]) ^ 1],
    "padding": lambda s: s.token + "==",
    "a fourth part": lambda s: s.token + ".e30",
    "five parts, as if encrypted": lambda _: ".".join(
        (
            written({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31, "p2s": "AA"}),
            "a",
            "b",
            "c",
            "d",
        )
    ),
    "two parts": lambda s: ".".join(s.parts()[:2]),
    "dots alone": lambda _: "..",
    "plain base64": lambda s: s.token.replace("-", "+").replace("_", "/") + "+",
    "JSON in place of its parts": lambda s: json.dumps({"payload": s.parts()[1], "signature": s.parts()[2]}),
    "a blank within": lambda s: s.token.replace(".", " .", 1),
    "the token twice": lambda s: s.token + "," + s.token,
}


@pytest.fixture(scope="module")
def smith(_shared: Gateway, _standing: Merchant) -> Smith:
    """Whoever can sign as the gateway does."""
    engine = open_engine(_shared.database_url)
    keys = open_keys(engine, load_root_key(_shared.home / "root.key"))
    with engine.connect().execution_options(bezant_writes=False) as connection:
        newest = Unit(connection, keys).credentials.signing_keys()[0]
    engine.dispose()
    assert newest.private is not None
    ours = serialization.load_pem_private_key(newest.private.reveal().encode(), None)
    assert isinstance(ours, rsa.RSAPrivateKey)
    own = rsa.generate_private_key(65537, 2048)
    return Smith(_standing.pair.jwt(), ours, newest.key_id, own)


class TestAForgedToken:
    def test_is_one_of_many_that_would_be_good_without_a_flaw(self, smith: Smith, standing: Merchant) -> None:
        assert len(FORGED) >= 60
        for token in (smith.saying(), smith.headed(key=smith.ours)):
            assert (
                standing.caller.post(BATCHES, {"merchantId": standing.caller.tpn}, {"token": token}).status
                == 200
            )

    @pytest.mark.parametrize("what", FORGED)
    def test_is_refused(self, smith: Smith, standing: Merchant, what: str) -> None:
        token, caller = FORGED[what](smith), standing.caller
        answer = caller.post(BATCHES, {"merchantId": caller.tpn}, {"token": token})
        assert answer.status == 401, answer
        assert answer.body["errorCode"] in {"AUTH_ERR_006", "AUTH_ERR_008"}
        assert len(answer.body["errors"]) == 1
        refreshed = caller.gateway.post(b"", {"token": token}, target="/v1/refresh-token")
        assert refreshed.status == 401
        assert refreshed.body["errorCode"] in {"AUTH_ERR_006", "AUTH_ERR_008"}

    @pytest.mark.parametrize("path", [TRANSACT, "/api/v1/iposTransact", STATUS, CARDS, ONBOARD])
    def test_is_refused_everywhere(self, smith: Smith, standing: Merchant, path: str) -> None:
        for what in ("alg 'none' without a signature", "another's key under our key id", "no exp"):
            answer = standing.caller.post(path, {}, {"token": FORGED[what](smith)})
            assert answer.status == 401, (what, answer)
