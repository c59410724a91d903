"""Values as they are written on the command line. ASCII only; what does not fit is a usage error."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, Literal, NoReturn, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import click

from bezant.core.merchants import Endpoint
from bezant.core.money import USD, parse_decimal

V = TypeVar("V")

_WHOLE: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_TIME_OF_DAY: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_MONTHS: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?", re.ASCII)
_ENDPOINT: Final = re.compile(r"([0-9]{12}):([0-9]{8})", re.ASCII)
_ADDRESS: Final = re.compile(r"([^\s:]+|\[[0-9A-Fa-f:]+\]):([0-9]{1,5})", re.ASCII)
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_DURATION: Final = re.compile(
    r"(?P<sign>[+-]?)(?=[0-9])(?:(?P<weeks>[0-9]{1,4})w)?(?:(?P<days>[0-9]{1,5})d)?"
    r"(?:(?P<hours>[0-9]{1,6})h)?(?:(?P<minutes>[0-9]{1,8})m)?(?:(?P<seconds>[0-9]{1,9})s)?",
    re.ASCII,
)
_PORT_MAX: Final = 65535

# Cards expire in a year of two digits, and so may a clock.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


class _Value(click.ParamType[V], Generic[V]):
    """A value given as text; ``read`` gives nothing for text that does not write one."""

    expected: str

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> V:
        if not isinstance(value, str):
            return value  # type: ignore[return-value]  # a default is a value already
        found = self.read(value)
        if found is None:
            self._refuse(value, param, ctx)
        return found

    def read(self, text: str) -> V | None:
        """The value, or nothing."""
        raise NotImplementedError

    def _refuse(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        self.fail(f"{value!r} is not {self.expected}", param, ctx)


class Whole(_Value[int]):
    """A whole number within bounds, both of which count."""

    name = "number"

    def __init__(self, low: int, high: int) -> None:
        self._bounds = range(low, high + 1)
        self.expected = f"a whole number from {low} to {high}"

    def read(self, text: str) -> int | None:
        """The number, or nothing."""
        # Only a number is looked for in a range by arithmetic; anything else, one by one.
        return int(text) if _WHOLE.fullmatch(text) and int(text) in self._bounds else None


class TimeOfDay(_Value[int | Literal["off"]]):
    """A time of day as minutes after midnight, or none."""

    name = "hh:mm"
    expected = "a time of day, such as 19:00, or off"

    def read(self, text: str) -> int | Literal["off"] | None:
        """The minutes, ``off``, or nothing."""
        if text == "off":
            return "off"
        match = _TIME_OF_DAY.fullmatch(text)
        return int(match[1]) * 60 + int(match[2]) if match else None


class Seconds(_Value[float]):
    """Seconds with up to three decimals."""

    name = "seconds"
    expected = "a number of seconds, such as 0.05"

    def read(self, text: str) -> float | None:
        """The seconds, or nothing."""
        return float(text) if _SECONDS.fullmatch(text) else None


class Cents(_Value[int]):
    """An amount of dollars, as cents."""

    name = "amount"
    expected = "an amount, such as 20.00"

    def read(self, text: str) -> int | None:
        """The cents, or nothing."""
        amount = parse_decimal(text, USD)
        return None if amount is None else amount.minor


class Limit(_Value[int | Literal["none"]]):
    """An amount with two decimals at most, as hundredths, or none."""

    name = "amount"
    expected = "an amount, such as 500.00, or none"

    def read(self, text: str) -> int | Literal["none"] | None:
        """The hundredths, ``none``, or nothing."""
        if text == "none":
            return "none"
        amount = parse_decimal(text, USD)
        return None if amount is None else amount.minor


class Months(_Value[frozenset[int]]):
    """Numbers of months, or all there are."""

    name = "months"
    expected = "months, such as 6,12, or all"

    def read(self, text: str) -> frozenset[int] | None:
        """The numbers, an empty set for all, or nothing."""
        if text == "all":
            return frozenset()
        parts = text.split(",")
        if not all(_MONTHS.fullmatch(part) for part in parts):
            return None
        return frozenset(map(int, parts))


class Name(_Value[str]):
    """What people call something."""

    name = "name"

    def __init__(self, length_max: int) -> None:
        self._length_max = length_max
        self.expected = f"a name of 1 to {length_max} printable characters"

    def read(self, text: str) -> str | None:
        """The name without surrounding blanks, or nothing."""
        stripped = text.strip()
        return stripped if stripped.isprintable() and 0 < len(stripped) <= self._length_max else None


class Matching(_Value[str]):
    """Text of a given pattern."""

    name = "text"

    def __init__(self, pattern: re.Pattern[str], expected: str) -> None:
        self._pattern = pattern
        self.expected = expected

    def read(self, text: str) -> str | None:
        """The text, or nothing."""
        return text if self._pattern.fullmatch(text) else None


class Zone(_Value[ZoneInfo]):
    """An IANA time zone."""

    name = "zone"
    expected = "a time zone, such as America/New_York"

    def read(self, text: str) -> ZoneInfo | None:
        """The zone, or nothing."""
        return ZoneInfo(text) if text in available_timezones() else None


class Acceptor(_Value[Endpoint]):
    """A terminal as its acquirer knows it: ``887000003192:75021673``."""

    name = "mid:tid"
    expected = "twelve digits, a colon and eight digits (MID:TID)"

    def read(self, text: str) -> Endpoint | None:
        """The endpoint, or nothing."""
        match = _ENDPOINT.fullmatch(text)
        return Endpoint(merchant_number=match[1], terminal_number=match[2]) if match else None


class Address(_Value[tuple[str, int]]):
    """A host and a port."""

    name = "host:port"
    expected = "an address, such as 127.0.0.1:8584"

    def read(self, text: str) -> tuple[str, int] | None:
        """The address, or nothing."""
        match = _ADDRESS.fullmatch(text)
        if match is None or not 0 < int(match[2]) <= _PORT_MAX:
            return None
        return match[1].strip("[]"), int(match[2])


class Instant(_Value[datetime]):
    """An instant, written with its offset from UTC."""

    name = "instant"
    expected = "an instant from 2000 to 2099 with its offset, such as 2027-01-31T23:59:00Z"

    def read(self, text: str) -> datetime | None:
        """The instant in UTC, or nothing."""
        if _INSTANT.fullmatch(text) is None:
            return None
        try:
            instant = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return instant if EARLIEST <= instant < LATEST else None


class Duration(_Value[timedelta]):
    """Weeks, days, hours, minutes and seconds, forward or back."""

    name = "duration"
    expected = "a duration, such as +2d, -3h or 1h30m"

    def read(self, text: str) -> timedelta | None:
        """The duration, or nothing."""
        match = _DURATION.fullmatch(text)
        if match is None:
            return None
        units = ("weeks", "days", "hours", "minutes", "seconds")
        length = timedelta(**{unit: int(match[unit]) for unit in units if match[unit]})
        return -length if match["sign"] == "-" else length


PORT: Final = Whole(0, _PORT_MAX)
