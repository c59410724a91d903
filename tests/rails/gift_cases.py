"""A gift host and a link to it, for the tests of both."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bezant.core.gift import Ask, Message
from bezant.core.money import Money
from bezant.core.sensitive import Pan, Secret
from bezant.rails.gift import GiftLink, GiftRail
from bezant.rails.gift.sandbox import TEST_CARDS, GiftSandbox

PROGRAM = "ours"
CARD = TEST_CARDS["low"].number
"""Holds 10.00."""
STOCK = TEST_CARDS["inactive"].number

_references = itertools.count(1)


def message(  # noqa: PLR0917 - what a test says of a message, in a line
    ask: Ask = Ask.REDEEM,
    minor: int = 1_00,
    number: str | None = CARD,
    original: str | None = None,
    reference: str | None = None,
    program: str = PROGRAM,
    pin: str | None = None,
    seconds: float = 30,
) -> Message:
    """A message that is new unless it is given a reference."""
    return Message(
        ask=ask,
        reference=reference or f"m{next(_references)}",
        program=program,
        terminal_number="2319916062",
        amount=Money(minor),
        deadline_at=datetime.now(UTC) + timedelta(seconds=seconds),
        number=None if number is None or original else Pan(number),
        pin=Secret(pin) if pin else None,
        original=original,
    )


class Line:
    """A host and a rail to it."""

    def __init__(self, host: GiftSandbox, link: GiftLink) -> None:
        self.host = host
        self.link = link
        self.rail = GiftRail(link)

    def balance(self, number: str = CARD) -> int:
        """What the host says a card holds."""
        card = self.host.books.card(PROGRAM, number)
        assert card is not None
        balance: int = card["balance"]
        return balance

    def script(self, *steps: dict[str, object], repeat: bool = False, **match: object) -> None:
        """What the host shall do next."""
        self.host.scripts.add({"steps": list(steps), "match": match, "repeat": repeat})


@asynccontextmanager
async def line(*, books: Path | None = None, read_seconds: float = 5.0) -> AsyncIterator[Line]:
    """A running host and a link to it."""
    host = GiftSandbox(books=books)
    await host.start()
    link = GiftLink(host.address, read_timeout_seconds=read_seconds)
    try:
        yield Line(host, link)
    finally:
        await link.stop()
        await host.stop()
