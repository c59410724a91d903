"""A lender and a link to it, for the tests of both."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bezant.core.bnpl import Granted, Inquiry, LoanMessage, ReturnMessage, Terms
from bezant.core.money import EGP, Currency, Money
from bezant.rails.lender import LenderLink, LenderRail
from bezant.rails.lender.sandbox import PHONES, LenderSandbox

PROGRAM = "ours"
PHONE = PHONES[1]

_references = itertools.count(1)


def in_time(seconds: float = 30) -> datetime:
    """A deadline."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def terms(minor: int = 1_000_00, *, phone: str = PHONE, wallet: int = 0, currency: Currency = EGP) -> Terms:
    """What a customer wants to finance."""
    return Terms(
        phone=phone,
        amount=Money(minor, currency),
        wallet=Money(wallet, currency),
        cashback=Money(0, currency),
    )


def a_loan(
    minor: int = 1_000_00,
    *,
    reference: str | None = None,
    months: int = 6,
    seconds: float = 30,
    **facts: Any,
) -> LoanMessage:
    """A message that is new unless it is given a reference."""
    return LoanMessage(
        reference=reference or f"m{next(_references)}",
        program=PROGRAM,
        terms=terms(minor, **facts),
        months=months,
        deadline_at=in_time(seconds),
    )


def a_return(
    loan: LoanMessage, granted: Granted, minor: int, *, reference: str | None = None
) -> ReturnMessage:
    """Money of a loan to be given back."""
    return ReturnMessage(
        reference=reference or f"m{next(_references)}",
        program=PROGRAM,
        original=loan.reference,
        loan_number=granted.loan_number,
        amount=Money(minor, EGP),
        deadline_at=in_time(),
    )


def an_inquiry(of: LoanMessage | ReturnMessage) -> Inquiry:
    """What became of a message."""
    return Inquiry(reference=of.reference, program=of.program, deadline_at=in_time())


class Line:
    """A lender and a rail to it."""

    def __init__(self, host: LenderSandbox, link: LenderLink) -> None:
        self.host = host
        self.link = link
        self.rail = LenderRail(link)

    async def granted(self, message: LoanMessage) -> Granted:
        """A loan that the lender grants."""
        answer = await self.rail.grant(message)
        assert isinstance(answer, Granted), answer
        return answer

    def owed(self) -> int:
        """What all loans come to at the lender, less what was given back."""
        live = (entry for entry in self.host.books.entries() if entry["code"] == "approved")
        return sum(entry["amount"] - entry["returned"] for entry in live if entry["kind"] == "loan")

    def script(self, *steps: dict[str, object], repeat: bool = False, **match: object) -> None:
        """What the lender shall do next."""
        self.host.scripts.add({"steps": list(steps), "match": match, "repeat": repeat})


@asynccontextmanager
async def line(*, books: Path | None = None, read_seconds: float = 5.0) -> AsyncIterator[Line]:
    """A running lender and a link to it."""
    host = LenderSandbox(books=books, control_port=0)
    await host.start()
    link = LenderLink(host.url, read_timeout_seconds=read_seconds)
    try:
        yield Line(host, link)
    finally:
        await link.stop()
        await host.stop()
