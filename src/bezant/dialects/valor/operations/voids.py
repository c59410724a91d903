"""Void, by the payment's id or by the network's numbers (vendor docs: void-api-1)."""

from __future__ import annotations

from bezant.core.payments import Reference
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown, show_payment
from bezant.dialects.valor.operations import fields
from bezant.dialects.wire.contract import Fault

FIELDS = (
    fields.ref_txn_id(),
    fields.PROFILE,
    fields.amount(missing=None),
    fields.AUTH_CODE,
    fields.RRN,
    fields.TRAN_NO,
    fields.STAN,
    fields.PHONE,
    fields.EMAIL,
)
QUADRUPLE = (
    ("auth_code", codes.BAD_AUTH_CODE),
    ("rrn", codes.BAD_RRN),
    ("tran_no", codes.BAD_TRAN_NO),
    ("stan", codes.BAD_STAN),
)


async def _void(call: Call) -> Shown:
    values = call.values
    by_id = values["ref_txn_id"] is not None
    if not by_id:
        given = [name for name, _ in QUADRUPLE if values[name] is not None]
        if not given:
            raise Fault(codes.BAD_TRANSACTION_ID)
        for name, error in QUADRUPLE:
            if name not in given:
                raise Fault(error)
        if values["amount"] is None:
            raise Fault(codes.BAD_AMOUNT)
    reference = Reference(
        payment_id=values["ref_txn_id"],
        retrieval_reference=values["rrn"],
        audit_number=values["stan"],
        transaction_number=values["tran_no"],
        approval_code=values["auth_code"],
        # Beside an id the amount is not looked at: clients send the total there, or nothing.
        base=None if by_id else values["amount"],
    )
    outcome = await call.services.payments.void(
        call.caller, reference, order=fields.order_of(values), key=call.key
    )
    return show_payment(outcome, call.caller)


OPERATIONS = (
    Operation(
        name="void",
        title="Void",
        types=("void",),
        fields=FIELDS,
        answer=_void,
        layouts=(families.REVERSAL, families.DECLINE),
    ),
)
