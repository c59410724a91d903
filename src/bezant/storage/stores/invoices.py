"""Invoices, their history, and the payments made for them. Written when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import Row as Found

from bezant.core.catalogue import Line
from bezant.core.invoices import (
    Attempt,
    Callback,
    Extra,
    Invoice,
    InvoiceQuery,
    Item,
    Listed,
    Look,
    Page,
    State,
    Status,
    Terms,
    TipOffer,
)
from bezant.core.languages import Language
from bezant.core.merchants import Profile
from bezant.core.money import CURRENCIES, Currency, Money
from bezant.core.payments import Amounts, Kind, Order, Payment
from bezant.core.payments import State as PaymentState
from bezant.storage.crypto import Keys
from bezant.storage.instants import from_micros, maybe_instant, maybe_micros, to_micros
from bezant.storage.stores.payments import payment_of
from bezant.storage.tables import (
    directory,
    invoice_attempts,
    invoice_events,
    invoices,
    merchants,
    payments,
)
from bezant.storage.writes import Writes

DIRECTORY_KIND = "invoice"

_OPEN = (State.PENDING.value, State.PAYING.value)
_UNDECIDED = (PaymentState.SENDING.value, PaymentState.IN_DOUBT.value)
_SEARCHED = ("invoice", "description", "cardholder", "phone", "email")
_COLUMNS = frozenset({"invoice", "email", "phone"})
"""What of an order has columns of its own."""
_URLS = ("redirect_url", "success_url", "failure_url", "cancel_url")
_SWITCHES = ("one_try", "may_cancel")
_c = invoices.c
# Made once, since it is asked for all the time.
_UNSETTLED = (
    select(invoices)
    .join(
        payments,
        and_(
            payments.c.merchant_id == _c.merchant_id,
            payments.c.payment_id == _c.payment_id,
            payments.c.state.not_in(_UNDECIDED),
        ),
    )
    .where(_c.state == State.PAYING.value)
    .order_by(_c.updated_at)
    .limit(bindparam("limit", type_=Integer))
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class InvoiceRows:
    """Invoices of one transaction."""

    def __init__(self, connection: Connection, writes: Writes, keys: Keys) -> None:
        self._connection = connection
        self._writes = writes
        self._sealer = keys.sealer

    def add(self, invoice: Invoice) -> None:
        """Store a new invoice."""
        self._writes.touch()
        self._connection.execute(
            insert(directory).values(kind=DIRECTORY_KIND, name=invoice.uid, merchant_id=invoice.merchant_id)
        )
        self._connection.execute(insert(invoices).values(self._values(invoice)))

    def change(self, before: Invoice, after: Invoice, *, at: datetime) -> None:
        """Store a step or other facts; raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        changed = self._connection.execute(
            update(invoices)
            .where(
                _c.merchant_id == before.merchant_id,
                _c.invoice_id == before.invoice_id,
                _c.state == before.state.value,
                _c.revision == before.revision,
            )
            .values(self._values(after))
        )
        self._writes.expect(changed, 1)
        if before.state is not after.state:
            self._connection.execute(
                insert(invoice_events).values(
                    merchant_id=after.merchant_id,
                    invoice_id=after.invoice_id,
                    revision=after.revision,
                    before=before.state.value,
                    after=after.state.value,
                    at=to_micros(at),
                )
            )

    def find(self, merchant_id: int, invoice_id: int) -> Invoice | None:
        """An invoice of that merchant, locked to be changed."""
        wanted = select(invoices).where(_c.merchant_id == merchant_id, _c.invoice_id == invoice_id)
        found = self._all(wanted.with_for_update())
        return found[0] if found else None

    def by_uid(self, uid: str) -> Listed | None:
        """The invoice with that public id, whoever its merchant is, and its payment."""
        merchant_id = self._connection.execute(
            select(directory.c.merchant_id).where(directory.c.kind == DIRECTORY_KIND, directory.c.name == uid)
        ).scalar_one_or_none()
        found = self._all(select(invoices).where(_c.merchant_id == merchant_id, _c.uid == uid))
        return self._with_payments(found)[0] if found else None

    def open_with_number(self, merchant_id: int, terminal_id: int, number: str) -> Sequence[Invoice]:
        """The terminal's invoices with that invoice number that are pending or being paid."""
        wanted = select(invoices).where(
            _c.merchant_id == merchant_id,
            _c.terminal_id == terminal_id,
            _c.number == number,
            _c.state.in_(_OPEN),
        )
        return self._all(wanted.with_for_update())

    def of_payment(self, merchant_id: int, payment_id: int) -> Invoice | None:
        """The invoice that a payment was made for, whatever became of it."""
        invoice_id = self._connection.execute(
            select(invoice_attempts.c.invoice_id).where(
                invoice_attempts.c.merchant_id == merchant_id, invoice_attempts.c.payment_id == payment_id
            )
        ).scalar_one_or_none()
        found = self._all(select(invoices).where(_c.merchant_id == merchant_id, _c.invoice_id == invoice_id))
        return found[0] if found else None

    def last_attempt(self, merchant_id: int, invoice_id: int) -> Payment | None:
        """The latest payment that was made for an invoice."""
        made = and_(
            invoice_attempts.c.merchant_id == payments.c.merchant_id,
            invoice_attempts.c.payment_id == payments.c.payment_id,
        )
        row = self._connection.execute(
            select(payments)
            .join(invoice_attempts, made)
            .where(invoice_attempts.c.merchant_id == merchant_id, invoice_attempts.c.invoice_id == invoice_id)
            .order_by(payments.c.payment_id.desc())
            .limit(1)
        ).one_or_none()
        return None if row is None else payment_of(row)

    def add_attempt(self, attempt: Attempt) -> None:
        """Note a payment that is made for an invoice. A second note of one payment fails."""
        self._writes.touch()
        self._connection.execute(
            insert(invoice_attempts).values(
                merchant_id=attempt.merchant_id,
                payment_id=attempt.payment_id,
                invoice_id=attempt.invoice_id,
            )
        )

    def follow_ups(self, merchant_id: int, payment_id: int) -> Sequence[Payment]:
        """The stored payments that refer to that one, oldest first."""
        rows = self._connection.execute(
            select(payments)
            .where(payments.c.merchant_id == merchant_id, payments.c.original_id == payment_id)
            .order_by(payments.c.payment_id)
        )
        return [payment_of(row) for row in rows]

    def overdue(self, real: datetime, limit: int) -> Sequence[Invoice]:
        """Pending invoices that are past their time by their merchants' clocks."""
        now = case(
            (merchants.c.clock_frozen_at.is_not(None), merchants.c.clock_frozen_at),
            else_=to_micros(real) + merchants.c.clock_offset,
        )
        wanted = (
            select(invoices)
            .join(merchants, merchants.c.merchant_id == _c.merchant_id)
            .where(_c.state == State.PENDING.value, _c.expires_at <= now)
            .order_by(_c.expires_at)
            .limit(limit)
        )
        return self._all(wanted)

    def unsettled(self, limit: int) -> Sequence[Invoice]:
        """Invoices being paid whose payment has come to its end, which they have not been told."""
        return self._all(_UNSETTLED, limit=limit)

    def page(self, query: InvoiceQuery) -> Page:
        """One page of a list, newest first."""
        if query.nothing:
            return Page(rows=(), total=0)
        where = _filters(query)
        total = self._connection.execute(
            select(func.count()).select_from(invoices).where(*where)
        ).scalar_one()
        newest_first = _c.created_at.desc(), _c.invoice_id.desc()
        wanted = select(invoices).where(*where).order_by(*newest_first)
        found = self._all(wanted.limit(query.limit).offset(query.offset))
        return Page(rows=tuple(self._with_payments(found)), total=total)

    def _with_payments(self, found: Sequence[Invoice]) -> list[Listed]:
        ids = [invoice.payment_id for invoice in found if invoice.payment_id is not None]
        paid = {}
        if ids:
            rows = self._connection.execute(
                select(payments).where(
                    payments.c.merchant_id == found[0].merchant_id, payments.c.payment_id.in_(ids)
                )
            )
            paid = {row.payment_id: payment_of(row) for row in rows}
        return [
            Listed(invoice=invoice, payment=paid.get(invoice.payment_id) if invoice.payment_id else None)
            for invoice in found
        ]

    def _all(self, wanted: Select[Any], **values: int) -> list[Invoice]:
        return [self._invoice(row) for row in self._connection.execute(wanted, values)]

    def _values(self, invoice: Invoice) -> dict[str, object]:
        details = _details(invoice.terms)
        if (callback := invoice.terms.callback) is not None:
            secret, purpose = callback.authorization, _purpose(invoice.invoice_id)
            sealed = secret and self._sealer.seal_phrase(invoice.merchant_id, purpose, secret).hex()
            details["callback"] = [callback.url, sealed]
        return _values(invoice, _encode(details).decode())

    def _invoice(self, row: Found[Any]) -> Invoice:
        """The invoice in a row of the table."""
        details = _decode(row.details)
        callback = None
        if told := details.get("callback"):
            url, sealed = told
            secret = sealed and self._sealer.open_phrase(
                row.merchant_id, _purpose(row.invoice_id), bytes.fromhex(sealed)
            )
            callback = Callback(url=url, authorization=secret)
        return _invoice(row, replace(_terms(row, details), callback=callback))


def _purpose(invoice_id: int) -> str:
    """What the authorization of a callback is sealed for."""
    return f"callback {invoice_id}"


def _filters(query: InvoiceQuery) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [
        _c.merchant_id == query.merchant_id,
        _c.terminal_id == query.terminal_id,
    ]
    exact = ((_c.invoice_id, query.invoice_id), (_c.email, query.email), (_c.phone, query.phone))
    where += [column == value for column, value in exact if value is not None]
    if query.status is not None:
        where.append(_of_status(query.status, query.at))
    if query.created_from is not None:
        where.append(_c.created_at >= to_micros(query.created_from))
    if query.created_to is not None:
        where.append(_c.created_at < to_micros(query.created_to))
    if query.amount is not None:
        minor = query.amount.minor
        where.append(or_(_c.base == minor, _c.base + _c.tax + _c.fee + _c.tip == minor))
    if query.text is not None:
        where.append(_c.searched.contains(query.text.lower(), autoescape=True))
    return where


def _of_status(status: Status, at: datetime) -> ColumnElement[bool]:
    overdue = and_(_c.state == State.PENDING.value, _c.expires_at <= to_micros(at))
    voided = (
        select(payments.c.payment_id)
        .where(
            payments.c.merchant_id == _c.merchant_id,
            payments.c.payment_id == _c.payment_id,
            payments.c.state == PaymentState.VOIDED.value,
        )
        .exists()
    )
    match status:
        case Status.PENDING:
            in_time = or_(_c.expires_at.is_(None), _c.expires_at > to_micros(at))
            return and_(_c.state == State.PENDING.value, in_time)
        case Status.EXPIRED:
            return or_(_c.state == State.EXPIRED.value, overdue)
        case Status.PAID:
            return and_(_c.state == State.PAID.value, ~voided)
        case Status.VOIDED:
            return and_(_c.state == State.PAID.value, voided)
        case Status.PAYING | Status.CANCELLED:
            return _c.state == status.value


def _values(invoice: Invoice, details: str) -> dict[str, object]:
    """The columns of an invoice."""
    terms = invoice.terms
    amounts, order = terms.amounts, terms.order
    texts = [value for name in _SEARCHED if (value := getattr(order, name))]
    texts += [amounts.base.decimal(), amounts.total.decimal()]
    return {
        "merchant_id": invoice.merchant_id,
        "invoice_id": invoice.invoice_id,
        "terminal_id": invoice.terminal_id,
        "uid": invoice.uid,
        "state": invoice.state.value,
        "kind": terms.kind.value,
        "profile": terms.profile.value,
        "currency": amounts.base.currency.code,
        "base": amounts.base.minor,
        "tax": amounts.tax.minor,
        "fee": amounts.fee.minor,
        "tip": amounts.tip.minor,
        "number": order.invoice,
        "email": order.email,
        "phone": order.phone,
        "searched": "\n".join(texts).lower(),
        "details": details,
        "created_at": to_micros(invoice.created_at),
        "updated_at": to_micros(invoice.updated_at),
        "expires_at": maybe_micros(invoice.expires_at),
        "as_code": invoice.as_code,
        "attempts": invoice.attempts,
        "receipt_wanted": invoice.receipt_wanted,
        "language": invoice.language.value,
        "payment_id": invoice.payment_id,
        "paid_at": maybe_micros(invoice.paid_at),
        "revision": invoice.revision,
    }


def _details(terms: Terms) -> dict[str, object]:
    """What of the terms has no column. Amounts are minor units; the life is in seconds."""
    order = terms.order
    said = {name: value for name, value in _said(order).items() if name not in _COLUMNS}
    life = None if terms.life is None else terms.life // timedelta(microseconds=1)
    details: dict[str, object] = {"order": said, "life": life}
    details |= {name: url for name in _URLS if (url := getattr(terms, name)) is not None}
    if terms.fee_percent_hundredths is not None:
        details["fee_percent_hundredths"] = terms.fee_percent_hundredths
    if terms.tips is not None:
        details["tips"] = [*terms.tips.percents, terms.tips.percent_max]
    details |= {name: True for name in _SWITCHES if getattr(terms, name)}
    if look := _said(terms.look):
        details["look"] = look
    if terms.kept:
        details["kept"] = dict(terms.kept)
    if terms.items:
        details["items"] = [
            [
                item.name,
                item.quantity,
                item.price.minor,
                [[extra.name, extra.price.minor] for extra in item.extras],
            ]
            for item in terms.items
        ]
    return details


def _said(facts: Order | Look) -> dict[str, object]:
    """What is said in them, by its name."""
    return {name: value for name in facts.__struct_fields__ if (value := getattr(facts, name))}


def _invoice(row: Found[Any], terms: Terms) -> Invoice:
    return Invoice(
        merchant_id=row.merchant_id,
        invoice_id=row.invoice_id,
        terminal_id=row.terminal_id,
        uid=row.uid,
        state=State(row.state),
        terms=terms,
        created_at=from_micros(row.created_at),
        updated_at=from_micros(row.updated_at),
        expires_at=maybe_instant(row.expires_at),
        as_code=row.as_code,
        attempts=row.attempts,
        receipt_wanted=row.receipt_wanted,
        language=Language(row.language),
        payment_id=row.payment_id,
        paid_at=maybe_instant(row.paid_at),
        revision=row.revision,
    )


def _terms(row: Found[Any], details: Mapping[str, Any]) -> Terms:
    currency = CURRENCIES[row.currency]
    order = dict(details["order"])
    if lines := order.get("lines"):
        order["lines"] = tuple(Line(**line) for line in lines)
    tips = details.get("tips")
    return Terms(
        kind=Kind(row.kind),
        profile=Profile(row.profile),
        amounts=Amounts(
            base=Money(row.base, currency),
            tax=Money(row.tax, currency),
            fee=Money(row.fee, currency),
            tip=Money(row.tip, currency),
        ),
        fee_percent_hundredths=details.get("fee_percent_hundredths"),
        tips=TipOffer(percents=tuple(tips[:-1]), percent_max=tips[-1]) if tips else None,
        order=Order(invoice=row.number, email=row.email, phone=row.phone, **order),
        items=tuple(_item(item, currency) for item in details.get("items", ())),
        life=None if details["life"] is None else timedelta(microseconds=details["life"]),
        look=Look(**details.get("look", {})),
        kept=details.get("kept", {}),
        **{name: details[name] for name in (*_URLS, *_SWITCHES) if name in details},
    )


def _item(stored: Sequence[Any], currency: Currency) -> Item:
    name, quantity, price, extras = stored
    return Item(
        name=name,
        quantity=quantity,
        price=Money(price, currency),
        extras=tuple(Extra(name=each, price=Money(minor, currency)) for each, minor in extras),
    )
