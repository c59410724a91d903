"""Values that few fields take, and what each field makes of them: the tables of ``test_bad_input``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

VALUES: Final[Mapping[str, str | None]] = {
    "missing": None,
    "empty": '""',
    "null": "null",
    "blank": '"  "',
    "true": "true",
    "false": "false",
    "list": '["5"]',
    "empty list": "[]",
    "object": '{"a": "5"}',
    "Arabic digit": '"\u0665"',
    "full-width digit": '"\uff15"',
    "superscript digit": '"\u00b2"',
    "negative text": '"-5"',
    "negative number": "-5",
    "plus sign": '"+5"',
    "not a number": '"NaN"',
    "infinity": '"Infinity"',
    "exponent": '"1e2"',
    "exponent as a number": "1e2",
    "underscore": '"1_000"',
    "hexadecimal": '"0x10"',
    "three decimals": '"5.001"',
    "no whole part": '".5"',
    "no decimals": '"5."',
    "padded": '"0000005"',
    "zero": '"0"',
    "zero as a number": "0",
    "currency sign": '"$5"',
    "wrong groups": '"1,2,3"',
    "5000 digits": f'"{"9" * 5000}"',
    "4300 digits as a number": "9" * 4300,
    "bidirectional": '"\u202e5"',
    "zero width": '"5\u200b"',
    "no-break space": '"5\u00a05"',
    "line within": '"5\\n5"',
    "SQL": '"\' OR 1=1 --"',
    "markup": '"<b>5</b>"',
}
"""By name, as JSON; none where the field is left out. The same for every field."""

BROKEN: Final[Mapping[str, str]] = {
    "NUL": '"5\\u0000"',
    "control character": '"5\\u0001"',
    "backspace": '"5\\b"',
    "form feed": '"5\\f"',
    "raw control character": '"5\x02"',
    "raw delete": '"5\x7f"',
    "lone surrogate": '"5\\ud800"',
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "33 levels": "[" * 32 + "]" * 32,
    "leading zero": "05",
    "bare word": "five",
    "two values": '"5" "5"',
    "octal escape": '"\\055"',
    "single quotes": "'5'",
    "comment": '"5" /* five */',
}
"""Values that make the whole body no request, in whatever field they stand."""

ABSENT: Final = frozenset({"missing", "empty", "null"})
ZERO: Final = frozenset({"zero", "zero as a number"})
ALPHANUMERIC: Final = frozenset(
    {"not a number", "infinity", "exponent", "exponent as a number", "hexadecimal", "padded", *ZERO}
)
PHONE: Final = frozenset(
    {
        "negative text",
        "negative number",
        "plus sign",
        "three decimals",
        "no whole part",
        "no decimals",
        "padded",
    }
)
NO_SCALAR: Final = frozenset({"true", "false", "list", "empty list", "object"})
TOO_LONG: Final = frozenset({"5000 digits", "4300 digits as a number"})
UNPRINTABLE: Final = frozenset({"bidirectional", "zero width", "no-break space", "line within"})
ANY_TEXT: Final = frozenset(VALUES) - NO_SCALAR - TOO_LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A field, and which of ``VALUES`` it takes; the others are its ``error``, absence is ``missing``."""

    field: str
    error: str
    takes: frozenset[str]
    missing: str | None = None

    def expected(self, value: str) -> str | None:
        """The error that a value gives, or nothing when it is taken."""
        if value in ABSENT:
            return self.missing
        return None if value in self.takes else self.error


def _text(*names: str) -> Iterator[Case]:
    for name in names:
        yield Case(field=name, error="E19", takes=ANY_TEXT - UNPRINTABLE)


_PHONE: Final = Case(field="phone", error="E19", takes=PHONE | ZERO)
_INDICATOR: Final = Case(field="surchargeIndicator", error="E12", takes=ZERO)
_AUTH_CODE: Final = Case(field="auth_code", error="E17", takes=ALPHANUMERIC)
_RRN: Final = Case(field="rrn", error="E15", takes=ZERO | {"padded"})

SALE: Final = (
    Case(field="amount", error="E05", takes=frozenset(), missing="E05"),
    Case(field="tax_amount", error="E11", takes=ZERO),
    _INDICATOR,
    Case(field="surchargeAmount", error="E10", takes=ZERO),
    Case(field="epage", error="E22", takes=ZERO),
    Case(field="surchargeIsPercentage", error="E10", takes=ZERO),
    Case(field="tip", error="E18", takes=ZERO),
    Case(field="cardnumber", error="E06", takes=frozenset(), missing="E06"),
    Case(field="expirydate", error="E07", takes=frozenset(), missing="E07"),
    Case(field="cvv", error="E08", takes=frozenset({"zero as a number"})),
    *_text("cardholdername", "invoicenumber", "orderdescription", "email", "address1", "address2", "city"),
    *_text("state", "shipping_country", "billing_country", "uid", "ecomm_channel"),
    _PHONE,
    Case(field="zip", error="E19", takes=ALPHANUMERIC - ZERO),
    *_text("po_number"),
    Case(field="duplicate_transaction_check", error="E19", takes=ZERO),
    Case(field="order_details", error="E19", takes=frozenset({"object"})),
    Case(field="productIds", error="G12", takes=frozenset({"empty list"})),
)
TOKEN: Final = Case(field="token", error="E09", takes=ALPHANUMERIC)
REFUND: Final = (
    Case(field="amount", error="E05", takes=frozenset(), missing="E03"),
    Case(field="ref_txn_id", error="E14", takes=ZERO | {"padded"}, missing="E03"),
    _INDICATOR,
    Case(field="sale_refund", error="E19", takes=frozenset()),
    _AUTH_CODE,
    _RRN,
    TOKEN,
    *_text("invoicenumber", "email", "ecomm_channel"),
    _PHONE,
    Case(field="otp", error="E26", takes=ANY_TEXT),
    Case(field="uuid", error="E26", takes=ANY_TEXT - UNPRINTABLE),
)
VOID: Final = (
    Case(field="ref_txn_id", error="E14", takes=ZERO | {"padded"}, missing="E14"),
    Case(field="surchargeindicator", error="E12", takes=ZERO),
    Case(field="amount", error="E05", takes=frozenset()),
    _AUTH_CODE,
    _RRN,
    Case(field="tran_no", error="E16", takes=ZERO | {"padded"}),
    Case(field="stan", error="E34", takes=ZERO | {"padded"}),
    *_text("email"),
    _PHONE,
)
