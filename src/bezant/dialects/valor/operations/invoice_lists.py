"""Lists of invoices (vendor docs: e-invoice-api; the names of some parameters: our choice)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from bezant.core.invoices import Invoice, InvoiceQuery, Listed, State, Status
from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money, parse_decimal
from bezant.core.payments import Amounts
from bezant.core.payments import State as PaymentState
from bezant.dialects.valor import codes
from bezant.dialects.valor.dialect import Call, Operation, Shown, Values
from bezant.dialects.valor.operations.batches import OFFSET, limit_field
from bezant.dialects.valor.operations.lists import days_of, local_days
from bezant.dialects.valor.rows import Paging
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply, array

STATUSES: Final = {
    "pending": Status.PENDING,
    "processing": Status.PAYING,
    "paid": Status.PAID,
    "sale(voided)": Status.VOIDED,
    "expired": Status.EXPIRED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
}
WORDS: Final = {
    State.PENDING: "PENDING",
    State.PAYING: "PROCESSING",
    State.PAID: "PAID",
    State.EXPIRED: "EXPIRED",
    State.CANCELLED: "CANCELED",
}
VOIDED: Final = "SALE(VOIDED)"
FILTERS: Final = {"0": "", "email": "email", "phone": "phone", "id": "invoice_id", "amount": "amount"}
UNFILTERED: Final = frozenset({Status.PAID, Status.VOIDED})
"""Statuses that are listed without a filter (vendor docs)."""
MONTH, RANGE, OLD_RANGE, ANY_DATE = 2, 7, 8, 9


@dataclass(frozen=True, slots=True)
class Row:
    """An invoice to be listed, at an instant of the merchant's time."""

    listed: Listed
    caller: Caller
    at: datetime

    @property
    def invoice(self) -> Invoice:
        """The invoice itself."""
        return self.listed.invoice

    @property
    def amounts(self) -> Amounts:
        """What was paid, or is asked."""
        payment = self.listed.payment
        paid = payment is not None and self.invoice.state is State.PAID
        return payment.amounts if payment is not None and paid else self.invoice.terms.amounts


def _status(row: Row) -> str:
    return VOIDED if _paid_in(row, PaymentState.VOIDED) else WORDS[row.invoice.stands(row.at)]


def _paid_in(row: Row, *states: PaymentState) -> bool:
    """Whether it was paid, and its payment is in one of these states."""
    payment = row.listed.payment
    return row.invoice.state is State.PAID and payment is not None and payment.state in states


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


def _local(row: Row, instant: datetime | None) -> datetime | None:
    return None if instant is None else row.caller.local(instant)


def _days_left(row: Row) -> int | None:
    """Whole days, and begun ones, until the link can no longer be paid."""
    if row.invoice.expires_at is None:
        return None
    return max(0, -((row.at - row.invoice.expires_at) // timedelta(days=1)))


def _percentage(row: Row) -> str:
    hundredths = row.invoice.terms.fee_percent_hundredths or 0
    return Money(hundredths).shortest()


def _payer_is_known(row: Row) -> int:
    order = row.invoice.terms.order
    return int(bool(order.cardholder or order.email or order.phone))


def _failed_attempts(row: Row) -> int:
    """Attempts that have not paid; none, for an invoice that was paid at once (vendor sample)."""
    return row.invoice.attempts - (row.invoice.state is State.PAID)


def _of_payment(row: Row, name: str) -> Any:  # noqa: ANN401 - any JSON value
    return getattr(row.listed.payment, name) if row.invoice.state is State.PAID else None


INVOICE: Layout[Row] = Layout(
    Reply("ID", codecs.json, lambda row: row.invoice.invoice_id),
    Reply("UID", codecs.json, lambda row: row.invoice.uid),
    Reply("EPI", codecs.json, lambda row: row.caller.terminal.number),
    Constant("INVOICE_MODE", "EINVOICE"),
    Constant("AMOUNT_TYPE", "FIXED"),
    Reply("AMOUNT", codecs.shortest_text, lambda row: row.amounts.base),
    Reply("TAX", codecs.shortest_text, lambda row: row.amounts.tax),
    Reply("TIP", codecs.shortest_text, lambda row: row.amounts.tip),
    Reply("SURCHARGE", codecs.shortest_text, lambda row: row.amounts.fee),
    Constant("SURCHARGE_TYPE", None),
    Reply(
        "SURCHARGE_INDICATOR", codecs.json, lambda row: int(row.invoice.terms.profile is Profile.SURCHARGE)
    ),
    Reply("SURCHARGE_PERCENTAGE", codecs.json, _percentage, "0 where the fee is an amount"),
    Reply("ATTEMPTS", codecs.json, _failed_attempts, "those that failed: 0 for one paid at once"),
    Reply("CREATED_ON", codecs.moment(codecs.day_and_time), lambda row: _utc(row.invoice.created_at), "UTC"),
    Reply("NEVER_EXPIRE", codecs.json, lambda row: int(row.invoice.expires_at is None)),
    Reply(
        "ACTIVE_ON",
        codecs.moment(codecs.day_and_time),
        lambda row: _utc(row.invoice.expires_at),
        "UTC; until when it can be paid",
    ),
    Reply("STATUS", codecs.json, _status),
    Reply("CUSTOMER_NAME", codecs.json, lambda row: row.invoice.terms.order.cardholder),
    Reply("INVOICE_NO", codecs.json, lambda row: row.invoice.terms.order.invoice),
    Reply("PRODUCT_DESCRIPTION", codecs.json, lambda row: row.invoice.terms.order.description),
    Reply("SMS_STATUS", codecs.json, lambda row: int(row.invoice.terms.order.phone is not None)),
    Reply("TXN_ID", codecs.json, lambda row: _of_payment(row, "payment_id"), "null until it is paid"),
    Reply("RRN", codecs.json, lambda row: _of_payment(row, "retrieval_reference")),
    Reply(
        "PAYMENT_RECEIVED_ON",
        codecs.moment(codecs.day_and_time),
        lambda row: _utc(row.invoice.paid_at),
        "UTC",
    ),
    Reply("IS_QRCODE", codecs.json, lambda row: int(row.invoice.as_code)),
    Reply("IS_CUSTOMER_INFO_AVAIL", codecs.json, _payer_is_known),
    Reply("IS_SETTLED", codecs.json, lambda row: "1" if _paid_in(row, PaymentState.SETTLED) else ""),
    Reply("IS_VOIDED", codecs.json, lambda row: "1" if _paid_in(row, PaymentState.VOIDED) else ""),
    Constant("IS_REVERSED", "", "what is reversed has paid nothing"),
    Reply("DBA_NAME", codecs.json, lambda row: row.caller.store.name),
    Reply(
        "CREATED_AT", codecs.moment(codecs.day_and_minute), lambda row: _local(row, row.invoice.created_at)
    ),
    Reply("EXPIRED_AT", codecs.moment(codecs.day_short), lambda row: _local(row, row.invoice.expires_at)),
    Reply("DAYS_UNTILL_EXPIRATION", codecs.json, _days_left),
    Reply("PAYMENT_AT", codecs.moment(codecs.day_and_minute), lambda row: _local(row, row.invoice.paid_at)),
    Constant("INVOICE_QB_PAYNOW", 0),
    Constant("INVOICE_QB", 0),
)


@dataclass(frozen=True, slots=True)
class _Listing:
    rows: list[Row]
    paging: Paging


LISTING: Layout[_Listing] = Layout(
    Constant("status", "OK"),
    Constant("message", "Success"),
    Reply("number_of_records", codecs.json, lambda listing: listing.paging.records),
    Reply("page_number", codecs.json, lambda listing: listing.paging.offset // listing.paging.limit + 1),
    Reply("total_results", codecs.json, lambda listing: listing.paging.total),
    Reply("page_size", codecs.json, lambda listing: listing.paging.limit),
    Reply("total_pages", codecs.json, lambda listing: listing.paging.pages),
    Reply("data", array(INVOICE), lambda listing: listing.rows),
)


def _day(name: str, *aliases: str, note: str = "YYYY-MM-DD") -> Field[codes.Error]:
    return Field(
        name=name, read=codecs.calendar_day, invalid=codes.DATES_REQUIRED, aliases=aliases, note=note
    )


LIST_FIELDS: Final = (
    Field(
        name="date_filter",
        read=codecs.integer(maximum=ANY_DATE),
        default=MONTH,
        invalid=codes.BAD_DATE_FILTER,
        note="as for transactions; 9: any date",
    ),
    _day("start_date", "start_date_range"),
    _day("end_date", "end_date_range"),
    _day("selected_date", note="that day alone, whatever date_filter says (our choice)"),
    Field(name="status", read=codecs.one_of(STATUSES), invalid=codes.BAD_STATUS),
    Field(
        name="filter",
        read=codecs.one_of(FILTERS),
        default="",
        invalid=codes.BAD_FILTER,
        aliases=("filter_key",),
        note="0 with status PAID and SALE(VOIDED) (vendor docs)",
    ),
    Field(
        name="filter_text",
        read=codecs.text(length_max=100),
        invalid=codes.BAD_FILTER,
        note="without filter: in phone, email, amount, invoice number, name or description",
    ),
    limit_field(25),
    OFFSET,
)


def _filtered(name: str, text: str) -> dict[str, Any]:
    """The filter of a query; one that no invoice fits where the text is no such value."""
    match name:
        case "":
            return {"text": text}
        case "invoice_id":
            fits = re.fullmatch(r"[0-9]{1,18}", text, re.ASCII)
            return {"invoice_id": int(text)} if fits else {"nothing": True}
        case "amount":
            amount = parse_decimal(text)
            return {"nothing": True} if amount is None else {"amount": amount}
        case _:
            return {name: text}


async def _list(call: Call) -> Shown:
    values, caller = call.values, call.caller
    status, name, text = values["status"], values["filter"], values["filter_text"]
    if name and (status in UNFILTERED or text is None):
        raise Fault(codes.BAD_FILTER)
    at = caller.now(call.services.clock.now())
    days = _days(values, caller.local(at).date())
    period = local_days(caller, *days) if days else {}
    merchant_id, terminal_id = caller.key
    query = InvoiceQuery(
        merchant_id=merchant_id,
        terminal_id=terminal_id,
        at=at,
        limit=values["limit"],
        offset=values["offset"],
        status=status,
        created_from=period.get("requested_from"),
        created_to=period.get("requested_to"),
        **(_filtered(name, text) if text is not None else {}),
    )
    page = await call.services.invoices.page(query)
    rows = [Row(listed, caller, at) for listed in page.rows]
    paging = Paging(records=len(rows), total=page.total, limit=query.limit, offset=query.offset)
    return Shown(LISTING.render(_Listing(rows, paging)), "OK")


def _days(values: Values, today: date) -> tuple[date, date] | None:
    first, last, selected = values["start_date"], values["end_date"], values["selected_date"]
    if selected is not None:
        return selected, selected
    if values["date_filter"] not in {RANGE, OLD_RANGE}:
        return days_of(values["date_filter"], today)
    if first is None or last is None:
        raise Fault(codes.DATES_REQUIRED)
    return first, last


OPERATIONS = (
    Operation(
        name="getEinvoice",
        title="Fetch E-Invoice",
        types=("getEinvoice", "get_einvoice"),
        fields=LIST_FIELDS,
        answer=_list,
        layouts=(LISTING,),
    ),
)
