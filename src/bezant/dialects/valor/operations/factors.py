"""The refund's second factor: shop plugins ask before every refund (form: public clients)."""

from __future__ import annotations

from dataclasses import dataclass

from bezant.core.merchants import RefundFactor
from bezant.dialects.valor import codes
from bezant.dialects.valor.codes import Error
from bezant.dialects.valor.dialect import Call, Operation, Shown
from bezant.dialects.valor.operations import fields
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply, nested

PHONE_DIGITS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class _Asked:
    factor: RefundFactor
    challenge_id: str


def masked_email(email: str | None) -> str:
    """The first letter and the domain."""
    name, at, domain = (email or "").rpartition("@")
    return f"{name[:1]}{'*' * max(len(name) - 1, 1)}{at}{domain}" if at else ""


def masked_phone(phone: str | None) -> str:
    """The last four digits."""
    digits = [each for each in phone or "" if each.isalnum()]
    hidden = len(digits) - PHONE_DIGITS_SHOWN
    return "*" * hidden + "".join(digits[hidden:]) if hidden > 0 else "*" * len(digits)


_RESPONSE: Layout[_Asked] = Layout(
    Reply(
        "is_enable_2fa", codecs.json, lambda a: int(a.factor.enabled), "0 or 1, compared strictly by plugins"
    ),
    Reply("emailId", codecs.json, lambda a: masked_email(a.factor.email) if a.factor.enabled else ""),
    Reply("phoneNumber", codecs.json, lambda a: masked_phone(a.factor.phone) if a.factor.enabled else ""),
    Reply("uuid", codecs.json, lambda a: a.challenge_id, "sent with the refund, beside otp"),
)
ASKED: Layout[_Asked] = Layout(
    Constant("error_code", "S00", "not error_no: plugins read this key"),
    Reply("response", nested(_RESPONSE), lambda a: a),
)
REFUSED: Layout[Error] = Layout(
    Reply("error_code", codecs.json, lambda e: e.code),
    Reply("error_desc", codecs.json, lambda e: e.text),
)


async def _ask(call: Call) -> Shown:
    challenge_id = await call.services.factors.challenge(call.caller, call.values["amount"])
    return Shown(ASKED.render(_Asked(call.caller.merchant.refund_factor, challenge_id)), "S00")


OPERATIONS = (
    Operation(
        name="ecommRefund",
        title="Refund second factor",
        types=(),
        signs=({"main_action": "manage2fa", "operation": "ecommrefund"},),
        fields=(
            fields.amount(),
            Field(name="action", read=codecs.one_of({"ecomm_refund": True}), invalid=codes.BAD_TEXT),
        ),
        answer=_ask,
        layouts=(ASKED,),
        refusal=REFUSED,
    ),
)
