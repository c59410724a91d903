"""Hosted payment pages: a link is made, and closed again (source: vendor docs, public clients).

A link can be tried once: a shop that is told of a decline need not fear a payment later on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import msgspec

from bezant.core.credentials import Scope
from bezant.core.invoices import LIFE, Callback, Look, Objected, State, Terms, TipOffer
from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Kind
from bezant.core.sensitive import Secret
from bezant.dialects.ipospays import codes, fields
from bezant.dialects.ipospays.codes import TRANSACTION, Error, invalid
from bezant.dialects.ipospays.operation import Call, Form, Operation, Problems, Shown, Values
from bezant.dialects.ipospays.operations.charges import check_parties, order_of
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply

NOTIFICATION: Final = "notificationOption"
URL_MAX: Final = 500
DAYS_MAX: Final = 31
SALE, VALIDATION = "1", "2"
RETURN, FAILURE, CANCELLATION = "return", "failure", "cancel"
"""Under which a link keeps where the payer's browser goes."""


def _field(group: str, name: str, what: str, read: codecs.Reader[Any], **facts: Any) -> Field[Error]:  # noqa: ANN401 - a Field's own
    path = f"{group}.{name}"
    older = (f"{fields.OLDER}.{name}",) if group == TRANSACTION else ()
    return Field(name=path, read=read, invalid=invalid(path, what), **{"aliases": older, **facts})


def _wish(group: str, name: str, what: str, note: str = "") -> Field[Error]:
    return _field(group, name, what, codecs.flag, default=False, note=note)


def _cents(name: str, what: str, note: str = "") -> Field[Error]:
    read = codecs.minor(minor_max=fields.AMOUNT_MINOR_MAX, zero=True)
    return _field(TRANSACTION, name, what, read, note=note)


def _url(name: str, what: str, note: str = "") -> Field[Error]:
    return _field(NOTIFICATION, name, what, codecs.web_address(length_max=URL_MAX), note=note)


TYPE: Final = Field(
    name=f"{TRANSACTION}.transactionType",
    read=codecs.one_of({SALE: SALE, VALIDATION: VALIDATION}),
    missing=codes.BAD_TYPE,
    invalid=codes.BAD_TYPE,
    aliases=(f"{fields.OLDER}.transactionType",),
    note="1 sale; 2 card validation: of the amount 0, with nothing on top",
)
AMOUNT: Final = replace(
    fields.AMOUNT,
    read=codecs.minor(minor_max=fields.AMOUNT_MINOR_MAX, zero=True),
    note="cents; text or number; 0 for a card validation, and for that alone",
)
TIP_PROMPT: Final = _wish(TRANSACTION, "tipsInputPrompt", "Tips Input Prompt", "instead of `tipAmount`")
FEE: Final = _cents("feeAmount", "Fee Amount")
LOCAL_TAX: Final = _cents("lTaxAmount", "LTax Amount")
STATE_TAX: Final = _cents("gTaxAmount", "GTax Amount", "both taxes are one here, told as `localTax`")
EXPIRY: Final = _field(
    TRANSACTION,
    "expiry",
    "Expiry",
    codecs.integer(minimum=1, maximum=DAYS_MAX),
    aliases=(f"{fields.OLDER}.expiry", f"{NOTIFICATION}.expiry"),
    note="days; absent: 1 (our choice)",
)
PURCHASE_ORDER: Final = _field(TRANSACTION, "poNumber.poTagValue", "PO Number", fields.kept(50))
BY_TEXT: Final = _wish(NOTIFICATION, "notifyBySMS", "Notify By SMS")
MOBILE: Final = _field(
    NOTIFICATION,
    "mobileNumber",
    "Mobile Number",
    codecs.phone(minimum=1, maximum=13),
    note="with notifyBySMS",
)
BY_POST: Final = _wish(NOTIFICATION, "notifyByPOST", "Notify By POST")
POST_TO: Final = _url("postAPI", "Post API", "with notifyByPOST")
AUTHORIZATION: Final = _field(
    NOTIFICATION,
    "authHeader",
    "Auth Header",
    codecs.pattern(r"[\x21-\x7e](?:[\x20-\x7e]{0,48}[\x21-\x7e])?", words="visible ASCII, at most 50"),
    note="comes back as the header `Authorization`; kept sealed",
)
BY_REDIRECT: Final = _wish(NOTIFICATION, "notifyByRedirect", "Notify By Redirect")
RETURN_TO: Final = _url("returnUrl", "Return Url", "with notifyByRedirect")
FAIL_TO: Final = _url("failureUrl", "Failure Url", "absent: returnUrl")
CANCEL_TO: Final = _url("cancelUrl", "Cancel Url", "for who cancels the payment; absent: failureUrl")
BY_MAIL: Final = _wish("preferences", "sendPaymentLink", "Send Payment Link", "to customerEmail")
SHORT: Final = _wish("preferences", "shortenURL", "Shorten URL")
INVOICE_ID: Final = _field("preferences", "invoiceId", "Invoice Id", fields.kept(50))
DESCRIPTION: Final = _field(
    "personalization",
    "description",
    "Description",
    fields.kept(150),
    note="shown to the payer",
)


def _label(name: str, what: str, length_max: int, note: str) -> Field[Error]:
    return _field("personalization", name, what, fields.kept(length_max), note=note)


NAME: Final = _label("merchantName", "Merchant Name", 35, "absent: the store's; receipts always have that")
PAY_TEXT: Final = _label("payNowButtonText", "Pay Now Button Text", 15, "absent: `Pay` and the amount")
CANCEL_TEXT: Final = _label("cancelButtonText", "Cancel Button Text", 15, "absent: `Cancel`")
DISCLAIMER: Final = _label("disclaimer", "Disclaimer", 150, "below the buttons")
THEME: Final = _field(
    "personalization", "themeColor", "Theme Color", fields.colour, note="absent: the store's"
)
BUTTON: Final = _field(
    "personalization", "buttonColor", "Button Color", fields.colour, note="absent: themeColor"
)
LOGO: Final = _field(
    "personalization",
    "logoUrl",
    "Logo Url",
    codecs.clipped_text(length_max=URL_MAX),
    note="not used: pages load nothing from elsewhere, and show the logo that the store has",
)

FIELDS: Final = (
    fields.MERCHANT_ID,
    fields.REFERENCE,
    TYPE,
    AMOUNT,
    TIP_PROMPT,
    fields.TIP,
    FEE,
    LOCAL_TAX,
    STATE_TAX,
    EXPIRY,
    PURCHASE_ORDER,
    BY_TEXT,
    MOBILE,
    BY_POST,
    POST_TO,
    AUTHORIZATION,
    BY_REDIRECT,
    RETURN_TO,
    FAIL_TO,
    CANCEL_TO,
    *fields.PARTIES,
    fields.VERIFY_ADDRESS,
    BY_MAIL,
    SHORT,
    INVOICE_ID,
    NAME,
    LOGO,
    THEME,
    DESCRIPTION,
    PAY_TEXT,
    BUTTON,
    CANCEL_TEXT,
    DISCLAIMER,
    fields.STREET,
    fields.ZIP,
    fields.LEVEL_3,
)
_NEEDED: Final = (
    (BY_TEXT, MOBILE, "Mobile Number"),
    (BY_POST, POST_TO, "Post API"),
    (BY_REDIRECT, RETURN_TO, "Return Url"),
    (BY_MAIL, fields.CUSTOMER_EMAIL, "Customer Email"),
)
"""What a wish cannot be fulfilled without."""
_PLACES: Final = (
    (POST_TO, "Post API"),
    (RETURN_TO, "Return Url"),
    (FAIL_TO, "Failure Url"),
    (CANCEL_TO, "Cancel Url"),
)


def _check(values: Values) -> Iterable[Error]:
    validates, amount = values.get(TYPE.name) == VALIDATION, values.get(AMOUNT.name)
    if amount is not None and validates == bool(amount):
        yield codes.BAD_AMOUNT
    for wish, need, what in _NEEDED:
        if values.get(wish.name) and need.name in values and values[need.name] is None:
            yield codes.empty(need.name, what)
    yield from check_parties(values)


def _amounts(call: Call) -> Amounts:
    base, validates = call[AMOUNT], call[TYPE] == VALIDATION
    zero = Money.zero(base.currency)
    amounts = Amounts(
        base=base,
        tax=(call[LOCAL_TAX] or zero) + (call[STATE_TAX] or zero),
        fee=call[FEE] or zero,
        tip=zero if call[TIP_PROMPT] else call[fields.TIP] or zero,
    )
    if amounts.total.minor > fields.AMOUNT_MINOR_MAX or (validates and amounts.total):
        raise Problems(codes.BAD_AMOUNT)
    return amounts


def _profile(caller: Caller, amounts: Amounts) -> Profile:
    """The merchant account for fees where there is a fee, else the other one; of a single one, that."""
    wanted = Profile.SURCHARGE if amounts.fee.minor else Profile.TRADITIONAL
    endpoints = caller.terminal.endpoints
    return wanted if wanted in endpoints else next(iter(endpoints))


def _terms(call: Call) -> Terms:
    amounts, rule, order = _amounts(call), call.caller.terminal.tips, order_of(call)
    leads_back, validates = call[BY_REDIRECT], call[TYPE] == VALIDATION
    back = call.services.addresses.back(call[fields.MERCHANT_ID], call.reference) if leads_back else None
    return Terms(
        kind=Kind.VERIFICATION if validates else Kind.SALE,
        profile=_profile(call.caller, amounts),
        amounts=amounts,
        tips=TipOffer.by(rule) if call[TIP_PROMPT] and rule.adjustable and not validates else None,
        order=msgspec.structs.replace(
            order,
            invoice=call[INVOICE_ID] or order.invoice,
            description=call[DESCRIPTION],
            phone=call[MOBILE] or order.phone,
            purchase_order=call[PURCHASE_ORDER],
        ),
        success_url=back,
        failure_url=back,
        cancel_url=back,
        life=timedelta(days=call[EXPIRY]) if call[EXPIRY] else LIFE,
        callback=_callback(call) if call[BY_POST] else None,
        one_try=True,
        may_cancel=True,
        look=Look(
            name=call[NAME] or None,
            colour=call[THEME] or None,
            button_colour=call[BUTTON] or None,
            pay_text=call[PAY_TEXT] or None,
            cancel_text=call[CANCEL_TEXT] or None,
            disclaimer=call[DISCLAIMER] or None,
        ),
        kept=_shops_own(call) if leads_back else {},
    )


def _shops_own(call: Call) -> dict[str, str]:
    """Where the shop wants its payer back, by how the page ended."""
    failed = call[FAIL_TO] or call[RETURN_TO]
    return {RETURN: call[RETURN_TO], FAILURE: failed, CANCELLATION: call[CANCEL_TO] or failed}


def _callback(call: Call) -> Callback:
    proof = call[AUTHORIZATION]
    return Callback(url=call[POST_TO], authorization=None if proof is None else Secret(proof))


MADE: Layout[str] = Layout(
    Constant("message", "Url generated Successful"),
    Reply("information", codecs.json, lambda url: url, "where the payer pays"),
)


async def _check_places(call: Call) -> None:
    """Where the merchant has said where its web pages are, nobody is led or told elsewhere."""
    invoices, elsewhere = call.services.invoices, []
    for spec, what in _PLACES:
        url = call[spec]
        if url is not None and not await invoices.may_lead_to(call.caller, url):
            elsewhere.append(codes.not_whitelisted(spec.name, what))
    if elsewhere:
        raise Problems(*elsewhere)


async def _make(call: Call) -> Shown:
    await _check_places(call)
    try:
        made = await call.services.invoices.create(
            call.caller, _terms(call), by_mail=call[BY_MAIL], by_text=call[BY_TEXT], key=call.key
        )
    except Objected:
        raise Problems(codes.NUMBER_IN_USE) from None
    return Shown(MADE.render(call.services.addresses.link(made.invoice.uid, short=call[SHORT])), "made")


_MAKERS: Final = tuple(f"/api/{version}/external-payment-transaction" for version in ("v1", "v3"))
MAKE_PATHS: Final = (
    *_MAKERS,
    *(f"{path}/getHostedPaymentPage" for path in _MAKERS),
    "/api/v1/woocomm/payment-link",
)
MAKE: Final = Operation(
    name="external_payment_transaction",
    paths=MAKE_PATHS,
    scope=Scope.PAYMENT_TOKENIZATION,
    ecom_paths=frozenset(MAKE_PATHS),
    forms=(
        Form(
            title="Hosted payment page",
            fields=FIELDS,
            check=_check,
            perform=_make,
            layouts=(MADE,),
            note="Switches that a client leaves out are off. A link is tried once; its payer may cancel.",
        ),
    ),
)

CANCELLED: Layout[str] = Layout(
    Constant("message", "Url cancelled Successful"),
    Reply("transactionReferenceId", codecs.json, lambda reference: reference),
)
_ENDED: Final = {
    State.PAYING: "in progress",
    State.PAID: "paid",
    State.EXPIRED: "expired",
    State.CANCELLED: "closed",
}


async def _cancel(call: Call) -> Shown:
    link = await call.services.invoices.named(call.caller, call.key.value)
    if link is None:
        raise Problems(codes.UNKNOWN_LINK)
    try:
        await call.services.invoices.cancel(call.caller, link.invoice.uid)
    except Objected as objected:
        if objected.state is None:
            raise
        raise Problems(codes.link_is(_ENDED[objected.state])) from None
    return Shown(CANCELLED.render(call.reference), "cancelled")


CANCEL: Final = Operation(
    name="cancel_payment_page",
    paths=("/api/v1/cancel",),
    scope=Scope.PAYMENT_TOKENIZATION,
    ecom_paths=frozenset({"/api/v1/cancel"}),
    forms=(
        Form(
            title="Cancel a hosted payment page",
            fields=(fields.MERCHANT_ID, fields.REFERENCE),
            perform=_cancel,
            layouts=(CANCELLED,),
            note="How it is asked and answered: our choice.",
        ),
    ),
)
