"""Fields that several operations share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bezant.core.catalogue import Line
from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.payments import Order
from bezant.core.vault import mask_card_numbers
from bezant.dialects.valor import codes
from bezant.dialects.valor.codes import Error
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Field
from bezant.dialects.wire.kept import from_json, json_object

AMOUNT_MINOR_MAX = 9_999_999
"""99,999.99 (vendor docs)."""

PAYMENT_ID_MAX = 2**63 - 1
NAME_MAX = 40
CHANNEL_MAX = 30

FLAG = codecs.one_of({"0": False, "1": True})


def _text(name: str, length_max: int, *aliases: str) -> Field[Error]:
    return Field(
        name=name,
        read=_without_card_numbers(codecs.text(length_max=length_max)),
        invalid=codes.BAD_TEXT,
        aliases=aliases,
    )


def _without_card_numbers(read: codecs.Reader[str]) -> codecs.Reader[str]:
    """A text that is kept and shown: card numbers that strayed into it are masked."""
    return codecs.alike(lambda value: mask_card_numbers(read(value)), read)


def amount(*, missing: Error | None = codes.BAD_AMOUNT) -> Field[Error]:
    """The base amount: dollars, without tax and fee, more than zero."""
    return Field(
        name="amount",
        read=codecs.decimal(minor_max=AMOUNT_MINOR_MAX, grouped=True),
        missing=missing,
        invalid=codes.BAD_AMOUNT,
        note="number or text; thousands separators are sent by shop plugins (public client)",
    )


def _extra(name: str, invalid: Error) -> Field[Error]:
    return Field(
        name=name,
        read=_with_text(codecs.decimal(minor_max=AMOUNT_MINOR_MAX, zero=True, grouped=True)),
        invalid=invalid,
    )


def _with_text(read: codecs.Reader[Money]) -> codecs.Reader[tuple[Money, str]]:
    """The amount, and the text that it came in: the answer repeats it."""
    return codecs.alike(lambda value: (read(value), str(value).strip()), read)


TAX = _extra("tax_amount", codes.BAD_TAX)
FEE = _extra("surchargeAmount", codes.BAD_SURCHARGE)
FEE_IS_PERCENT = Field(
    name="surchargeIsPercentage", read=FLAG, default=False, invalid=codes.BAD_SURCHARGE, note="our choice"
)
TIP = Field(
    name="tip",
    read=codecs.decimal(minor_max=AMOUNT_MINOR_MAX, zero=True, grouped=True),
    invalid=codes.BAD_TIP,
)
PROFILE = Field(
    name="surchargeIndicator",
    read=codecs.one_of({"0": Profile.TRADITIONAL, "1": Profile.SURCHARGE}),
    default=Profile.TRADITIONAL,
    invalid=codes.BAD_SURCHARGE_INDICATOR,
    note="required by the docs, left out by clients",
)
EXPIRY = Field(name="expirydate", read=codecs.card_expiry, invalid=codes.BAD_EXPIRY, note="MMYY or MM/YY")
HOSTED_PAGE = Field(
    name="epage",
    read=codecs.one_of({"0": False}),
    default=False,
    invalid=codes.NO_HOSTED_PAGE,
    note="1 asks for a hosted page, which is another operation: it never becomes a charge",
)
CVV = Field(name="cvv", read=codecs.card_cvv, invalid=codes.BAD_CVV)
TOKEN = Field(
    name="token",
    read=codecs.pattern(r"[0-9A-Za-z]{1,64}", upper=True),
    invalid=codes.BAD_TOKEN,
    note="40 hex digits; any other token is one that we do not know",
)


def ref_txn_id(
    *, missing: Error | None = None, aliases: tuple[str, ...] = (), note: str = ""
) -> Field[Error]:
    """The id of an earlier payment: up to 20 digits (vendor docs), more than our ids ever have."""
    read = codecs.integer(maximum=10**20 - 1)
    return Field(
        name="ref_txn_id",
        # What lies beyond every id is as unknown as the last one, which is never given out.
        read=codecs.described(
            lambda value: min(read(value), PAYMENT_ID_MAX),
            "whole number of up to 20 digits",
            codecs.schema_of(read),
        ),
        missing=missing,
        invalid=codes.BAD_TRANSACTION_ID,
        aliases=aliases,
        note=note,
    )


RRN = Field(name="rrn", read=codecs.pattern(r"[0-9]{1,15}"), invalid=codes.BAD_RRN)
STAN = Field(name="stan", read=codecs.integer(maximum=999_999), invalid=codes.BAD_STAN)
TRAN_NO = Field(name="tran_no", read=codecs.integer(maximum=10**11 - 1), invalid=codes.BAD_TRAN_NO)
AUTH_CODE = Field(name="auth_code", read=codecs.pattern(r"[0-9A-Za-z]{1,8}"), invalid=codes.BAD_AUTH_CODE)

INVOICE = _text("invoicenumber", 50, "invoice_no")
PHONE = Field(
    name="phone",
    read=codecs.pattern(r"[0-9+().\- ]{1,20}"),
    invalid=codes.BAD_TEXT,
    aliases=("customer_phone",),
    note="10 digits in the docs; plugins send what the customer typed",
)
EMAIL = _text("email", 255)
MAIL_ADDRESS = Field(
    name="email", read=codecs.email(length_max=255), invalid=codes.BAD_TEXT, note="mail goes there"
)
CHANNEL = _text("ecomm_channel", CHANNEL_MAX)

ONCE = Field(
    name="duplicate_transaction_check",
    read=FLAG,
    default=False,
    invalid=codes.BAD_TEXT,
    note="1: declined with 94 where a like one (card, amount, invoice) stands from the last 10 minutes",
)

ITEMS_LENGTH_MAX: Final = 16_384
"""Of an order's items, as JSON text: about a hundred of them (our choice)."""


LINES_MAX: Final = 100
"""Products of one sale (our choice)."""
_QUANTITY_MAX: Final = 1_000_000
_ITEM_ID = codecs.integer(maximum=PAYMENT_ID_MAX)
_QUANTITY = codecs.integer(minimum=1, maximum=_QUANTITY_MAX)


def _lines(value: Any) -> tuple[Line, ...]:  # noqa: ANN401 - any JSON value
    said = from_json(value)
    if not isinstance(said, list) or len(said) > LINES_MAX:
        raise codecs.Invalid
    return tuple(line for each in said for line in _lines_of(each))


def _lines_of(said: Any) -> Iterator[Line]:  # noqa: ANN401 - any JSON value
    """A product, and each of its modifiers as often as the product itself."""
    if not isinstance(said, dict) or not isinstance(modifiers := said.get("modifierIds", []), list):
        raise codecs.Invalid
    if len(modifiers) > LINES_MAX:
        raise codecs.Invalid
    quantity = _QUANTITY(said.get("qty", "1"))
    for item_id in (said.get("product_id"), *modifiers):
        yield Line(item_id=_ITEM_ID(item_id), quantity=quantity)


_LINES_SCHEMA: Final[codecs.Schema] = {
    "type": ["array", "string"],
    "maxItems": LINES_MAX,
    "items": {
        "type": "object",
        "properties": {
            "product_id": codecs.schema_of(_ITEM_ID),
            "qty": codecs.schema_of(_QUANTITY),
            "modifierIds": {"type": "array", "maxItems": LINES_MAX, "items": codecs.schema_of(_ITEM_ID)},
        },
        "required": ["product_id"],
    },
}
PRODUCTS = Field(
    name="productIds",
    read=codecs.described(
        _lines, f"array of product_id, qty and modifierIds[], at most {LINES_MAX}", _LINES_SCHEMA
    ),
    default=(),
    invalid=codes.BAD_PRODUCT_ID,
    note="lowers the stock of items with inventory; forms send its text (public client)",
)

PURCHASE_ORDER = _text("po_number", 50)
ITEMS = Field(
    name="order_details",
    read=json_object(length_max=ITEMS_LENGTH_MAX),
    invalid=codes.BAD_TEXT,
    note="needs invoicenumber (vendor docs); kept as it came, card numbers masked; forms send its text",
)

ORDER: tuple[Field[Error], ...] = (
    _text("cardholdername", NAME_MAX, "customer_name"),
    INVOICE,
    _text("orderdescription", 50, "product", "descriptor"),
    PHONE,
    EMAIL,
    _text("address1", 100),
    _text("address2", 100),
    _text("city", 50),
    _text("state", 50),
    Field(
        name="zip",
        read=codecs.pattern(r"[0-9A-Za-z\-][0-9A-Za-z\- ]{1,8}[0-9A-Za-z\-]"),
        invalid=codes.BAD_TEXT,
    ),
    _text("shipping_country", 50),
    _text("billing_country", 50),
    _text("uid", 64),
    CHANNEL,
)


def capitals(name: str) -> str:
    """A cardholder's name as it is shown. Some letters become two: what is then too long is cut off."""
    return name.upper()[:NAME_MAX]


def order_of(values: Mapping[str, Any], *, echo: Mapping[str, str] | None = None) -> Order:
    """What the caller says about a payment. Absent fields stay absent."""
    get = values.get
    name, source = get("cardholdername"), get("ecomm_channel")
    return Order(
        invoice=get("invoicenumber"),
        description=get("orderdescription"),
        cardholder=capitals(name) if name else None,
        phone=get("phone"),
        email=get("email"),
        address=get("address1"),
        address2=get("address2"),
        city=get("city"),
        state=get("state"),
        postal_code=get("zip"),
        country=get("billing_country"),
        reference=get("uid"),
        source=source.lower()[:CHANNEL_MAX] if source else None,
        purchase_order=get("po_number"),
        items=get("order_details"),
        lines=get("productIds") or (),
        echo=echo or {},
    )
