"""Card data and secrets as types that mask themselves.

``str``, ``repr`` and ``format`` of each show a mask; only ``reveal()`` gives the value, and a
reviewer can search for that word. None of them is a ``str``, so none is concatenated by accident.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

_PAN: Final = re.compile(r"[0-9]{12,19}", re.ASCII)
_CVV: Final = re.compile(r"[0-9]{3,4}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{4,17}", re.ASCII)


class Sensitive:
    """A text that is not shown."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value in clear: for the rail, the vault and nobody else."""
        return self._value

    def mask(self) -> str:
        """What may be shown."""
        return "***"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.mask()})"

    def __str__(self) -> str:
        return self.mask()

    def __format__(self, spec: str) -> str:
        return format(self.mask(), spec)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __reduce__(self) -> tuple[object, ...]:
        message = f"{type(self).__name__} is not serialised"
        raise TypeError(message)


class Pan(Sensitive):
    """A card number of 12 to 19 ASCII digits. Raises ``ValueError``, without the value, for others."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        if _PAN.fullmatch(value) is None:
            message = "not a card number"
            raise ValueError(message)
        super().__init__(value)

    @property
    def bin(self) -> str:
        """The first six digits."""
        return self._value[:6]

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self._value[-4:]

    def mask(self) -> str:
        """``XXXX1111``."""
        return f"XXXX{self._value[-4:]}"

    def passes_luhn(self) -> bool:
        """Whether the check digit is right."""
        total = 0
        for place, digit in enumerate(reversed(self._value)):
            value = ord(digit) - 48
            if place % 2:
                value = sum(divmod(value * 2, 10))
            total += value
        return total % 10 == 0


class Cvv(Sensitive):
    """A card verification value of 3 or 4 ASCII digits. Lives in memory until the rail is called."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        if _CVV.fullmatch(value) is None:
            message = "not a card verification value"
            raise ValueError(message)
        super().__init__(value)


class AccountNumber(Sensitive):
    """A bank account number of 4 to 17 ASCII digits."""

    __slots__ = ()

    def __init__(self, value: str) -> None:
        if _ACCOUNT.fullmatch(value) is None:
            message = "not an account number"
            raise ValueError(message)
        super().__init__(value)

    def mask(self) -> str:
        """``XXXX6789``."""
        return f"XXXX{self._value[-4:]}"


class Secret(Sensitive):
    """A key, password or token."""

    __slots__ = ()

    def matches(self, other: Secret) -> bool:
        """Equal, compared in constant time."""
        return hmac.compare_digest(self._value.encode(), other.reveal().encode())
