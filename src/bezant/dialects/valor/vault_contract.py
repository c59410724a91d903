"""The contract of the vendor's vault, as tables: what its operations are sent, and what they answer.

Source: vendor docs (vault-api-documentation, valor-api-sample-response) and public clients; a ``note`` says
where we take more than the docs ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bezant.core.sensitive import AccountNumber, Pan
from bezant.core.vault import (
    ADDRESSES_MAX,
    AccountKind,
    Address,
    BankProfile,
    CardProfile,
    Customer,
    Place,
    is_routing_number,
)
from bezant.dialects.valor.families import BRANDS
from bezant.dialects.wire import body, codecs
from bezant.dialects.wire.codecs import Invalid, Reader, described
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply, array

PAGE_MAX: Final = 100

# What is sent ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a field. Without words, it is missing."""

    field: str
    words: str = ""

    def said(self, where: str) -> str:
        """The text, as the vendor's JSON schema validator puts it (missing: vendor docs; wrong: ours)."""
        if self.words:
            return f"{where}/{self.field} {self.words}"
        return f"{where} must have required property '{self.field}'"


def _field(
    name: str,
    read: Reader[Any],
    *aliases: str,
    required: bool = False,
    default: object = None,
    note: str = "",
) -> Field[Flaw]:
    words = (read.__doc__ or "").partition(".")[0].replace("`", "")
    if not words[1:2].isupper():
        words = words[:1].lower() + words[1:]
    return Field(
        name=name,
        read=read,
        invalid=Flaw(name, f"must be {words}"),
        missing=Flaw(name) if required else None,
        aliases=aliases,
        default=default,
        note=note,
    )


def _name(length_max: int) -> Reader[str]:
    plain = codecs.text(length_max=length_max)

    def read(value: Any) -> str:  # noqa: ANN401 - any JSON value
        found = plain(value)
        if not any(sign.isalpha() for sign in found):
            raise Invalid
        return found

    return described(
        read,
        f"text with a letter, at most {length_max} characters",
        codecs.line_schema(length_max, length_min=1),
    )


@codecs.with_schema(codecs.schema_of(codecs.card_number))
def _card_number(value: Any) -> Pan:  # noqa: ANN401 - any JSON value
    """A card number of 15 to 19 digits."""
    pan = codecs.card_number(value)
    if not pan.passes_luhn():
        raise Invalid
    return pan


@codecs.with_schema(codecs.schema_of(codecs.card_expiry))
def _expiry(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """MM/YY."""
    return codecs.card_expiry(value)


@codecs.with_schema({"type": "string", "pattern": "^[0-9]{4,17}$", "examples": ["000123456789"]})
def _account_number(value: Any) -> AccountNumber:  # noqa: ANN401 - any JSON value
    """An account number of 4 to 17 digits."""
    return AccountNumber(codecs.digits(minimum=4, maximum=17)(value))


@codecs.with_schema({"type": "string", "pattern": "^[0-9]{9}$", "examples": ["021000021"]})
def _routing_number(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """A routing number of 9 digits."""
    found = codecs.digits(minimum=9, maximum=9)(value)
    if not is_routing_number(found):
        raise Invalid
    return found


def _objects(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """A list of objects."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Invalid
    try:
        return [body.folded(item) for item in value]
    except body.Malformed:
        raise Invalid from None


_TEN_DIGITS: Final = codecs.phone(minimum=10, maximum=10)
_PHONE: Final = described(_TEN_DIGITS, "telephone number of 10 digits", codecs.schema_of(_TEN_DIGITS))
_DETAILS: Final = (
    _field("company_name", codecs.text(length_max=100)),
    _field("customer_phone", _PHONE),
    _field("customer_email", codecs.email(length_max=255)),
    _field("address_details", _objects),
)
_CUSTOMER_NAME: Final = _name(25)
CUSTOMER: Final = (
    _field(
        "customer_name",
        _CUSTOMER_NAME,
        required=True,
        note="letters in the docs; real names have more to them",
    ),
    *_DETAILS,
)
CHANGES: Final = (_field("customer_name", _CUSTOMER_NAME), *_DETAILS)


def _place(kind: str) -> tuple[Field[Flaw], ...]:
    text = codecs.text(length_max=100)
    misspelt = ("shiiping_unit",) if kind == "shipping" else ()
    return (
        _field(f"{kind}_customer_name", text),
        _field(f"{kind}_street_no", text, note="plugins send the whole street"),
        _field(f"{kind}_street_name", text),
        _field(f"{kind}_unit", text, *misspelt, note="one is misspelt in the docs" if misspelt else ""),
        _field(f"{kind}_city", text),
        _field(f"{kind}_state", codecs.text(length_max=50), note="two letters in the docs"),
        _field(
            f"{kind}_zip", codecs.pattern(r"[0-9A-Za-z][0-9A-Za-z \-]{3,8}[0-9A-Za-z]", words="5 to 10 signs")
        ),
    )


ADDRESS: Final = (
    _field("address_label", codecs.text(length_max=100), required=True),
    *_place("billing"),
    *_place("shipping"),
)
described(_objects, _objects.__doc__ or "", {"type": "array", "maxItems": ADDRESSES_MAX, "items": ADDRESS})

_CARDHOLDER: Final = codecs.text(length_max=40)
CARD: Final = (
    _field("pan_num", _card_number, required=True),
    _field("expiry", _expiry, required=True),
    _field("cardholder_name", _CARDHOLDER, required=True),
)
CARD_BY_TOKEN: Final = (
    _field("token", codecs.hexadecimal(length=40), required=True),
    _field("cardholder_name", _CARDHOLDER),
)
CARD_OF_PAYMENT: Final = (
    _field("ref_txn_id", codecs.integer(minimum=1, maximum=2**63 - 1), required=True),
    _field("cardholder_name", _CARDHOLDER),
)
ACCOUNT_KINDS: Final = {"c": AccountKind.CHECKING, "s": AccountKind.SAVINGS, "g": AccountKind.LEDGER}
ACCOUNT: Final = (
    _field("routing_number", _routing_number, required=True),
    _field("account_number", _account_number, required=True),
    _field(
        "account_type",
        codecs.one_of(ACCOUNT_KINDS),
        default=AccountKind.CHECKING,
        note="C checking, S savings, G general ledger (vendor docs, ach-sale-api-1)",
    ),
    _field("account_holder_name", _CARDHOLDER, "payee_name", "cardholder_name"),
)
PAGE: Final = (
    _field("limit", codecs.integer(minimum=1, maximum=PAGE_MAX), default=PAGE_MAX),
    _field("offset", codecs.integer(maximum=10**9), default=0),
)


# What is answered -----------------------------------------------------------------------------------------


ADDED_CUSTOMER: Layout[int] = Layout(
    Constant("code", 201),
    Constant("status", "OK"),
    Reply("vault_customer_id", codecs.json, lambda added: added),
)
ADDED_CARD: Layout[int] = Layout(
    Constant("code", 201),
    Constant("status", "OK"),
    Reply("payment_id", codecs.json, lambda added: added),
)
ADDED_ACCOUNT: Layout[int] = Layout(
    Constant("code", 200),
    Constant("status", "SUCCESS"),
    Reply("ach_profile_id", codecs.json, lambda added: added),
)
DONE: Layout[None] = Layout(Constant("code", 200), Constant("status", "OK"), Constant("message", "Success"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A card profile as it is shown, with what is known of its issuer."""

    profile: CardProfile
    card_type: str | None


_CARD: Layout[Listed] = Layout(
    Reply("payment_id", codecs.json, lambda row: row.profile.profile_id),
    Reply("masked_pan", codecs.json, lambda row: f"XXXX{row.profile.card.last4}"),
    Reply("token", codecs.json, lambda row: row.profile.card.token),
    Reply("card_type", codecs.json, lambda row: row.card_type, "C or D, null for an unknown number range"),
    Reply("card_brand", codecs.json, lambda row: BRANDS[row.profile.card.brand]),
    Reply("cardholder_name", codecs.json, lambda row: row.profile.cardholder),
    Constant("status", "active"),
)
_KIND_LETTERS: Final = {kind: letter.upper() for letter, kind in ACCOUNT_KINDS.items()}
_ACCOUNT: Layout[BankProfile] = Layout(
    Reply("ach_profile_id", codecs.json, lambda row: row.profile_id),
    Reply("routing_number", codecs.json, lambda row: f"****{row.account.routing_number[-4:]}"),
    Reply("account_number", codecs.json, lambda row: f"****{row.account.last4}"),
    Reply("account_type", codecs.json, lambda row: _KIND_LETTERS[row.account.kind]),
    Reply("account_holder_name", codecs.json, lambda row: row.account.holder),
    Constant("status", "active"),
)


PLACE_NAMES: Final = {
    "customer_name": "name",
    "street_no": "street_number",
    "street_name": "street",
    "unit": "unit",
    "city": "city",
    "state": "state",
    "zip": "postal_code",
}


def _place_replies(kind: str, place: Callable[[Address], Place]) -> tuple[Reply[Address], ...]:
    def part(name: str) -> Callable[[Address], str | None]:
        return lambda address: getattr(place(address), name)

    return tuple(Reply(f"{kind}_{key}", codecs.json, part(name)) for key, name in PLACE_NAMES.items())


_ADDRESS: Layout[Address] = Layout(
    Reply("address_label", codecs.json, lambda address: address.label),
    *_place_replies("billing", lambda address: address.billing),
    *_place_replies("shipping", lambda address: address.shipping),
)
_CUSTOMER: Layout[Customer] = Layout(
    Reply("vault_customer_id", codecs.json, lambda c: c.customer_id),
    Reply("customer_name", codecs.json, lambda c: c.details.name),
    Reply("company_name", codecs.json, lambda c: c.details.company),
    Reply("customer_phone", codecs.json, lambda c: c.details.phone),
    Reply("customer_email", codecs.json, lambda c: c.details.email),
    Reply("address_details", array(_ADDRESS), lambda c: c.details.addresses),
)


def _listing(row: Layout[Any]) -> Layout[Sequence[Any]]:
    return Layout(
        Constant("code", 200),
        Constant("status", "OK"),
        Constant("message", "Success"),
        Reply("data", array(row), lambda rows: rows),
    )


CARDS: Final = _listing(_CARD)
ACCOUNTS: Final = _listing(_ACCOUNT)
CUSTOMERS: Final = _listing(_CUSTOMER)


FAILED: Layout[tuple[int, object]] = Layout(
    Reply("code", codecs.json, lambda failed: failed[0]),
    Constant("status", "FAILED"),
    Reply("errors", codecs.json, lambda failed: failed[1], "texts; one text where a bank account is added"),
)
