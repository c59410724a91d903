"""The families of answers that this vendor's operations share, key by key in the vendor's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from bezant.core.merchants import Caller
from bezant.core.outcomes import Reason
from bezant.core.payments import Kind, Match, Payment, address_match, verification_match
from bezant.core.vault import BinRecord, Brand
from bezant.dialects.valor.codes import DECLINES, Decline, Error
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Layout, Reply

BRANDS: dict[Brand, str | None] = {
    Brand.VISA: "Visa",
    Brand.MASTERCARD: "Mastercard",
    Brand.AMEX: "Amex",
    Brand.DISCOVER: "Discover",
    Brand.JCB: "JCB",
    Brand.DINERS: "Diners",
    Brand.MAESTRO: "Maestro",
    Brand.UNIONPAY: "UnionPay",
    Brand.UNKNOWN: "Unknown",
}

CARD_TYPES = {"DEBIT": "D", "CREDIT": "C"}

ECHO_TAX = "tax"
ECHO_FEE = "fee"


def card_type(issuer: BinRecord | None) -> str | None:
    """``D``, on which no surcharge may be put, or ``C``. None where the number range is not known."""
    return CARD_TYPES.get(issuer.funding) if issuer else None


class View(msgspec.Struct, frozen=True):
    """A payment as its caller sees it: with the terminal's number and local times."""

    payment: Payment
    caller: Caller
    at: datetime


def view(payment: Payment, caller: Caller) -> View:
    """The view of an answered payment."""
    return View(payment, caller, caller.local(payment.answered_at or payment.requested_at))


def _order(name: str) -> Callable[[View], object]:
    return lambda v: getattr(v.payment.order, name)


def _mask(v: View) -> str:
    """An operation that names an earlier payment shows no digit of its card (vendor samples)."""
    card = v.payment.card
    return f"XXXX{card.last4}" if card and v.payment.original_id is None else "XXXX"


def _expiry(v: View) -> str:
    expiry = v.payment.expiry if v.payment.original_id is None else None
    return f"{expiry[2:]}/{expiry[:2]}" if expiry else "/"


def _brand(v: View) -> str | None:
    """An increment shows none (vendor sample)."""
    card = v.payment.card
    return BRANDS[card.brand] if card and v.payment.kind is not Kind.INCREMENT else None


def _tax(v: View) -> str:
    return v.payment.order.echo.get(ECHO_TAX) or v.payment.amounts.tax.shortest()


def _fee(v: View) -> str:
    return v.payment.order.echo.get(ECHO_FEE) or v.payment.amounts.fee.shortest()


MATCH_WORDS: dict[Match, str] = {
    Match.MATCH: "MATCH",
    Match.NO_MATCH: "NO MATCH",
    Match.UNCHECKED: "NOT CHECKED",
}


def _checked(v: View) -> dict[str, str | None] | None:
    payment, checks = v.payment, v.caller.merchant.checks
    address, verification = payment.address_result, payment.verification_result
    if not checks.shown or (address, verification) == (None, None):
        return None
    return {
        "avs_code": address,
        "avs_result": MATCH_WORDS[address_match(checks.address, address)],
        "cvv_code": verification,
        "cvv_result": MATCH_WORDS[verification_match(verification)],
    }


SALE: Layout[View] = Layout(
    Constant("error_no", "S00"),
    Constant("success_url", True),  # noqa: FBT003 - a JSON true
    Constant("error_code", "00"),
    Reply("amount", codecs.decimal_text, lambda v: v.payment.amounts.base),
    Reply("tax", codecs.json, _tax, "the request's own text"),
    Reply("customfee", codecs.json, _fee, "the request's own text"),
    Constant("msg", "APPROVED"),
    Reply("desc", codecs.json, lambda v: f"APPROVAL {v.payment.approval_code}"),
    Reply(
        "additional_info",
        codecs.json,
        _checked,
        "null; for merchants that want them, the results of address and CVV (our choice)",
    ),
    Constant("clerk_id", None),
    Constant("clerk_name", None),
    Constant("clerk_label", None),
    Constant("additionalKeyOne", None),
    Constant("additionalKeyTwo", None),
    Constant("additionalValueOne", None),
    Constant("additionalValueTwo", None),
    Reply("approval_code", codecs.json, lambda v: v.payment.approval_code),
    Reply("rrn", codecs.json, lambda v: v.payment.retrieval_reference),
    Reply("txnid", codecs.json, lambda v: str(v.payment.payment_id)),
    Reply("created_date", codecs.moment(codecs.day_slashed), lambda v: v.at),
    Reply("created_time", codecs.moment(codecs.time_24), lambda v: v.at),
    Reply("tran_no", codecs.json, lambda v: v.payment.transaction_number),
    Reply("stan", codecs.json, lambda v: v.payment.audit_number),
    Reply("batch_no", codecs.json, lambda v: v.payment.batch_number),
    Reply("is_partial_approve", codecs.json, lambda v: int(v.payment.partial)),
    Reply("partial_amount", codecs.padded_minor_text, lambda v: v.payment.amounts.base),
    Reply("pan", codecs.json, _mask),
    Constant("card_type", None, "null in every sample"),
    Reply("phone_number", codecs.json, _order("phone")),
    Reply("email_id", codecs.json, _order("email")),
    Constant("zip", None, "null in every sample, sent or not"),
    Reply("card_holder_name", codecs.json, _order("cardholder")),
    Reply("expiry_date", codecs.json, _expiry, "/ when the token carries none"),
    Reply("address", codecs.json, _order("address")),
    Reply("epi", codecs.json, lambda v: v.caller.terminal.number),
    Constant("channel", "ECOMM"),
    Reply("orderdescription", codecs.json, _order("description")),
    Reply("invoicenumber", codecs.json, _order("invoice")),
    Reply("token", codecs.json, lambda v: v.payment.card.token if v.payment.card else None),
    Reply("card_brand", codecs.json, _brand),
    Reply("netamt", codecs.shortest_number, lambda v: v.payment.amounts.total),
)

REVERSAL: Layout[View] = Layout(
    Constant("error_no", "S00"),
    Constant("error_code", "00"),
    Reply("amount", codecs.decimal_text, lambda v: v.payment.amounts.base),
    Constant("tax", "0"),
    Constant("customfee", "0"),
    Constant("msg", "APPROVED"),
    Reply("txnid", codecs.json, lambda v: str(v.payment.payment_id)),
    Reply(
        "desc", codecs.json, lambda v: f"APPROVAL {v.payment.approval_code}", "a void repeats its original's"
    ),
    Constant("additional_info", None),
    Reply("epi", codecs.json, lambda v: v.caller.terminal.number),
    Constant("channel", "ECOMM"),
    Reply("created_date", codecs.moment(codecs.day_slashed), lambda v: v.at),
    Reply("created_time", codecs.moment(codecs.time_24), lambda v: v.at),
    Reply("rrn", codecs.json, lambda v: v.payment.retrieval_reference, "a void repeats its original's"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A decline as it is shown. ``payment_id`` is missing for a settlement."""

    decline: Decline
    payment_id: int | None
    batch_number: int


DECLINE: Layout[Declined] = Layout(
    Constant("error_no", "E98"),
    Reply("error_code", codecs.json, lambda d: d.decline.code),
    Constant("success_url", False),  # noqa: FBT003 - a JSON false
    Reply("txnid", codecs.json, lambda d: None if d.payment_id is None else str(d.payment_id)),
    Reply("batch_no", codecs.json, lambda d: d.batch_number),
    Reply("switch_error_code", codecs.json, lambda d: d.decline.switch),
    Reply("mesg", codecs.json, lambda d: d.decline.text),
    Reply("desc", codecs.json, lambda d: f"Error code :{d.decline.code}"),
    Reply("msg", codecs.json, lambda d: d.decline.text),
    Reply("isFlexSendOrNot", codecs.json, lambda d: d.decline.switch),
)

_ERROR: Layout[Error] = Layout(
    Reply("error_no", codecs.json, lambda e: e.code),
    Constant("mesg", "PROCESSING ERROR"),
    Constant("msg", "PROCESSING ERROR"),
    Reply("desc", codecs.json, lambda e: e.text),
)
_ERROR_E03: Layout[Error] = Layout(
    Reply("error_no", codecs.json, lambda e: e.code),
    Constant("mesg", "TRANSACTION NOT ALLOWED"),
    Reply("desc", codecs.json, lambda e: e.text),
)
_ERROR_91: Layout[Error] = Layout(
    Reply("error_no", codecs.json, lambda e: e.code),
    Constant("status", "OK"),
    Constant("msg", "PROCESSING ERROR"),
    Reply("desc", codecs.json, lambda e: e.text),
)
ERROR_FAMILIES: dict[str, Layout[Error]] = {"ERR": _ERROR, "ERR-E03": _ERROR_E03, "ERR-91": _ERROR_91}


def decline_of(payment: Payment) -> Declined:
    """How a payment that was not approved is shown."""
    return Declined(
        decline=DECLINES[payment.reason or Reason.SYSTEM_ERROR],
        payment_id=payment.payment_id,
        batch_number=payment.batch_number,
    )


APPROVALS: dict[Kind, Layout[View]] = {
    Kind.SALE: SALE,
    Kind.AUTHORIZATION: SALE,
    Kind.CAPTURE: SALE,
    Kind.INCREMENT: SALE,
    Kind.REFUND: REVERSAL,
    Kind.VOID: REVERSAL,
}
