"""Movements on gift cards, their events, the keys that made them, and misses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, cast, func, select, type_coerce, update
from sqlalchemy import Row as Found

from bezant.core.gift import Key, Kind, Misses, Movement, MovementPage, MovementQuery, Notes, State
from bezant.core.money import CURRENCIES, Money
from bezant.core.outcomes import Reason
from bezant.core.payments import Claim
from bezant.storage.bulk import BulkInsert, BulkUpdate
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.stores.claims import Claims
from bezant.storage.tables import gift_events, gift_misses, gift_movements
from bezant.storage.writes import Writes

_CHANGING = (
    "state",
    "amount",
    "batch_number",
    "transaction_number",
    "reason",
    "balance",
    "answered_at",
    "refunded",
    "tries",
    "next_try_at",
    "revision",
)
_INSERT = BulkInsert(gift_movements)
_UPDATE = BulkUpdate(
    gift_movements, sets=_CHANGING, keys=("merchant_id", "movement_id"), expected=("state", "revision")
)
_INSERT_EVENTS = BulkInsert(gift_events)

_DETAILS = ("invoice", "description", "cardholder", "phone", "email", "echo")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Gifts:
    """Gift cards in one transaction. ``claims`` are the transaction's idempotency keys."""

    def __init__(self, connection: Connection, writes: Writes, claims: Claims) -> None:
        self._connection = connection
        self._writes = writes
        self._claims = claims
        self._new: dict[tuple[int, int], Movement] = {}
        self._changed: dict[tuple[int, int], tuple[Movement, Movement]] = {}
        self._events: list[tuple[object, ...]] = []

    def add(self, movement: Movement) -> None:
        """Store a new movement."""
        self._writes.touch()
        self._new[movement.merchant_id, movement.movement_id] = movement

    def change(self, before: Movement, after: Movement, *, at: datetime) -> None:
        """Store a step; at the end of the transaction raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        key = before.merchant_id, before.movement_id
        if key in self._changed or key in self._new:
            self._catch_up()
        self._changed[key] = before, after
        if before.state is not after.state:
            self._events.append((*key, after.revision, before.state.value, after.state.value, to_micros(at)))

    def find(self, merchant_id: int, movement_id: int) -> Movement | None:
        """A movement of that merchant, locked to be changed."""
        self._catch_up()
        row = self._connection.execute(
            select(gift_movements)
            .where(gift_movements.c.merchant_id == merchant_id, gift_movements.c.movement_id == movement_id)
            .with_for_update()
        ).one_or_none()
        return None if row is None else _movement(row)

    def page(self, query: MovementQuery) -> MovementPage:
        """One page of a list, newest first; what is under way is not in it."""
        where = self._filters(query)
        total = self._connection.execute(
            select(func.count()).select_from(gift_movements).where(*where)
        ).scalar_one()
        rows = self._connection.execute(
            select(gift_movements)
            .where(*where)
            .order_by(gift_movements.c.requested_at.desc(), gift_movements.c.movement_id.desc())
            .limit(query.limit)
            .offset(query.offset)
        )
        return MovementPage(movements=tuple(_movement(row) for row in rows), total=total)

    def _filters(self, query: MovementQuery) -> list[ColumnElement[bool]]:
        c = gift_movements.c
        exact: tuple[tuple[ColumnElement[Any], object], ...] = (
            (c.movement_id, query.movement_id),
            (c.retrieval_reference, query.retrieval_reference),
            (c.last4, query.last4),
            (c.audit_number, query.audit_number),
            (c.amount, query.amount.minor if query.amount else None),
            (self._detail("invoice"), query.invoice),
            (self._detail("cardholder"), query.cardholder),
        )
        where = [
            c.merchant_id == query.merchant_id,
            c.terminal_id == query.terminal_id,
            c.state != State.SENDING.value,
            *(column == value for column, value in exact if value is not None),
        ]
        if query.requested_from is not None:
            where.append(c.requested_at >= to_micros(query.requested_from))
        if query.requested_to is not None:
            where.append(c.requested_at < to_micros(query.requested_to))
        if query.approved is not None:
            where.append(c.reason.is_(None) if query.approved else c.reason.is_not(None))
        return where

    def _detail(self, name: str) -> ColumnElement[Any]:
        """One of the notes. SQLite reads JSON from any text; PostgreSQL is told that it is JSON."""
        details = gift_movements.c.details
        postgresql = self._connection.dialect.name == "postgresql"
        notes: ColumnElement[Any] = cast(details, JSON) if postgresql else type_coerce(details, JSON)
        value: ColumnElement[Any] = notes[name].as_string()
        return value

    def leases_run_out(self, before: datetime, limit: int) -> Sequence[Movement]:
        """Movements still being sent whose lease ended before that instant."""
        rows = self._connection.execute(
            select(gift_movements)
            .where(
                gift_movements.c.state == State.SENDING.value,
                gift_movements.c.lease_until < to_micros(before),
            )
            .order_by(gift_movements.c.lease_until)
            .limit(limit)
        )
        return [_movement(row) for row in rows]

    def to_cancel(self, before: datetime, limit: int) -> Sequence[Movement]:
        """Movements in doubt whose next try is due, oldest first."""
        rows = self._connection.execute(
            select(gift_movements)
            .where(
                gift_movements.c.state == State.IN_DOUBT.value,
                gift_movements.c.next_try_at <= to_micros(before),
            )
            .order_by(gift_movements.c.next_try_at)
            .limit(limit)
        )
        return [_movement(row) for row in rows]

    def key_use(self, merchant_id: int, terminal_id: int, key: str) -> tuple[bytes, int] | None:
        """The fingerprint of the request that used a key, and the id of what it made."""
        claim = self._claims.find(merchant_id, terminal_id, key)
        return None if claim is None else (claim.fingerprint, claim.subject_id)

    def use_key(
        self, merchant_id: int, terminal_id: int, key: Key, *, movement_id: int, at: datetime
    ) -> None:
        """Use a key; a second use fails at the end of the transaction."""
        self._claims.add(
            Claim(
                merchant_id=merchant_id,
                terminal_id=terminal_id,
                key=key.value,
                fingerprint=key.fingerprint,
                subject_id=movement_id,
                claimed_at=at,
            )
        )

    def misses(self, merchant_id: int, terminal_id: int) -> Misses | None:
        """The misses of one place."""
        row = self._connection.execute(
            select(gift_misses)
            .where(gift_misses.c.merchant_id == merchant_id, gift_misses.c.terminal_id == terminal_id)
            .with_for_update()
        ).one_or_none()
        if row is None:
            return None
        return Misses(
            count=row.misses,
            since=from_micros(row.since),
            locked_until=maybe_instant(row.locked_until),
        )

    def keep_misses(self, merchant_id: int, terminal_id: int, misses: Misses) -> None:
        """Store the misses of one place."""
        self._writes.touch()
        values = {
            "misses": misses.count,
            "since": to_micros(misses.since),
            "locked_until": maybe_micros(misses.locked_until),
        }
        found = self._connection.execute(
            update(gift_misses)
            .where(gift_misses.c.merchant_id == merchant_id, gift_misses.c.terminal_id == terminal_id)
            .values(**values)
        ).rowcount
        if not found:
            self._connection.execute(
                gift_misses.insert().values(merchant_id=merchant_id, terminal_id=terminal_id, **values)
            )

    def flush(self) -> None:
        """Write new movements, steps and events. Whether each step was possible is checked later."""
        if self._new:
            new, self._new = self._new, {}
            _INSERT.run(self._connection, [_row(movement) for movement in new.values()])
        if self._changed:
            changed, self._changed = self._changed, {}
            # In key order, so that two transactions do not lock crosswise.
            rows = [_change_row(*pair) for _, pair in sorted(changed.items())]
            self._writes.expect(_UPDATE.run(self._connection, rows), len(rows))
        if self._events:
            events, self._events = self._events, []
            _INSERT_EVENTS.run(self._connection, events)

    def _catch_up(self) -> None:
        """Write what a read could miss."""
        self.flush()
        self._writes.check()


def _details(notes: Notes) -> str | None:
    known = {name: value for name in _DETAILS if (value := getattr(notes, name))}
    return _encode(known).decode() if known else None


def _row(movement: Movement) -> tuple[object, ...]:
    """The values of every column, in table order."""
    sent_at = movement.sent_at
    return (
        movement.merchant_id,
        movement.movement_id,
        movement.terminal_id,
        movement.kind.value,
        movement.state.value,
        movement.amount.currency.code,
        movement.amount.minor,
        movement.token,
        movement.last4,
        _details(movement.notes),
        movement.original_id,
        movement.audit_number,
        sent_at.year * 10_000 + sent_at.month * 100 + sent_at.day,
        movement.retrieval_reference,
        to_micros(movement.requested_at),
        to_micros(sent_at),
        to_micros(movement.lease_until),
        movement.batch_number,
        movement.transaction_number,
        movement.reason.value if movement.reason else None,
        None if movement.balance is None else movement.balance.minor,
        maybe_micros(movement.answered_at),
        movement.refunded.minor,
        movement.tries,
        maybe_micros(movement.next_try_at),
        movement.revision,
    )


def _change_row(before: Movement, after: Movement) -> tuple[object, ...]:
    return (
        after.state.value,
        after.amount.minor,
        after.batch_number,
        after.transaction_number,
        after.reason.value if after.reason else None,
        None if after.balance is None else after.balance.minor,
        maybe_micros(after.answered_at),
        after.refunded.minor,
        after.tries,
        maybe_micros(after.next_try_at),
        after.revision,
        before.merchant_id,
        before.movement_id,
        before.state.value,
        before.revision,
    )


def _movement(row: Found[Any]) -> Movement:
    """The movement in a row of the table."""
    currency = CURRENCIES[row.currency]
    return Movement(
        merchant_id=row.merchant_id,
        movement_id=row.movement_id,
        terminal_id=row.terminal_id,
        kind=Kind(row.kind),
        state=State(row.state),
        amount=Money(row.amount, currency),
        token=row.token,
        last4=row.last4,
        notes=Notes(**_decode(row.details)) if row.details else Notes(),
        original_id=row.original_id,
        audit_number=row.audit_number,
        retrieval_reference=row.retrieval_reference,
        requested_at=from_micros(row.requested_at),
        sent_at=from_micros(row.sent_at),
        lease_until=from_micros(row.lease_until),
        batch_number=row.batch_number,
        transaction_number=row.transaction_number,
        reason=Reason(row.reason) if row.reason else None,
        balance=None if row.balance is None else Money(row.balance, currency),
        answered_at=maybe_instant(row.answered_at),
        refunded=Money(row.refunded, currency),
        tries=row.tries,
        next_try_at=maybe_instant(row.next_try_at),
        revision=row.revision,
    )
