"""The gift cards that the sandbox knows.

Every program (a merchant, to the host) has these to itself, as they stand here until it uses them. Beside
the published ones there is a stock of cards to be activated: numbers that begin with ``STOCK_PREFIX``.

========================  ========  ==========  =======================================
number                    PIN       balance     is
========================  ========  ==========  =======================================
7319520000019131778       59008061  4,779.18    active (number and PIN: vendor docs)
7319520000019131802       00000417  10.00       active; its PIN begins with zeros
7319520000019131810       --        0.00        active
7319520000019131828       --        50.00       expired
7319520000019132000-2999  --        0.00        inactive: a stock to be activated
========================  ========  ==========  =======================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

STOCK_PREFIX: Final = "7319520000019132"
NUMBER_LENGTH: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCard:
    """A card as it stands before its first use. ``balance`` is in minor units."""

    __test__ = False

    number: str
    pin: str | None = None
    balance: int = 0
    active: bool = True
    expired: bool = False


TEST_CARDS: Final[Mapping[str, TestCard]] = {
    # number and PIN: vendor docs; the balance is what the vendor's samples begin with
    "active": TestCard(number="7319520000019131778", pin="59008061", balance=4779_18),
    # our choice
    "low": TestCard(number="7319520000019131802", pin="00000417", balance=10_00),
    "empty": TestCard(number="7319520000019131810"),
    "expired": TestCard(number="7319520000019131828", balance=50_00, expired=True),
    "inactive": TestCard(number="7319520000019132000", active=False),
}

_BY_NUMBER: Final = {card.number: card for card in TEST_CARDS.values()}


def card_with(number: str) -> TestCard | None:
    """The card with that number, if there is one."""
    if number in _BY_NUMBER:
        return _BY_NUMBER[number]
    if len(number) == NUMBER_LENGTH and number.startswith(STOCK_PREFIX):
        return TestCard(number=number, active=False)
    return None
