"""What operations share: the parameters of every request, the keys of every answer, plans, stored texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from bezant.core.bnpl import Plan, Terms
from bezant.core.merchants import Edition
from bezant.core.money import EGP, Money
from bezant.core.outcomes import Reason
from bezant.core.vault import mask_card_numbers
from bezant.dialects.aps import answers, codes, fields
from bezant.dialects.aps.answers import Key
from bezant.dialects.aps.codes import Error
from bezant.dialects.aps.operation import Call
from bezant.dialects.aps.signature import SIGNATURE, canonical
from bezant.dialects.wire.contract import Fault, Field

KEPT_MAX: Final = 40
KEPT_LENGTH_MAX: Final = 254

CALLER: Final = (
    fields.MERCHANT_IDENTIFIER,
    fields.ACCESS_CODE,
    fields.SIGNATURE,
    fields.LANGUAGE,
)
CUSTOMER: Final = (*CALLER, fields.MERCHANT_REFERENCE, fields.PHONE_NUMBER)
MONEY: Final = (fields.AMOUNT, fields.CURRENCY, fields.PAYMENT_OPTION)
WALLETS: Final = (fields.WALLET_AMOUNT, fields.CASHBACK_WALLET_AMOUNT)
OPTIONAL_WALLETS: Final = tuple(fields.optional(each, "older shops do not send it") for each in WALLETS)


def named(*names: str) -> tuple[Key, ...]:
    """Keys that repeat what was sent."""
    return tuple(Key(name) for name in names)


def extra_parameters() -> tuple[Field[Error], ...]:
    """What shops may add to any request, to find it again."""
    return fields.MERCHANT_EXTRAS


def terms(values: Mapping[str, Any], *, down_payment: Money | None) -> Terms:
    """Who wants what financed."""
    nothing = Money.zero(EGP)
    return Terms(
        phone=values["phone_number"],
        amount=values["amount"],
        wallet=values["wallet_amount"] or nothing,
        cashback=values["cashback_wallet_amount"] or nothing,
        down_payment=down_payment,
    )


def plan_detail(plans: Iterable[Plan], edition: Edition) -> object:
    """The plans as an answer to a password's request has them: ``installment_per_month`` are months."""
    if edition is Edition.CLASSIC:
        return {
            "plan_details": [
                {
                    "number_of_installments": plan.months,
                    "amount_per_month": plan.installment.minor,
                    "fees_amount": plan.fee.minor,
                }
                for plan in plans
            ]
        }
    return [
        {
            "fee_amount": plan.fee.minor,
            "installment_amount": plan.installment.minor,
            "installment_per_month": plan.months,
            "total_installment": plan.total.minor,
        }
        for plan in plans
    ]


def kept_texts(call: Call, *left_out: str) -> dict[str, str]:
    """What of a request is kept, so that later notices can repeat it: short plain values, no secrets."""
    dropped = {*answers.NEVER_REPEATED, *answers.ALWAYS_MADE, *left_out, SIGNATURE}
    texts = {
        name: mask_card_numbers(canonical({"": value}).removeprefix("="))
        for name, value in call.received.items()
        if name not in dropped and isinstance(value, str | bool) and value != ""
    }
    short = [(name, text) for name, text in texts.items() if len(text) <= KEPT_LENGTH_MAX]
    return dict(short[:KEPT_MAX])


def refuse(reason: Reason) -> Fault[Error]:
    """The error that answers a reason."""
    return Fault(codes.REFUSALS[reason])
