"""Values that nobody else uses, and all that a careless system makes of them."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

HASHES: Final = ("md5", "sha1", "sha256", "sha512")
SHOWN: Final = 4


class Kind(StrEnum):
    """What a canary is."""

    CARD = "card number"
    VERIFICATION = "card verification value"
    GIFT_CARD = "gift card number"
    PIN = "gift card PIN"
    ACCOUNT = "bank account number"
    CREDENTIAL = "key or token"


@dataclass(frozen=True, slots=True)
class Canary:
    """A value to look for. Shown, it is its kind and its last signs."""

    kind: Kind
    value: str

    def __repr__(self) -> str:
        return f"{self.kind} ...{self.value[-SHOWN:]}"


def check_digit(digits: str) -> str:
    """What makes the digits a card number."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = (ord(digit) - 48) * (1 if place % 2 else 2)
        total += sum(divmod(value, 10))
    return str(-total % 10)


_BODIES: Final = (
    *("455673758689985", "491653720186409", "402400719063857", "448592061753948", "471604938261573"),
    *("453962817405831", "492916380527416", "540385172906384", "552718394061735", "516273849506281"),
    *("523847160593826", "531926480715394", "601149382760518", "601163857204917", "644928371605824"),
    *("650273849160583", "352948371605928", "356182739405617", "37828246730519", "34719382605816"),
)
"""Card numbers without their check digits: seven Visa, five Mastercard, four Discover, two JCB, two Amex."""
CARDS: Final = tuple(Canary(Kind.CARD, digits + check_digit(digits)) for digits in _BODIES)
VERIFICATIONS: Final = tuple(
    Canary(Kind.VERIFICATION, value)
    for value in (
        *("7391", "8164", "9273", "7852", "8937", "9416", "7628", "8549", "9751", "7183"),
        *("8372", "9584", "7946", "8615", "9127", "7469", "8293", "9835", "7517", "8746"),
    )
)
"""Four digits, as American Express has them: three would be found in any file. One for each card."""
GIFT_CARDS: Final = tuple(
    Canary(Kind.GIFT_CARD, f"7319520000019132{number}") for number in ("713", "847", "926", "581")
)
"""From the sandbox's stock."""
PINS: Final = tuple(
    Canary(Kind.PIN, value) for value in ("836152749063", "582917364058", "617394820571", "940273618594")
)
ACCOUNTS: Final = tuple(
    Canary(Kind.ACCOUNT, value) for value in ("40719283655518273", "9183746520918", "662738495017263")
)


_CHANCE: Final = (r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}", r'"process":[0-9]+')
"""What holds lone digits by chance: a UUID, the number of a process in a log."""


def forms(canary: Canary) -> Iterator[tuple[str, bytes]]:
    """A canary as it may turn up, by the name of the form; a verification value is too short for it."""
    if canary.kind is Kind.VERIFICATION:
        return
    raw = canary.value.encode()
    yield "plain", raw
    yield "reversed", raw[::-1]
    yield "hexadecimal", raw.hex().encode()
    yield "URL-encoded", "".join(f"%{sign:02x}" for sign in raw).encode()
    yield "JSON-escaped", "".join(f"\\u{sign:04x}" for sign in raw).encode()
    yield "UTF-16, little end first", canary.value.encode("utf-16-le")
    yield "UTF-16, big end first", canary.value.encode("utf-16-be")
    for shift in range(3):
        # Three bytes are four characters; which, depends on where in a text the value begins.
        inner = base64.b64encode(bytes(shift) + raw)
        yield f"base64, shifted by {shift}", inner[-(-shift * 4 // 3) : (shift + len(raw)) // 3 * 4]
    for name in HASHES:
        digest = hashlib.new(name, raw).digest()
        yield f"{name}, unkeyed", digest
        yield f"{name}, unkeyed, hexadecimal", digest.hex().encode()
    if canary.kind is not Kind.CREDENTIAL:
        yield from _forms_of_digits(canary.value)
    elif quote(canary.value, safe="") != canary.value:
        yield "URL-quoted", quote(canary.value, safe="").encode()


def _forms_of_digits(digits: str) -> Iterator[tuple[str, bytes]]:
    groups = [digits[start : start + 4] for start in range(0, len(digits), 4)]
    yield "spaced", " ".join(groups).encode()
    yield "dashed", "-".join(groups).encode()
    yield "HTML-escaped", "".join(f"&#{sign};" for sign in digits.encode()).encode()
    yield "EBCDIC", digits.encode("cp037")
    even = len(digits) + len(digits) % 2
    packed = bytes.fromhex(f"{digits:0>{even}}")
    yield "packed decimal", packed
    yield "packed decimal with filler", bytes.fromhex(f"{digits:f<{even}}")
    yield "packed decimal, nibbles swapped", bytes((each << 4 | each >> 4) & 0xFF for each in packed)
    if int(digits) < 1 << 64:
        yield "integer, little end first", int(digits).to_bytes(8, "little")
        yield "integer, big end first", int(digits).to_bytes(8, "big")


def alone(canaries: Iterable[Canary]) -> re.Pattern[bytes]:
    """Those values as words of their own, group ``value``: no part of a longer word or of a fraction.

    Groups of a UUID and numbers of processes are such words now and then, and are passed over.
    """
    values = "|".join(sorted({canary.value for canary in canaries}))
    word = rf"(?<![0-9A-Za-z])(?<![0-9]\.)(?P<value>{values})(?![0-9A-Za-z])(?!\.[0-9])"
    return re.compile("|".join((*_CHANCE, word)).encode())


def pairs() -> Iterator[tuple[Canary, Canary]]:
    """Every card with its verification value."""
    return zip(CARDS, itertools.cycle(VERIFICATIONS), strict=False)
