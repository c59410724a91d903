"""Canaries: card numbers that nobody else uses, and a search for all that a careless system makes of them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

CVV: Final = "7391"
"""Four digits, as American Express has them: three would be found in any file."""

_LONE_CVV: Final = re.compile(rb"(?<![0-9A-Fa-f])%s(?![0-9A-Fa-f])" % CVV.encode())
_HASHES: Final = ("md5", "sha1", "sha256", "sha512")


def _completed(digits: str) -> str:
    """A card number: the digits with their check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return f"{digits}{-total % 10}"


AMEX: Final = _completed("37828246730519")
VISAS: Final = tuple(
    _completed(digits)
    for digits in (
        "455673758689985",
        "491653720186409",
        "402400719063857",
        "448592061753948",
        "471604938261573",
    )
)
PANS: Final = (*VISAS, AMEX)


def forms_of(pan: str) -> dict[str, bytes]:
    """A card number as it may turn up, by the name of the form."""
    groups = [pan[start : start + 4] for start in range(0, len(pan), 4)]
    raw = pan.encode()
    found = {
        "plain": raw,
        "spaced": " ".join(groups).encode(),
        "dashed": "-".join(groups).encode(),
        "reversed": raw[::-1],
        "hexadecimal": raw.hex().encode(),  # of digits: no letters in it
        "URL-encoded": "".join(f"%{digit:02x}" for digit in raw).encode(),
        "JSON-escaped": "".join(f"\\u00{digit:02x}" for digit in raw).encode(),
        "HTML-escaped": "".join(f"&#{digit};" for digit in raw).encode(),
        "UTF-16, little end first": pan.encode("utf-16-le"),
        "UTF-16, big end first": pan.encode("utf-16-be"),
        "EBCDIC": pan.encode("cp037"),
        "packed decimal": bytes.fromhex(f"{pan:0>16}"),
        "packed decimal with filler": bytes.fromhex(f"{pan}f"[: len(pan) // 2 * 2 + len(pan) % 2 * 2]),
        "integer, little end first": int(pan).to_bytes(8, "little"),
        "integer, big end first": int(pan).to_bytes(8, "big"),
    }
    for shift in range(3):
        # A text of three bytes is four characters; which, depends on where in the text it begins.
        inner = base64.b64encode(bytes(shift) + raw)
        found[f"base64, shifted by {shift}"] = inner[-(-shift * 4 // 3) : (shift + len(raw)) // 3 * 4]
    for name in _HASHES:
        digest = hashlib.new(name, raw).digest()
        found[f"{name}, unkeyed"] = digest
        found[f"{name}, unkeyed, hexadecimal"] = digest.hex().encode()
        found[f"{name}, unkeyed, hexadecimal capitals"] = digest.hex().upper().encode()
    return found


_NEEDLES: Final = {(pan, form): needle for pan in PANS for form, needle in forms_of(pan).items()}


def traces(content: bytes) -> list[str]:
    """The canaries in some bytes, each by the form that it has and its last digits."""
    return [f"{form} ...{pan[-4:]}" for (pan, form), needle in _NEEDLES.items() if needle in content]


def traces_in_text(content: bytes) -> list[str]:
    """The same in a text, where the CVV can be told from other digits, too."""
    found = traces(content)
    return [*found, "CVV"] if _LONE_CVV.search(content) else found


def traces_in_files(folders: Iterable[Path]) -> dict[str, list[str]]:
    """The canaries in all files below some folders, by path. Fails when there are no files at all."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files, "nothing to search"
    found = {}
    searched = {b""}
    for path in files:
        content = path.read_bytes().strip(b"\0")  # much of a write-ahead log is not written yet
        if content not in searched:
            searched.add(content)
            found[str(path)] = traces(content)
    return {path: names for path, names in found.items() if names}
