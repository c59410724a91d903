"""Signatures over requests and answers: the one string that both sides make of the same parameters. Pure.

Every parameter but the signature, in the order of the names' bytes, as ``name=value`` with nothing between;
the phrase before and after; hashed; written in hex (source: vendor docs). A nested value is written as Java
prints it, its members in the order in which they came. Numbers count as they are written.

The string has no separators, so that two sets of parameters can have the same one. ``is_ambiguous`` tells
the texts that such a trick needs.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from bezant.core.merchants import Digest
from bezant.core.sensitive import Secret
from bezant.core.vault import mask_card_numbers
from bezant.dialects.wire.body import Number

SIGNATURE: Final = "signature"
UNSIGNED: Final = frozenset({SIGNATURE})
UNSIGNED_IN_ANSWERS: Final = frozenset({SIGNATURE, "installment_detail"})
"""The vendor's own libraries leave the plans out when they check an answer (source: public client)."""

_MASKED: Final = {name: f"[{name}]" for name in ("otp", "card_number", "card_security_code", "expiry_date")}
_HEX: Final = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_WHOLE_AS_FLOAT: Final = re.compile(r"(-?[0-9]+)\.0+", re.ASCII)

Parameters = Mapping[str, Any]
Form = Callable[[str], str]


def _as_written(number: str) -> str:
    return number


def _as_whole(number: str) -> str:
    """``10000`` for ``10000.0``: what a client signs that counts in floats."""
    match = _WHOLE_AS_FLOAT.fullmatch(number)
    return match[1] if match else number


def canonical(
    parameters: Parameters,
    *,
    unsigned: frozenset[str] = UNSIGNED,
    empty: bool = True,
    number: Form = _as_written,
) -> str:
    """The string between the phrases. A null is an absent parameter; ``empty``: an empty text is none."""
    return "".join(
        f"{name}={_written(parameters[name], number)}"
        for name in sorted(parameters, key=str.encode)
        if name not in unsigned and parameters[name] is not None and (empty or parameters[name] != "")
    )


def sign(text: str, phrase: Secret, digest: Digest) -> str:
    """The signature of a canonical string, in lower-case hex."""
    return _SIGNERS[digest](phrase.reveal().encode(), text.encode())


def sign_answer(parameters: Parameters, phrase: Secret, digest: Digest) -> str:
    """The signature of an answer."""
    return sign(canonical(parameters, unsigned=UNSIGNED_IN_ANSWERS), phrase, digest)


def candidates(parameters: Parameters) -> tuple[str, ...]:
    """The few strings that real clients make of one request, the vendor's own first.

    They differ about empty texts and about whole numbers written as floats (source: public client).
    """
    found = (
        canonical(parameters, empty=empty, number=number)
        for number in (_as_written, _as_whole)
        for empty in (True, False)
    )
    return tuple(dict.fromkeys(found))


def is_signed(parameters: Parameters, *, phrases: tuple[Secret, ...], digest: Digest) -> bool:
    """Whether the signature is right under one of the phrases. In hex of either case.

    Every candidate is made and compared whole, so that the time taken tells nothing of the right one.
    """
    given = parameters.get(SIGNATURE)
    if not isinstance(given, str) or isinstance(given, Number) or _HEX.fullmatch(given) is None:
        return False
    claimed = given.lower().encode()
    texts = candidates(parameters)
    fits = [
        hmac.compare_digest(sign(text, phrase, digest).encode(), claimed)
        for phrase in phrases
        for text in texts
    ]
    return any(fits)


def is_ambiguous(parameters: Parameters, names: frozenset[str]) -> bool:
    """Whether a name or text in them could be read as one of ``names`` with a value.

    The names of nested members are not looked at: it is the nesting that tells what they are.
    """
    if any("=" in name for name in parameters):
        return True
    suspects = (text for text in _texts(parameters) if "=" in text)
    return any(f"{name}=" in text for text in suspects for name in names)


def shown(parameters: Parameters, *, unsigned: frozenset[str] = UNSIGNED) -> str:
    """The string that is signed, for people who look for a mistake: phrases, passwords and cards masked."""
    safe = {name: _MASKED.get(name, value) for name, value in parameters.items()}
    return f"[phrase]{mask_card_numbers(canonical(safe, unsigned=unsigned))}[phrase]"


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _written(value: Any, number: Form) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        members = (f"{name}={_written(member, number)}" for name, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_written(item, number) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return number(value)
    return "" if value is None else str(value)


def _plain(algorithm: str) -> Callable[[bytes, bytes], str]:
    return lambda phrase, text: hashlib.new(algorithm, phrase + text + phrase).hexdigest()


def _keyed(algorithm: str) -> Callable[[bytes, bytes], str]:
    """The phrase is the key, and still stands around the text (source: public client)."""
    return lambda phrase, text: hmac.new(phrase, phrase + text + phrase, algorithm).hexdigest()


_SIGNERS: Final[Mapping[Digest, Callable[[bytes, bytes], str]]] = {
    Digest.SHA256: _plain("sha256"),
    Digest.SHA512: _plain("sha512"),
    Digest.HMAC256: _keyed("sha256"),
    Digest.HMAC512: _keyed("sha512"),
}
