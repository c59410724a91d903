"""Card brands by number range, from the schemes' public ranges."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache


class Brand(StrEnum):
    """A card scheme."""

    VISA = "visa"
    MASTERCARD = "mastercard"
    AMEX = "amex"
    DISCOVER = "discover"
    JCB = "jcb"
    DINERS = "diners"
    MAESTRO = "maestro"
    UNIONPAY = "unionpay"
    UNKNOWN = "unknown"


# First match wins; both ends of a range count, compared on as many digits as they have.
_RANGES: tuple[tuple[str, str, Brand], ...] = (
    ("34", "34", Brand.AMEX),
    ("37", "37", Brand.AMEX),
    ("300", "305", Brand.DINERS),
    ("3095", "3095", Brand.DINERS),
    ("36", "36", Brand.DINERS),
    ("38", "39", Brand.DINERS),
    ("3528", "3589", Brand.JCB),
    ("2131", "2131", Brand.JCB),
    ("1800", "1800", Brand.JCB),
    ("4", "4", Brand.VISA),
    ("51", "55", Brand.MASTERCARD),
    ("2221", "2720", Brand.MASTERCARD),
    ("6011", "6011", Brand.DISCOVER),
    ("644", "649", Brand.DISCOVER),
    ("65", "65", Brand.DISCOVER),
    ("62", "62", Brand.UNIONPAY),
    ("81", "81", Brand.UNIONPAY),
    ("50", "50", Brand.MAESTRO),
    ("56", "59", Brand.MAESTRO),
    ("6304", "6304", Brand.MAESTRO),
    ("67", "67", Brand.MAESTRO),
)


@lru_cache(maxsize=4096)
def brand_of(bin_digits: str) -> Brand:
    """The brand of a card number that begins with ``bin_digits`` (six digits or more)."""
    for low, high, brand in _RANGES:
        if low <= bin_digits[: len(low)] <= high:
            return brand
    return Brand.UNKNOWN
