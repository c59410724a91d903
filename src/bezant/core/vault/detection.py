"""Card numbers where none belong: shops put them into notes and order texts, and they must not be kept."""

from __future__ import annotations

import re

from bezant.core.sensitive import Pan
from bezant.core.vault.brands import Brand, brand_of

_NUMBER = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])", re.ASCII)
_NOT_DIGITS = re.compile(r"[ -]", re.ASCII)


def mask_card_numbers(text: str) -> str:
    """The text with every card number in it (a known brand, a right check digit) masked: ``XXXX1111``."""
    return _NUMBER.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    pan = Pan(_NOT_DIGITS.sub("", match[0]))
    is_card = pan.passes_luhn() and brand_of(pan.bin) is not Brand.UNKNOWN
    return pan.mask() if is_card else match[0]
