"""Payments, their events, and reversals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import Row as Found

from bezant.core.batches import Totals
from bezant.core.catalogue import Line
from bezant.core.merchants import Profile
from bezant.core.money import CURRENCIES, Money
from bezant.core.outcomes import Conflict, Reason
from bezant.core.payments import (
    Amounts,
    Kind,
    Order,
    Page,
    Payment,
    PaymentQuery,
    Reversal,
    State,
)
from bezant.core.vault import Brand, Card
from bezant.storage.bulk import BulkInsert, BulkUpdate
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.tables import merchants, payment_events, payments, reversals
from bezant.storage.writes import Writes

# In clear, so that the indexes of these states are used.
_SENDING = literal(State.SENDING.value, literal_execute=True)
SENDING = payments.c.state == _SENDING
SENT = payments.c.state != _SENDING
_CHANGING = (
    "state",
    "details",
    "base",
    "tax",
    "fee",
    "tip",
    "batch_number",
    "transaction_number",
    "approval_code",
    "response_code",
    "reason",
    "partial",
    "answered_at",
    "refunded",
    "refund_count",
    "incremented",
    "settled_at",
    "revision",
)
_INSERT = BulkInsert(payments)
_UPDATE = BulkUpdate(
    payments, sets=_CHANGING, keys=("merchant_id", "payment_id"), expected=("state", "revision")
)
_INSERT_EVENTS = BulkInsert(payment_events)
_INSERT_REVERSALS = BulkInsert(reversals)

_FIND = (
    select(payments)
    .where(
        payments.c.merchant_id == bindparam("m", type_=BigInteger),
        payments.c.payment_id == bindparam("p", type_=BigInteger),
    )
    .with_for_update()
)

_DETAILS = (
    "description",
    "phone",
    "email",
    "address",
    "address2",
    "city",
    "state",
    "postal_code",
    "country",
    "reference",
    "purchase_order",
    "items",
    "lines",
    "echo",
)
_RESULTS = ("address_result", "verification_result")
_KEPT = (*_DETAILS, *_RESULTS)
_details_of = attrgetter(*_DETAILS)
_STANDING = (
    State.SENDING,
    State.AUTHORIZED,
    State.INCREMENTING,
    State.COMPLETING,
    State.COMPLETED,
    State.CAPTURED,
    State.ADJUSTING,
    State.SETTLED,
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class PaymentRows:
    """Payments of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._new: dict[tuple[int, int], Payment] = {}
        self._changed: dict[tuple[int, int], tuple[Payment, Payment]] = {}
        self._events: list[tuple[object, ...]] = []

    def add(self, payment: Payment) -> None:
        """Store a new payment."""
        self._writes.touch()
        self._new[payment.merchant_id, payment.payment_id] = payment

    def change(self, before: Payment, after: Payment, *, at: datetime) -> None:
        """Store a step; at the end of the transaction raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        key = before.merchant_id, before.payment_id
        if key in self._changed or key in self._new:
            self._catch_up()
        self._changed[key] = before, after
        if before.state is not after.state:
            self._events.append((*key, after.revision, before.state.value, after.state.value, to_micros(at)))

    def find(self, merchant_id: int, payment_id: int) -> Payment | None:
        """A payment of that merchant, locked to be changed."""
        self._catch_up()
        row = self._connection.execute(_FIND, {"m": merchant_id, "p": payment_id}).one_or_none()
        return None if row is None else payment_of(row)

    def find_by_reference(
        self, merchant_id: int, terminal_id: int, *, retrieval_reference: str, audit_number: int
    ) -> Payment | None:
        """The payment, not a void, that the network knows by both numbers; locked to be changed."""
        return self._one(
            payments.c.merchant_id == merchant_id,
            payments.c.terminal_id == terminal_id,
            payments.c.audit_number == audit_number,
            payments.c.retrieval_reference == retrieval_reference,
            payments.c.kind != Kind.VOID.value,
        )

    def find_by_retrieval_reference(
        self, merchant_id: int, terminal_id: int, *, retrieval_reference: str, kinds: Collection[Kind]
    ) -> Payment | None:
        """The terminal's payment of one of those kinds with that reference; locked to be changed.

        Of several, one that is in force or under way comes first, then the newest.
        """
        return self._one(
            payments.c.merchant_id == merchant_id,
            payments.c.terminal_id == terminal_id,
            payments.c.retrieval_reference == retrieval_reference,
            payments.c.kind.in_(kinds),
            first=[case((payments.c.state.in_(_STANDING), 0), else_=1)],
        )

    def _one(self, *where: ColumnElement[bool], first: Sequence[ColumnElement[int]] = ()) -> Payment | None:
        self._catch_up()
        query: Select[Any] = (
            select(payments)
            .where(*where)
            # Not the column itself: for its order, all payments of a merchant would be read.
            .order_by(*first, -payments.c.payment_id)
            .limit(1)
            .with_for_update()
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else payment_of(row)

    def has_twin(self, draft: Payment, token: str, *, since: datetime) -> bool:
        """Whether a payment like ``draft`` on that card was asked for since then and stands or is under way.

        Like it: of its terminal and kind, with its invoice and base amount.
        """
        self._catch_up()
        c = payments.c
        like = (
            c.merchant_id == draft.merchant_id,
            c.terminal_id == draft.terminal_id,
            c.requested_at > to_micros(since),
            c.kind == draft.kind.value,
            c.token == token,
            c.base == draft.amounts.base.minor,
            c.invoice.is_not_distinct_from(draft.order.invoice),
        )
        # One statement, hence one snapshot: a payment whose outcome is stored meanwhile is seen either way.
        twins = union_all(
            select(c.payment_id).where(*like, SENDING),
            select(c.payment_id).where(*like, SENT, c.state.in_(_STANDING)),
        )
        return self._connection.execute(twins.limit(1)).first() is not None

    def totals(self, merchant_id: int, terminal_id: int, batch_number: int) -> Mapping[Profile, Totals]:
        """What the captured members of a batch add up to, by profile."""
        self._catch_up()
        c = payments.c
        refund = c.kind == Kind.REFUND.value
        sums = [func.sum(case((refund, 0), else_=column)) for column in (c.base, c.tax, c.fee, c.tip)]
        query = (
            select(
                c.profile,
                func.sum(case((refund, 0), else_=1)),
                *sums,
                func.sum(case((refund, 1), else_=0)),
                func.sum(case((refund, c.base + c.tax + c.fee + c.tip), else_=0)),
                func.sum(case((refund, 0), (c.tip > 0, 1), else_=0)),
            )
            .where(
                c.merchant_id == merchant_id,
                c.terminal_id == terminal_id,
                c.batch_number == batch_number,
                c.state == State.CAPTURED.value,
                SENT,
            )
            .group_by(c.profile)
        )
        return {
            Profile(row[0]): Totals(*(int(number) for number in row[1:]))
            for row in self._connection.execute(query)
        }

    def settle(self, merchant_id: int, terminal_id: int, batch_number: int, *, settled_at: datetime) -> None:
        """Every captured member of a batch becomes settled."""
        self._catch_up()
        self._writes.touch()
        members = (
            payments.c.merchant_id == merchant_id,
            payments.c.terminal_id == terminal_id,
            payments.c.batch_number == batch_number,
            payments.c.state == State.CAPTURED.value,
            SENT,
        )
        at = to_micros(settled_at)
        self._connection.execute(
            payment_events.insert().from_select(
                list(payment_events.c.keys()),
                select(
                    payments.c.merchant_id,
                    payments.c.payment_id,
                    payments.c.revision + 1,
                    payments.c.state,
                    literal(State.SETTLED.value),
                    literal(at),
                ).where(*members),
            )
        )
        self._connection.execute(
            update(payments)
            .where(*members)
            .values(state=State.SETTLED.value, settled_at=at, revision=payments.c.revision + 1)
        )

    def page(self, query: PaymentQuery) -> Page:
        """One page of a list, newest first."""
        if query.nothing:
            return Page(payments=(), total=0)
        where = _filters(query)
        total = self._connection.execute(
            select(func.count()).select_from(payments).where(*where)
        ).scalar_one()
        after = max(total - query.offset, 0)
        size = min(query.limit, after)
        if size == 0:
            return Page(payments=(), total=total)
        newest_first = payments.c.requested_at.desc(), payments.c.payment_id.desc()
        oldest_first = payments.c.requested_at, payments.c.payment_id
        # The index alone says which rows these are; those before them are skipped there, from the nearer end.
        order, skipped = (
            (newest_first, query.offset) if query.offset <= after else (oldest_first, after - size)
        )
        shown = select(payments.c.payment_id).where(*where).order_by(*order).limit(size).offset(skipped)
        rows = self._connection.execute(
            select(payments)
            .where(payments.c.merchant_id == query.merchant_id, payments.c.payment_id.in_(shown))
            .order_by(*newest_first)
        )
        return Page(payments=tuple(payment_of(row) for row in rows), total=total)

    def held_too_long(self, real: datetime, life: timedelta, limit: int) -> Sequence[Payment]:
        """Open authorizations that are older than ``life`` by their merchants' clocks."""
        now = case(
            (merchants.c.clock_frozen_at.is_not(None), merchants.c.clock_frozen_at),
            else_=to_micros(real) + merchants.c.clock_offset,
        )
        rows = self._connection.execute(
            select(payments)
            .join(merchants, merchants.c.merchant_id == payments.c.merchant_id)
            .where(
                payments.c.state == State.AUTHORIZED.value,
                payments.c.requested_at <= now - life // timedelta(microseconds=1),
            )
            .order_by(payments.c.requested_at)
            .limit(limit)
        )
        return [payment_of(row) for row in rows]

    def leases_run_out(self, before: datetime, limit: int) -> Sequence[Payment]:
        """Payments still being sent whose lease ended before that instant."""
        rows = self._connection.execute(
            select(payments)
            .where(
                SENDING,
                payments.c.lease_until < to_micros(before),
            )
            .order_by(payments.c.lease_until)
            .limit(limit)
        )
        return [payment_of(row) for row in rows]

    def flush(self) -> None:
        """Write new payments, steps and events. Whether each step was possible is checked later."""
        if self._new:
            new, self._new = self._new, {}
            _INSERT.run(self._connection, [_row(payment) for payment in new.values()])
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


def _filters(query: PaymentQuery) -> list[ColumnElement[bool]]:
    c = payments.c
    where: list[ColumnElement[bool]] = [
        c.merchant_id == query.merchant_id,
        c.terminal_id == query.terminal_id,
        SENT,
        c.kind != Kind.TIP.value,
    ]
    exact = (
        (c.batch_number, query.batch_number),
        (c.payment_id, query.payment_id),
        (c.retrieval_reference, query.retrieval_reference),
        (c.invoice, query.invoice),
        (c.approval_code, query.approval_code),
        (c.last4, query.last4),
        (c.audit_number, query.audit_number),
        (c.cardholder, query.cardholder),
    )
    where += [column == value for column, value in exact if value is not None]
    choices = (
        (c.kind, query.kinds),
        (c.state, query.states),
        (c.brand, query.brands),
        (c.source, query.sources),
    )
    where += [column.in_(values) for column, values in choices if values is not None]
    if query.requested_from is not None:
        where.append(c.requested_at >= to_micros(query.requested_from))
    if query.requested_to is not None:
        where.append(c.requested_at < to_micros(query.requested_to))
    if query.approved is not None:
        where.append(c.reason.is_(None) if query.approved else c.reason.is_not(None))
    if query.amount is not None:
        minor = query.amount.minor
        where.append(or_(c.base == minor, c.base + c.tax + c.fee + c.tip == minor))
    return where


def _details(payment: Payment) -> str | None:
    values = (*_details_of(payment.order), payment.address_result, payment.verification_result)
    known = {name: value for name, value in zip(_KEPT, values, strict=True) if value}
    return _encode(known).decode() if known else None


def _row(payment: Payment) -> tuple[object, ...]:
    """The values of every column, in table order."""
    amounts, card, order = payment.amounts, payment.card, payment.order
    sent_at = payment.sent_at
    return (
        payment.merchant_id,
        payment.payment_id,
        payment.terminal_id,
        str(payment.kind),
        str(payment.state),
        str(payment.profile),
        amounts.base.currency.code,
        amounts.base.minor,
        amounts.tax.minor,
        amounts.fee.minor,
        amounts.tip.minor,
        card.token if card else None,
        card.bin if card else None,
        card.last4 if card else None,
        str(card.brand) if card else None,
        payment.expiry,
        order.invoice,
        order.cardholder,
        order.source,
        _details(payment),
        payment.original_id,
        payment.audit_number,
        sent_at.year * 10_000 + sent_at.month * 100 + sent_at.day,
        payment.retrieval_reference,
        to_micros(payment.requested_at),
        to_micros(sent_at),
        to_micros(payment.lease_until),
        payment.batch_number,
        payment.transaction_number,
        payment.approval_code,
        payment.response_code,
        str(payment.reason) if payment.reason else None,
        payment.partial,
        maybe_micros(payment.answered_at),
        payment.refunded.minor,
        payment.refund_count,
        payment.incremented.minor,
        maybe_micros(payment.settled_at),
        payment.revision,
    )


def _change_row(before: Payment, after: Payment) -> tuple[object, ...]:
    amounts = after.amounts
    return (
        str(after.state),
        _details(after),
        amounts.base.minor,
        amounts.tax.minor,
        amounts.fee.minor,
        amounts.tip.minor,
        after.batch_number,
        after.transaction_number,
        after.approval_code,
        after.response_code,
        str(after.reason) if after.reason else None,
        after.partial,
        maybe_micros(after.answered_at),
        after.refunded.minor,
        after.refund_count,
        after.incremented.minor,
        maybe_micros(after.settled_at),
        after.revision,
        before.merchant_id,
        before.payment_id,
        str(before.state),
        before.revision,
    )


def payment_of(row: Found[Any]) -> Payment:
    """The payment in a row of the payments table."""
    currency = CURRENCIES[row.currency]
    details = _decode(row.details) if row.details else {}
    results = {name: details.pop(name, None) for name in _RESULTS}
    if lines := details.get("lines"):
        details["lines"] = tuple(Line(**line) for line in lines)
    return Payment(
        merchant_id=row.merchant_id,
        payment_id=row.payment_id,
        terminal_id=row.terminal_id,
        kind=Kind(row.kind),
        state=State(row.state),
        profile=Profile(row.profile),
        amounts=Amounts(
            base=Money(row.base, currency),
            tax=Money(row.tax, currency),
            fee=Money(row.fee, currency),
            tip=Money(row.tip, currency),
        ),
        card=None
        if row.token is None
        else Card(token=row.token, bin=row.bin, last4=row.last4, brand=Brand(row.brand)),
        expiry=row.expiry,
        order=Order(invoice=row.invoice, cardholder=row.cardholder, source=row.source, **details),
        original_id=row.original_id,
        audit_number=row.audit_number,
        retrieval_reference=row.retrieval_reference,
        requested_at=from_micros(row.requested_at),
        sent_at=from_micros(row.sent_at),
        lease_until=from_micros(row.lease_until),
        batch_number=row.batch_number,
        transaction_number=row.transaction_number,
        approval_code=row.approval_code,
        response_code=row.response_code,
        reason=Reason(row.reason) if row.reason else None,
        partial=bool(row.partial),
        answered_at=maybe_instant(row.answered_at),
        refunded=Money(row.refunded, currency),
        refund_count=row.refund_count,
        incremented=Money(row.incremented, currency),
        settled_at=maybe_instant(row.settled_at),
        **results,
        revision=row.revision,
    )


class Reversals:
    """Reversals of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._new: list[Reversal] = []

    def add(self, reversal: Reversal) -> None:
        """Queue a reversal."""
        self._writes.touch()
        self._new.append(reversal)

    def due(self, before: datetime, limit: int) -> Sequence[Reversal]:
        """Unconfirmed reversals whose next try is due, oldest first."""
        rows = self._connection.execute(
            select(reversals)
            .where(
                reversals.c.confirmed_at.is_(None),
                reversals.c.next_try_at <= to_micros(before),
            )
            .order_by(reversals.c.next_try_at)
            .limit(limit)
        )
        return [
            Reversal(
                merchant_id=row.merchant_id,
                payment_id=row.payment_id,
                tries=row.tries,
                next_try_at=from_micros(row.next_try_at),
                created_at=from_micros(row.created_at),
                confirmed_at=maybe_instant(row.confirmed_at),
                escalated=bool(row.escalated),
            )
            for row in rows
        ]

    def change(self, before: Reversal, after: Reversal) -> None:
        """Store a try or a confirmation; raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        found = self._connection.execute(
            update(reversals)
            .where(
                reversals.c.merchant_id == before.merchant_id,
                reversals.c.payment_id == before.payment_id,
                reversals.c.tries == before.tries,
                reversals.c.next_try_at == to_micros(before.next_try_at),
                reversals.c.confirmed_at.is_(None),
            )
            .values(
                tries=after.tries,
                next_try_at=to_micros(after.next_try_at),
                confirmed_at=maybe_micros(after.confirmed_at),
                escalated=after.escalated,
            )
        ).rowcount
        if found != 1:
            message = "another process has this reversal"
            raise Conflict(message)

    def flush(self) -> None:
        """Write new reversals."""
        if self._new:
            new, self._new = self._new, []
            _INSERT_REVERSALS.run(
                self._connection,
                [
                    (
                        reversal.merchant_id,
                        reversal.payment_id,
                        reversal.tries,
                        to_micros(reversal.next_try_at),
                        to_micros(reversal.created_at),
                        None,
                        reversal.escalated,
                    )
                    for reversal in new
                ],
            )
