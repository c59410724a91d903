"""The fields of this dialect's requests. Nested ones go by their path; letters' case does not count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from bezant.core.merchants import colour_of
from bezant.core.outcomes import BadFacts
from bezant.core.vault import mask_card_numbers
from bezant.dialects.ipospays import codes
from bezant.dialects.ipospays.codes import AUTHENTICATION, TRANSACTION, Error, invalid
from bezant.dialects.wire import codecs
from bezant.dialects.wire.body import Number
from bezant.dialects.wire.codecs import Invalid, scalar
from bezant.dialects.wire.contract import Field
from bezant.dialects.wire.kept import from_json, json_object

AMOUNT_MINOR_MAX: Final = 99_999_999
"""Eight digits (source: vendor docs)."""
REFERENCE_LENGTH_MAX: Final = 100
"""20 in the docs; shop plugins send up to about 90 (source: public client)."""
ITEMS_LENGTH_MAX: Final = 16_384
SOURCE_MAX: Final = 30

OLDER: Final = "transactRequest"
"""How older documentation spells ``transactionRequest``."""

_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}", re.ASCII)
_TWELVE: Final = re.compile(r"[0-9]{12}", re.ASCII)


@codecs.with_schema({"type": ["string", "integer"], "pattern": "^[0-9]{12}$"})
def twelve_digits(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """12 digits. A JSON number of fewer has lost its leading zeros: they are put back."""
    found = scalar(value).strip(" ")
    if isinstance(value, Number):
        found = found.zfill(12)
    if _TWELVE.fullmatch(found) is None:
        raise Invalid
    return found


@codecs.with_schema({"type": "string", "maxLength": 25})
def person(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A name of letters and blanks, at most 25 characters."""
    found = scalar(value).strip()
    if len(found) > 25 or not all(letter.isalpha() or letter == " " for letter in found):  # noqa: PLR2004 - as above
        raise Invalid
    return found


def kept(length_max: int) -> codecs.Reader[str]:
    """A text that is kept and shown: card numbers that strayed into it are masked."""
    read = codecs.text(length_max=length_max)
    return codecs.alike(lambda value: mask_card_numbers(read(value)), read)


def _of_transaction(name: str, **facts: Any) -> Field[Error]:  # noqa: ANN401 - a Field's own
    return Field(name=f"{TRANSACTION}.{name}", aliases=(f"{OLDER}.{name}",), **facts)


def _preference(name: str, what: str, read: codecs.Reader[Any], **facts: Any) -> Field[Error]:  # noqa: ANN401 - as above
    path = f"preferences.{name}"
    return Field(name=path, read=read, **{"invalid": invalid(path, what), **facts})


MERCHANT_ID: Final = Field(
    name=f"{AUTHENTICATION}.merchantId",
    read=twelve_digits,
    missing=codes.BAD_MERCHANT,
    invalid=codes.BAD_MERCHANT,
    aliases=("merchantId", "tpn"),
    note="the TPN; text or number",
)
_NAMED: Final = codecs.pattern(rf"[A-Za-z0-9_\-]{{1,{REFERENCE_LENGTH_MAX}}}")


def _reference(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """It is kept, told and compared as it is, so a card number, which could not be, is none."""
    found = _NAMED(value)
    if mask_card_numbers(found) != found:
        raise Invalid
    return found


REFERENCE: Final = Field(
    name=f"{AUTHENTICATION}.transactionReferenceId",
    read=codecs.alike(_reference, _NAMED),
    missing=codes.NO_REFERENCE,
    invalid=codes.BAD_REFERENCE,
    aliases=("transactionReferenceId",),
    note="unique for the TPN; longer and with more signs than the docs allow, as clients send it; no card "
    "number, since it is kept as it is",
)
AMOUNT: Final = _of_transaction(
    "amount",
    read=codecs.minor(minor_max=AMOUNT_MINOR_MAX),
    missing=codes.NO_AMOUNT,
    invalid=codes.BAD_AMOUNT,
    note="cents; text or number",
)
OPTIONAL_AMOUNT: Final = replace(AMOUNT, missing=None, note="cents; all that is left where there is none")
MORE_AMOUNT: Final = replace(
    AMOUNT,
    aliases=(*AMOUNT.aliases, f"{TRANSACTION}.additionalAmount", f"{OLDER}.additionalAmount"),
    note="cents, to be held in addition",
)
TIP: Final = _of_transaction(
    "tipAmount",
    read=codecs.minor(minor_max=AMOUNT_MINOR_MAX, zero=True),
    invalid=invalid(f"{TRANSACTION}.tipAmount", "Tip Amount"),
    note="cents, beside the amount",
)
NEW_TIP: Final = _of_transaction(
    "tipAmount",
    read=codecs.minor(minor_max=AMOUNT_MINOR_MAX, zero=True),
    missing=codes.NO_AMOUNT,
    invalid=invalid(f"{TRANSACTION}.tipAmount", "Tip Amount"),
)
NEW_TIP_OR_AMOUNT: Final = replace(
    NEW_TIP,
    aliases=(*NEW_TIP.aliases, *(f"{root}.amount" for root in (TRANSACTION, OLDER))),
    note="cents; `amount` counts where there is no `tipAmount`",
)
RRN: Final = _of_transaction("rrn", read=twelve_digits, missing=codes.NO_RRN, invalid=codes.BAD_RRN)
CARD_TOKEN_DIGITS: Final = 40
CARD_TOKEN: Final = _of_transaction(
    "cardToken",
    read=codecs.pattern(r"[0-9A-Za-z]{16,64}", upper=True),
    invalid=invalid(f"{TRANSACTION}.cardToken", "Card Token"),
    note="40 hex digits; any other token is one that we do not know",
)
PAYMENT_TOKEN: Final = _of_transaction(
    "paymentTokenId",
    read=codecs.pattern(r"[0-9A-Za-z]{16,64}"),
    invalid=invalid(f"{TRANSACTION}.paymentTokenId", "Payment Token Id"),
    note="of card fields in a shop's page: for one charge of this TPN, within 30 minutes. A card token is "
    "taken, too, as often as it comes: for pages that tokenise a card in another way",
)


def _anything(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Anything."""
    return value


@codecs.with_schema({"type": "string"})
def colour(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """``#RRGGBB``, dark enough for white text; any other is as good as none."""
    found = scalar(value).strip(" ")
    try:
        return colour_of(found) if _COLOUR.fullmatch(found) else ""
    except BadFacts:
        return ""


ENCRYPTED_CARD: Final = _of_transaction(
    "encryptedCardData", read=_anything, invalid=codes.NO_ENCRYPTED_CARD, note="not offered"
)
GOOGLE_PAY: Final = Field(
    name="preferences.GooglePay", read=_anything, invalid=codes.NO_WALLET, note="not offered"
)
INVOICE: Final = _of_transaction(
    "invoiceNumber",
    read=kept(50),
    invalid=invalid(f"{TRANSACTION}.invoiceNumber", "Invoice Number"),
)
SOURCE: Final = _of_transaction(
    "sourceType",
    read=codecs.clipped_text(length_max=SOURCE_MAX),
    invalid=invalid(f"{TRANSACTION}.sourceType", "Source Type"),
)
APPLY_RULES: Final = _of_transaction(
    "applySteamSettingTipFeeTax",
    read=codecs.flag,
    default=False,
    invalid=invalid(f"{TRANSACTION}.applySteamSettingTipFeeTax", "Tip Fee Tax Setting"),
    note="no TPN has rules of its own for tip, fee and tax here: nothing is added",
)
RECEIPT: Final = _preference("eReceipt", "EReceipt", codecs.flag, default=False)
RECEIPT_PROMPT: Final = _preference(
    "eReceiptInputPrompt", "EReceipt Input Prompt", codecs.flag, default=False
)
CUSTOMER_NAME: Final = _preference("customerName", "Customer Name", person, invalid=codes.BAD_NAME)
CUSTOMER_EMAIL: Final = _preference("customerEmail", "Customer Email", codecs.email(length_max=255))
CUSTOMER_MOBILE: Final = _preference(
    "customerMobile", "Customer Mobile", codecs.phone(minimum=1, maximum=13), note="`+` and the digits"
)
REQUEST_TOKEN: Final = _preference("requestCardToken", "Request Card Token", codecs.flag, default=False)
VERIFY_ADDRESS: Final = _preference(
    "avsVerification",
    "AVS Verification",
    codecs.flag,
    default=False,
    note="a shop plugin asks for it and sends no `Avs`: nothing is compared then (public client)",
)
INTEGRATION: Final = _preference(
    "integrationType", "Integration Type", codecs.integer(minimum=1, maximum=5), note="1 e-commerce"
)
STREET: Final = Field(
    name="Avs.StreetNo", read=kept(25), invalid=invalid("Avs.StreetNo", "Street No"), note="v2 and later"
)
ZIP: Final = Field(
    name="Avs.Zip",
    read=codecs.pattern(r"[0-9A-Za-z\- ]{3,10}"),
    invalid=invalid("Avs.Zip", "Zip"),
    note="5 digits in the docs, 6 in a sample of theirs",
)


@dataclass(frozen=True, slots=True)
class Level3:
    """What a commercial card wants told, as JSON text, and what is wrong with it."""

    text: str
    flaw: str | None


INDICATOR: Final = "netgrossindicator"
_READ_LEVEL_3: Final = json_object(length_max=ITEMS_LENGTH_MAX)


def _level_3(value: Any) -> Level3:  # noqa: ANN401 - any JSON value
    text = _READ_LEVEL_3(value)
    fits = all(isinstance(said, bool) for said in _indicators(from_json(value)))
    return Level3(text, None if fits else "NetGrossIndicator must be boolean")


def _indicators(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON value
    """Every value of that member, however deep it stands."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name.lower() == INDICATOR:
                yield item
            yield from _indicators(item)
    elif isinstance(value, list):
        for item in value:
            yield from _indicators(item)


LEVEL_3: Final = Field(
    name="L3Data",
    read=codecs.alike(_level_3, _READ_LEVEL_3),
    invalid=invalid("L3Data", "L3 Data"),
    note="kept as it came, card numbers masked; a `NetGrossIndicator` that is no boolean: not kept, flag `E`",
)

PARTIES: Final = (
    INVOICE,
    SOURCE,
    APPLY_RULES,
    RECEIPT,
    RECEIPT_PROMPT,
    CUSTOMER_NAME,
    CUSTOMER_EMAIL,
    CUSTOMER_MOBILE,
    REQUEST_TOKEN,
    INTEGRATION,
)
"""What any transaction may say of itself and its customer."""
