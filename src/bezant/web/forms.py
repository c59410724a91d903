"""What payers post, read: a bounded body, each field once, the card's as types that mask themselves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from bezant.core.invoices import TipOffer
from bezant.core.money import Money, parse_decimal
from bezant.core.sensitive import Cvv, Pan
from bezant.core.vault import Brand, brand_of
from bezant.web.languages import english
from bezant.web.views import Values

BODY_BYTES_MAX: Final = 16_384
BODY_SECONDS: Final = 20.0
FIELDS_MAX: Final = 40
_FORM: Final = "application/x-www-form-urlencoded"

NAME_MAX: Final = 60
STREET_MAX: Final = 60
EMAIL_MAX: Final = 50
_SEPARATED: Final = re.compile(r"[0-9 -]{1,40}", re.ASCII)
_EXPIRY: Final = re.compile(r"([0-9]{1,2}) ?[/.-]? ?(?:20)?([0-9]{2})", re.ASCII)
_POSTAL_CODE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z -]{1,8}[0-9A-Za-z]", re.ASCII)
_EMAIL: Final = re.compile(
    r"[0-9A-Za-z.!#$%&'*+/=?^_`{|}~-]{1,40}@[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?(?:\.[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?)+",
    re.ASCII,
)
_MONTHS: Final = range(1, 13)
NO_TIP: Final = "0"
OTHER_TIP: Final = "other"
_CODE: Final = 3
_CODE_OF_AMEX: Final = 4


class Unreadable(Exception):
    """The body is no form, too large, too slow, or says something twice."""


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a posted form. Raises ``Unreadable``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Unreadable
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    raise Unreadable
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except (TimeoutError, ClientDisconnect, ValueError):
        raise Unreadable from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable
    return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page asks for: which tips, and what of the address the merchant needs.

    ``month`` is the present one by the merchant's clock, YYMM.
    """

    base: Money
    tips: TipOffer | None
    street: bool
    postal_code: bool
    month: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A form that is right. ``expiry`` is YYMM."""

    pan: Pan = field(repr=False)
    expiry: str
    cvv: Cvv = field(repr=False)
    holder: str
    street: str
    postal_code: str
    email: str
    tip: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """Which fields are wrong: their names and, in English, how. ``values`` may be shown again."""

    errors: Mapping[str, str]
    values: Values


MESSAGES: Final[Mapping[str, str]] = {
    "tip_amount": english("Enter an amount within what is offered."),
    "card_number": english("Enter a valid card number."),
    "expiry": english("Enter a date that is not over, like 12 / 30."),
    "code": english("Enter the 3 or 4 digits of the security code."),
    "holder": english("Enter the name as it stands on the card."),
    "street": english("Enter the street and number of your billing address."),
    "postal_code": english("Enter a valid postal code."),
    "email": english("Enter a valid email address, or none."),
}
"""What is said of a field that is wrong, by its name."""


def read_payment(fields: Mapping[str, str], asked: Asked) -> Typed | Mistakes:
    """The payer's card and choices, or what is wrong with them. Unknown fields count for nothing."""
    text = {name: fields.get(name, "").strip() for name in (*MESSAGES, "tip")}
    pan, expiry = _card_number(text["card_number"]), _expiry(text["expiry"], asked.month)
    cvv = _code(text["code"], pan)
    tip_offered, tip = _tip(text["tip"], text["tip_amount"], asked)
    good = {
        "tip_amount": tip_offered,
        "card_number": pan is not None,
        "expiry": expiry is not None,
        "code": cvv is not None,
        "holder": _is_line(text["holder"], NAME_MAX),
        "street": _is_line(text["street"], STREET_MAX) or not (asked.street or text["street"]),
        "postal_code": _fits(_POSTAL_CODE, text["postal_code"], needed=asked.postal_code),
        "email": _fits(_EMAIL, text["email"]) and len(text["email"]) <= EMAIL_MAX,
    }
    if pan is None or expiry is None or cvv is None or not all(good.values()):
        return Mistakes(
            errors={name: MESSAGES[name] for name, right in good.items() if not right},
            values=typed_before(fields),
        )
    return Typed(
        pan=pan,
        expiry=expiry,
        cvv=cvv,
        holder=text["holder"],
        street=text["street"],
        postal_code=text["postal_code"],
        email=text["email"],
        tip=tip,
    )


def typed_before(fields: Mapping[str, str]) -> Values:
    """What of a form may be shown again: nothing of the card."""
    return Values(
        tip=fields.get("tip", "0")[:8],
        tip_amount=fields.get("tip_amount", "")[:12],
        holder=fields.get("holder", "")[:NAME_MAX],
        street=fields.get("street", "")[:STREET_MAX],
        postal_code=fields.get("postal_code", "")[:10],
        email=fields.get("email", "")[:EMAIL_MAX],
    )


def _card_number(text: str) -> Pan | None:
    """Digits, with blanks or hyphens between them as they are printed, and the right check digit."""
    if _SEPARATED.fullmatch(text) is None:
        return None
    try:
        pan = Pan(text.replace(" ", "").replace("-", ""))
    except ValueError:
        return None
    return pan if pan.passes_luhn() else None


def _expiry(text: str, month: str) -> str | None:
    """``12/30``, ``12 / 2030`` or ``1230`` as YYMM, if that month is not over."""
    match = _EXPIRY.fullmatch(text)
    if match is None or int(match[1]) not in _MONTHS:
        return None
    expiry = f"{match[2]}{int(match[1]):02d}"
    return expiry if expiry >= month else None


def _code(text: str, pan: Pan | None) -> Cvv | None:
    """Four digits for American Express, three for others; of a number that is wrong either."""
    try:
        cvv = Cvv(text)
    except ValueError:
        return None
    if pan is None:
        return cvv
    return cvv if len(text) == (_CODE_OF_AMEX if brand_of(pan.bin) is Brand.AMEX else _CODE) else None


def _tip(choice: str, amount: str, asked: Asked) -> tuple[bool, Money | None]:
    """Whether the chosen tip is offered, and the tip. A form without a choice has none."""
    if asked.tips is None:
        return True, None
    if choice == OTHER_TIP:
        tip = parse_decimal(amount.replace(",", "."), asked.base.currency)
        return tip is not None and asked.tips.allows(tip, asked.base), tip
    tip = tip_choices(asked.tips, asked.base).get(choice or NO_TIP)
    return tip is not None, tip


def tip_choices(offer: TipOffer, base: Money) -> dict[str, Money]:
    """What may be chosen without typing, by what the form sends: a percentage of the base amount."""
    suggested = {str(percent): tip for percent, tip in offer.suggestions(base)}
    return {NO_TIP: Money.zero(base.currency), **suggested}


def _is_line(text: str, length_max: int) -> bool:
    return 0 < len(text) <= length_max and text.isprintable()


def _fits(pattern: re.Pattern[str], text: str, *, needed: bool = False) -> bool:
    return pattern.fullmatch(text) is not None if text else not needed
