"""Tip adjustment before settlement (vendor docs: tip-adjust-api)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.payments import Payment, Reference, Tip
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown, show_payment
from bezant.dialects.valor.operations import fields
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Layout, Reply

FIELDS = (
    fields.amount(),
    fields.ref_txn_id(missing=codes.BAD_TRANSACTION_ID),
    fields.STAN,
    fields.RRN,
    fields.AUTH_CODE,
)
SAME_TIP = "Tip amount is same as previous tip adjusted amount"


@dataclass(frozen=True, slots=True)
class _Tipped:
    charge: Payment
    caller: Caller
    tip: Money
    unchanged: bool
    at: datetime


ADJUSTED: Layout[_Tipped] = Layout(
    Constant("error_no", "S00"),
    Constant("success_url", True),  # noqa: FBT003 - a JSON true
    Constant("error_code", "00"),
    Reply("amount", codecs.decimal_text, lambda t: t.tip, "the tip alone"),
    Constant("tax", "0"),
    Constant("customfee", "0"),
    Constant("msg", "APPROVED"),
    Constant("desc", None),
    Reply("additional_info", codecs.json, lambda t: SAME_TIP if t.unchanged else None),
    Reply("approval_code", codecs.json, lambda t: t.charge.approval_code, "the charge's, as are the next"),
    Reply("rrn", codecs.json, lambda t: t.charge.retrieval_reference),
    Constant("txnid", None),
    Reply("created_date", codecs.moment(codecs.day_slashed), lambda t: t.at),
    Reply("created_time", codecs.moment(codecs.time_24), lambda t: t.at),
    Reply("tran_no", codecs.json, lambda t: t.charge.transaction_number),
    Reply("stan", codecs.json, lambda t: t.charge.audit_number),
    Reply("batch_no", codecs.json, lambda t: t.charge.batch_number),
    Constant("is_partial_approve", 0),
    Reply("partial_amount", codecs.padded_minor_text, lambda t: t.tip),
    Constant("pan", "XXXX"),
    Reply("epi", codecs.json, lambda t: t.caller.terminal.number),
    Constant("channel", "VT"),
    Reply("netamt", codecs.shortest_number, lambda t: t.tip),
)


async def _adjust(call: Call) -> Shown:
    values = call.values
    tip = Tip(
        original=Reference(
            payment_id=values["ref_txn_id"],
            audit_number=values["stan"],
            retrieval_reference=values["rrn"],
            approval_code=values["auth_code"],
        ),
        amount=values["amount"],
    )
    adjusted = await call.services.payments.adjust_tip(call.caller, tip, key=call.key)
    outcome = adjusted.outcome
    if outcome is not None and not outcome.payment.approved:
        return show_payment(outcome, call.caller)
    answered_at = outcome.payment.answered_at if outcome else None
    at = call.caller.local(answered_at or call.caller.now(call.services.clock.now()))
    shown = _Tipped(adjusted.charge, call.caller, values["amount"], outcome is None, at)
    return Shown(ADJUSTED.render(shown), "S00", replayed=outcome is not None and outcome.replayed)


OPERATIONS = (
    Operation(
        name="tipadjust",
        title="TIP Adjust",
        types=("tipadjust",),
        signs=({"tipadjust": ""},),  # vendor docs: tip-adjust-api-1
        fields=FIELDS,
        answer=_adjust,
        layouts=(ADJUSTED, families.DECLINE),
    ),
)
