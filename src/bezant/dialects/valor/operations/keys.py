"""The key check: shop plugins ask for it before they save their settings (form: public clients)."""

from __future__ import annotations

from bezant.core.merchants import Caller
from bezant.dialects.valor.dialect import Call, Operation, Shown
from bezant.dialects.wire.contract import Constant, Layout

CHECKED: Layout[Caller] = Layout(
    Constant("error_no", "00", "not S00: plugins compare it"),
    Constant("mesg", "SUCCESS"),
    Constant("desc", "VALID CREDENTIALS"),
    Constant("msg", "SUCCESS"),
)


async def _check(call: Call) -> Shown:
    # Who gets here was let in.
    return Shown(CHECKED.render(call.caller), "00")


OPERATIONS = (
    Operation(
        name="validate",
        title="Key check",
        types=(),
        signs=({"mtype": "validate"},),
        fields=(),
        answer=_check,
        layouts=(CHECKED,),
    ),
)
