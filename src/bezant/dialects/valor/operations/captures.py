"""Capture, which this vendor also calls ticket or completion (vendor docs: captureticket-api)."""

from __future__ import annotations

from bezant.core.payments import Capture, Reference
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown, show_payment
from bezant.dialects.valor.operations import fields
from bezant.dialects.valor.operations.sales import amounts_of

FIELDS = (
    fields.ref_txn_id(missing=codes.BAD_TRANSACTION_ID),
    fields.amount(),
    fields.TAX,
    fields.PROFILE,
    fields.FEE,
    fields.FEE_IS_PERCENT,
    fields.TIP,
    fields.TRAN_NO,
    fields.STAN,
    fields.RRN,
    fields.AUTH_CODE,
    fields.PHONE,
    fields.EMAIL,
    fields.CHANNEL,
)


async def _capture(call: Call) -> Shown:
    values = call.values
    amounts, echo = amounts_of(values)
    capture = Capture(
        original=Reference(
            payment_id=values["ref_txn_id"],
            retrieval_reference=values["rrn"],
            audit_number=values["stan"],
            transaction_number=values["tran_no"],
            approval_code=values["auth_code"],
        ),
        amounts=amounts,
        order=fields.order_of(values, echo=echo),
    )
    return show_payment(await call.services.payments.capture(call.caller, capture, key=call.key), call.caller)


OPERATIONS = (
    Operation(
        name="capture",
        title="Capture / Ticket",
        types=("capture",),
        fields=FIELDS,
        answer=_capture,
        layouts=(families.SALE, families.DECLINE),
    ),
)
