"""The parameters of this vendor, one each, and how they are read.

Their place in an operation's table is the order of the checks: amounts, currency and payment option come
last there. Absent ones are told before everything else, and too long ones before any other mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Final

from bezant.core.money import EGP, Money
from bezant.core.sensitive import Secret
from bezant.dialects.aps import codes
from bezant.dialects.aps.codes import Error, Message
from bezant.dialects.wire import codecs
from bezant.dialects.wire.body import Number
from bezant.dialects.wire.codecs import Invalid, Reader, described, scalar
from bezant.dialects.wire.contract import Field

AMOUNT_DIGITS_MAX: Final = 10
AMOUNT_MAX: Final = 10**AMOUNT_DIGITS_MAX - 1
MONTHS_MAX: Final = 120
PRODUCTS_MAX: Final = 20
PRODUCT_TEXT_MAX: Final = 50
SIGNATURE_MAX: Final = 200

_WHOLE_AS_FLOAT: Final = re.compile(r"([0-9]+)\.0+", re.ASCII)
_OTP: Final = re.compile(r"[0-9A-Za-z]{1,10}", re.ASCII)


class Option(Enum):
    """A payment option: the one that is served here, or one of the vendor's others."""

    VALU = auto()
    OTHER = auto()


OPTIONS: Final[Mapping[str, Option]] = {
    "valu": Option.VALU,
    **dict.fromkeys(
        (
            "amex",
            "apple_pay",
            "benefit",
            "knet",
            "mada",
            "mastercard",
            "meeza",
            "naps",
            "omannet",
            "stcpay",
            "tabby",
            "tamara",
            "visa",
            "visa_checkout",
        ),
        Option.OTHER,
    ),
}


def words(special: str, *, length_max: int) -> Reader[str]:
    """Letters of any script, ASCII digits, blanks and a few other characters."""
    allowed = frozenset(f"0123456789 {special}")

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = scalar(value).strip()
        if len(found) > length_max or not all(each in allowed or each.isalpha() for each in found):
            raise Invalid
        return found

    return described(read, f"letters, digits, blanks and `{special}`, at most {length_max}")


def amount(*, zero: bool = False) -> Reader[Money]:
    """Minor units as a number or a text. A JSON number may be written as a float without a part."""
    read_minor = codecs.minor(minor_max=AMOUNT_MAX, zero=zero, currency=EGP)

    def read(value: Any) -> Money:  # noqa: ANN401 - any JSON value
        if isinstance(value, Number) and (match := _WHOLE_AS_FLOAT.fullmatch(value)):
            value = match[1]
        return read_minor(value)

    return described(read, (read_minor.__doc__ or "") + ", a number or a text")


def one_time_password(value: Any) -> Secret:  # noqa: ANN401 - any JSON value
    """1 to 10 digits or letters."""
    found = scalar(value).strip(" ")
    if _OTP.fullmatch(found) is None:
        raise Invalid
    return Secret(found)


def products(value: Any) -> int:  # noqa: ANN401 - any JSON value
    """A list of objects: `product_name`, `product_price`, `product_category`."""
    if not isinstance(value, list) or not 0 < len(value) <= PRODUCTS_MAX:
        raise Invalid
    text = codecs.text(length_max=PRODUCT_TEXT_MAX)
    price = amount(zero=True)
    for product in value:
        if not isinstance(product, dict):
            raise Invalid
        text(product.get("product_name"))
        text(product.get("product_category"))
        price(product.get("product_price"))
    return len(value)


def _field(
    name: str,
    read: Reader[Any],
    *,
    length: int | None,
    invalid: Message = codes.BAD_FORMAT,
    note: str = "",
) -> Field[Error]:
    """A parameter that is needed; ``optional`` makes one that is not."""
    return Field(
        name=name,
        read=read,
        missing=Error(codes.MISSING, name=name),
        invalid=Error(invalid, name=name),
        length_max=length,
        too_long=Error(codes.BAD_LENGTH, name=name),
        note=note,
    )


def optional(field: Field[Error], note: str = "") -> Field[Error]:
    """The same parameter where it may be absent."""
    return replace(field, missing=None, note=note or field.note)


def command(parameter: str, word: str) -> Field[Error]:
    """What names the operation."""
    read = described(codecs.one_of({word.lower(): word}), f"`{word}`")
    return _field(parameter, read, length=50, invalid=codes.BAD_COMMAND)


_CODE = codecs.pattern(r"[A-Za-z0-9]{1,20}", words="letters and digits, at most 20")
_REFERENCE = codecs.pattern(r"[A-Za-z0-9._-]{1,40}", words="letters, digits and `._-`, at most 40")

ACCESS_CODE = _field("access_code", _CODE, length=20)
MERCHANT_IDENTIFIER = _field("merchant_identifier", _CODE, length=20)
SIGNATURE = _field(
    "signature", codecs.text(length_max=SIGNATURE_MAX), length=SIGNATURE_MAX, note="hex, of either case"
)
LANGUAGE = _field(
    "language",
    codecs.one_of({"en": "en", "ar": "ar"}),
    length=2,
    invalid=codes.NOT_ALLOWED_VALUE,
    note="the language of `response_message`",
)
MERCHANT_REFERENCE = _field(
    "merchant_reference", _REFERENCE, length=40, note="one for all requests of a purchase"
)
PHONE_NUMBER = _field(
    "phone_number",
    codecs.pattern(r"\+?[0-9]{4,18}", words="4 to 18 digits, a `+` before them"),
    length=19,
    note="as the customer is registered",
)
PAYMENT_OPTION = _field(
    "payment_option",
    described(codecs.one_of(OPTIONS), "`VALU`"),
    length=13,
    invalid=codes.BAD_OPTION,
    note="one of the vendor's other options: 00003",
)
AMOUNT = _field("amount", amount(), length=AMOUNT_DIGITS_MAX, invalid=codes.BAD_AMOUNT)
AMOUNT_FORM = _field(
    "amount",
    codecs.pattern(r"[0-9]{1,10}(\.0+)?", words="a whole number"),
    length=AMOUNT_DIGITS_MAX,
    note="its form; a refund's has an error of its own (vendor docs)",
)
CURRENCY = _field(
    "currency", codecs.one_of({"egp": EGP}), length=3, invalid=codes.BAD_CURRENCY, note="in any case"
)
ANY_CURRENCY = _field(
    "currency",
    codecs.pattern(r"[A-Z]{3}", upper=True, words="three letters"),
    length=3,
    invalid=codes.BAD_CURRENCY,
    note="another than the purchase's: 07013",
)
WALLET_AMOUNT = _field(
    "wallet_amount",
    amount(zero=True),
    length=AMOUNT_DIGITS_MAX,
    invalid=codes.BAD_AMOUNT,
    note="gift balance (ToU)",
)
CASHBACK_WALLET_AMOUNT = _field(
    "cashback_wallet_amount", amount(zero=True), length=AMOUNT_DIGITS_MAX, invalid=codes.BAD_AMOUNT
)
TOTAL_DOWNPAYMENT = optional(
    _field("total_downpayment", amount(zero=True), length=100, invalid=codes.BAD_AMOUNT),
    "minor units (our choice); when absent, what the lender requires",
)
TOTAL_DOWN_PAYMENT = _field(
    "total_down_payment",
    amount(zero=True),
    length=100,
    invalid=codes.BAD_AMOUNT,
    note="another spelling here (vendor docs)",
)
INCLUDE_INSTALLMENTS = replace(
    optional(
        _field(
            "include_installments",
            codecs.one_of({"yes": True, "no": False}),
            length=3,
            invalid=codes.NOT_ALLOWED_VALUE,
        )
    ),
    default=True,
)
OTP = _field("otp", one_time_password, length=10, note="never echoed")
TENURE = _field("tenure", codecs.integer(minimum=1, maximum=MONTHS_MAX), length=100, note="months")
CUSTOMER_EMAIL = _field(
    "customer_email",
    codecs.pattern(
        r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,189}",
        words="an e-mail address of letters, digits and `_-.@+`",
    ),
    length=254,
)
PURCHASE_DESCRIPTION = _field("purchase_description", codecs.text(length_max=100), length=100)
CUSTOMER_IP = optional(
    _field("customer_ip", codecs.pattern(r"[0-9A-Fa-f.:]{2,45}", words="an IP address"), length=45),
    "else the address that the request came from",
)
CUSTOMER_CODE = optional(_field("customer_code", codecs.text(length_max=100), length=100))
TRANSACTION_ID = optional(_field("transaction_id", codecs.text(length_max=100), length=100))
MERCHANT_ORDER_ID = optional(
    _field("merchant_order_id", codecs.text(length_max=100), length=100), "else a new one"
)
PRODUCTS = optional(_field("products", products, length=None), "classic only")
MERCHANT_EXTRAS = tuple(
    optional(_field(f"merchant_extra{number}", words(";/_-,'@.", length_max=250), length=250))
    for number in (1, 2, 3)
)
FORT_ID = optional(
    _field("fort_id", codecs.digits(minimum=1, maximum=20), length=20), "this or `merchant_reference`"
)
ORDER_REFERENCE = optional(MERCHANT_REFERENCE, "this or `fort_id`; both must name one order")
ORDER_DESCRIPTION = optional(_field("order_description", words("'/._-#:$,", length_max=150), length=150))
MAINTENANCE_REFERENCE = optional(
    _field(
        "maintenance_reference",
        codecs.pattern(r"[A-Za-z0-9._-]{1,200}", words="letters, digits and `._-`, at most 200"),
        length=200,
    ),
    "names this refund: one that was made is not made again",
)
RETURN_CODES = replace(
    optional(
        _field(
            "return_third_party_response_codes",
            codecs.one_of({"yes": True, "no": False}),
            length=3,
            invalid=codes.NOT_ALLOWED_VALUE,
        )
    ),
    default=False,
)
