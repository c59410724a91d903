"""REFUND: give a purchase back, in whole or in part."""

from __future__ import annotations

from typing import Any, Final

from bezant.core.bnpl import LoanRefund, RefundState, Return
from bezant.core.money import EGP
from bezant.core.outcomes import Reason
from bezant.dialects.aps import codes, fields
from bezant.dialects.aps.answers import CODES, SIGNED, Key
from bezant.dialects.aps.codes import Error
from bezant.dialects.aps.operation import Call, Form, Operation, Result
from bezant.dialects.aps.operations.common import CALLER, extra_parameters, kept_texts, named, refuse
from bezant.dialects.wire.contract import Fault

WORD: Final = "REFUND"


def refund_error(state: RefundState, reason: Reason | None) -> Error | None:
    """How a refund in that state is told; none when it is done."""
    match state:
        case RefundState.DONE:
            return None
        case RefundState.DECLINED:
            return codes.REFUSALS[reason or Reason.LENDER_DECLINED]
        case RefundState.IN_DOUBT:
            return codes.IN_DOUBT
        case RefundState.SENDING:
            return codes.REFUSALS[Reason.REFUND_IN_FLIGHT]


def refund_facts(refund: LoanRefund) -> dict[str, Any]:
    """What an answer or a notice says of a refund, beside what was sent."""
    return {"fort_id": str(refund.loan_id), "reconciliation_reference": refund.transaction_number}


def order_named(call: Call) -> tuple[str | None, int | None]:
    """The order that a request names: its reference, its number here, or both. One has to be there."""
    reference, number = call.values["merchant_reference"], call.values["fort_id"]
    if reference is None and number is None:
        raise Fault(Error(codes.MISSING, name="merchant_reference"))
    return reference, None if number is None else int(number)


async def _perform(call: Call) -> Result:
    values = call.values
    reference, loan_id = order_named(call)
    if values["currency"] != EGP.code:
        raise refuse(Reason.CURRENCY_DIFFERS)
    refund = await call.services.finance.give_back(
        call.caller,
        Return(
            reference=reference,
            loan_id=loan_id,
            amount=values["amount"],
            refund_reference=values["maintenance_reference"],
            echo=kept_texts(call),
        ),
    )
    return Result(made=refund_facts(refund), error=refund_error(refund.state, refund.reason))


_FORM: Final = Form(
    fields=(
        fields.command("command", WORD),
        *CALLER,
        fields.ORDER_REFERENCE,
        fields.FORT_ID,
        fields.ORDER_DESCRIPTION,
        fields.MAINTENANCE_REFERENCE,
        *extra_parameters(),
        fields.AMOUNT_FORM,
        fields.AMOUNT,
        fields.ANY_CURRENCY,
    ),
    keys=(
        *named(
            "command",
            "access_code",
            "merchant_identifier",
            "merchant_reference",
            "amount",
            "currency",
            "language",
        ),
        Key("fort_id", "up to 20 digits, a text", "the purchase's"),
        SIGNED,
        *named("order_description", "maintenance_reference"),
        Key("reconciliation_reference", "text", "the lender's name of the refund, when it went well"),
        *CODES,
    ),
    succeeded="06",
    failed="07",
)

REFUND: Final = Operation(
    parameter="command", word=WORD, title="Refund", perform=_perform, current=_FORM, classic=_FORM
)
