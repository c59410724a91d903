"""Electronic receipts: where one is, and having one sent (vendor docs: e-receipt-fetch-api, ereceipt-api)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bezant.core.invoices import Copy, Objected, Objection
from bezant.dialects.valor import codes
from bezant.dialects.valor.dialect import Call, Operation, Shown
from bezant.dialects.valor.operations import fields
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply

COPY: Final = Field(
    name="receipt_type",
    read=codecs.one_of({"0": Copy.MERCHANT, "1": Copy.CUSTOMER}),
    missing=codes.BAD_RECEIPT_TYPE,
    invalid=codes.BAD_RECEIPT_TYPE,
    note="0: the merchant's copy, 1: the customer's",
)
PAYMENT: Final = Field(
    name="ref_txn_id",
    read=fields.ref_txn_id().read,
    missing=codes.UNKNOWN_TRANSACTION,
    invalid=codes.UNKNOWN_TRANSACTION,
    aliases=("txn_id",),
)
SIGNATURE: Final = Field(
    name="signatureOnly", read=codecs.flag, invalid=codes.BAD_TEXT, note="no signatures are kept: no effect"
)


@dataclass(frozen=True, slots=True)
class _Sent:
    by_mail: bool


FOUND: Layout[str] = Layout(
    Constant("error_no", "S00"),
    Constant("status", "OK"),
    Constant("mesg", "SUCCESS"),
    Reply("eReceipt", codecs.json, lambda url: url),
)
SENT: Layout[_Sent] = Layout(
    Constant("error_no", "S00"),
    Constant("status", "OK"),
    Constant("msg", "SUCCESS"),
    Reply(
        "desc",
        codecs.json,
        lambda sent: f"{'EMAIL' if sent.by_mail else 'SMS'} SENT SUCCESSFULLY",
        "it is sent soon, and again until somebody takes it; SMS: to a phone alone (our choice)",
    ),
)


async def _fetch(call: Call) -> Shown:
    receipts = call.services.receipts
    try:
        payment = await receipts.find(call.caller, call.values["ref_txn_id"])
    except Objected:
        raise Fault(codes.UNKNOWN_TRANSACTION) from None
    uid = receipts.uid(payment, call.values["receipt_type"])
    return Shown(FOUND.render(call.services.links.receipt(uid)), "S00")


async def _send(call: Call) -> Shown:
    email, phone = call.values["email"], call.values["phone"]
    if email is None and phone is None:
        raise Fault(codes.INPUT_MISSING)
    try:
        await call.services.receipts.send(
            call.caller, call.values["ref_txn_id"], copy=call.values["receipt_type"], email=email, phone=phone
        )
    except Objected as objected:
        unknown = objected.objection is Objection.UNKNOWN
        raise Fault(codes.UNKNOWN_TRANSACTION if unknown else codes.TRY_LATER) from None
    return Shown(SENT.render(_Sent(by_mail=email is not None)), "S00")


OPERATIONS = (
    Operation(
        name="fetchReceipt",
        title="E-Receipt Fetch",
        types=("fetchReceipt", "fetch_receipt"),
        fields=(COPY, PAYMENT, SIGNATURE),
        answer=_fetch,
        layouts=(FOUND,),
    ),
    Operation(
        name="eReceipt",
        title="E-Receipt",
        types=("eReceipt", "e_receipt"),
        fields=(COPY, PAYMENT, fields.MAIL_ADDRESS, fields.PHONE),
        answer=_send,
        layouts=(SENT,),
    ),
)
