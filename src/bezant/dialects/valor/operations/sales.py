"""Direct sale and authorization, by card number or by token (vendor docs: direct-sale)."""

from __future__ import annotations

from functools import partial

from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Charge, Kind, Street
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown, Values, show_payment
from bezant.dialects.valor.operations import fields
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Fault, Field

CARD_NUMBER = Field(
    name="cardnumber",
    read=codecs.card_number,
    invalid=codes.BAD_CARD_NUMBER,
    aliases=("pan",),
    note="15 to 19 digits; the check digit is the network's to refuse",
)

FIELDS = (
    fields.HOSTED_PAGE,
    fields.amount(),
    fields.TAX,
    fields.PROFILE,
    fields.FEE,
    fields.FEE_IS_PERCENT,
    fields.TIP,
    fields.TOKEN,
    CARD_NUMBER,
    fields.EXPIRY,
    fields.CVV,
    *fields.ORDER,
    fields.ONCE,
    fields.PURCHASE_ORDER,
    fields.ITEMS,
    fields.PRODUCTS,
)


def amounts_of(values: Values) -> tuple[Amounts, dict[str, str]]:
    """What is charged, and the texts of tax and fee that the answer repeats.

    The fee counts on the surcharge profile only (vendor docs).
    """
    base: Money = values["amount"]
    zero = Money.zero(base.currency)
    tax, tax_text = values["tax_amount"] or (zero, "0")
    fee, fee_text = values["surchargeAmount"] or (zero, "0")
    if values["surchargeIndicator"] is Profile.TRADITIONAL:
        fee, fee_text = zero, "0"
    elif values["surchargeIsPercentage"]:
        fee = base.percent_half_up(fee.minor)
        fee_text = fee.shortest()
    amounts = Amounts(base=base, tax=tax, fee=fee, tip=values["tip"] or zero)
    if amounts.total.minor > fields.AMOUNT_MINOR_MAX:
        raise Fault(codes.BAD_AMOUNT)
    texts = ((families.ECHO_TAX, tax, tax_text), (families.ECHO_FEE, fee, fee_text))
    return amounts, {name: text for name, part, text in texts if text != part.shortest()}


async def _charge(kind: Kind, call: Call) -> Shown:
    values = call.values
    amounts, echo = amounts_of(values)
    token, pan = values["token"], values["cardnumber"]
    if token is None:
        if pan is None:
            raise Fault(codes.BAD_CARD_NUMBER)
        if values["expirydate"] is None:
            raise Fault(codes.BAD_EXPIRY)
    if values["order_details"] is not None and values["invoicenumber"] is None:
        raise Fault(codes.INPUT_MISSING)
    charge = Charge(
        kind=kind,
        profile=values["surchargeIndicator"],
        amounts=amounts,
        pan=None if token else pan,
        token=token,
        expiry=values["expirydate"],
        cvv=values["cvv"],
        street=Street(line=values["address1"], postal_code=values["zip"]),
        order=fields.order_of(values, echo=echo),
        once=values["duplicate_transaction_check"],
    )
    return show_payment(await call.services.payments.charge(call.caller, charge, key=call.key), call.caller)


OPERATIONS = tuple(
    Operation(
        name=kind_name,
        title=title,
        types=(kind_name,),
        fields=FIELDS,
        answer=partial(_charge, kind),
        layouts=(families.SALE, families.DECLINE),
    )
    for kind_name, title, kind in (
        ("sale", "Direct Sale, by card or token", Kind.SALE),
        ("auth", "Direct Auth, by card or token", Kind.AUTHORIZATION),
    )
)
