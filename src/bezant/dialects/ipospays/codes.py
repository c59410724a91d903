"""This vendor's words for what went wrong: problems of a request, and declines of a payment.

A problem is a member of the list ``errors``, all of which an answer names at once. A decline is an answer
like an approval, with a code and a text. ``Mark`` says how sure a row is: ``docs`` (the vendor's reference),
``client`` (read by a public client), ``ours`` (no source found; safe to correct here).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bezant.core.outcomes import Reason


class Mark(StrEnum):
    """How sure a fact is."""

    DOCS = "docs"
    CLIENT = "client"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Error:
    """One problem of a request: the field it is in, and what is wrong.

    ``code`` stands beside the list, where clients look for one: with tokens (source: public client).
    """

    field: str
    message: str
    mark: Mark = Mark.OURS
    status: int = 400
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Decline:
    """A host's or our own no: ``errResponseCode`` and ``errResponseMessage``."""

    code: str
    text: str
    mark: Mark = Mark.OURS


AUTHENTICATION: Final = "merchantAuthentication"
TRANSACTION: Final = "transactionRequest"

TOKEN_MISSING: Final = Error("token", "Token cannot be empty", status=401, code="AUTH_ERR_006")
TOKEN_INVALID: Final = Error("token", "Invalid Token", status=401, code="AUTH_ERR_006")
TOKEN_FORGED: Final = Error("token", "Invalid Token Signature", status=401, code="AUTH_ERR_008")
TOKEN_EXPIRED: Final = Error(
    "token",
    # Clients compare this text, letter by letter, and only then ask for another token.
    "Payment Processing Token is Expired. Please try with new Token",
    Mark.CLIENT,
    status=401,
    code="AUTH_ERR_007",
)


def not_registered(scope: str) -> Error:
    """The token's key does not reach this far (source: public client, for one scope)."""
    return Error("token", f"User is not registered for {scope}.", Mark.CLIENT, status=403, code="MTERR_009")


MALFORMED: Final = Error("request", "Invalid Request Format")
BUSY: Final = Error("request", "System Busy, Try Again Later", status=503)
CRASHED: Final = Error("request", "Transaction Failed", Mark.CLIENT, status=500, code="DEJ_ERR_003")

BAD_MERCHANT: Final = Error(f"{AUTHENTICATION}.merchantId", "Invalid Merchant Id", Mark.DOCS)
REFERENCE: Final = f"{AUTHENTICATION}.transactionReferenceId"
NO_REFERENCE: Final = Error(REFERENCE, "Transaction Reference Id cannot be empty")
BAD_REFERENCE: Final = Error(REFERENCE, "Invalid Transaction Reference Id")
DUPLICATE_REFERENCE: Final = Error(REFERENCE, "Duplicate Transaction Reference Id")
BAD_BOARDED: Final = Error("merchantId", "Invalid Merchant Id", Mark.DOCS, status=403)
UNKNOWN_REFERENCE: Final = Error(REFERENCE, "No transaction is registered for this Transaction Reference Id")
BAD_TYPE: Final = Error(f"{TRANSACTION}.transactionType", "Invalid Transaction Type", Mark.DOCS)
NO_AMOUNT: Final = Error(f"{TRANSACTION}.amount", "Amount cannot be empty")
BAD_AMOUNT: Final = Error(f"{TRANSACTION}.amount", "Invalid Amount")
NO_RRN: Final = Error(f"{TRANSACTION}.rrn", "RRN cannot be empty", Mark.CLIENT)
BAD_RRN: Final = Error(f"{TRANSACTION}.rrn", "Invalid RRN")
NO_CARD: Final = Error(f"{TRANSACTION}.cardToken", "Card Token cannot be empty")
NO_WALLET: Final = Error("preferences.GooglePay", "Google Pay is not enabled for this Merchant")
NO_ENCRYPTED_CARD: Final = Error(
    f"{TRANSACTION}.encryptedCardData", "Encrypted Card Data is not enabled for this Merchant"
)
NO_NAME: Final = Error("preferences.customerName", "Customer Name cannot be empty")
BAD_NAME: Final = Error("preferences.customerName", "Invalid Customer Name", Mark.CLIENT)
NO_CONTACT: Final = Error("preferences.customerEmail", "Customer Email or Customer Mobile is required")
PASSWORD_NEEDED: Final = Error(
    f"{TRANSACTION}.rrn", "Refunds of this Merchant need a one-time password, which this API cannot carry"
)
NUMBER_IN_USE: Final = Error("preferences.invoiceId", "Invoice Id is in use by an open payment link")
UNKNOWN_LINK: Final = Error(REFERENCE, "No payment link is registered for this Transaction Reference Id")


def link_is(word: str) -> Error:
    """A payment link that cannot be cancelled, and why."""
    return Error(REFERENCE, f"Payment link is already {word}")


def empty(field: str, what: str) -> Error:
    """A field that is missing, which another one makes required."""
    return Error(field, f"{what} cannot be empty")


def not_whitelisted(field: str, what: str) -> Error:
    """An address at an origin that is not one of the merchant's."""
    return Error(field, f"{what} is not a whitelisted domain")


def invalid(field: str, what: str) -> Error:
    """A field that cannot be read."""
    return Error(field, f"Invalid {what}")


_NO_ORIGINAL: Final = Decline("05", "NO ORIGINAL TXN", Mark.DOCS)
_NO_HOST: Final = Decline("05", "NO EXISTING HOST", Mark.DOCS)
_NO_RESPONSE: Final = Decline("91", "HOST NO RESPONSE", Mark.DOCS)
_AMOUNT: Final = Decline("13", "INVALID AMOUNT")

NOT_OFFERED: Final = _NO_HOST
"""What no host is there for: bank debits and gift cards."""
FORMAT_ERROR: Final = Decline("904", "FORMAT ERROR", Mark.CLIENT)
NO_INCREMENT: Final = Decline("05", "INCAUTH N/A AMEX", Mark.DOCS)

DECLINES: Final[Mapping[Reason, Decline]] = {
    Reason.REFER_TO_ISSUER: Decline("01", "REFER TO ISSUER"),
    Reason.INVALID_MERCHANT: Decline("03", "INVALID MERCHANT"),
    Reason.PICK_UP_CARD: Decline("04", "PICK UP CARD"),
    Reason.DO_NOT_HONOR: Decline("05", "DO NOT HONOR"),
    Reason.INVALID_TRANSACTION: Decline("12", "INVALID TRANSACTION"),
    Reason.INVALID_AMOUNT: _AMOUNT,
    Reason.INVALID_CARD: Decline("14", "INVALID CARD NUMBER"),
    Reason.FORMAT_ERROR: Decline("30", "FORMAT ERROR"),
    Reason.LOST_CARD: Decline("41", "LOST CARD"),
    Reason.STOLEN_CARD: Decline("43", "STOLEN CARD"),
    Reason.INSUFFICIENT_FUNDS: Decline("51", "INSUFFICIENT FUNDS", Mark.DOCS),
    Reason.EXPIRED_CARD: Decline("54", "EXPIRED CARD", Mark.DOCS),
    Reason.NOT_PERMITTED_TO_CARDHOLDER: Decline("57", "TXN NOT PERMITTED", Mark.DOCS),
    Reason.NOT_PERMITTED_TO_TERMINAL: Decline("58", "TXN NOT PERMITTED TO TERMINAL"),
    Reason.SUSPECTED_FRAUD: Decline("59", "SUSPECTED FRAUD"),
    Reason.AMOUNT_LIMIT: Decline("61", "EXCEEDS LIMIT"),
    Reason.RESTRICTED_CARD: Decline("62", "RESTRICTED CARD"),
    Reason.COUNT_LIMIT: Decline("65", "EXCEEDS COUNT"),
    Reason.CVV_MISMATCH: Decline("82", "CVV MISMATCH"),
    Reason.ISSUER_UNAVAILABLE: Decline("91", "ISSUER UNAVAILABLE"),
    Reason.DUPLICATE: Decline("94", "DUPLICATE TXN"),
    Reason.BATCH_MISMATCH: Decline("95", "BATCH TOTALS DO NOT AGREE"),
    Reason.SYSTEM_ERROR: Decline("96", "SYSTEM ERROR"),
    Reason.NO_ANSWER: _NO_RESPONSE,
    Reason.NOT_REACHED: _NO_RESPONSE,
    Reason.UNKNOWN_TOKEN: Decline("14", "INVALID CARD TOKEN"),
    Reason.ADDRESS_MISMATCH: Decline("05", "AVS MISMATCH"),
    Reason.ORIGINAL_NOT_FOUND: _NO_ORIGINAL,
    Reason.ALREADY_VOIDED: _NO_ORIGINAL,
    Reason.ALREADY_CAPTURED: _NO_ORIGINAL,
    Reason.UNKNOWN_PAYMENT: _NO_ORIGINAL,
    Reason.NOT_SETTLED: Decline("05", "ORIGINAL TXN NOT SETTLED, USE VOID"),
    Reason.EXCEEDS_REFUNDABLE: _AMOUNT,
    Reason.EXCEEDS_AUTHORIZED: _AMOUNT,
    Reason.NO_PROFILE: _NO_HOST,
    Reason.VERIFICATION_REQUIRED: Decline("82", "CVV REQUIRED"),
    Reason.TIP_NOT_ALLOWED: Decline("05", "TIP N/A PROFILE"),
    Reason.TIP_LIMIT: _AMOUNT,
}
"""What a payment that was declined, or not even begun, is answered with."""

REFUSALS: Final[Mapping[Reason, Error]] = {
    Reason.KEY_REUSED: DUPLICATE_REFERENCE,
    Reason.KEY_IN_FLIGHT: DUPLICATE_REFERENCE,
    Reason.WRONG_FACTOR: PASSWORD_NEEDED,
    Reason.BUSY: BUSY,
}
"""What is answered with a problem of the request: nothing was recorded."""

NEVER_HERE: Final = frozenset(
    {
        Reason.UNKNOWN_GIFT_CARD,
        Reason.GIFT_CARD_ACTIVE,
        Reason.GIFT_CARD_INACTIVE,
        Reason.WRONG_PIN,
        Reason.WRONG_TRANSACTION_NUMBER,
        Reason.WRONG_AUDIT_NUMBER,
        Reason.UNKNOWN_ITEM,
        Reason.OUT_OF_STOCK,
    }
)
"""Reasons of what this dialect cannot ask for: gift cards, catalogues, a transaction's other numbers."""

AMOUNT_REASONS: Final = frozenset({Reason.EXCEEDS_REFUNDABLE, Reason.INVALID_AMOUNT, Reason.AMOUNT_LIMIT})


def refund_error(reason: Reason) -> Error:
    """A refund that is not done, as a problem of its request.

    A shop plugin takes any answer in the shape of an approval or decline for a refund that went well
    (source: public client).
    """
    field = "amount" if reason in AMOUNT_REASONS else "rrn"
    return Error(f"{TRANSACTION}.{field}", DECLINES[reason].text)
