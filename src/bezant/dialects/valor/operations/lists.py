"""Transaction lists (vendor docs: transaction-list-api-1; range form: public client)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Generic, TypeVar

from bezant.core.gift import NO_MOVEMENTS, MovementQuery
from bezant.core.merchants import Caller
from bezant.core.money import parse_decimal
from bezant.core.payments import Kind, PaymentQuery, State
from bezant.core.vault import Brand
from bezant.dialects.valor import codes
from bezant.dialects.valor.dialect import Call, Operation, Shown, Values
from bezant.dialects.valor.gift_rows import APPROVAL_CODE, GIFT_TRANSACTION, GiftRow, gift_rows_of
from bezant.dialects.valor.operations.batches import OFFSET, limit_field
from bezant.dialects.valor.operations.fields import capitals
from bezant.dialects.valor.rows import META, TRANSACTION, Paging, Row, rows_of
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply, array, nested

R = TypeVar("R")

SUCCESS = "SUCCESS"
RECENT, TODAY, MONTH, YESTERDAY, LAST_MONTH, WEEK, LAST_WEEK, RANGE, OLD_RANGE, ANY_DATE = range(10)

EARLIEST, LATEST = date(1970, 1, 1), date(9998, 12, 31)

SOURCES: dict[int, str] = {
    1: "valorconnect",
    2: "woocommerce",
    3: "magento",
    4: "bigcommerce",
    5: "shopify",
    6: "oscommerce",
    7: "opencart",
    8: "passagejs",
}
TYPES: dict[int, tuple[Kind, ...]] = {
    1: (Kind.SALE,),
    4: (Kind.REFUND,),
    5: (Kind.VOID,),
    6: (Kind.AUTHORIZATION, Kind.INCREMENT),
    7: (Kind.CAPTURE,),
}
REVERSALS = 8
GIFT_CARDS = 9
BRANDS: dict[int, Brand] = {
    1: Brand.VISA,
    2: Brand.MASTERCARD,
    3: Brand.DISCOVER,
    4: Brand.AMEX,
    5: Brand.JCB,
    6: Brand.DINERS,
    7: Brand.MAESTRO,
    9: Brand.UNKNOWN,
}
VIRTUAL_TERMINAL = 5
STATUSES: dict[str, str] = {"all": "ALL", "0": "ALL", "approved": "APPROVED", "declined": "DECLINED"}

FilterText = Callable[[str], dict[str, Any] | None]


def _number(name: str, length_max: int) -> FilterText:
    def read(text: str) -> dict[str, Any] | None:
        fits = text.isascii() and text.isdecimal() and len(text) <= length_max
        return {name: int(text)} if fits else None

    return read


def _same_text(name: str) -> FilterText:
    return lambda text: {name: text}


def _amount(text: str) -> dict[str, Any] | None:
    found = parse_decimal(text)
    return None if found is None else {"amount": found}


FILTERS: dict[str, FilterText] = {
    "TXNID": _number("payment_id", 18),
    "RRN": _same_text("retrieval_reference"),
    "INVOICE_NO": _same_text("invoice"),
    "AMOUNT": _amount,
    "AUTH_CODE": _same_text("approval_code"),
    "CARD_NO": lambda text: {"last4": text[-4:]},
    "STAN": _number("audit_number", 6),
    "CUSTOMER_NAME": lambda text: {"cardholder": capitals(text)},
}
"""TXNID is in the vendor's sample; the others are our choice."""

_FILTER_NAMES = {"0": ""} | {name.lower(): name for name in FILTERS}


def _choice(name: str, last: int, invalid: codes.Error = codes.BAD_FILTER) -> Field[codes.Error]:
    return Field(name=name, read=codecs.integer(maximum=last), default=0, invalid=invalid)


def _day(name: str, alias: str, *, missing: codes.Error | None = None) -> Field[codes.Error]:
    return Field(
        name=name,
        read=codecs.calendar_day,
        missing=missing,
        invalid=codes.DATES_REQUIRED,
        aliases=(alias,),
        note="YYYY-MM-DD; YYYYMMDD is sent by a public client",
    )


_COMMON: tuple[Field[codes.Error], ...] = (
    _choice("source", 8),
    _choice("transaction_type", 16),
    _choice("card_type", 9),
    Field(name="transaction_status", read=codecs.one_of(STATUSES), default="ALL", invalid=codes.BAD_STATUS),
    _choice("devices", 7),
    _choice("processor", 12),
    Field(
        name="filter",
        read=codecs.one_of(_FILTER_NAMES),
        default="",
        invalid=codes.BAD_FILTER,
        aliases=("filter_key",),
    ),
    Field(name="filter_text", read=codecs.text(length_max=100), invalid=codes.BAD_FILTER),
    limit_field(25),
    OFFSET,
)


@dataclass(frozen=True, slots=True)
class _Listed(Generic[R]):
    rows: list[R]
    paging: Paging


def _list_of(row: Layout[R]) -> Layout[_Listed[R]]:
    return Layout(
        Reply("number_of_records", codecs.json, lambda listed: listed.paging.records),
        Reply("data", array(row), lambda listed: listed.rows),
        Constant("status", SUCCESS),
        Reply("meta", nested(META), lambda listed: listed.paging),
    )


LIST: Layout[_Listed[Row]] = _list_of(TRANSACTION)
GIFT_LIST: Layout[_Listed[GiftRow]] = _list_of(GIFT_TRANSACTION)


def local_days(caller: Caller, first: date, last: date) -> dict[str, datetime]:
    """The instants between which the store's calendar shows those days, both included."""
    zone = caller.store.zone
    # A client that wants everything may say 0001-01-01 or 9999-12-31, which have no day before or after.
    end = min(last, LATEST) + timedelta(days=1)
    return {
        "requested_from": datetime.combine(max(first, EARLIEST), time(), zone).astimezone(UTC),
        "requested_to": datetime.combine(end, time(), zone).astimezone(UTC),
    }


def days_of(date_filter: int, today: date) -> tuple[date, date] | None:
    """The first and last day that a named period covers. Weeks begin on Sunday (our choice)."""
    sunday = today - timedelta(days=today.isoweekday() % 7)
    first_of_month = today.replace(day=1)
    last_of_previous = first_of_month - timedelta(days=1)
    return {
        TODAY: (today, today),
        MONTH: (first_of_month, today),
        YESTERDAY: (today - timedelta(days=1), today - timedelta(days=1)),
        LAST_MONTH: (last_of_previous.replace(day=1), last_of_previous),
        WEEK: (sunday, today),
        LAST_WEEK: (sunday - timedelta(days=7), sunday - timedelta(days=1)),
    }.get(date_filter)


def query_of(caller: Caller, values: Values, *, days: tuple[date, date] | None) -> PaymentQuery:
    """The core's question for these filters."""
    merchant_id, terminal_id = caller.key
    query = PaymentQuery(
        merchant_id=merchant_id, terminal_id=terminal_id, limit=values["limit"], offset=values["offset"]
    )
    changes: dict[str, Any] = local_days(caller, *days) if days else {}
    kind, brand, source = values["transaction_type"], values["card_type"], values["source"]
    if kind == REVERSALS:
        changes["states"] = (State.IN_DOUBT, State.REVERSED)
    elif kind and kind != GIFT_CARDS:
        changes["kinds"] = TYPES.get(kind, ())
    if brand:
        changes["brands"] = (BRANDS[brand],) if brand in BRANDS else ()
    if source:
        changes["sources"] = (SOURCES[source],)
    if values["transaction_status"] != "ALL":
        changes["approved"] = values["transaction_status"] == "APPROVED"
    # Every terminal here is a virtual one; none is known by a processor of the vendor's list.
    nothing = values["devices"] not in {0, VIRTUAL_TERMINAL} or values["processor"] != 0
    if values["filter"] and values["filter_text"]:
        found = FILTERS[values["filter"]](values["filter_text"])
        nothing = nothing or found is None
        changes |= found or {}
    return replace(query, nothing=nothing, **changes)


GIFT_FILTERS = {
    "payment_id": "movement_id",
    "retrieval_reference": "retrieval_reference",
    "invoice": "invoice",
    "amount": "amount",
    "last4": "last4",
    "audit_number": "audit_number",
    "cardholder": "cardholder",
}
"""What a gift movement calls what a payment is filtered by."""


def gift_query_of(query: PaymentQuery) -> MovementQuery | None:
    """The same question about gift cards; none when no movement can be meant: one has no brand, no source."""
    approval_code = query.approval_code
    if query.nothing or query.brands is not None or query.sources is not None:
        return None
    if approval_code is not None and approval_code != APPROVAL_CODE:
        return None
    return MovementQuery(
        merchant_id=query.merchant_id,
        terminal_id=query.terminal_id,
        limit=query.limit,
        offset=query.offset,
        requested_from=query.requested_from,
        requested_to=query.requested_to,
        approved=query.approved if approval_code is None else True,
        **{theirs: getattr(query, ours) for ours, theirs in GIFT_FILTERS.items()},
    )


async def _list(call: Call) -> Shown:
    values = call.values
    date_filter = values["date_filter"]
    first, last = values["start_date_range"], values["end_date_range"]
    if date_filter in {RANGE, OLD_RANGE} and (first is None or last is None):
        raise Fault(codes.DATES_REQUIRED)
    if date_filter == ANY_DATE and (values["filter"] != "TXNID" or values["filter_text"] is None):
        raise Fault(codes.FILTER_NOT_TXNID)
    today = call.caller.local(call.caller.now(call.services.clock.now())).date()
    days = (first, last) if date_filter in {RANGE, OLD_RANGE} else days_of(date_filter, today)
    return await _show(call, days)


async def _range(call: Call) -> Shown:
    return await _show(call, (call.values["start_date_range"], call.values["end_date_range"]))


async def _show(call: Call, days: tuple[date, date] | None) -> Shown:
    query = query_of(call.caller, call.values, days=days)
    if call.values["transaction_type"] == GIFT_CARDS:
        asked = gift_query_of(query)
        movements = await call.services.gift.page(asked) if asked else NO_MOVEMENTS
        gift_rows = gift_rows_of(movements, call.caller)
        return Shown(
            GIFT_LIST.render(_Listed(gift_rows, _paging(query, gift_rows, movements.total))), SUCCESS
        )
    page = await call.services.reports.page(query)
    rows = rows_of(page, call.caller, call.services.bins)
    return Shown(LIST.render(_Listed(rows, _paging(query, rows, page.total))), SUCCESS)


def _paging(query: PaymentQuery, rows: Sequence[object], total: int) -> Paging:
    return Paging(records=len(rows), total=total, limit=query.limit, offset=query.offset)


OPERATIONS = (
    Operation(
        name="txnfetch",
        title="Transaction List",
        types=("txnfetch",),
        fields=(
            _choice("date_filter", ANY_DATE, codes.BAD_DATE_FILTER),
            _day("start_date_range", "start_date"),
            _day("end_date_range", "end_date"),
            *_COMMON,
        ),
        answer=_list,
        layouts=(LIST,),
    ),
    Operation(
        name="txnfetch_date",
        title="Transaction List with Date Range",
        types=("txnfetch_date",),
        fields=(
            _day("start_date_range", "start_date", missing=codes.DATES_REQUIRED),
            _day("end_date_range", "end_date", missing=codes.DATES_REQUIRED),
            *_COMMON,
        ),
        answer=_range,
        layouts=(LIST,),
    ),
)
