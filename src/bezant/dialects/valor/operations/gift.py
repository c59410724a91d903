"""Gift cards (vendor docs: sale-api-2, add-balance-1; answers: vendor samples).

The docs leave out the names of the card number and the PIN, and the ``txn_type`` of all but sale and load:
those here are our choice, with the likely other spellings as aliases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bezant.core.gift import Card, Enquiry, Kind, Movement, Notes, Outcome
from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.outcomes import Reason
from bezant.core.sensitive import Secret
from bezant.dialects.valor import auth, codes, families
from bezant.dialects.valor.codes import Decline, Error
from bezant.dialects.valor.dialect import Call, Operation, Shown, Values
from bezant.dialects.valor.gift_rows import APPROVAL_CODE, decline_of
from bezant.dialects.valor.operations import fields
from bezant.dialects.valor.services import Services
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply

# Fields ---------------------------------------------------------------------------------------------------

CARD_NUMBER = Field(
    name="pan",
    read=codecs.card_number,
    missing=codes.BAD_CARD_NUMBER,
    invalid=codes.BAD_CARD_NUMBER,
    aliases=("card_number", "cardnumber", "gift_card_number"),
    note="gift numbers have no check digit",
)


@codecs.with_schema({"type": "string", "pattern": "^[0-9]{1,12}$"})
def _read_pin(value: Any) -> Secret:  # noqa: ANN401 - any JSON value
    """1 to 12 digits."""
    return Secret(_PIN_DIGITS(value))


_PIN_DIGITS = codecs.digits(minimum=1, maximum=12)
PIN = Field(
    name="pin",
    read=_read_pin,
    invalid=codes.BAD_PIN,
    aliases=("gift_pin",),
    note="zeros in front may be missing: the docs have it as a number",
)


def _repeated(name: str, invalid: Error, *aliases: str) -> Field[Error]:
    """An amount that the answer repeats as it was written. It is no part of what the card pays."""
    amount = codecs.decimal(minor_max=fields.AMOUNT_MINOR_MAX, zero=True, grouped=True)

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        amount(value)
        return codecs.scalar(value).strip()

    return Field(name=name, read=codecs.alike(read, amount), invalid=invalid, aliases=aliases)


NOTES = (
    fields.EMAIL,
    fields.PHONE,
    Field(
        name="cardholdername",
        read=codecs.clipped_text(length_max=25),
        invalid=codes.BAD_TEXT,
        aliases=("customer_name",),
    ),
    _repeated("tax", codes.BAD_TAX, "tax_amount"),
    _repeated("surchargeAmount", codes.BAD_SURCHARGE),
    _repeated("tip", codes.BAD_TIP),
    Field(name="orderdescription", read=codecs.clipped_text(length_max=50), invalid=codes.BAD_TEXT),
    fields.INVOICE,
)
PRESENTED = (CARD_NUMBER, PIN, *NOTES)
AMOUNT = fields.amount(missing=codes.AMOUNT_REQUIRED)
OPENING_AMOUNT = Field(
    name="amount",
    read=codecs.decimal(minor_max=fields.AMOUNT_MINOR_MAX, zero=True, grouped=True),
    invalid=codes.BAD_AMOUNT,
    note="what the card begins with; nothing when left out",
)
ORIGINAL = fields.ref_txn_id(missing=codes.BAD_TRANSACTION_ID)


def _card(values: Values) -> Card:
    return Card(number=values["pan"], pin=values["pin"])


def _notes(values: Values) -> Notes:
    name = values["cardholdername"]
    echoed = ((families.ECHO_TAX, values["tax"]), (families.ECHO_FEE, values["surchargeAmount"]))
    return Notes(
        invoice=values["invoicenumber"],
        description=values["orderdescription"],
        cardholder=fields.capitals(name) if name else None,
        phone=values["phone"],
        email=values["email"],
        echo={key: text for key, text in echoed if text is not None},
    )


# Answers --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class View:
    """A movement as its caller sees it: with the terminal's number and local times."""

    movement: Movement
    caller: Caller
    at: datetime


def _note(name: str) -> Callable[[View], object]:
    return lambda v: getattr(v.movement.notes, name)


_SUCCESS: tuple[Reply[View], ...] = (
    Constant("error_no", "S00"),
    Constant("success_url", True),  # noqa: FBT003 - a JSON true
    Constant("error_code", "00"),
    Reply("amount", codecs.decimal_text, lambda v: v.movement.amount),
    Reply(
        "tax",
        codecs.json,
        lambda v: v.movement.notes.echo.get(families.ECHO_TAX, "0"),
        "the request's own text",
    ),
    Reply(
        "customfee",
        codecs.json,
        lambda v: v.movement.notes.echo.get(families.ECHO_FEE, "0"),
        "the request's own text",
    ),
    Constant("msg", "APPROVED"),
    Constant("desc", None, "null in every sample"),
    Constant("additional_info", None),
)
_NUMBERS: tuple[Reply[View], ...] = (
    Constant("approval_code", APPROVAL_CODE),
    Reply("rrn", codecs.json, lambda v: v.movement.retrieval_reference, "a void repeats its original's"),
    Reply("txnid", codecs.json, lambda v: str(v.movement.movement_id)),
    Reply("created_date", codecs.moment(codecs.day_slashed), lambda v: v.at),
    Reply("created_time", codecs.moment(codecs.time_24), lambda v: v.at),
    Reply("tran_no", codecs.json, lambda v: v.movement.transaction_number),
    Reply("stan", codecs.json, lambda v: v.movement.audit_number),
    Reply("batch_no", codecs.json, lambda v: v.movement.batch_number),
    Constant("is_partial_approve", 0),
    Reply("partial_amount", codecs.padded_minor_text, lambda v: v.movement.amount),
    Reply("pan", codecs.json, lambda v: f"XXXX{v.movement.last4 or ''}"),
    Constant("card_type", None, "null in every sample"),
)

SALE: Layout[View] = Layout(
    *_SUCCESS,
    Constant("clerk_id", None),
    Constant("clerk_name", None),
    Constant("clerk_label", None),
    Constant("additionalKeyOne", None),
    Constant("additionalKeyTwo", None),
    Constant("additionalValueOne", None),
    Constant("additionalValueTwo", None),
    *_NUMBERS,
    Reply("phone_number", codecs.json, _note("phone")),
    Reply("email_id", codecs.json, _note("email")),
    Constant("zip", None),
    Reply("card_holder_name", codecs.json, _note("cardholder")),
    Constant("expiry_date", "/"),
    Constant("address", None),
    Reply("epi", codecs.json, lambda v: v.caller.terminal.number),
    Constant("channel", "VT"),
    Reply("orderdescription", codecs.json, _note("description")),
    Reply("invoicenumber", codecs.json, _note("invoice")),
    Reply("token", codecs.json, lambda v: v.movement.token, "names the card; it cannot be charged"),
    Constant("card_brand", None),
    Reply("netamt", codecs.shortest_number, lambda v: v.movement.amount),
)

LOAD: Layout[View] = Layout(
    *_SUCCESS,
    *_NUMBERS,
    Reply("epi", codecs.json, lambda v: v.caller.terminal.number),
    Constant("channel", "VT"),
    Reply("netamt", codecs.shortest_number, lambda v: v.movement.amount),
)
"""Also of what the vendor has published no approval: activate, deactivate, refund, void (our choice)."""


@dataclass(frozen=True, slots=True)
class Told:
    """A balance as its caller sees it."""

    enquiry: Enquiry
    balance: Money
    caller: Caller
    at: datetime


BALANCE: Layout[Told] = Layout(
    Constant("error_no", "S00"),
    Constant("success_url", True),  # noqa: FBT003 - a JSON true
    Constant("error_code", "00"),
    Reply("amount", codecs.decimal_text, lambda t: t.balance, "the balance"),
    Constant("tax", "0"),
    Constant("customfee", "0"),
    Constant("msg", "APPROVED"),
    Constant("approval_code", APPROVAL_CODE),
    Reply("rrn", codecs.json, lambda t: t.enquiry.retrieval_reference),
    Constant("txnid", None),
    Reply("created_date", codecs.moment(codecs.day_slashed), lambda t: t.at),
    Reply("created_time", codecs.moment(codecs.time_24), lambda t: t.at),
    Reply("tran_no", codecs.json, lambda t: t.enquiry.transaction_number, "that of the next transaction"),
    Reply("stan", codecs.json, lambda t: t.enquiry.audit_number),
    Reply("batch_no", codecs.json, lambda t: t.enquiry.batch_number),
    Constant("is_partial_approve", 0),
    Constant("partial_amount", "000000000000"),
    Reply("pan", codecs.json, lambda t: f"XXXX{t.enquiry.last4}"),
    Reply("epi", codecs.json, lambda t: t.caller.terminal.number),
    Constant("channel", "VT"),
    Reply("netamt", codecs.shortest_number, lambda t: t.balance),
)

WITH_ID = frozenset({Kind.REDEMPTION, Kind.REFUND, Kind.VOID})
"""What shows its id when it was declined (sale: vendor sample; the others: our choice)."""


def _shown(outcome: Outcome, call: Call) -> Shown:
    movement, caller = outcome.movement, call.caller
    if movement.approved:
        layout = SALE if movement.kind is Kind.REDEMPTION else LOAD
        at = caller.local(movement.answered_at or movement.requested_at)
        return Shown(layout.render(View(movement, caller, at)), "S00", replayed=outcome.replayed)
    decline = decline_of(movement.reason or Reason.SYSTEM_ERROR, movement.kind)
    batch_number = 0 if decline is codes.GIFT_CARD_NOT_FOUND else movement.batch_number
    payment_id = movement.movement_id if movement.kind in WITH_ID else None
    return _declined(decline, batch_number, payment_id, replayed=outcome.replayed)


def _declined(
    decline: Decline, batch_number: int, payment_id: int | None = None, *, replayed: bool = False
) -> Shown:
    declined = families.Declined(decline=decline, payment_id=payment_id, batch_number=batch_number)
    return Shown(
        families.DECLINE.render(declined), outcome=f"E98/{decline.code}", status=400, replayed=replayed
    )


# Operations -----------------------------------------------------------------------------------------------


async def _enter(services: Services, values: Mapping[str, Any], *, address: str) -> Caller:
    """As everywhere, but keys that do not fit are said in one word (vendor sample: gift sale)."""
    try:
        return await auth.enter(services, values, address=address)
    except Fault as fault:
        if fault.error in {codes.BAD_APP_ID, codes.BAD_APP_KEY}:
            raise Fault(codes.AUTHENTICATION_FAILED) from None
        raise


async def _sale(call: Call) -> Shown:
    v = call.values
    gift = call.services.gift
    return _shown(await gift.redeem(call.caller, _card(v), v["amount"], notes=_notes(v), key=call.key), call)


async def _add(call: Call) -> Shown:
    v = call.values
    gift = call.services.gift
    return _shown(await gift.load(call.caller, _card(v), v["amount"], notes=_notes(v), key=call.key), call)


async def _activate(call: Call) -> Shown:
    v = call.values
    opening = v["amount"] or Money.zero(call.caller.merchant.currency)
    gift = call.services.gift
    return _shown(await gift.activate(call.caller, _card(v), opening, notes=_notes(v), key=call.key), call)


async def _deactivate(call: Call) -> Shown:
    v = call.values
    gift = call.services.gift
    return _shown(await gift.deactivate(call.caller, _card(v), notes=_notes(v), key=call.key), call)


async def _refund(call: Call) -> Shown:
    v = call.values
    gift = call.services.gift
    return _shown(
        await gift.refund(call.caller, v["ref_txn_id"], v["amount"], notes=_notes(v), key=call.key), call
    )


async def _void(call: Call) -> Shown:
    v = call.values
    gift = call.services.gift
    return _shown(await gift.void(call.caller, v["ref_txn_id"], notes=_notes(v), key=call.key), call)


async def _balance(call: Call) -> Shown:
    caller = call.caller
    enquiry = await call.services.gift.balance(caller, _card(call.values))
    if enquiry.balance is None:
        return _declined(decline_of(enquiry.reason or Reason.SYSTEM_ERROR), enquiry.batch_number)
    told = Told(enquiry, enquiry.balance, caller, caller.local(enquiry.at))
    return Shown(BALANCE.render(told), "S00")


def _operation(
    title: str,
    types: tuple[str, ...],
    asked: tuple[Field[Error], ...],
    answer: Callable[[Call], Any],
    layout: Layout[Any],
) -> Operation:
    return Operation(
        name=types[0],
        title=title,
        types=types,
        fields=asked,
        answer=answer,
        layouts=(layout, families.DECLINE),
        door=_enter,
    )


OPERATIONS = (
    _operation("Gift Sale", ("giftsale",), (AMOUNT, *PRESENTED), _sale, SALE),
    _operation("Gift Add Balance", ("giftaddvalue",), (AMOUNT, *PRESENTED), _add, LOAD),
    _operation(
        "Gift Check Balance",
        ("giftbalance", "giftbalanceinquiry", "giftcheckbalance"),
        PRESENTED,
        _balance,
        BALANCE,
    ),
    _operation(
        "Gift Activate", ("giftactivate", "giftactivation"), (OPENING_AMOUNT, *PRESENTED), _activate, LOAD
    ),
    _operation("Gift De-activate", ("giftdeactivate",), PRESENTED, _deactivate, LOAD),
    _operation("Gift Refund", ("giftrefund",), (AMOUNT, ORIGINAL, *NOTES), _refund, LOAD),
    _operation("Gift Void", ("giftvoid",), (ORIGINAL, *NOTES), _void, LOAD),
)
