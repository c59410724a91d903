"""Money: integer minor units and a currency.

Every amount in the core is a ``Money``. Mixing currencies is a programming mistake and raises
``TypeError``. Rounding happens here only, and each function that rounds says how.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import msgspec

MINOR_MAX = 10**15
"""No amount of any currency may reach this many minor units."""

_DECIMAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency: alphabetic code, numeric code, digits of its minor unit."""

    code: str
    number: str
    exponent: int


USD = Currency("USD", "840", 2)
EGP = Currency("EGP", "818", 2)
CURRENCIES = {currency.code: currency for currency in (USD, EGP)}


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units. May be negative where a posting needs it. A struct: a sale makes dozens."""

    minor: int
    currency: Currency = USD

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            message = "money is counted in whole minor units"
            raise TypeError(message)
        if not -MINOR_MAX < self.minor < MINOR_MAX:
            message = "amount out of bounds"
            raise OverflowError(message)

    @classmethod
    def zero(cls, currency: Currency = USD) -> Self:
        """Nothing, in ``currency``."""
        return cls(0, currency)

    def _same(self, other: Money) -> None:
        if not isinstance(other, Money):
            message = f"money and {type(other).__name__} do not mix"
            raise TypeError(message)
        if other.currency is not self.currency and other.currency != self.currency:
            message = f"{self.currency.code} and {other.currency.code} do not mix"
            raise TypeError(message)

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __gt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor > other.minor

    def __ge__(self, other: Money) -> bool:
        self._same(other)
        return self.minor >= other.minor

    def percent_half_up(self, basis_points: int) -> Money:
        """``basis_points`` hundredths of a percent of this amount, halves rounded away from zero."""
        scaled = abs(self.minor) * basis_points
        rounded = (scaled + 5_000) // 10_000
        return Money(rounded if self.minor >= 0 else -rounded, self.currency)

    def split(self, weights: tuple[int, ...]) -> tuple[Money, ...]:
        """Shares in proportion to ``weights`` that add up to this amount to the last minor unit.

        Each share is rounded towards zero; what is left goes, one unit each, to the largest remainders.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            message = "weights must be non-negative with a positive sum"
            raise ValueError(message)
        size = abs(self.minor)
        shares = [size * weight // total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(size * weights[i] % total), i))
        for i in by_remainder[: size - sum(shares)]:
            shares[i] += 1
        sign = 1 if self.minor >= 0 else -1
        return tuple(Money(sign * share, self.currency) for share in shares)

    def decimal(self) -> str:
        """With all digits of the minor unit: ``20.00``."""
        exponent = self.currency.exponent
        sign = "-" if self.minor < 0 else ""
        digits = str(abs(self.minor)).zfill(exponent + 1)
        return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"

    def shortest(self) -> str:
        """Without trailing zeros: ``21``, ``11.02``, ``1.5``."""
        text = self.decimal()
        return text.rstrip("0").rstrip(".") if "." in text else text


def parse_decimal(text: str, currency: Currency = USD) -> Money | None:
    """The amount that ``text`` writes in major units by our own ASCII rule, or ``None``.

    Digits, at most one point with at least one digit on either side, no more decimals than the
    currency has. Signs, exponents, separators, blanks and non-ASCII digits are not amounts.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    whole, part = match[1], match[2] or ""
    if len(part) > currency.exponent:
        return None
    return Money(int(whole + part.ljust(currency.exponent, "0")), currency)
