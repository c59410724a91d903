"""Routing numbers of US banks."""

from __future__ import annotations

import re
from typing import Final

_NINE_DIGITS: Final = re.compile(r"[0-9]{9}", re.ASCII)
_WEIGHTS: Final = (3, 7, 1) * 3

# The ranges of the first two digits that are given out; both ends count.
_PREFIXES: Final = ((0, 12), (21, 32), (61, 72), (80, 80))


def is_routing_number(text: str) -> bool:
    """Whether it is nine digits with a prefix that is in use and the right check digit (ABA).

    Nine zeros pass that sum and are no bank's.
    """
    if _NINE_DIGITS.fullmatch(text) is None or text == "0" * 9:
        return False
    prefix = int(text[:2])
    if not any(low <= prefix <= high for low, high in _PREFIXES):
        return False
    return sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=True)) % 10 == 0
