"""How one value is written.

A reader takes what the body held (text, a JSON ``Number``, or another JSON value) and returns what it means,
or raises ``Invalid``. A writer takes a value and returns JSON bytes. Digits are ASCII digits, always.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, TypeVar

import msgspec

from bezant.core.money import USD, Currency, Money, parse_decimal
from bezant.core.sensitive import Cvv, Pan, Secret

T = TypeVar("T")
Reader = Callable[[Any], T]
Writer = Callable[[Any], bytes]


class Invalid(Exception):
    """Not a value of that kind. Says nothing of the value."""


_INVALID: Final = Invalid()
_PRINTABLE_EXTRA: Final = {"\t", "\r", "\n"}
_encode: Final = msgspec.json.Encoder().encode

# Readers ------------------------------------------------------------------------------------------------


def scalar(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Text or a number, as text."""
    if isinstance(value, str):
        return value
    raise _INVALID


def text(*, length_max: int) -> Reader[str]:
    """One line of text, blanks around it dropped, at most ``length_max`` characters."""

    def read(value: Any) -> str:  # noqa: ANN401
        found = scalar(value).strip()
        if len(found) > length_max or not found.isprintable():
            raise _INVALID
        return found

    return read


def clipped_text(*, length_max: int) -> Reader[str]:
    """One line of text; what is too long is cut off: for texts that are only shown."""

    def read(value: Any) -> str:  # noqa: ANN401
        found = " ".join(scalar(value).split())
        if not found.isprintable():
            raise _INVALID
        return found[:length_max]

    return read


def pattern(regex: str, *, upper: bool = False) -> Reader[str]:
    """Text that a regular expression matches whole."""
    compiled = re.compile(regex, re.ASCII)

    def read(value: Any) -> str:  # noqa: ANN401
        found = scalar(value).strip()
        if upper:
            found = found.upper()
        if compiled.fullmatch(found) is None:
            raise _INVALID
        return found

    return read


def secret(*, length_max: int) -> Reader[Secret]:
    """A credential. Any text that is not too long: whether it fits is the gate's to say."""

    def read(value: Any) -> Secret:  # noqa: ANN401
        found = scalar(value)
        if len(found) > length_max:
            raise _INVALID
        return Secret(found)

    return read


def integer(*, minimum: int = 0, maximum: int) -> Reader[int]:
    """A whole number written in digits, within bounds."""
    digits_max = len(str(maximum))
    compiled = re.compile(rf"[0-9]{{1,{max(digits_max, 20)}}}", re.ASCII)

    def read(value: Any) -> int:  # noqa: ANN401
        found = scalar(value).strip()
        if compiled.fullmatch(found) is None:
            raise _INVALID
        number = int(found)
        if not minimum <= number <= maximum:
            raise _INVALID
        return number

    return read


def one_of(choices: Mapping[str, T]) -> Reader[T]:
    """One of a few words, in any case."""

    def read(value: Any) -> T:  # noqa: ANN401
        found = choices.get(scalar(value).strip().lower())
        if found is None:
            raise _INVALID
        return found

    return read


def decimal(
    *, minor_max: int, zero: bool = False, grouped: bool = False, currency: Currency = USD
) -> Reader[Money]:
    """An amount in major units: ``20``, ``"20.00"``; with ``grouped``, ``"1,234.50"`` too."""
    groups = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", re.ASCII)

    def read(value: Any) -> Money:  # noqa: ANN401
        found = scalar(value).strip(" ")
        if grouped and groups.fullmatch(found):
            found = found.replace(",", "")
        amount = parse_decimal(found, currency)
        if amount is None or amount.minor > minor_max or (amount.minor == 0 and not zero):
            raise _INVALID
        return amount

    return read


_SEPARATORS: Final = re.compile(r"[ \-]", re.ASCII)
_CARD: Final = re.compile(r"[0-9]{15,19}", re.ASCII)


def card_number(value: Any) -> Pan:  # noqa: ANN401
    """15 to 19 digits, blanks and hyphens between them dropped."""
    found = _SEPARATORS.sub("", scalar(value))
    if _CARD.fullmatch(found) is None:
        raise _INVALID
    return Pan(found)


_EXPIRY: Final = re.compile(r"(0[1-9]|1[0-2])/?([0-9]{2})", re.ASCII)
_SHORT_EXPIRY: Final = re.compile(r"[1-9][0-9]{2}", re.ASCII)


def card_expiry(value: Any) -> str:  # noqa: ANN401
    """``MMYY`` or ``MM/YY`` as YYMM. A JSON number has lost its leading zero: it is put back."""
    found = scalar(value).strip()
    if type(value) is not str and _SHORT_EXPIRY.fullmatch(found):
        found = "0" + found
    match = _EXPIRY.fullmatch(found)
    if match is None:
        raise _INVALID
    return match[2] + match[1]


_CVV: Final = re.compile(r"[0-9]{3,4}", re.ASCII)


def card_cvv(value: Any) -> Cvv:  # noqa: ANN401
    """3 or 4 digits."""
    found = scalar(value).strip()
    if _CVV.fullmatch(found) is None:
        raise _INVALID
    return Cvv(found)


_DAY: Final = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})", re.ASCII)


def calendar_day(value: Any) -> date:  # noqa: ANN401
    """``YYYY-MM-DD`` or ``YYYYMMDD``."""
    match = _DAY.fullmatch(scalar(value).strip())
    if match is None:
        raise _INVALID
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise _INVALID from None


# Writers ------------------------------------------------------------------------------------------------


def json(value: object) -> bytes:
    """Text, whole number, boolean, null, list or dictionary as JSON."""
    return _encode(value)


def decimal_text(amount: Money) -> bytes:
    """``"20.00"``."""
    return b'"%s"' % amount.decimal().encode()


def shortest_text(amount: Money) -> bytes:
    """``"1"``, ``"1.02"``."""
    return b'"%s"' % amount.shortest().encode()


def shortest_number(amount: Money) -> bytes:
    """``21``, ``11.02``: a JSON number made of the digits, never of a float."""
    return amount.shortest().encode()


def padded_minor_text(amount: Money) -> bytes:
    """``"000000002000"``."""
    return b'"%012d"' % amount.minor


def minor_text(amount: Money) -> bytes:
    """``"500"``."""
    return b'"%d"' % amount.minor


def minor_number(amount: Money) -> bytes:
    """``500``."""
    return b"%d" % amount.minor


def moment(layout: Callable[[datetime], str]) -> Writer:
    """An instant, laid out; null when there is none."""

    def write(instant: datetime | None) -> bytes:
        return b"null" if instant is None else b'"%s"' % layout(instant).encode()

    return write


def day_slashed(at: datetime) -> str:
    """``24/03/2026``."""
    return f"{at.day:02d}/{at.month:02d}/{at.year:04d}"


def day_us(at: datetime) -> str:
    """``03-24-2026``."""
    return f"{at.month:02d}-{at.day:02d}-{at.year:04d}"


def time_24(at: datetime) -> str:
    """``01:36:44``."""
    return f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"


def time_12(at: datetime) -> str:
    """``02:13 AM``."""
    return f"{(at.hour - 1) % 12 + 1:02d}:{at.minute:02d} {'AM' if at.hour < 12 else 'PM'}"  # noqa: PLR2004


def day_and_time(at: datetime) -> str:
    """``2026-03-24 06:13:06``."""
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d} {time_24(at)}"


def iso_millis(at: datetime) -> str:
    """``2026-03-24T06:16:25.000Z``, whole seconds as the vendor writes them."""
    return f"{at.year:04d}-{at.month:02d}-{at.day:02d}T{time_24(at)}.000Z"
