"""Whether the books are right: every invariant, recomputed from the rows themselves.

Each rule is one query that answers with the rows that break it, so that the database does the work and a
rule sees one state of it even while payments run. Nothing is written, and nothing is loaded but what is
wrong. The queries are plain SQL that SQLite and PostgreSQL both speak; the words in quotes are values of
the core's enumerations, and a test damages a database in every way that a rule knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine, text

from bezant.storage.crypto import Keys
from bezant.storage.verify import bnpl, deliveries, gift, invoices, money, payments, people
from bezant.storage.verify.audit import AuditCheck
from bezant.storage.verify.rules import Check, Finding, Verdict

__all__ = ["CHECKS", "AuditCheck", "Check", "Finding", "Invariant", "Verdict", "checks", "snapshot", "verify"]


class Invariant(Protocol):
    """What has to hold, and a way to see whether it does."""

    @property
    def invariant(self) -> str:
        """Its number: ``I1``."""
        ...

    @property
    def title(self) -> str:
        """What has to hold."""
        ...

    def run(self, connection: Connection, *, now: datetime) -> Verdict:
        """Look for whatever breaks it. ``now`` is real time."""
        ...


CHECKS = (
    Check(invariant="I1", title="Every journal entry is balanced", rules=money.JOURNAL),
    Check(invariant="I2", title="The ledger says what payments and batches say", rules=money.BALANCES),
    Check(
        invariant="I3",
        title="Captures and refunds stay within bounds",
        rules=(*money.CAPTURES, *money.REFUNDS),
    ),
    Check(invariant="I4", title="Batches are the sum of their members", rules=money.BATCHES),
    Check(invariant="I5", title="Every outcome is booked once and has its history", rules=payments.OUTCOMES),
    Check(invariant="I6", title="Nothing is left in doubt", rules=payments.DOUBTS),
    Check(invariant="I7", title="Numbers are given once", rules=payments.NUMBERS),
    Check(
        invariant="I8",
        title="An idempotency key or a link stands for one thing",
        rules=(*payments.CLAIMS, *invoices.INVOICES),
    ),
    Check(invariant="I9", title="Gift cards hold what was moved, and no less than nothing", rules=gift.GIFT),
    Check(invariant="I11", title="Everything announced is delivered or due", rules=deliveries.DELIVERIES),
    Check(
        invariant="I14",
        title="No row refers to another merchant's",
        rules=(*payments.OWNERS, *people.OWNERS),
    ),
    Check(invariant="I15", title="Loans buy an order once, and are booked as granted", rules=bnpl.LOANS),
)
"""Every invariant that can be recomputed from the database alone, in order."""


def checks(keys: Keys) -> tuple[Invariant, ...]:
    """Every invariant, in order, with those that need a key."""
    every: tuple[Invariant, ...] = (*CHECKS, AuditCheck(chain=keys.chain))
    return tuple(sorted(every, key=lambda each: int(each.invariant.removeprefix("I"))))


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database, changes nothing and may take its time."""
    patient = engine.dialect.name == "postgresql"
    with engine.connect().execution_options(bezant_writes=False) as connection:
        if patient:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout") if patient else ():
                connection.execute(text(f"SET LOCAL {limit} = 0"))
            yield connection


def verify(
    connection: Connection, *, now: datetime, invariants: Sequence[Invariant] = CHECKS
) -> list[Finding]:
    """Run checks; what was found, in their order. ``now`` is real time."""
    found: list[Finding] = []
    for check in invariants:
        verdict = check.run(connection, now=now)
        found += verdict.findings
        if verdict.count > len(verdict.findings):
            found.append(
                Finding(
                    invariant=check.invariant,
                    merchant_id=None,
                    subject=check.title,
                    message=f"{verdict.count - len(verdict.findings)} more",
                )
            )
    return found
