"""PURCHASE: buy with a one-time password and a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bezant.core.bnpl import Loan, LoanState, Purchase
from bezant.core.outcomes import Reason
from bezant.dialects.aps import codes, fields
from bezant.dialects.aps.answers import CODES, SIGNED, Key
from bezant.dialects.aps.codes import Error
from bezant.dialects.aps.operation import Call, Form, Operation, Result
from bezant.dialects.aps.operations.common import (
    CUSTOMER,
    MONEY,
    OPTIONAL_WALLETS,
    WALLETS,
    extra_parameters,
    kept_texts,
    named,
    terms,
)

WORD: Final = "PURCHASE"
ECI: Final = "ECOMMERCE"
KEPT_BACK: Final = frozenset({"tenure", "total_down_payment"})
"""What the vendor's answer does not repeat (source: vendor sample)."""


def purchase_facts(loan: Loan) -> dict[str, Any]:
    """What an answer or a notice says of a loan, beside what was sent."""
    return {
        "fort_id": str(loan.loan_id),
        "eci": ECI,
        "loan_number": loan.loan_number,
        "valu_transaction_id": loan.transaction_number,
    }


def purchase_error(state: LoanState, reason: Reason | None) -> Error | None:
    """How a loan in that state is told; none when it is granted."""
    match state:
        case LoanState.GRANTED:
            return None
        case LoanState.DECLINED:
            return codes.REFUSALS[reason or Reason.LENDER_DECLINED]
        case LoanState.IN_DOUBT:
            return codes.IN_DOUBT
        case LoanState.SENDING:
            return codes.REFUSALS[Reason.PURCHASE_IN_FLIGHT]


async def _perform(call: Call) -> Result:
    values = call.values
    address = values["customer_ip"] or call.address
    loan = await call.services.finance.buy(
        call.caller,
        Purchase(
            reference=values["merchant_reference"],
            terms=terms(values, down_payment=values["total_down_payment"]),
            months=values["tenure"],
            password=values["otp"],
            echo={**kept_texts(call, *KEPT_BACK), "customer_ip": address},
        ),
    )
    made = {**purchase_facts(loan), "customer_ip": address}
    return Result(made=made, error=purchase_error(loan.state, loan.reason))


_CURRENT: Final = Form(
    fields=(
        fields.command("command", WORD),
        *CUSTOMER,
        fields.CUSTOMER_EMAIL,
        fields.OTP,
        fields.TENURE,
        fields.PURCHASE_DESCRIPTION,
        fields.CUSTOMER_IP,
        fields.CUSTOMER_CODE,
        fields.MERCHANT_ORDER_ID,
        fields.TRANSACTION_ID,
        *extra_parameters(),
        *WALLETS,
        fields.TOTAL_DOWN_PAYMENT,
        *MONEY,
    ),
    keys=(
        *named(
            "command",
            "access_code",
            "merchant_identifier",
            "merchant_reference",
            "payment_option",
            "phone_number",
            "amount",
            "currency",
            "language",
            "customer_email",
        ),
        SIGNED,
        Key("purchase_description"),
        Key("customer_ip", "an IP address", "the request's own address if none was sent"),
        Key("eci", "always `ECOMMERCE`"),
        Key("fort_id", "up to 20 digits, a text", "the order's number here"),
        *CODES,
        *named("wallet_amount", "cashback_wallet_amount"),
        Key("loan_number", "text", "when it went well"),
        Key("valu_transaction_id", "text", "when it went well"),
    ),
    succeeded="14",
    failed="13",
    kept_back=KEPT_BACK,
)

PURCHASE: Final = Operation(
    parameter="command",
    word=WORD,
    title="Purchase",
    perform=_perform,
    current=_CURRENT,
    classic=replace(
        _CURRENT,
        fields=tuple(
            OPTIONAL_WALLETS[WALLETS.index(spec)] if spec in WALLETS else spec for spec in _CURRENT.fields
        ),
    ),
)
