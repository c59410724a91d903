"""OTP_GENERATE: have a one-time password sent, and see the plans. OTP_VERIFY: check it (older shops)."""

from __future__ import annotations

from typing import Any, Final

from bezant.core.bnpl import Language, OfferRequest, PasswordCheck, Plan
from bezant.core.merchants import Edition
from bezant.dialects.aps import codes, fields
from bezant.dialects.aps.answers import CODES, SIGNED, Key
from bezant.dialects.aps.operation import Call, Form, Operation, Result, Values
from bezant.dialects.aps.operations.common import (
    CUSTOMER,
    MONEY,
    OPTIONAL_WALLETS,
    WALLETS,
    extra_parameters,
    named,
    plan_detail,
    terms,
)

GENERATE_WORD: Final = "OTP_GENERATE"
CHECK_WORD: Final = "OTP_VERIFY"
KEPT_BACK: Final = frozenset({"include_installments"})
"""What the vendor's answer does not repeat (source: vendor sample)."""
OLD_CONTRACT: Final = ("products", "merchant_order_id")
"""Only shops of the classic edition say these when they ask for a password."""


def _speaks(received: Values, edition: Edition) -> Edition:
    said = any(received.get(name) not in (None, "") for name in OLD_CONTRACT)
    return Edition.CLASSIC if said else edition


async def _generate(call: Call) -> Result:
    values = call.values
    offer = await call.services.finance.offer(
        call.caller,
        OfferRequest(
            reference=values["merchant_reference"],
            terms=terms(values, down_payment=values["total_downpayment"]),
            language=Language(values["language"]),
        ),
    )
    made: dict[str, Any] = {}
    if call.received.get("merchant_order_id") in (None, ""):
        made["merchant_order_id"] = f"Valu{offer.offer_id}"
    if values["total_downpayment"] is None:
        made["total_downpayment"] = offer.down_payment.minor
    if values["include_installments"]:
        made["installment_detail"] = plan_detail(offer.plans, call.edition)
    if call.edition is Edition.CLASSIC:
        made |= {
            "transaction_id": f"{offer.offer_id:012d}",
            "otp_status": "1",
            "tenure": "-".join(str(plan.months) for plan in offer.plans),
        }
    return Result(made=made)


_PLANS: Final = Key(
    "installment_detail", "a list of objects", "unless `include_installments` is NO; not signed"
)
_ORDER_ID: Final = Key("merchant_order_id", "text", "a new one if none was sent")
_DOWN_PAYMENT: Final = Key("total_downpayment", "minor units", "what is required if none was sent")
_FIRST: Final = named(
    "service_command",
    "access_code",
    "merchant_identifier",
    "merchant_reference",
    "language",
    "payment_option",
    "phone_number",
)
_LAST: Final = (
    SIGNED,
    *named("merchant_extra1", "merchant_extra2", "merchant_extra3"),
    *CODES,
    *named("wallet_amount", "cashback_wallet_amount"),
)
_GENERATE_CURRENT: Final = Form(
    fields=(
        fields.command("service_command", GENERATE_WORD),
        *CUSTOMER,
        fields.INCLUDE_INSTALLMENTS,
        *extra_parameters(),
        *WALLETS,
        fields.TOTAL_DOWNPAYMENT,
        *MONEY,
    ),
    keys=(*_FIRST, _ORDER_ID, *named("amount", "currency"), _DOWN_PAYMENT, _PLANS, *_LAST),
    succeeded="88",
    failed="89",
    kept_back=KEPT_BACK,
)
_GENERATE_CLASSIC: Final = Form(
    fields=(
        fields.command("service_command", GENERATE_WORD),
        *CUSTOMER,
        fields.MERCHANT_ORDER_ID,
        fields.PRODUCTS,
        fields.INCLUDE_INSTALLMENTS,
        *extra_parameters(),
        *OPTIONAL_WALLETS,
        fields.TOTAL_DOWNPAYMENT,
        *MONEY,
    ),
    keys=(
        *_FIRST,
        _ORDER_ID,
        *named("amount", "currency", "products"),
        _DOWN_PAYMENT,
        Key("installment_detail", "an object: `plan_details`", _PLANS.note),
        Key("transaction_id", "12 digits"),
        Key("otp_status", "always `1`"),
        Key("tenure", "months, joined by hyphens"),
        *_LAST,
    ),
    succeeded="88",
    failed="89",
    kept_back=KEPT_BACK,
)

GENERATE: Final = Operation(
    parameter="service_command",
    word=GENERATE_WORD,
    title="Ask for a one-time password",
    perform=_generate,
    current=_GENERATE_CURRENT,
    classic=_GENERATE_CLASSIC,
    speaks=_speaks,
)


async def _check(call: Call) -> Result:
    values = call.values
    plans = await call.services.finance.check_password(
        call.caller,
        PasswordCheck(
            reference=values["merchant_reference"],
            terms=terms(values, down_payment=values["total_downpayment"]),
            password=values["otp"],
        ),
    )
    detail = [
        {
            "EMI": str(plan.installment.minor),
            "TENURE": str(plan.months),
            "InterestRate": _rate(plan, amount=values["amount"].minor),
        }
        for plan in plans
    ]
    made = {"otp_status": "1", "tenure": {"TENURE_VM": detail}}
    return Result(made=made, message=codes.PASSWORD_RIGHT)


def _rate(plan: Plan, *, amount: int) -> str:
    """The whole fee in percent of the amount, two decimals, rounded down."""
    return "{}.{:02d}".format(*divmod(plan.fee.minor * 10_000 // amount, 100))


_CHECK: Final = Form(
    fields=(
        fields.command("service_command", CHECK_WORD),
        *CUSTOMER,
        fields.MERCHANT_ORDER_ID,
        fields.OTP,
        *extra_parameters(),
        *OPTIONAL_WALLETS,
        fields.TOTAL_DOWNPAYMENT,
        *MONEY,
    ),
    keys=(
        *_FIRST,
        *named("merchant_order_id", "amount", "currency", "total_downpayment"),
        Key("otp_status", "always `1`"),
        Key("tenure", "an object: `TENURE_VM`", "a list of `EMI`, `TENURE`, `InterestRate`, all texts"),
        SIGNED,
        *CODES,
    ),
    succeeded="92",
    failed="93",
)

CHECK: Final = Operation(
    parameter="service_command",
    word=CHECK_WORD,
    title="Check a one-time password",
    perform=_check,
    current=_CHECK,
    classic=_CHECK,
)
