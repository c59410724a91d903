"""What must hold in a universe. The witnesses: the gateway's rows, what clients heard, the acquirer's books.

``always`` holds at any instant, in the middle of every fault. ``at_rest`` holds once nothing is under way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from bezant.core.payments.messages import Ask
from bezant.rails.acquirer.sandbox.books import Books, State, Sums
from bezant.storage.instants import to_micros
from bezant.storage.verify import CHECKS, Check, checks, snapshot, verify
from bezant.storage.verify.rules import parameters, statement
from tests.simulation.cellar import Cellar
from tests.simulation.clients import Request
from tests.support.books import disagreements, unfinished, untaken_tips

_ENTRIES_MAX: Final = 1_000_000
_LONG_AGO: Final = timedelta(days=30)
_FORWARD: Final = frozenset({"void", "tipadjust"})
_MESSAGES: Final = {
    "sale": Ask.SALE,
    "auth": Ask.AUTHORIZE,
    "incremental_auth": Ask.AUTHORIZE,
    "capture": Ask.CAPTURE,
    "refund": Ask.REFUND,
}
_PAYMENTS: Final = "SELECT payment_id, state, reason, kind, original_id, answered_at FROM payments"
_PLANNED: Final = """
    SELECT (SELECT COUNT(*) FROM reversals WHERE confirmed_at IS NULL AND next_try_at < :soon)
        + (SELECT COUNT(*) FROM payments WHERE state = 'sending' AND lease_until < :soon)
        + (SELECT COUNT(*) FROM batches WHERE state = 'settling') AS soon
"""
_MEMBERS: Final = """
    SELECT e.merchant_number, e.terminal_number, p.batch_number,
        SUM(CASE p.kind WHEN 'refund' THEN 0 ELSE 1 END) AS debit_count,
        SUM(CASE p.kind WHEN 'refund' THEN 0 ELSE p.base + p.tax + p.fee + p.tip END) AS debits,
        SUM(CASE p.kind WHEN 'refund' THEN 1 ELSE 0 END) AS credit_count,
        SUM(CASE p.kind WHEN 'refund' THEN p.base + p.tax + p.fee + p.tip ELSE 0 END) AS credits
    FROM payments p JOIN endpoints e USING (merchant_id, terminal_id, profile)
    WHERE p.state = 'settled' GROUP BY 1, 2, 3
"""
_ANY_BROKEN: Final = (
    f"SELECT {' OR '.join(f'EXISTS ({rule.query})' for check in CHECKS for rule in check.rules)}"
)
"""Whether any rule is broken. One by one, the rules take several times as long to ask as to answer."""

Row = Mapping[str, Any]


class Sides:
    """Both sides' books as ``tests.support.books`` compares them."""

    def __init__(self, cellar: Cellar, books: Books) -> None:
        self._cellar = cellar
        self._books = books

    @property
    def control(self) -> Sides:
        """The host, which is asked directly."""
        return self

    def rows(self, query: str, /) -> Sequence[Row]:
        """What the database says."""
        with snapshot(self._cellar.window) as connection:
            return [dict(row) for row in connection.execute(statement(query)).mappings()]

    def live(self) -> Mapping[str, Any]:
        """What the host holds to be in force."""
        return {
            "entries": [
                msgspec.to_builtins(entry) | {"approved": entry.approved, "reference": entry.reference}
                for entry in self._books.in_force(terminal=None, settled=True)
            ]
        }

    def books(self, *, ask: str, state: str) -> Sequence[Row]:
        """Its entries of a kind and state."""
        found = self._books.listed(ask=ask, state=state, limit=_ENTRIES_MAX)
        return [{"terminal": entry.terminal, "audit_number": entry.audit_number} for entry in found]


class Oracle:
    """Asks the witnesses."""

    def __init__(self, cellar: Cellar, books: Books, requests: Sequence[Request]) -> None:
        self._cellar = cellar
        self._books = books
        self._requests = requests
        self._sides = Sides(cellar, books)
        self._whole: int | None = None
        """The version of the rows that was last found to break no rule that holds at any instant."""

    def unfinished(self) -> list[str]:
        """What is still under way."""
        return unfinished(self._sides)

    def planned_after(self, instant: datetime) -> bool:
        """Whether nothing is to be tried before an instant, by the gateway's own clock."""
        with snapshot(self._cellar.window) as connection:
            soon: int = connection.execute(statement(_PLANNED), {"soon": to_micros(instant)}).scalar_one()
        return soon == 0

    def always(self, now: datetime) -> list[str]:
        """What is wrong, whatever is under way: a line each."""
        return [*self._broken_by_now(now), *self._misheard(), *self._charged_twice()]

    def at_rest(self, now: datetime) -> list[str]:
        """What is wrong once nothing is under way: a line each."""
        with snapshot(self._cellar.window) as connection:
            broken = self._violations(connection, now)
        return [
            *(f"at rest: {what}" for what in self.unfinished()),
            *disagreements(self._sides),
            *broken,
            *self._misheard(),
            *self._without_effect(),
            *self._charged_twice(),
            *self._unsettled(),
            *self._unequal(),
        ]

    def _broken_by_now(self, now: datetime) -> list[str]:
        """Rules that are broken whatever is under way.

        Rows that nobody has changed say what they said before: no universe lives until ``_LONG_AGO`` matters.
        """
        with snapshot(self._cellar.window) as connection:
            version: int = connection.execute(statement("PRAGMA data_version")).scalar_one()
            if version == self._whole:
                return []
            found = self._violations(connection, now - _LONG_AGO)
            self._whole = None if found else version
        return found

    def _violations(self, connection: Connection, now: datetime) -> list[str]:
        broken = connection.execute(statement(_ANY_BROKEN), parameters(now)).scalar_one()
        # Rules that stand need not say so each for itself.
        invariants = [each for each in checks(self._cellar.keys) if broken or not isinstance(each, Check)]
        return [
            f"{finding.invariant} {finding.subject} {finding.message}"
            for finding in verify(connection, now=now, invariants=invariants)
        ]

    # -- what clients heard ---------------------------------------------------------------------------

    def _misheard(self) -> Iterator[str]:
        rows = {row["payment_id"]: row for row in self._sides.rows(_PAYMENTS)}
        for request in self._requests:
            for answer in request.answers:
                about = f"{request.kind} {request.key}"
                if answer.verdict != request.answers[0].verdict and not _may_differ(request):
                    yield f"{about} was told {request.answers[0].verdict}, then {answer.verdict}"
                if answer.status >= 500:
                    yield f"{about} was answered {answer.status}"
                if answer.payment_id is None or request.kind == "tipadjust":
                    continue
                row = rows.get(answer.payment_id)
                if row is None:
                    yield f"{about} was told of {answer.payment_id}, which is not there"
                elif answer.approved and not _stands(request, row):
                    yield f"{about} was told yes, {answer.payment_id} is {row['state']} {row['reason']}"
                elif not answer.approved and row["answered_at"] is not None and row["reason"] is None:
                    yield f"{about} was told no, {answer.payment_id} is {row['state']}"

    def _without_effect(self) -> Iterator[str]:
        """Voids and tips that were told to have taken place, and did not."""
        rows = {row["payment_id"]: row for row in self._sides.rows(_PAYMENTS)}
        for request in self._requests:
            if request.kind == "void" and request.approved and request.original is not None:
                assert request.original.answer is not None
                original = rows.get(request.original.answer.payment_id)
                if original is None or original["state"] != "voided":
                    yield f"void {request.key} was told yes, its original is {original and original['state']}"

    # -- what the acquirer believes ---------------------------------------------------------------------

    def _charged_twice(self) -> Iterator[str]:
        """Requests that reached the acquirer as more than one message of their kind and amount."""
        found: Counter[tuple[str, int]] = Counter()
        for entry in self._books.listed(limit=_ENTRIES_MAX):
            if entry.state is not State.AWAITED and entry.message_type != "0400":
                found[entry.ask, entry.amount] += 1
        for request in self._requests:
            ask = _MESSAGES.get(request.kind)
            if ask is None or request.minor is None:
                continue
            if (times := found[ask.value, request.minor]) > 1:
                yield f"{request.kind} {request.key} reached the acquirer {times} times"

    def _unsettled(self) -> Iterator[str]:
        """Batches that were closed here and not told, or told otherwise than their members are."""
        told = {(each.merchant, each.terminal, each.number): each for each in self._books.batches()}
        for row in self._sides.rows(_MEMBERS):
            batch = told.get((row["merchant_number"], row["terminal_number"], str(row["batch_number"])))
            ours = Sums(
                debit_count=row["debit_count"],
                debits=row["debits"],
                credit_count=row["credit_count"],
                credits=row["credits"],
            )
            if batch is None:
                yield f"batch {row['batch_number']} of {row['terminal_number']} was closed and never told"
            elif batch.told != ours:
                yield f"batch {row['batch_number']} of {row['terminal_number']}: told {batch.told}, is {ours}"

    def _unequal(self) -> Iterator[str]:
        """Accounts for which the batches, taken together, are not what the acquirer has settled."""
        untaken = {terminal for terminal, _ in untaken_tips(self._sides)}
        told: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        settled: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        for batch in self._books.batches():
            sums = batch.told.debit_count, batch.told.debits, batch.told.credit_count, batch.told.credits
            told[batch.terminal] = [a + b for a, b in zip(told[batch.terminal], sums, strict=True)]
        for entry in self._books.listed(limit=_ENTRIES_MAX, state=State.SETTLED):
            at = 2 if entry.ask == Ask.REFUND else 0
            settled[entry.terminal][at] += 1
            settled[entry.terminal][at + 1] += entry.approved
        for terminal in sorted(told.keys() | settled.keys()):
            if terminal not in untaken and told[terminal] != settled[terminal]:
                yield f"{terminal} was told {told[terminal]}, the acquirer settled {settled[terminal]}"


def _stands(request: Request, row: Row) -> bool:
    """Whether a payment is what a client that was told yes may count on."""
    if row["reason"] is not None:
        return False
    # A void or a tip takes place whatever the network says: told when it could not be stored yet, too.
    return row["answered_at"] is not None or request.kind in _FORWARD


def _may_differ(request: Request) -> bool:
    """What may be answered otherwise a second time: refusals leave nothing that could be told again.

    A settlement tells what it closes.
    """
    return any(answer.payment_id is None for answer in request.answers)
