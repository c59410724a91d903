"""Hosted pages: made, changed, sent again, cancelled, and as QR codes.

Source of answers: vendor samples; of the first's request: vendor docs and public clients; of how the others
are asked for: our choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from bezant.core.invoices import (
    LIFE,
    UID,
    Created,
    Extra,
    Item,
    Objected,
    Objection,
    State,
    Terms,
    TipOffer,
)
from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Kind
from bezant.core.vault import mask_card_numbers
from bezant.dialects.valor import codes
from bezant.dialects.valor.dialect import Call, Operation, Shown, Values
from bezant.dialects.valor.operations import fields
from bezant.dialects.valor.operations.lists import local_days
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply
from bezant.dialects.wire.kept import from_json

AMOUNT_MINOR_MIN: Final = 10
"""0.10 (vendor docs)."""
URL_MAX: Final = 500
PLACES: Final = ("redirect_url", "success_url", "failure_url")
"""They are of the merchant's web pages' origins, where it has said which those are."""

# What a page is asked for with ---------------------------------------------------------------------------


def _url(name: str, note: str) -> Field[codes.Error]:
    return Field(name=name, read=codecs.web_address(length_max=URL_MAX), invalid=codes.BAD_TEXT, note=note)


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
    said = from_json(value)
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
    *(field for field in fields.ORDER if field.name not in {"uid", "email"}),
    fields.MAIL_ADDRESS,
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
    order = msgspec.structs.replace(
        fields.order_of(values), cardholder=values["cardholdername"], reference=None
    )
    said = {name: value for name in order.__struct_fields__ if (value := getattr(order, name))}
    order = msgspec.structs.replace(before.order, **said)
    if order.items is not None and order.invoice is None:
        raise Fault(codes.INPUT_MISSING)
    return replace(
        before,
        profile=profile,
        amounts=amounts,
        fee_percent_hundredths=percent,
        tips=_tips(call, before),
        order=order,
        items=before.items if values["lineItems"] is None else values["lineItems"],
        life=_life(call, before),
        **{name: values[name] for name in PLACES if values[name] is not None},
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
    return msgspec.structs.replace(asked, base=base, tax=tax, fee=fee), percent


def _tips(call: Call, before: Terms) -> TipOffer | None:
    wanted, rule = call.values["tip_choice"], call.caller.terminal.tips
    if wanted is None:
        return before.tips
    if not wanted:
        return None
    if not rule.adjustable:
        raise Fault(codes.BAD_TIP)
    return TipOffer.by(rule)


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


async def _check_places(call: Call) -> None:
    for name in PLACES:
        url = call.values[name]
        if url is not None and not await call.services.invoices.may_lead_to(call.caller, url):
            raise Fault(codes.BAD_TEXT)


async def _made(call: Call, *, as_code: bool) -> Created:
    if call.values["amount"] is None:
        raise Fault(codes.BAD_AMOUNT)
    await _check_places(call)
    terms = _asked(call, _blank(call))
    try:
        return await call.services.invoices.create(call.caller, terms, as_code=as_code, key=call.key)
    except Objected:
        raise Fault(codes.NO_HOSTED_PAGE) from None


async def _change(call: Call) -> Shown:
    uid: str = call.values["uid"]
    await _check_places(call)
    try:
        await call.services.invoices.update(call.caller, uid, lambda terms: _asked(call, terms))
    except Objected as objected:
        raise Fault(_CHANGE_ERRORS[objected.objection]) from None
    return Shown(PAGE_MADE.render(_Page(call.services.links.page(uid), uid)), "S00")


_CHANGE_ERRORS: Final = {
    Objection.UNKNOWN: codes.BAD_UID,
    Objection.NOT_PENDING: codes.PAGE_NOT_PENDING,
    Objection.NOT_OFFERED: codes.BAD_AMOUNT,
    Objection.NUMBER_IN_USE: codes.NO_HOSTED_PAGE,
}


async def _cancel(call: Call) -> Shown:
    try:
        await call.services.invoices.cancel(call.caller, call.values["uid"])
    except Objected as objected:
        error = codes.BAD_UID if objected.state is None else _NOT_CANCELLABLE[objected.state]
        raise Fault(error) from None
    return Shown(CANCELLED.render(None), "S00")


OPERATIONS = (
    Operation(
        name="hostedpage",
        title="Hosted Page Sale, and with the uid of a link its Update and Resend",
        types=(),
        signs=tuple({"epage": "1", "txn_type": word} for word in ("sale", "auth")),
        fields=(KIND, *TERMS, *(field for field in fields.ORDER if field.name == "uid")),
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
)
