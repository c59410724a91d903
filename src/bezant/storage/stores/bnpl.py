"""Consumer finance: programs, one-time passwords, loans, refunds, and their events.

Purchases are the hot path: their rows are buffered and written with the whole group's. What is read is
written first where, and only where, this transaction has changed it, so that purchases of different orders
stay together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, case, delete, func, select
from sqlalchemy import Row as Found
from sqlalchemy.dialects import postgresql, sqlite

from bezant.core.bnpl import (
    Loan,
    LoanRefund,
    LoanState,
    Password,
    Plan,
    Program,
    RefundState,
    Terms,
)
from bezant.core.money import CURRENCIES, Currency, Money
from bezant.core.outcomes import Reason
from bezant.storage.bulk import BulkInsert, BulkUpdate, Row
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.tables import loan_events, loan_passwords, loan_programs, loan_refunds, loans
from bezant.storage.writes import Writes

Key = tuple[int, int]

_INSERT_PASSWORDS = BulkInsert(loan_passwords)
_UPDATE_PASSWORDS = BulkUpdate(
    loan_passwords,
    sets=[column.name for column in loan_passwords.c][2:],
    keys=("merchant_id", "reference"),
    expected=("revision",),
)
_INSERT_LOANS = BulkInsert(loans)
_UPDATE_LOANS = BulkUpdate(
    loans,
    sets=(
        "state",
        "reason",
        "loan_number",
        "transaction_number",
        "fee",
        "installment",
        "total",
        "answered_at",
        "refunded",
        "tries",
        "next_try_at",
        "revision",
    ),
    keys=("merchant_id", "loan_id"),
    expected=("state", "revision"),
)
_INSERT_REFUNDS = BulkInsert(loan_refunds)
_UPDATE_REFUNDS = BulkUpdate(
    loan_refunds,
    sets=("state", "reason", "transaction_number", "answered_at", "tries", "next_try_at", "revision"),
    keys=("merchant_id", "refund_id"),
    expected=("state", "revision"),
)
_INSERT_EVENTS = BulkInsert(loan_events)

_encode = msgspec.json.Encoder().encode
_decode_echo = msgspec.json.Decoder(dict[str, str]).decode

_p = loan_passwords.c
_l = loans.c
_r = loan_refunds.c


class _Buffer:
    """Rows of one table on their way: new ones, and changes of ones that are there.

    A row is changed once in a flush: who has one in here already flushes first.
    """

    def __init__(self, insert: BulkInsert, change: BulkUpdate) -> None:
        self._insert = insert
        self._update = change
        self._new: dict[tuple[Any, ...], Row] = {}
        self._changed: dict[tuple[Any, ...], Row] = {}

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return key in self._new or key in self._changed

    def add(self, key: tuple[Any, ...], row: Row) -> None:
        """A new row."""
        self._new[key] = row

    def change(self, key: tuple[Any, ...], row: Row) -> None:
        """A change of a row."""
        self._changed[key] = row

    def flush(self, connection: Connection, writes: Writes) -> None:
        """Write the rows. Whether each change was possible is checked later."""
        if self._new:
            new, self._new = self._new, {}
            self._insert.run(connection, list(new.values()))
        if self._changed:
            changed, self._changed = self._changed, {}
            # In key order, so that two transactions do not lock crosswise.
            rows = [row for _, row in sorted(changed.items())]
            writes.expect(self._update.run(connection, rows), len(rows))


class FinanceRows:
    """Consumer finance in one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._passwords = _Buffer(_INSERT_PASSWORDS, _UPDATE_PASSWORDS)
        self._loans = _Buffer(_INSERT_LOANS, _UPDATE_LOANS)
        self._refunds = _Buffer(_INSERT_REFUNDS, _UPDATE_REFUNDS)
        self._events: list[Row] = []
        self._orders: set[tuple[int, str]] = set()
        """Orders whose loans are in the buffer."""
        self._guessed = False
        """Whether a wrong try is in the buffer."""

    # -- programs ---------------------------------------------------------------------------------

    def program(self, merchant_id: int) -> Program | None:
        """A merchant's settings."""
        row = self._connection.execute(
            select(loan_programs).where(loan_programs.c.merchant_id == merchant_id)
        ).one_or_none()
        if row is None:
            return None
        currency = CURRENCIES[row.currency]
        return Program(
            merchant_id=row.merchant_id,
            currency=currency,
            enabled=row.enabled,
            months=frozenset(int(months) for months in row.months.split(",") if months),
            amount_min=_maybe_money(row.amount_min, currency),
            amount_max=_maybe_money(row.amount_max, currency),
            down_payment_basis_points=row.down_payment_basis_points,
        )

    def keep_program(self, program: Program) -> None:
        """Store a merchant's settings, new or instead of those before."""
        self._writes.touch()
        values = {
            "enabled": program.enabled,
            "months": ",".join(str(months) for months in sorted(program.months)),
            "currency": program.currency.code,
            "amount_min": _maybe_minor(program.amount_min),
            "amount_max": _maybe_minor(program.amount_max),
            "down_payment_basis_points": program.down_payment_basis_points,
        }
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        self._connection.execute(
            insert(loan_programs)
            .values(merchant_id=program.merchant_id, **values)
            .on_conflict_do_update(index_elements=["merchant_id"], set_=values)
        )

    # -- passwords --------------------------------------------------------------------------------

    def password(self, merchant_id: int, reference: str) -> Password | None:
        """The last password of an order, locked to be changed."""
        self._catch_up((merchant_id, reference) in self._passwords)
        row = self._connection.execute(
            select(loan_passwords)
            .where(_p.merchant_id == merchant_id, _p.reference == reference)
            .with_for_update()
        ).one_or_none()
        return None if row is None else _password(row)

    def keep_password(self, before: Password | None, after: Password) -> None:
        """Store an order's password; at the end raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        key = after.merchant_id, after.reference
        self._catch_up(key in self._passwords)
        row = _password_row(after)
        if before is None:
            self._passwords.add(key, row)
        else:
            self._guessed |= _wrong(before) != _wrong(after)
            self._passwords.change(key, (*row[2:], *key, before.revision))

    def drop_password(self, password: Password) -> None:
        """Forget a password that reached nobody. Nothing where it is not current any more."""
        self._writes.touch()
        self._catch_up((password.merchant_id, password.reference) in self._passwords)
        self._connection.execute(
            delete(loan_passwords).where(
                _p.merchant_id == password.merchant_id,
                _p.reference == password.reference,
                _p.password_id == password.password_id,
                _p.revision == password.revision,
            )
        )

    def wrong_since(self, merchant_id: int, phone: str, since: datetime) -> int:
        """Wrong tries at the passwords of a phone's orders whose last one was made since then."""
        self._catch_up(self._guessed)
        return int(
            self._connection.execute(
                select(func.coalesce(func.sum(_p.wrong + _p.wrong_before), 0)).where(
                    _p.merchant_id == merchant_id, _p.phone == phone, _p.made_at >= to_micros(since)
                )
            ).scalar_one()
        )

    # -- loans ------------------------------------------------------------------------------------

    def add_loan(self, loan: Loan) -> None:
        """Store a new loan."""
        self._writes.touch()
        self._orders.add((loan.merchant_id, loan.reference))
        self._loans.add((loan.merchant_id, loan.loan_id), _loan_row(loan))

    def change_loan(self, before: Loan, after: Loan, *, at: datetime) -> None:
        """Store a step; at the end of the transaction raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        key = before.merchant_id, before.loan_id
        self._catch_up(key in self._loans)
        self._orders.add((before.merchant_id, before.reference))
        self._loans.change(key, _loan_change(before, after))
        if before.state is not after.state:
            self._happened(key, after.revision, before.state, after.state, at)

    def loan(self, merchant_id: int, loan_id: int) -> Loan | None:
        """A loan of that merchant, locked to be changed."""
        self._catch_up((merchant_id, loan_id) in self._loans)
        row = self._connection.execute(
            select(loans).where(_l.merchant_id == merchant_id, _l.loan_id == loan_id).with_for_update()
        ).one_or_none()
        return None if row is None else _loan(row)

    def loan_of(self, merchant_id: int, reference: str) -> Loan | None:
        """The loan that counts for a reference, locked to be changed."""
        self._catch_up((merchant_id, reference) in self._orders)
        declined_last = case((_l.state == LoanState.DECLINED.value, 1), else_=0)
        row = self._connection.execute(
            select(loans)
            .where(_l.merchant_id == merchant_id, _l.reference == reference)
            .order_by(declined_last, _l.loan_id.desc())
            .limit(1)
            .with_for_update()
        ).one_or_none()
        return None if row is None else _loan(row)

    # -- refunds ----------------------------------------------------------------------------------

    def add_refund(self, refund: LoanRefund) -> None:
        """Store a new refund."""
        self._writes.touch()
        self._refunds.add((refund.merchant_id, refund.refund_id), _refund_row(refund))

    def change_refund(self, before: LoanRefund, after: LoanRefund, *, at: datetime) -> None:
        """Store a step, as ``change_loan``."""
        self._writes.touch()
        key = before.merchant_id, before.refund_id
        self._catch_up(key in self._refunds)
        self._refunds.change(key, _refund_change(before, after))
        if before.state is not after.state:
            self._happened(key, after.revision, before.state, after.state, at)

    def refund(self, merchant_id: int, refund_id: int) -> LoanRefund | None:
        """A refund of that merchant, locked to be changed."""
        self._catch_up((merchant_id, refund_id) in self._refunds)
        row = self._connection.execute(
            select(loan_refunds)
            .where(_r.merchant_id == merchant_id, _r.refund_id == refund_id)
            .with_for_update()
        ).one_or_none()
        return None if row is None else _refund(row)

    def refund_named(self, merchant_id: int, refund_reference: str) -> LoanRefund | None:
        """The refund with that reference that is done, under way or in doubt."""
        self._catch_up(needed=True)
        row = self._connection.execute(
            select(loan_refunds).where(
                _r.merchant_id == merchant_id,
                _r.refund_reference == refund_reference,
                _r.state != RefundState.DECLINED.value,
            )
        ).one_or_none()
        return None if row is None else _refund(row)

    def refunds_of(self, merchant_id: int, loan_id: int) -> Sequence[LoanRefund]:
        """A loan's refunds, in the order they were asked for."""
        self._catch_up(needed=True)
        rows = self._connection.execute(
            select(loan_refunds)
            .where(_r.merchant_id == merchant_id, _r.loan_id == loan_id)
            .order_by(_r.requested_at, _r.refund_id)
        )
        return [_refund(row) for row in rows]

    # -- recovery ---------------------------------------------------------------------------------

    def leases_run_out(self, before: datetime, limit: int) -> Sequence[Loan | LoanRefund]:
        """Loans and refunds still being sent whose lease ended before that instant."""
        until = to_micros(before)
        lost = self._connection.execute(
            select(loans)
            .where(_l.state == LoanState.SENDING.value, _l.lease_until < until)
            .order_by(_l.lease_until)
            .limit(limit)
        )
        found: list[Loan | LoanRefund] = [_loan(row) for row in lost]
        lost = self._connection.execute(
            select(loan_refunds)
            .where(_r.state == RefundState.SENDING.value, _r.lease_until < until)
            .order_by(_r.lease_until)
            .limit(limit - len(found))
        )
        return found + [_refund(row) for row in lost]

    def to_inquire(self, before: datetime, limit: int) -> Sequence[Loan | LoanRefund]:
        """Loans and refunds in doubt whose next inquiry is due, each oldest first; loans before refunds."""
        until = to_micros(before)
        due = self._connection.execute(
            select(loans)
            .where(_l.state == LoanState.IN_DOUBT.value, _l.next_try_at <= until)
            .order_by(_l.next_try_at)
            .limit(limit)
        )
        found: list[Loan | LoanRefund] = [_loan(row) for row in due]
        due = self._connection.execute(
            select(loan_refunds)
            .where(_r.state == RefundState.IN_DOUBT.value, _r.next_try_at <= until)
            .order_by(_r.next_try_at)
            .limit(limit - len(found))
        )
        return found + [_refund(row) for row in due]

    # -- buffers ----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what is buffered. Whether each change was possible is checked later."""
        self._orders.clear()
        self._guessed = False
        self._passwords.flush(self._connection, self._writes)
        self._loans.flush(self._connection, self._writes)
        self._refunds.flush(self._connection, self._writes)
        if self._events:
            events, self._events = self._events, []
            _INSERT_EVENTS.run(self._connection, events)

    def _catch_up(self, needed: bool) -> None:  # noqa: FBT001 - each caller says what it depends on
        """Write what a read could miss, where there is any."""
        if needed:
            self.flush()
            self._writes.check()

    def _happened(
        self,
        key: Key,
        revision: int,
        before: LoanState | RefundState,
        after: LoanState | RefundState,
        at: datetime,
    ) -> None:
        self._events.append((*key, revision, before.value, after.value, to_micros(at)))


# -- rows, in table order -------------------------------------------------------------------------


def _password_row(password: Password) -> Row:
    terms = password.terms
    return (
        password.merchant_id,
        password.reference,
        password.password_id,
        terms.phone,
        terms.amount.currency.code,
        terms.amount.minor,
        terms.wallet.minor,
        terms.cashback.minor,
        _maybe_minor(terms.down_payment),
        password.password_hash,
        to_micros(password.made_at),
        password.wrong,
        password.wrong_before,
        password.used,
        password.revision,
    )


def _wrong(password: Password) -> int:
    return password.wrong + password.wrong_before


def _password(row: Found[Any]) -> Password:
    return Password(
        merchant_id=row.merchant_id,
        reference=row.reference,
        password_id=row.password_id,
        terms=_terms(row),
        password_hash=bytes(row.password_hash),
        made_at=from_micros(row.made_at),
        wrong=row.wrong,
        wrong_before=row.wrong_before,
        used=row.used,
        revision=row.revision,
    )


def _terms(row: Found[Any]) -> Terms:
    currency = CURRENCIES[row.currency]
    return Terms(
        phone=row.phone,
        amount=Money(row.amount, currency),
        wallet=Money(row.wallet, currency),
        cashback=Money(row.cashback, currency),
        down_payment=_maybe_money(row.down_payment, currency),
    )


def _loan_row(loan: Loan) -> Row:
    terms, plan = loan.terms, loan.plan
    return (
        loan.merchant_id,
        loan.loan_id,
        loan.terminal_id,
        loan.reference,
        loan.state.value,
        terms.phone,
        terms.amount.currency.code,
        terms.amount.minor,
        terms.wallet.minor,
        terms.cashback.minor,
        _maybe_minor(terms.down_payment),
        loan.months,
        _encode(loan.echo).decode() if loan.echo else None,
        to_micros(loan.requested_at),
        to_micros(loan.sent_at),
        to_micros(loan.lease_until),
        loan.asked,
        loan.reason.value if loan.reason else None,
        loan.loan_number,
        loan.transaction_number,
        plan.fee.minor if plan else None,
        plan.installment.minor if plan else None,
        plan.total.minor if plan else None,
        maybe_micros(loan.answered_at),
        loan.refunded.minor,
        loan.tries,
        maybe_micros(loan.next_try_at),
        loan.revision,
    )


def _loan_change(before: Loan, after: Loan) -> Row:
    plan = after.plan
    return (
        after.state.value,
        after.reason.value if after.reason else None,
        after.loan_number,
        after.transaction_number,
        plan.fee.minor if plan else None,
        plan.installment.minor if plan else None,
        plan.total.minor if plan else None,
        maybe_micros(after.answered_at),
        after.refunded.minor,
        after.tries,
        maybe_micros(after.next_try_at),
        after.revision,
        before.merchant_id,
        before.loan_id,
        before.state.value,
        before.revision,
    )


def _loan(row: Found[Any]) -> Loan:
    currency = CURRENCIES[row.currency]
    return Loan(
        merchant_id=row.merchant_id,
        loan_id=row.loan_id,
        terminal_id=row.terminal_id,
        reference=row.reference,
        state=LoanState(row.state),
        terms=_terms(row),
        months=row.months,
        echo=_decode_echo(row.echo) if row.echo else {},
        requested_at=from_micros(row.requested_at),
        sent_at=from_micros(row.sent_at),
        lease_until=from_micros(row.lease_until),
        asked=row.asked,
        reason=Reason(row.reason) if row.reason else None,
        loan_number=row.loan_number,
        transaction_number=row.transaction_number,
        plan=_plan(row, currency),
        answered_at=maybe_instant(row.answered_at),
        refunded=Money(row.refunded, currency),
        tries=row.tries,
        next_try_at=maybe_instant(row.next_try_at),
        revision=row.revision,
    )


def _plan(row: Found[Any], currency: Currency) -> Plan | None:
    if row.total is None:
        return None
    return Plan(
        months=row.months,
        fee=Money(row.fee, currency),
        installment=Money(row.installment, currency),
        total=Money(row.total, currency),
    )


def _refund_row(refund: LoanRefund) -> Row:
    return (
        refund.merchant_id,
        refund.refund_id,
        refund.loan_id,
        refund.terminal_id,
        refund.refund_reference,
        refund.state.value,
        refund.amount.currency.code,
        refund.amount.minor,
        _encode(refund.echo).decode() if refund.echo else None,
        to_micros(refund.requested_at),
        to_micros(refund.sent_at),
        to_micros(refund.lease_until),
        refund.reason.value if refund.reason else None,
        refund.transaction_number,
        maybe_micros(refund.answered_at),
        refund.tries,
        maybe_micros(refund.next_try_at),
        refund.revision,
    )


def _refund_change(before: LoanRefund, after: LoanRefund) -> Row:
    return (
        after.state.value,
        after.reason.value if after.reason else None,
        after.transaction_number,
        maybe_micros(after.answered_at),
        after.tries,
        maybe_micros(after.next_try_at),
        after.revision,
        before.merchant_id,
        before.refund_id,
        before.state.value,
        before.revision,
    )


def _refund(row: Found[Any]) -> LoanRefund:
    return LoanRefund(
        merchant_id=row.merchant_id,
        refund_id=row.refund_id,
        loan_id=row.loan_id,
        terminal_id=row.terminal_id,
        refund_reference=row.refund_reference,
        state=RefundState(row.state),
        amount=Money(row.amount, CURRENCIES[row.currency]),
        echo=_decode_echo(row.echo) if row.echo else {},
        requested_at=from_micros(row.requested_at),
        sent_at=from_micros(row.sent_at),
        lease_until=from_micros(row.lease_until),
        reason=Reason(row.reason) if row.reason else None,
        transaction_number=row.transaction_number,
        answered_at=maybe_instant(row.answered_at),
        tries=row.tries,
        next_try_at=maybe_instant(row.next_try_at),
        revision=row.revision,
    )


def _maybe_minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor


def _maybe_money(minor: int | None, currency: Currency) -> Money | None:
    return None if minor is None else Money(minor, currency)
