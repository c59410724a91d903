"""AUTHORIZATION, CAPTURE, VOID_AUTHORIZATION: the vendor has them, consumer finance takes at once."""

from __future__ import annotations

from typing import Final

from bezant.dialects.aps import codes, fields
from bezant.dialects.aps.answers import CODES, SIGNED
from bezant.dialects.aps.codes import Error
from bezant.dialects.aps.operation import Call, Form, Operation, Result
from bezant.dialects.aps.operations.common import CALLER, extra_parameters, named
from bezant.dialects.wire.contract import Field


async def _perform(_call: Call) -> Result:
    return Result(error=Error(codes.WRONG_OPTION, None))


def _operation(word: str, title: str, *own: Field[Error], succeeded: str, failed: str) -> Operation:
    form = Form(
        fields=(fields.command("command", word), *CALLER, *extra_parameters(), *own),
        keys=(
            *named("command", "access_code", "merchant_identifier", "merchant_reference", "language"),
            SIGNED,
            *CODES,
        ),
        succeeded=succeeded,
        failed=failed,
    )
    return Operation(
        parameter="command", word=word, title=title, perform=_perform, current=form, classic=form
    )


_ORDER: Final = (fields.ORDER_REFERENCE, fields.FORT_ID, fields.ORDER_DESCRIPTION)
_MONEY: Final = (fields.AMOUNT, fields.ANY_CURRENCY)

AUTHORIZE: Final = _operation(
    "AUTHORIZATION",
    "Authorize (never for this payment option)",
    fields.MERCHANT_REFERENCE,
    *_MONEY,
    fields.optional(fields.PAYMENT_OPTION),
    succeeded="02",
    failed="03",
)
CAPTURE: Final = _operation(
    "CAPTURE",
    "Capture (never for this payment option)",
    *_ORDER,
    *_MONEY,
    succeeded="04",
    failed="05",
)
VOID: Final = _operation(
    "VOID_AUTHORIZATION",
    "Void an authorization (never for this payment option)",
    *_ORDER,
    *(fields.optional(each) for each in _MONEY),
    succeeded="08",
    failed="09",
)
