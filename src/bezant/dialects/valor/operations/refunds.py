"""Refund Offset Sale (vendor docs: direct-sale-copy)."""

from __future__ import annotations

from bezant.core.merchants import Proof
from bezant.core.payments import Reference, Refund
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown, show_payment
from bezant.dialects.valor.operations import fields
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Field

FIELDS = (
    fields.amount(missing=codes.INPUT_MISSING),
    fields.ref_txn_id(missing=codes.INPUT_MISSING),
    fields.PROFILE,
    fields.INVOICE,
    Field(
        name="sale_refund",
        read=codecs.one_of({"1": True}),
        invalid=codes.BAD_TEXT,
        note="always 1 in the docs; the vendor's own plugins leave it out",
    ),
    fields.AUTH_CODE,
    fields.RRN,
    fields.TOKEN,
    fields.PHONE,
    fields.EMAIL,
    fields.CHANNEL,
    Field(
        name="otp",
        read=codecs.secret(length_max=16),
        invalid=codes.AUTHENTICATION_FAILED,
        note="the one-time password, for merchants with a refund factor (public clients)",
    ),
    Field(
        name="uuid",
        read=codecs.text(length_max=64),
        invalid=codes.AUTHENTICATION_FAILED,
        note="what the password was asked for with (public clients)",
    ),
)


async def _refund(call: Call) -> Shown:
    values = call.values
    refund = Refund(
        original=Reference(
            payment_id=values["ref_txn_id"],
            retrieval_reference=values["rrn"],
            approval_code=values["auth_code"],
        ),
        amount=values["amount"],
        token=values["token"],
        proof=Proof(challenge_id=values["uuid"], password=values["otp"]),
        order=fields.order_of(values),
    )
    return show_payment(await call.services.payments.refund(call.caller, refund, key=call.key), call.caller)


OPERATIONS = (
    Operation(
        name="refund",
        title="Refund Offset Sale",
        types=("refund",),
        fields=FIELDS,
        answer=_refund,
        layouts=(families.REVERSAL, families.DECLINE),
    ),
)
