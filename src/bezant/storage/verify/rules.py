"""What an invariant is made of: rules, each one query that answers with the rows that break it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, TextClause, bindparam, text

from bezant.core.payments import PAYMENT
from bezant.storage.instants import to_micros

FINDINGS_MAX = 20
"""Findings that a check tells one by one; the rest are counted."""
SWEEP_GRACE = timedelta(seconds=15)
"""How long a lease may have run out before somebody should have noticed."""

_STEPS = tuple(f"{before}>{after}" for (before, _), after in PAYMENT.rows.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. Amounts in ``message`` are minor units."""

    invariant: str
    merchant_id: int | None
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check found: at most ``FINDINGS_MAX`` findings, and how many there are."""

    findings: tuple[Finding, ...]
    count: int


@cache
def statement(query: str) -> TextClause:
    """A query that may use what rules' queries may; made once, since whoever asks may ask often."""
    made = text(query)
    return made.bindparams(bindparam("steps", _STEPS, expanding=True)) if ":steps" in query else made


def parameters(now: datetime) -> dict[str, int | str]:
    """What a rule's query may use; ``now`` is real time."""
    return {"abandoned": to_micros(now - SWEEP_GRACE), "initial": PAYMENT.initial.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A query for what breaks a rule, and how a row of it reads.

    The query has a column ``merchant_id`` and those that ``subject`` and ``message`` name. It may use
    ``:abandoned`` (an instant: a lease that ended before it should have been noticed), ``:initial`` (the
    state in which a payment begins) and ``:steps`` (the steps of the table, as ``before>after``).
    """

    subject: str
    message: str
    query: str

    def broken(self, connection: Connection, *, invariant: str, now: datetime) -> Verdict:
        """Look for rows that break this rule."""
        query = (
            "SELECT found.*, COUNT(*) OVER () AS found_count "  # noqa: S608 - our text
            f"FROM ({self.query}) AS found LIMIT {FINDINGS_MAX}"
        )
        rows = connection.execute(statement(query), parameters(now)).mappings().all()
        findings = tuple(
            Finding(
                invariant=invariant,
                merchant_id=row["merchant_id"],
                subject=self.subject.format(**row),
                message=self.message.format(**row),
            )
            for row in rows
        )
        return Verdict(findings=findings, count=rows[0]["found_count"] if rows else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """An invariant and its rules."""

    invariant: str
    title: str
    rules: tuple[Rule, ...]

    def run(self, connection: Connection, *, now: datetime) -> Verdict:
        """Look for whatever breaks this invariant. ``now`` is real time."""
        verdicts = [rule.broken(connection, invariant=self.invariant, now=now) for rule in self.rules]
        findings = [finding for verdict in verdicts for finding in verdict.findings]
        return Verdict(
            findings=tuple(findings[:FINDINGS_MAX]), count=sum(verdict.count for verdict in verdicts)
        )
