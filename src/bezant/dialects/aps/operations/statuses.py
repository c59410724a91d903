"""CHECK_STATUS: what became of an order."""

from __future__ import annotations

from typing import Any, Final

from bezant.core.bnpl import Loan, LoanState, Order
from bezant.core.money import Money
from bezant.core.outcomes import Reason, Refused
from bezant.dialects.aps import answers, codes, fields
from bezant.dialects.aps.answers import CODES, SIGNED, Key
from bezant.dialects.aps.codes import Error
from bezant.dialects.aps.operation import Call, Form, Operation, Result
from bezant.dialects.aps.operations.common import CALLER, extra_parameters, named
from bezant.dialects.aps.operations.purchases import PURCHASE, purchase_error
from bezant.dialects.aps.operations.refunds import REFUND, order_named, refund_error
from bezant.dialects.wire.contract import Fault

WORD: Final = "CHECK_STATUS"
FOUND: Final = "12"


async def _perform(call: Call) -> Result:
    reference, loan_id = order_named(call)
    try:
        order = await call.services.finance.order(call.caller, reference=reference, loan_id=loan_id)
    except Refused as refused:
        if refused.reason is Reason.UNKNOWN_ORDER:
            raise Fault(Error(codes.NOT_FOUND, FOUND)) from None  # source: public client
        raise
    return Result(made={**_last(order, call), **_amounts(order), **_codes(order, call)})


def _last(order: Order, call: Call) -> dict[str, Any]:
    """The last operation on the order, told as it was answered."""
    last = order.last
    if isinstance(last, Loan):
        form, error = PURCHASE.form(call.edition), purchase_error(last.state, last.reason)
    else:
        form, error = REFUND.form(call.edition), refund_error(last.state, last.reason)
    language = call.values["language"]
    told = (
        answers.outcome(error, failed=form.failed, language=language)
        if error
        else answers.told(codes.SUCCESS, form.succeeded, language)
    )
    return {
        "fort_id": str(order.loan.loan_id),
        "transaction_status": told["status"],
        "transaction_code": told["response_code"],
        "transaction_message": told["response_message"],
    }


def _amounts(order: Order) -> dict[str, str]:
    granted = order.loan.state is LoanState.GRANTED
    bought = order.loan.amount if granted else Money.zero(order.loan.amount.currency)
    return {
        "authorized_amount": str(bought.minor),
        "captured_amount": str(bought.minor),
        "refunded_amount": str(order.given_back.minor),
    }


def _codes(order: Order, call: Call) -> dict[str, str | None]:
    """What the lender said, for those who ask for it."""
    if not call.values["return_third_party_response_codes"]:
        return {}
    return {"authorization_code": order.loan.loan_number, "processor_response_code": order.last.reason}


_FORM: Final = Form(
    fields=(
        fields.command("query_command", WORD),
        *CALLER,
        fields.ORDER_REFERENCE,
        fields.FORT_ID,
        fields.RETURN_CODES,
        *extra_parameters(),
    ),
    keys=(
        *named("query_command", "access_code", "merchant_identifier", "merchant_reference", "language"),
        Key("fort_id", "up to 20 digits, a text"),
        SIGNED,
        *CODES,
        Key("transaction_status", "2 digits, a text", "of the last operation on the order"),
        Key("transaction_code", "5 digits, a text", "of the last operation"),
        Key("transaction_message", "text", "of the last operation"),
        Key("authorized_amount", "minor units, a text"),
        Key("captured_amount", "minor units, a text"),
        Key("refunded_amount", "minor units, a text", "the refunds that went well"),
        Key("authorization_code", "text", "the loan's number, on request"),
        Key("processor_response_code", "text", "why the last operation failed, on request"),
    ),
    succeeded=FOUND,
    failed="11",
)

STATUS: Final = Operation(
    parameter="query_command",
    word=WORD,
    title="Check an order's status",
    perform=_perform,
    current=_FORM,
    classic=_FORM,
)
