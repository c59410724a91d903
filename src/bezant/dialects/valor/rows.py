"""A payment as a row: of the transaction lists, and of the batches. Different words for the same facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.outcomes import Reason
from bezant.core.payments import Kind, Page, Payment, State
from bezant.core.vault import BinRecord, Bins
from bezant.dialects.valor.codes import DECLINES
from bezant.dialects.valor.families import BRANDS
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Layout, Reply, nested

TYPE_WORDS: dict[Kind, str] = {
    Kind.SALE: "SALE",
    Kind.AUTHORIZATION: "AUTH",
    Kind.CAPTURE: "COMPLETION",
    Kind.INCREMENT: "INCREMENTAL AUTH",
    Kind.TIP: "TIP ADJUST",
    Kind.REFUND: "REFUND",
    Kind.VOID: "VOID",
    Kind.VERIFICATION: "CARD VERIFICATION",
}
TYPE_CODES: dict[Kind, int] = {
    Kind.SALE: 100,
    Kind.AUTHORIZATION: 101,
    Kind.REFUND: 102,
    Kind.VOID: 103,
    Kind.CAPTURE: 104,
    Kind.INCREMENT: 106,
    Kind.TIP: 107,
    Kind.VERIFICATION: 108,
}
"""COMPLETION is 104 in the vendor's samples; the others are our choice."""

ENTRY_MODES = {Kind.CAPTURE: "812"}
ENTRY_MODE = "012"
"""Keyed in or electronic commerce; a completion says so (vendor samples)."""
CONDITION_CODE = "59"


@dataclass(frozen=True, slots=True)
class Row:
    """A payment to be listed."""

    payment: Payment
    caller: Caller
    issuer: BinRecord | None
    local: datetime


def rows_of(page: Page, caller: Caller, bins: Bins) -> list[Row]:
    """The rows of a page."""
    return [
        Row(
            payment,
            caller,
            bins.find(payment.card.bin) if payment.card else None,
            caller.local(payment.answered_at or payment.requested_at),
        )
        for payment in page.payments
    ]


def zone_label(zone: ZoneInfo) -> str:
    """The zone's standard abbreviation, in summer too: ``EST`` (vendor samples)."""
    for month in (1, 7):
        at = datetime(2026, month, 1, tzinfo=zone)
        if not at.dst():
            return at.tzname() or zone.key
    return zone.key


def masked_number(payment: Payment) -> str | None:
    """First four, eight crosses, last four, whatever the number's length."""
    card = payment.card
    return f"{card.bin[:4]} XXXX XXXX {card.last4}" if card else None


def response_code(payment: Payment) -> str:
    """``00``, or the code of the decline."""
    return "00" if payment.approved else DECLINES[payment.reason or Reason.SYSTEM_ERROR].code


def _flag(test: Callable[[Payment], bool]) -> Callable[[Row], str]:
    return lambda row: "1" if test(row.payment) else "0"


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _endpoint(row: Row, name: str) -> str | None:
    endpoint = row.caller.terminal.endpoints.get(row.payment.profile)
    return None if endpoint is None else getattr(endpoint, name)


def _issuer(name: str) -> Callable[[Row], str | None]:
    return lambda row: getattr(row.issuer, name) if row.issuer else None


def _entry_mode(row: Row) -> str:
    return ENTRY_MODES.get(row.payment.kind, ENTRY_MODE)


def _is_voided(payment: Payment) -> bool:
    return payment.state in {State.VOIDED, State.VOIDING, State.RELEASING}


def _tax_share(amount: Callable[[Payment], Money], taxable: Callable[[Payment], Money]) -> Layout[Row]:
    return Layout(
        Constant("rate", 0),
        Reply("amount", codecs.minor_number, lambda row: amount(row.payment)),
        Reply("taxableSales", codecs.minor_number, lambda row: taxable(row.payment)),
    )


def _nothing(payment: Payment) -> Money:
    return Money.zero(payment.currency)


def _base(payment: Payment) -> Money:
    return payment.amounts.base


def _same(row: Row) -> Row:
    return row


_TAX_DETAILS: Layout[Row] = Layout(
    Reply("stateTax", nested(_tax_share(lambda p: p.amounts.tax, _base)), _same, "tax_amount lands here"),
    Reply("cityTax", nested(_tax_share(_nothing, _base)), _same),
    Reply("reducedTax", nested(_tax_share(_nothing, _nothing)), _same),
)
CARD_METADATA: Layout[Row] = Layout(
    Reply("CARD_BIN", codecs.json, lambda r: r.payment.card.bin if r.payment.card else None),
    Reply("CARD_TYPE", codecs.json, _issuer("funding")),
    Reply("ISSUING_BANK", codecs.json, _issuer("issuer")),
    Reply("COUNTRY", codecs.json, _issuer("country")),
    Reply("CARD_LEVEL", codecs.json, _issuer("level")),
    Reply("CARD_CATEGORY", codecs.json, _issuer("category")),
)

TRANSACTION: Layout[Row] = Layout(
    Reply("CARD_TYPE", codecs.json, _issuer("funding")),
    Reply("EPI", codecs.json, lambda r: r.caller.terminal.number),
    Reply("LABEL", codecs.json, lambda r: r.caller.terminal.label),
    Reply("DATE", codecs.moment(codecs.day_us), lambda r: r.local),
    Reply("REF_TXN_ID", codecs.json, lambda r: str(r.payment.payment_id), "the row's own id"),
    Reply("TIME", codecs.moment(codecs.time_12), lambda r: r.local),
    Reply("TIMEZONE", codecs.json, lambda r: zone_label(r.caller.store.zone)),
    Reply("AUTH_CODE", codecs.json, lambda r: r.payment.approval_code),
    Reply("APPROVAL_CODE", codecs.json, lambda r: r.payment.approval_code),
    Reply("TOKEN", codecs.json, lambda r: r.payment.card.token if r.payment.card else None),
    Reply("RRN", codecs.json, lambda r: r.payment.retrieval_reference),
    Reply("TXN_TYPE", codecs.json, lambda r: TYPE_WORDS[r.payment.kind]),
    Reply("CARD_SCHEME", codecs.json, lambda r: BRANDS[r.payment.card.brand] if r.payment.card else None),
    Reply("PAN", codecs.json, lambda r: masked_number(r.payment)),
    Reply("RESPONSE_CODE", codecs.json, lambda r: response_code(r.payment)),
    Reply("CARDHOLDER_NAME", codecs.json, lambda r: r.payment.order.cardholder),
    Reply("DBA_NAME", codecs.json, lambda r: r.caller.store.name),
    Reply("INVOICE_NO", codecs.json, lambda r: r.payment.order.invoice),
    Reply("POS_ENTRY_MODE", codecs.json, _entry_mode),
    Reply("BASE_AMOUNT", codecs.minor_text, lambda r: r.payment.amounts.base),
    Reply("CUSTOM_FEE_AMOUNT", codecs.minor_text, lambda r: r.payment.amounts.fee),
    Reply("NET_AMOUNT", codecs.minor_text, lambda r: r.payment.amounts.total),
    Reply("TIP_AMOUNT", codecs.minor_text, lambda r: r.payment.amounts.tip),
    Reply("TAX_DETAILS", nested(_TAX_DETAILS), _same),
    Reply("TOTAL_TAX", codecs.minor_number, lambda r: r.payment.amounts.tax),
    Reply("TOTAL_WITH_TAX", codecs.minor_number, lambda r: r.payment.amounts.base + r.payment.amounts.tax),
    Reply("MID", codecs.json, lambda r: _endpoint(r, "merchant_number")),
    Constant("CASHBACK_AMOUNT", "0"),
    Reply("DEVICE_MODEL", codecs.json, lambda r: r.caller.terminal.device_model),
    Reply("BATCH_NO", codecs.json, lambda r: str(r.payment.batch_number)),
    Reply("STAN_NO", codecs.json, lambda r: _text(r.payment.audit_number)),
    Reply("TRAN_NO", codecs.json, lambda r: _text(r.payment.transaction_number)),
    Constant("POS_CONDITION_CODE", CONDITION_CODE),
    Reply("IS_SETTLED", codecs.json, _flag(lambda p: p.state is State.SETTLED)),
    Reply("REFUND_AMOUNT", codecs.minor_text, lambda r: r.payment.refunded),
    Reply("REFUND_COUNT", codecs.json, lambda r: str(r.payment.refund_count)),
    Reply("IS_AUTH_COMPLETED", codecs.json, _flag(lambda p: p.state is State.COMPLETED)),
    Reply("IS_REVERSAL", codecs.json, _flag(lambda p: p.state in {State.IN_DOUBT, State.REVERSED})),
    Reply("IS_VOID", codecs.json, _flag(_is_voided)),
    Reply("CARD_METADATA", nested(CARD_METADATA), _same),
    Reply("ORDER_DESCRIPTION", codecs.json, lambda r: r.payment.order.description, "read by a public client"),
    Reply("TAX_AMOUNT", codecs.minor_text, lambda r: r.payment.amounts.tax, "read by a public client"),
    Reply("BILLING_STREET_NO", codecs.json, lambda r: r.payment.order.address),
    Reply("BILLING_ZIPCODE", codecs.json, lambda r: r.payment.order.postal_code),
    Reply(
        "TXN_ORIG_DATE", codecs.moment(codecs.day_and_time), lambda r: r.payment.requested_at.astimezone(UTC)
    ),
)


def _utc_answer(row: Row) -> datetime:
    return (row.payment.answered_at or row.payment.requested_at).astimezone(UTC)


MEMBER: Layout[Row] = Layout(
    Reply("txn_id", codecs.json, lambda r: r.payment.payment_id),
    Reply("epi_id", codecs.json, lambda r: r.caller.terminal.number),
    Reply("txn_type", codecs.json, lambda r: TYPE_WORDS[r.payment.kind]),
    Reply("txn_type_code", codecs.json, lambda r: TYPE_CODES[r.payment.kind]),
    Reply("amount", codecs.minor_number, lambda r: r.payment.amounts.base),
    Reply("tip_amount", codecs.minor_number, lambda r: r.payment.amounts.tip),
    Constant("cashback_amount", 0),
    Reply("custom_fee_amount", codecs.minor_number, lambda r: r.payment.amounts.fee),
    Reply("tax_amount", codecs.minor_number, lambda r: r.payment.amounts.tax),
    Reply("tran_no", codecs.json, lambda r: r.payment.transaction_number),
    Reply("stan_no", codecs.json, lambda r: _text(r.payment.audit_number)),
    Reply("invoice_no", codecs.json, lambda r: r.payment.order.invoice),
    Reply("batch_no", codecs.json, lambda r: str(r.payment.batch_number)),
    Reply("pos_entry_mode", codecs.json, _entry_mode),
    Reply("masked_card_no", codecs.json, lambda r: masked_number(r.payment)),
    Reply("card_scheme", codecs.json, lambda r: BRANDS[r.payment.card.brand] if r.payment.card else None),
    Reply("request_date", codecs.moment(codecs.day_us), lambda r: r.local),
    Reply("request_time", codecs.moment(codecs.time_12), lambda r: r.local),
    Reply("store_time_zone", codecs.json, lambda r: zone_label(r.caller.store.zone)),
    Reply("mid", codecs.json, lambda r: _endpoint(r, "merchant_number")),
    Reply("tid", codecs.json, lambda r: _endpoint(r, "terminal_number")),
    Reply("rrn", codecs.json, lambda r: r.payment.retrieval_reference),
    Reply("approval_code", codecs.json, lambda r: r.payment.approval_code),
    Reply("response_code", codecs.json, lambda r: response_code(r.payment)),
    Reply("is_voided", codecs.json, lambda r: int(_is_voided(r.payment))),
    Constant("is_auth_completed", 0),
    Reply(
        "settled_at", codecs.moment(codecs.iso_millis), _utc_answer, "filled while open, as the vendor does"
    ),
    Reply("created_at", codecs.moment(codecs.iso_millis), _utc_answer),
    Reply("txamount", codecs.minor_number, lambda r: r.payment.amounts.total, "what the card paid"),
    Constant("surcharge_label", "Adjustment"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Where a page stands in its list. ``offset`` counts records from 0; pages count from 1."""

    records: int
    total: int
    limit: int
    offset: int

    @property
    def pages(self) -> int:
        """How many pages the list has."""
        return -(-self.total // self.limit)


META: Layout[Paging] = Layout(
    Reply("number_of_records", codecs.json, lambda p: p.records),
    Reply("total_pages", codecs.json, lambda p: p.pages),
    Reply("total_results", codecs.json, lambda p: p.total),
    Reply("page_number", codecs.json, lambda p: p.offset // p.limit + 1),
    Reply("page_size", codecs.json, lambda p: p.limit),
)
