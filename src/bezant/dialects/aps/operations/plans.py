"""GET_INSTALLMENTS_PLANS: the plans that the customer may choose from."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bezant.core.outcomes import Reason, Refused
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
    named,
    terms,
)
from bezant.dialects.wire.contract import Fault

WORD: Final = "GET_INSTALLMENTS_PLANS"


async def _perform(call: Call) -> Result:
    values = call.values
    wanted = terms(values, down_payment=values["total_downpayment"])
    try:
        found = await call.services.finance.plans(call.caller, wanted)
    except Refused as refused:
        if refused.reason is Reason.PLAN_NOT_OFFERED:
            raise Fault(Error(codes.NO_VALID_PLAN, None)) from None
        raise
    detail = [
        {
            "tenure": plan.months,
            "fee_amount": plan.fee.minor,
            "installment_amount": plan.installment.minor,
            "total_installment": plan.total.minor,
        }
        for plan in found
    ]
    return Result(made={"installment_detail": detail})


_CURRENT: Final = Form(
    fields=(
        fields.command("service_command", WORD),
        *CUSTOMER,
        *extra_parameters(),
        *WALLETS,
        fields.TOTAL_DOWNPAYMENT,
        *MONEY,
    ),
    keys=(
        *named(
            "service_command",
            "access_code",
            "merchant_identifier",
            "merchant_reference",
            "language",
            "payment_option",
            "total_downpayment",
            "phone_number",
            "amount",
            "currency",
        ),
        SIGNED,
        Key("installment_detail", "a list of objects", "not signed"),
        *named("wallet_amount", "cashback_wallet_amount"),
        *CODES,
    ),
    succeeded="62",
    failed="63",
)

PLANS: Final = Operation(
    parameter="service_command",
    word=WORD,
    title="Get the installment plans",
    perform=_perform,
    current=_CURRENT,
    classic=replace(
        _CURRENT,
        fields=tuple(
            OPTIONAL_WALLETS[WALLETS.index(spec)] if spec in WALLETS else spec for spec in _CURRENT.fields
        ),
    ),
)
