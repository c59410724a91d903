"""Hosted pages: made, changed, sent again, cancelled, listed, and as QR codes.

Source of answers: vendor samples; of the first's request: vendor docs and public clients; of how the others
are asked for: our choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from bezant.core.invoices import (
    LIFE,
    UID,
    Created,
    Extra,
    Invoice,
    InvoiceQuery,
    Item,
    Listed,
    Objected,
    Objection,
    State,
    Status,
    Terms,
    TipOffer,
)
from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money, parse_decimal
from bezant.core.payments import Amounts, Kind
from bezant.core.payments import State as PaymentState
from bezant.core.vault import mask_card_numbers
from bezant.dialects.valor import codes
from bezant.dialects.valor.dialect import Call, Operation, Shown, Values
from bezant.dialects.valor.operations import fields
from bezant.dialects.valor.operations.batches import OFFSET, limit_field
from bezant.dialects.valor.operations.lists import days_of, local_days
from bezant.dialects.valor.rows import Paging
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply, array

AMOUNT_MINOR_MIN: Final = 10
"""0.10 (vendor docs)."""
TIP_PERCENTS: Final = (15, 18, 20)
"""What payers are offered, as far as the terminal's limit allows (our choice)."""
URL_MAX: Final = 500
_URL: Final = rf"(?=.{{1,{URL_MAX}}}$)https?://[0-9A-Za-z.\-]+(?::[0-9]{{1,5}})?(?:[/?#][0-9A-Za-z/?#:@!$&'()*+,;=._~%\-]*)?"

# What a page is asked for with ---------------------------------------------------------------------------


def _url(name: str, note: str) -> Field[codes.Error]:
    return Field(
        name=name,
        read=codecs.pattern(_URL, words=f"http or https address of at most {URL_MAX} characters"),
        invalid=codes.BAD_TEXT,
        note=note,
    )


def _share(name: str, alias: str, invalid: codes.Error, note: str) -> Field[codes.Error]:
    return Field(
        name=name,
        read=codecs.decimal(minor_max=fields.AMOUNT_MINOR_MAX, zero=True, grouped=True),
        invalid=invalid,
        aliases=(alias,),
        note=note,
    )


_NAME: Final = codecs.clipped_text(length_max=100)
_PRICE: Final = codecs.decimal(minor_max=fields.AMOUNT_MINOR_MAX, zero=True, grouped=True)
_QUANTITY: Final = codecs.integer(minimum=1, maximum=1_000_000)
ITEMS_MAX: Final = 100
EXTRAS_MAX: Final = 20


def _rows(value: Any, most: int) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    said = fields.from_json(value)
    if not isinstance(said, list) or len(said) > most or not all(isinstance(row, dict) for row in said):
        raise codecs.Invalid
    return said


def _items(value: Any) -> tuple[Item, ...]:  # noqa: ANN401 - any JSON value
    return tuple(
        Item(
            name=mask_card_numbers(_NAME(row.get("name"))),
            quantity=_QUANTITY(row.get("qty", "1")),
            price=_PRICE(row.get("price")),
            extras=tuple(
                Extra(name=mask_card_numbers(_NAME(extra.get("name"))), price=_PRICE(extra.get("price", "0")))
                for extra in _rows(row.get("modifierItems") or [], EXTRAS_MAX)
            ),
        )
        for row in _rows(value, ITEMS_MAX)
    )


_EXTRA_SCHEMA: Final[codecs.Schema] = {
    "type": "object",
    "properties": {"name": codecs.schema_of(_NAME), "price": codecs.schema_of(_PRICE)},
    "required": ["name"],
}
_ITEMS_SCHEMA: Final[codecs.Schema] = {
    "type": ["array", "string"],
    "maxItems": ITEMS_MAX,
    "items": {
        "type": "object",
        "properties": {
            "name": codecs.schema_of(_NAME),
            "qty": codecs.schema_of(_QUANTITY),
            "price": codecs.schema_of(_PRICE),
            "modifierItems": {"type": "array", "maxItems": EXTRAS_MAX, "items": _EXTRA_SCHEMA},
        },
        "required": ["name", "price"],
    },
}

TERMS: Final = (
    fields.amount(missing=None),
    _share("tax", "tax_amount", codes.BAD_TAX, "dollars"),
    _share("surcharge", "surchargeAmount", codes.BAD_SURCHARGE, "dollars; for the surcharge profile only"),
    Field(
        name="surchargeIndicator",
        read=codecs.one_of({"0": Profile.TRADITIONAL, "1": Profile.SURCHARGE}),
        invalid=codes.BAD_SURCHARGE_INDICATOR,
        note="absent: 0 where the terminal has that profile, else 1",
    ),
    fields.FEE_IS_PERCENT,
    Field(
        name="ignore_surcharge_calc",
        read=fields.FLAG,
        invalid=codes.BAD_SURCHARGE,
        note="has no effect: terminals here have no rules of their own, what is sent is charged",
    ),
    *(field for field in fields.ORDER if field.name != "uid"),
    _url("redirect_url", "told of the payment by us, and where the browser goes without success_url"),
    _url("success_url", "where the browser goes after an approval"),
    _url("failure_url", "where the browser can go after a decline"),
    Field(name="never_expire", read=fields.FLAG, invalid=codes.BAD_NEVER_EXPIRE),
    Field(
        name="active_on",
        read=codecs.calendar_day,
        invalid=codes.BAD_ACTIVE_ON,
        note="the last day on which the link can be paid; absent: 24 hours (vendor samples)",
    ),
    Field(
        name="tip_choice",
        read=fields.FLAG,
        invalid=codes.BAD_TIP,
        note="1: the payer may add a tip (our choice)",
    ),
    fields.PURCHASE_ORDER,
    Field(
        name="lineItems",
        read=codecs.described(
            _items, f"array of name, qty, price and modifierItems[], at most {ITEMS_MAX}", _ITEMS_SCHEMA
        ),
        invalid=codes.BAD_TEXT,
        note="shown to the payer; forms send its text",
    ),
    fields.ITEMS,
    fields.PRODUCTS,
)

PAGE = Field(
    name="epage", read=codecs.one_of({"1": True}), missing=codes.NO_HOSTED_PAGE, invalid=codes.NO_HOSTED_PAGE
)
KIND = Field(
    name="txn_type",
    read=codecs.one_of({"sale": Kind.SALE, "auth": Kind.AUTHORIZATION}),
    missing=codes.TXN_TYPE_REQUIRED,
    invalid=codes.TXN_TYPE_REQUIRED,
    note="what the payer's card is asked for",
)
LINK = Field(
    name="uid",
    read=codecs.pattern(UID.pattern),
    missing=codes.BAD_UID,
    invalid=codes.BAD_UID,
    note="32 letters and digits",
)


def _asked(call: Call, before: Terms) -> Terms:
    """What is asked of the payer: what the request says, and else what was said before."""
    values = call.values
    profile = values["surchargeIndicator"] or before.profile
    amounts, percent = _amounts(values, before, profile)
    if amounts.base.minor < AMOUNT_MINOR_MIN or amounts.total.minor > fields.AMOUNT_MINOR_MAX:
        raise Fault(codes.BAD_AMOUNT)
    order = replace(fields.order_of(values), cardholder=values["cardholdername"], reference=None)
    said = {name: value for name in order.__dataclass_fields__ if (value := getattr(order, name))}
    order = replace(before.order, **said)
    if order.items is not None and order.invoice is None:
        raise Fault(codes.INPUT_MISSING)
    named = ("redirect_url", "success_url", "failure_url")
    return replace(
        before,
        profile=profile,
        amounts=amounts,
        fee_percent_hundredths=percent,
        tips=_tips(call, before),
        order=order,
        items=before.items if values["lineItems"] is None else values["lineItems"],
        life=_life(call, before),
        **{name: values[name] for name in named if values[name] is not None},
    )


def _amounts(values: Values, before: Terms, profile: Profile) -> tuple[Amounts, int | None]:
    """The amounts, and the share of the base that the fee is, in hundredths of a percent, if it is one."""
    asked = before.amounts
    base: Money = values["amount"] or asked.base
    tax: Money = asked.tax if values["tax"] is None else values["tax"]
    fee, percent = asked.fee, before.fee_percent_hundredths
    if values["surcharge"] is not None:
        fee, percent = values["surcharge"], None
        if values["surchargeIsPercentage"]:
            percent = fee.minor
    if profile is Profile.TRADITIONAL:
        fee, percent = Money.zero(base.currency), None
    elif percent is not None:
        fee = base.percent_half_up(percent)
    return replace(asked, base=base, tax=tax, fee=fee), percent


def _tips(call: Call, before: Terms) -> TipOffer | None:
    wanted, rule = call.values["tip_choice"], call.caller.terminal.tips
    if wanted is None:
        return before.tips
    if not wanted:
        return None
    if not rule.adjustable:
        raise Fault(codes.BAD_TIP)
    percents = tuple(percent for percent in TIP_PERCENTS if percent <= rule.percent_max)
    return TipOffer(percents=percents, percent_max=rule.percent_max)


def _life(call: Call, before: Terms) -> timedelta | None:
    last: date | None = call.values["active_on"]
    if call.values["never_expire"]:
        return None
    if last is not None:
        return _until_end_of(last, call)
    return before.life if call.values["never_expire"] is None else LIFE


def _until_end_of(last: date, call: Call) -> timedelta:
    now = call.caller.now(call.services.clock.now())
    over_at = local_days(call.caller, last, last)["requested_to"]
    if over_at <= now:
        raise Fault(codes.BAD_ACTIVE_ON)
    return over_at - now


def _blank(call: Call) -> Terms:
    """What a page asks for that says nothing."""
    endpoints = call.caller.terminal.endpoints
    usual = Profile.TRADITIONAL if Profile.TRADITIONAL in endpoints else Profile.SURCHARGE
    return Terms(
        kind=call.values.get("txn_type", Kind.SALE),
        profile=usual,
        amounts=Amounts.of(Money.zero(call.caller.merchant.currency)),
    )


# What is answered ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Page:
    url: str
    uid: str


PAGE_MADE: Layout[_Page] = Layout(
    Constant("error_no", "S00"),
    Reply("url", codecs.json, lambda page: page.url),
    Reply("uid", codecs.json, lambda page: page.uid),
)
CODE_MADE: Layout[_Page] = Layout(
    Constant("error_no", "S00"),
    Reply("qr_code_url", codecs.json, lambda page: page.url),
    Reply("uid", codecs.json, lambda page: page.uid),
)
CANCELLED: Layout[None] = Layout(
    Constant("error_no", "S00"),
    Constant("desc", "SUCCESS"),
    Constant("msg", "EINVOICE CANCELED"),
)

_NOT_CANCELLABLE: Final = {
    State.PAYING: codes.PAGE_PROCESSING,
    State.PAID: codes.PAGE_PAID,
    State.EXPIRED: codes.PAGE_EXPIRED,
    State.CANCELLED: codes.PAGE_CANCELED,
}


async def _make(call: Call) -> Shown:
    """A new page; or, with a link's uid, that link changed and sent again."""
    uid = call.values["uid"]
    if uid is not None and UID.fullmatch(uid):
        return await _change(call)
    made = await _made(call, as_code=False)
    page = _Page(call.services.links.page(made.invoice.uid), made.invoice.uid)
    return Shown(PAGE_MADE.render(page), "S00", replayed=made.replayed)


async def _make_code(call: Call) -> Shown:
    made = await _made(call, as_code=True)
    code = _Page(call.services.links.code(made.invoice.uid), made.invoice.uid)
    return Shown(CODE_MADE.render(code), "S00", replayed=made.replayed)


async def _made(call: Call, *, as_code: bool) -> Created:
    if call.values["amount"] is None:
        raise Fault(codes.BAD_AMOUNT)
    terms = _asked(call, _blank(call))
    try:
        return await call.services.invoices.create(call.caller, terms, as_code=as_code, key=call.key)
    except Objected:
        raise Fault(codes.NO_HOSTED_PAGE) from None


async def _change(call: Call) -> Shown:
    uid: str = call.values["uid"]
    try:
        await call.services.invoices.update(call.caller, uid, lambda terms: _asked(call, terms))
    except Objected as objected:
        raise Fault(_CHANGE_ERRORS[objected.objection]) from None
    return Shown(PAGE_MADE.render(_Page(call.services.links.page(uid), uid)), "S00")


_CHANGE_ERRORS: Final = {
    Objection.UNKNOWN: codes.BAD_UID,
    Objection.NOT_PENDING: codes.PAGE_NOT_PENDING,
    Objection.NUMBER_IN_USE: codes.NO_HOSTED_PAGE,
}


async def _cancel(call: Call) -> Shown:
    try:
        await call.services.invoices.cancel(call.caller, call.values["uid"])
    except Objected as objected:
        error = codes.BAD_UID if objected.state is None else _NOT_CANCELLABLE[objected.state]
        raise Fault(error) from None
    return Shown(CANCELLED.render(None), "S00")


# Lists ---------------------------------------------------------------------------------------------------

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
    Reply("ATTEMPTS", codecs.json, lambda row: row.invoice.attempts),
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
        name="hostedpage",
        title="Hosted Page Sale, and with the uid of a link its Update and Resend",
        types=(),
        signs=tuple({"epage": "1", "txn_type": word} for word in ("sale", "auth")),
        fields=(KIND, PAGE, *TERMS, *(field for field in fields.ORDER if field.name == "uid")),
        answer=_make,
        layouts=(PAGE_MADE,),
    ),
    Operation(
        name="resendEinvoice",
        title="Hosted Page Sale, Update and Resend",
        types=("resendEinvoice", "resend_einvoice"),
        fields=(LINK, *TERMS),
        answer=_change,
        layouts=(PAGE_MADE,),
    ),
    Operation(
        name="qrcode",
        title="QR Code",
        types=("qrcode", "qr_code"),
        fields=TERMS,
        answer=_make_code,
        layouts=(CODE_MADE,),
    ),
    Operation(
        name="cancelEinvoice",
        title="Hosted Page Sale, Cancel",
        types=("cancelEinvoice", "cancel_einvoice"),
        fields=(LINK,),
        answer=_cancel,
        layouts=(CANCELLED,),
    ),
    Operation(
        name="getEinvoice",
        title="Fetch E-Invoice",
        types=("getEinvoice", "get_einvoice"),
        fields=LIST_FIELDS,
        answer=_list,
        layouts=(LISTING,),
    ),
)
