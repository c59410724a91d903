"""Sale and PreAuth on a card token (source: vendor docs)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Charge, Kind, Order, Street
from bezant.dialects.ipospays import codes, fields
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.envelope import (
    ECHO_LEVEL_3,
    ECHO_REFERENCE,
    ECHO_TOKEN,
    TRANSACTION,
    show,
)
from bezant.dialects.ipospays.operation import Call, Form, Problems, Shown, Values

FIELDS: Final = (
    fields.MERCHANT_ID,
    fields.REFERENCE,
    fields.AMOUNT,
    fields.TIP,
    fields.CARD_TOKEN,
    fields.PAYMENT_TOKEN,
    fields.ENCRYPTED_CARD,
    *fields.PARTIES,
    fields.VERIFY_ADDRESS,
    fields.STREET,
    fields.ZIP,
    fields.GOOGLE_PAY,
    fields.LEVEL_3,
)


def order_of(call: Call) -> Order:
    """What a request says of itself and its customer."""
    get = call.values.get
    source = get(fields.SOURCE.name)
    asked = {ECHO_TOKEN: "1"} if get(fields.REQUEST_TOKEN.name) else {}
    level_3 = get(fields.LEVEL_3.name)
    flaw = {ECHO_LEVEL_3: level_3.flaw} if level_3 and level_3.flaw else {}
    return Order(
        invoice=get(fields.INVOICE.name),
        cardholder=get(fields.CUSTOMER_NAME.name),
        phone=get(fields.CUSTOMER_MOBILE.name),
        email=get(fields.CUSTOMER_EMAIL.name),
        address=get(fields.STREET.name),
        postal_code=get(fields.ZIP.name),
        source=source.lower() if source else None,
        items=level_3.text if level_3 and not level_3.flaw else None,
        echo={ECHO_REFERENCE: call.reference, **asked, **flaw},
    )


def check_parties(values: Values) -> Iterable[Error]:
    """Who wants a receipt, or an address compared, says who he is (source: vendor docs)."""
    get = values.get
    wants_receipt = get(fields.RECEIPT.name)
    named = fields.CUSTOMER_NAME.name not in values or get(fields.CUSTOMER_NAME.name)
    if (wants_receipt or get(fields.VERIFY_ADDRESS.name)) and not named:
        yield codes.NO_NAME
    contacts = (fields.CUSTOMER_EMAIL.name, fields.CUSTOMER_MOBILE.name)
    if wants_receipt and all(name in values and not get(name) for name in contacts):
        yield codes.NO_CONTACT


def _check(values: Values) -> Iterable[Error]:
    names = (fields.CARD_TOKEN.name, fields.PAYMENT_TOKEN.name)
    if all(name in values and not values[name] for name in names):
        if values.get(fields.ENCRYPTED_CARD.name) is not None:
            yield codes.NO_ENCRYPTED_CARD
        elif values.get(fields.GOOGLE_PAY.name) is not None:
            yield codes.NO_WALLET
        else:
            yield codes.NO_CARD
    yield from check_parties(values)


def with_tip(amount: Money, tip: Money | None) -> Amounts:
    """An amount with a tip on top. Raises ``Problems`` for more than an amount can be."""
    zero = Money.zero(amount.currency)
    amounts = Amounts(base=amount, tax=zero, fee=zero, tip=tip or zero)
    if amounts.total.minor > fields.AMOUNT_MINOR_MAX:
        raise Problems(codes.BAD_AMOUNT)
    return amounts


def _profile(caller: Caller) -> Profile:
    """The merchant account without surcharge, where the terminal has one."""
    traditional = Profile.TRADITIONAL in caller.terminal.endpoints
    return Profile.TRADITIONAL if traditional else Profile.SURCHARGE


def _card_of(call: Call) -> tuple[str | None, bytes | None]:
    """The card's own token, or else the hash of one for this charge alone."""
    token, shown = call[fields.CARD_TOKEN], call[fields.PAYMENT_TOKEN]
    if token is not None:
        return token, None
    if len(shown) == fields.CARD_TOKEN_DIGITS:
        return shown.upper(), None
    return None, call.services.single_use.hash_of(shown)


async def _charge(kind: Kind, call: Call) -> Shown:
    token, single_use = _card_of(call)
    compared = call[fields.VERIFY_ADDRESS] or call[fields.STREET] or call[fields.ZIP]
    charge = Charge(
        kind=kind,
        profile=_profile(call.caller),
        amounts=with_tip(call[fields.AMOUNT], call[fields.TIP]),
        token=token,
        single_use=single_use,
        street=Street(line=call[fields.STREET], postal_code=call[fields.ZIP]) if compared else None,
        order=order_of(call),
    )
    outcome = await call.services.payments.charge(call.caller, charge, key=call.key)
    return show(outcome.payment, call.services.style)


def _form(title: str, kind: Kind) -> Form:
    return Form(
        title=title,
        fields=FIELDS,
        check=_check,
        perform=partial(_charge, kind),
        layouts=(TRANSACTION,),
    )


FORMS: Final[Mapping[int, Form]] = {1: _form("Sale", Kind.SALE), 5: _form("PreAuth", Kind.AUTHORIZATION)}
