"""CUSTOMER_VERIFY: whether a phone is registered with the lender."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bezant.dialects.aps import fields
from bezant.dialects.aps.answers import CODES, SIGNED
from bezant.dialects.aps.operation import Call, Form, Operation, Result
from bezant.dialects.aps.operations.common import CUSTOMER, extra_parameters, named

WORD: Final = "CUSTOMER_VERIFY"


async def _perform(call: Call) -> Result:
    await call.services.finance.verify(call.caller, call.values["phone_number"])
    return Result()


_CURRENT: Final = Form(
    fields=(
        fields.command("service_command", WORD),
        *CUSTOMER,
        *extra_parameters(),
        fields.PAYMENT_OPTION,
    ),
    keys=(
        *named(
            "service_command",
            "access_code",
            "merchant_identifier",
            "merchant_reference",
            "language",
            "payment_option",
            "phone_number",
        ),
        SIGNED,
        *CODES,
    ),
    succeeded="88",  # source: vendor sample
    failed="91",
)

VERIFY: Final = Operation(
    parameter="service_command",
    word=WORD,
    title="Verify a customer",
    perform=_perform,
    current=_CURRENT,
    classic=replace(_CURRENT, succeeded="90"),  # source: public client
)
