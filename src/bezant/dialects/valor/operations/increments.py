"""Incremental authorization (vendor docs: incremental-auth)."""

from __future__ import annotations

from bezant.core.payments import Increment, Reference
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown, show_payment
from bezant.dialects.valor.operations import fields

FIELDS = (
    fields.amount(),
    fields.ref_txn_id(
        missing=codes.BAD_TRANSACTION_ID,
        aliases=("txn_id", "auth_txn_id"),
        note="the name is inferred; the aliases are accepted too",
    ),
    fields.PROFILE,
    fields.PHONE,
    fields.EMAIL,
    fields.CHANNEL,
)


async def _increment(call: Call) -> Shown:
    values = call.values
    increment = Increment(
        original=Reference(payment_id=values["ref_txn_id"]),
        amount=values["amount"],
        order=fields.order_of(values),
    )
    outcome = await call.services.payments.increment(call.caller, increment, key=call.key)
    return show_payment(outcome, call.caller)


OPERATIONS = (
    Operation(
        name="incremental_auth",
        title="Incremental Auth",
        types=("incremental_auth",),
        fields=FIELDS,
        answer=_increment,
        layouts=(families.SALE, families.DECLINE),
    ),
)
