"""How one value is written.

A reader takes what the body held (text, a JSON ``Number``, or another JSON value) and returns what it means,
or raises ``Invalid``. A writer takes a value and returns JSON bytes. Digits are ASCII digits, always. The
first sentence of a codec's docstring describes, in the documentation, every field and key that uses it; its
JSON schema, where it has one, does so for machines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, TypeVar

import msgspec

from bezant.core.money import USD, Currency, Money, parse_decimal
from bezant.core.sensitive import Cvv, Pan, Secret
from bezant.dialects.wire.body import Number

T = TypeVar("T")
Reader = Callable[[Any], T]
Writer = Callable[[Any], bytes]
Schema = dict[str, Any]
"""A JSON schema (2020-12)."""


class Invalid(Exception):
    """Not a value of that kind. Says nothing of the value."""


def described(codec: T, words: str, schema: object = None) -> T:
    """A codec with its words for the documentation, and the JSON schema of what it reads or writes.

    In place of a schema stands whatever ``describe.py`` can draw one from.
    """
    codec.__doc__ = words
    if schema is not None:
        vars(codec)["schema"] = schema
    return codec


def alike(codec: T, other: Callable[..., object]) -> T:
    """A codec that takes or gives what another does: with its words and its schema."""
    return described(codec, other.__doc__ or "", schema_of(other))


def with_schema(schema: object) -> Callable[[T], T]:
    """Give a function its schema; its docstring stays."""
    return lambda codec: described(codec, codec.__doc__ or "", schema)


def schema_of(codec: Callable[..., object]) -> object:
    """What ``described`` was told; None if nothing."""
    return getattr(codec, "__dict__", {}).get("schema")


# Readers ------------------------------------------------------------------------------------------------


def scalar(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Text or a number, as text."""
    if isinstance(value, str):
        return value
    raise Invalid


def line_schema(length_max: int, *, length_min: int = 0) -> Schema:
    """One line of text."""
    bounds = {"minLength": length_min} if length_min else {}
    return {"type": "string", **bounds, "maxLength": length_max, "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$"}


def text(*, length_max: int) -> Reader[str]:
    """One line of text, blanks around it dropped, at most ``length_max`` characters."""

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = scalar(value).strip()
        if len(found) > length_max or not found.isprintable():
            raise Invalid
        return found

    return described(read, f"text, at most {length_max} characters", line_schema(length_max))


def clipped_text(*, length_max: int) -> Reader[str]:
    """One line of text; what is too long is cut off: for texts that are only shown."""

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = " ".join(scalar(value).split())
        if not found.isprintable():
            raise Invalid
        return found[:length_max]

    return described(read, f"text, cut off after {length_max} characters", {"type": "string"})


def pattern(regex: str, *, upper: bool = False, words: str = "") -> Reader[str]:
    """Text that a regular expression matches whole. With ``upper``, ASCII letters become capitals first."""
    compiled = re.compile(regex, re.ASCII)

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = scalar(value).strip(" ")
        if upper and found.isascii():
            found = found.upper()
        if compiled.fullmatch(found) is None:
            raise Invalid
        return found

    return described(read, words or f"`{regex}`", {"type": "string", "pattern": f"^(?:{regex})$"})


def digits(*, minimum: int, maximum: int) -> Reader[str]:
    """From ``minimum`` to ``maximum`` digits, leading zeros kept."""
    count = f"{minimum}" if minimum == maximum else f"{minimum} to {maximum}"
    return pattern(rf"[0-9]{{{minimum},{maximum}}}", words=f"{count} digits")


def hexadecimal(*, length: int) -> Reader[str]:
    """A token of so many hexadecimal digits, as capitals."""
    read = pattern(rf"[0-9A-F]{{{length}}}", upper=True)
    schema = {"type": "string", "pattern": f"^[0-9A-Fa-f]{{{length}}}$"}
    return described(read, f"{length} hexadecimal digits", schema)


def secret(*, length_max: int) -> Reader[Secret]:
    """A credential. Any text that is not too long: whether it fits is the gate's to say."""

    def read(value: Any) -> Secret:  # noqa: ANN401 - any JSON value
        found = scalar(value)
        if len(found) > length_max:
            raise Invalid
        return Secret(found)

    schema = {"type": "string", "maxLength": length_max, "format": "password"}
    return described(read, f"a credential, at most {length_max} characters", schema)


_WHOLE: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


def integer(*, minimum: int = 0, maximum: int) -> Reader[int]:
    """A whole number written in digits, within bounds."""

    def read(value: Any) -> int:  # noqa: ANN401 - any JSON value
        found = scalar(value).strip(" ")
        if _WHOLE.fullmatch(found) is None:
            raise Invalid
        number = int(found)
        if not minimum <= number <= maximum:
            raise Invalid
        return number

    return described(
        read,
        f"whole number, {minimum} to {maximum}",
        {
            "type": ["integer", "string"],
            "minimum": minimum,
            "maximum": maximum,
            "pattern": f"^{'(?=.*[1-9])' if minimum else ''}[0-9]{{1,{len(str(maximum))}}}$",
        },
    )


def one_of(choices: Mapping[str, T]) -> Reader[T]:
    """One of a few words, in any case. The words of ``choices`` are in lower case."""

    def read(value: Any) -> T:  # noqa: ANN401 - any JSON value
        found = scalar(value).strip(" ")
        if not found.isascii() or (word := found.lower()) not in choices:
            raise Invalid
        return choices[word]

    words = [word for word in choices if word]
    # A digit is taken as a number, too.
    schema = {"enum": [*words, *(int(word) for word in words if _WHOLE.fullmatch(word))]}
    return described(read, "one of " + ", ".join(f"`{word}`" for word in words), schema)


_FLAGS: Final = {"0": False, "1": True, "false": False, "true": True}


@with_schema({"enum": [False, True, 0, 1, "0", "1", "false", "true"]})
def flag(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """`0` or `1`; also true and false, as a word or as JSON."""
    if isinstance(value, bool):
        return value
    found = _FLAGS.get(scalar(value).strip(" ").lower())
    if found is None:
        raise Invalid
    return found


_GROUPED: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", re.ASCII)


def decimal(
    *, minor_max: int, zero: bool = False, grouped: bool = False, currency: Currency = USD
) -> Reader[Money]:
    """An amount in major units: ``20``, ``"20.00"``; with ``grouped``, ``"1,234.50"`` too.

    Zero only where it is allowed. A padded number is no amount: ``"000000002000"`` writes cents elsewhere.
    """

    def read(value: Any) -> Money:  # noqa: ANN401 - any JSON value
        found = scalar(value)
        if grouped and _GROUPED.fullmatch(found):
            found = found.replace(",", "")
        amount = parse_decimal(found, currency)
        if (
            amount is None
            or amount.minor > minor_max
            or (amount.minor == 0 and not zero)
            or _is_padded(found)
        ):
            raise Invalid
        return amount

    words = f"amount, {'0' if zero else 'above 0'} to {Money(minor_max, currency).decimal()}"
    return described(read, words, _decimal_schema(minor_max, zero=zero, grouped=grouped, currency=currency))


def _decimal_schema(minor_max: int, *, zero: bool, grouped: bool, currency: Currency) -> Schema:
    decimals, whole = currency.exponent, len(str(minor_max)) - currency.exponent
    plain = rf"(?:0|[1-9][0-9]{{0,{whole - 1}}})"
    several = rf"|[1-9][0-9]{{0,{max(whole - 4, 0)}}},[0-9]{{3}}" if grouped and whole > 3 else ""  # noqa: PLR2004 - one group
    above_zero = "" if zero else "(?=.*[1-9])"
    unit = float(Money(1, currency).decimal())
    return {
        "type": ["string", "number"],
        "pattern": rf"^{above_zero}(?:{plain}{several})(?:\.[0-9]{{1,{decimals}}})?$",
        "minimum": 0 if zero else unit,
        "maximum": float(Money(minor_max, currency).decimal()),
        "multipleOf": unit,
        "examples": ["20.00", 21],
    }


def minor(*, minor_max: int, zero: bool = False, currency: Currency = USD) -> Reader[Money]:
    """An amount in minor units: ``500``, ``"500"``. Zero only where it is allowed; a padded number never."""

    def read(value: Any) -> Money:  # noqa: ANN401 - any JSON value
        found = scalar(value)
        if _WHOLE.fullmatch(found) is None or _is_padded(found):
            raise Invalid
        count = int(found)
        if count > minor_max or (count == 0 and not zero):
            raise Invalid
        return Money(count, currency)

    return described(
        read,
        f"amount in minor units, {'0' if zero else 'above 0'} to {minor_max}",
        {
            "type": ["integer", "string"],
            "minimum": 0 if zero else 1,
            "maximum": minor_max,
            "pattern": rf"^(?:0|[1-9][0-9]{{0,{len(str(minor_max)) - 1}}})$",
        },
    )


def _is_padded(digits_of_amount: str) -> bool:
    return digits_of_amount[0] == "0" and digits_of_amount[1:2] not in {"", "."}


_CARD: Final = re.compile(r"[0-9](?:[ \-]?[0-9]){14,18}", re.ASCII)
_NO_SEPARATORS: Final = {ord(" "): None, ord("-"): None}


@with_schema({"type": "string", "pattern": f"^(?:{_CARD.pattern})$", "examples": ["4111111111111111"]})
def card_number(value: Any) -> Pan:  # noqa: ANN401 - any JSON value
    """15 to 19 digits, single blanks and hyphens between them dropped."""
    found = scalar(value).strip(" ")
    if _CARD.fullmatch(found) is None:
        raise Invalid
    return Pan(found.translate(_NO_SEPARATORS))


_EXPIRY: Final = re.compile(r"(0[1-9]|1[0-2])/?([0-9]{2})", re.ASCII)


@with_schema({"type": "string", "pattern": f"^(?:{_EXPIRY.pattern})$", "examples": ["1236", "12/36"]})
def card_expiry(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """``MMYY`` or ``MM/YY`` as YYMM. A JSON number has lost its leading zero: it is put back."""
    found = scalar(value).strip(" ")
    if isinstance(value, Number):
        found = found.zfill(4)
    match = _EXPIRY.fullmatch(found)
    if match is None:
        raise Invalid
    return match[2] + match[1]


_CVV: Final = re.compile(r"[0-9]{3,4}", re.ASCII)


@with_schema({"type": "string", "pattern": f"^(?:{_CVV.pattern})$", "examples": ["999"]})
def card_cvv(value: Any) -> Cvv:  # noqa: ANN401 - any JSON value
    """3 or 4 digits. A JSON number of fewer has lost its leading zeros: they are put back."""
    found = scalar(value).strip(" ")
    if isinstance(value, Number):
        found = found.zfill(3)
    if _CVV.fullmatch(found) is None:
        raise Invalid
    return Cvv(found)


_EMAIL: Final = re.compile(r"[^\s@,;<>()\"\\]{1,64}@[^\s@,;<>()\"\\]{1,255}")


def email(*, length_max: int) -> Reader[str]:
    """An e-mail address by its looks: one ``@``, nothing that could end one address and begin another."""

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = scalar(value).strip(" ")
        if len(found) > length_max or not found.isprintable() or _EMAIL.fullmatch(found) is None:
            raise Invalid
        return found

    schema = {"type": "string", "format": "email", "maxLength": length_max, "examples": ["john@example.com"]}
    return described(read, f"e-mail address, at most {length_max} characters", schema)


_WEB: Final = re.compile(
    r"https?://[0-9A-Za-z](?:[0-9A-Za-z.\-]{0,251}[0-9A-Za-z])?(?::[0-9]{1,5})?"
    r"(?:[/?#][0-9A-Za-z/?#:@!$&'()*+,;=._~%\-]*)?",
    re.ASCII,
)


def web_address(*, length_max: int) -> Reader[str]:
    """An http or https address without user or password, written in the letters that addresses have."""

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = scalar(value).strip(" ")
        if len(found) > length_max or _WEB.fullmatch(found) is None:
            raise Invalid
        return found

    schema = {
        "type": "string",
        "format": "uri",
        "maxLength": length_max,
        "examples": ["https://shop.example/paid"],
    }
    return described(read, f"http or https address, at most {length_max} characters", schema)


_PHONE: Final = re.compile(r"\+?[0-9]{1,19}", re.ASCII)
_PHONE_NOISE: Final = dict.fromkeys(map(ord, " -.()"))


def phone(*, minimum: int, maximum: int) -> Reader[str]:
    """A telephone number as its digits, a leading ``+`` kept; blanks, ``-.()`` dropped."""

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = scalar(value).translate(_PHONE_NOISE)
        if _PHONE.fullmatch(found) is None or not minimum <= len(found.removeprefix("+")) <= maximum:
            raise Invalid
        return found

    schema = {"type": "string", "pattern": rf"^\+?(?:[ \-.()]*[0-9]){{{minimum},{maximum}}}$"}
    return described(read, f"telephone number, {minimum} to {maximum} digits", schema)


_DAY: Final = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})", re.ASCII)


@with_schema(
    {
        "type": "string",
        "pattern": "^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})$",
        "examples": ["2026-03-24", "20260324"],
    }
)
def calendar_day(value: Any) -> date:  # noqa: ANN401 - any JSON value
    """``YYYY-MM-DD`` or ``YYYYMMDD``."""
    match = _DAY.fullmatch(scalar(value).strip(" "))
    if match is None:
        raise Invalid
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        raise Invalid from None


# Writers ------------------------------------------------------------------------------------------------


json: Final[Writer] = msgspec.json.Encoder().encode
"""Text, whole number, boolean, null, list or dictionary as JSON. The encoder itself, for speed."""


def as_received(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """A value from a request in its own JSON type: a number with the digits it was written with."""
    if isinstance(value, Number):
        return value.encode()
    if isinstance(value, dict):
        return b"{" + b",".join(json(name) + b":" + as_received(item) for name, item in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(as_received, value)) + b"]"
    return json(value)


def nullable(write: Writer) -> Writer:
    """As another writer has it, or null when there is no value."""

    def write_or_null(value: Any) -> bytes:  # noqa: ANN401 - what the other writer takes, or None
        return b"null" if value is None else write(value)

    schema = {"anyOf": [schema_of(write), {"type": "null"}]}
    return described(write_or_null, f"{(write.__doc__ or '').rstrip('.')} or null", schema)


def _major(amount: Money) -> bytes:
    if amount.currency.exponent == 2 and amount.minor >= 0:  # noqa: PLR2004 - nearly always; the rest is Money's
        return b"%d.%02d" % divmod(amount.minor, 100)
    return amount.decimal().encode()


def _shortest(amount: Money) -> bytes:
    written = _major(amount)
    return written.rstrip(b"0").rstrip(b".") if b"." in written else written


@with_schema({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "examples": ["20.00"]})
def decimal_text(amount: Money) -> bytes:
    """``"20.00"``."""
    return b'"%b"' % _major(amount)


@with_schema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,2})?$"})
def shortest_text(amount: Money) -> bytes:
    """``"1"``, ``"1.02"``."""
    return b'"%b"' % _shortest(amount)


@with_schema({"type": "number"})
def shortest_number(amount: Money) -> bytes:
    """``21``, ``11.02``: a JSON number made of the digits, never of a float."""
    return _shortest(amount)


@with_schema({"type": "string", "pattern": "^[0-9]{12}$"})
def padded_minor_text(amount: Money) -> bytes:
    """``"000000002000"``."""
    return b'"%012d"' % amount.minor


@with_schema({"type": "string", "pattern": "^-?[0-9]+$"})
def minor_text(amount: Money) -> bytes:
    """``"500"``."""
    return b'"%d"' % amount.minor


@with_schema({"type": "integer"})
def minor_number(amount: Money) -> bytes:
    """``500``."""
    return b"%d" % amount.minor


def moment(layout: Callable[[datetime], str]) -> Writer:
    """An instant, laid out; null when there is none."""

    def write(instant: datetime | None) -> bytes:
        return b"null" if instant is None else b'"%b"' % layout(instant).encode()

    shape = schema_of(layout)
    schema = {**shape, "type": ["string", "null"]} if isinstance(shape, dict) else None
    return described(write, layout.__doc__ or "", schema)


# `isoformat` pads in C: its pieces, put together, take a third of the time that formatting each number takes.


@with_schema({"pattern": "^[0-9]{2}/[0-9]{2}/[0-9]{4}$"})
def day_slashed(at: datetime) -> str:
    """``24/03/2026``."""
    iso = date.isoformat(at)
    return f"{iso[8:]}/{iso[5:7]}/{iso[:4]}"


@with_schema({"pattern": "^[0-9]{2}-[0-9]{2}-[0-9]{4}$"})
def day_us(at: datetime) -> str:
    """``03-24-2026``."""
    iso = date.isoformat(at)
    return f"{iso[5:]}-{iso[:4]}"


@with_schema({"pattern": "^[0-9]{2}:[0-9]{2}:[0-9]{2}$"})
def time_24(at: datetime) -> str:
    """``01:36:44``."""
    return at.isoformat()[11:19]


@with_schema({"pattern": "^[01][0-9]:[0-9]{2} [AP]M$"})
def time_12(at: datetime) -> str:
    """``02:13 AM``."""
    return f"{(at.hour - 1) % 12 + 1:02d}:{at.minute:02d} {'AM' if at.hour < 12 else 'PM'}"  # noqa: PLR2004 - noon


@with_schema({"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"})
def day_and_time(at: datetime) -> str:
    """``2026-03-24 06:13:06``."""
    return at.isoformat(" ")[:19]


@with_schema({"pattern": "^[0-9]{2}/[0-9]{2}/[0-9]{2}$"})
def day_short(at: datetime) -> str:
    """``03/25/26``."""
    iso = date.isoformat(at)
    return f"{iso[5:7]}/{iso[8:]}/{iso[2:4]}"


@with_schema({"pattern": "^[0-9]{2}/[0-9]{2}/[0-9]{2} [01][0-9]:[0-9]{2} [AP]M$"})
def day_and_minute(at: datetime) -> str:
    """``03/24/26 02:00 AM``."""
    return f"{day_short(at)} {time_12(at)}"


@with_schema({"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.000Z$"})
def iso_millis(at: datetime) -> str:
    """``2026-03-24T06:16:25.000Z``, whole seconds as the vendor writes them."""
    return f"{at.isoformat()[:19]}.000Z"
