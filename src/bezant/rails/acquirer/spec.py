"""The ISO 8583:1987 dialect of the acquirer link, as tables: fields, message types, fixed values.

What is written here once is read by the codec, the rail and the sandbox host. A message is ASCII
throughout except its bitmaps, which are binary, and travels behind a binary length of two bytes,
high byte first (source: ISO 8583:1987; length header and bitmap form: our choice).

Fields are named by constants and keyed as the standard numbers them: ``message[AMOUNT]`` is DE4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FRAME_MAX: Final = 4096
"""Bytes of a message at most. A longer length header means that the stream has lost its frame."""

MTI: Final = "t"
PAN: Final = "2"
PROCESSING_CODE: Final = "3"
AMOUNT: Final = "4"
TRANSMITTED: Final = "7"
AUDIT_NUMBER: Final = "11"
LOCAL_TIME: Final = "12"
LOCAL_DATE: Final = "13"
EXPIRY: Final = "14"
ENTRY_MODE: Final = "22"
CONDITION: Final = "25"
REFERENCE: Final = "37"
APPROVAL_CODE: Final = "38"
RESPONSE_CODE: Final = "39"
TERMINAL: Final = "41"
MERCHANT: Final = "42"
RESULTS: Final = "44"
PRIVATE: Final = "48"
CURRENCY: Final = "49"
SETTLEMENT_CODE: Final = "66"
NETWORK_CODE: Final = "70"
CREDIT_COUNT: Final = "74"
CREDIT_REVERSAL_COUNT: Final = "75"
DEBIT_COUNT: Final = "76"
DEBIT_REVERSAL_COUNT: Final = "77"
CREDITS: Final = "86"
CREDIT_REVERSALS: Final = "87"
DEBITS: Final = "88"
DEBIT_REVERSALS: Final = "89"
ORIGINAL: Final = "90"
NET: Final = "97"

_DIGITS: Final = "[0-9]+"
_ALPHANUMERIC: Final = "[0-9A-Za-z]+"
_PRINTABLE: Final = "[ -~]*"


@dataclass(frozen=True, slots=True)
class Field:
    """A data element: its name, what it may hold, how long it is.

    ``prefix`` is the number of length digits before it: 0 for a fixed ``length``, otherwise ``length``
    is the most it may be.
    """

    name: str
    content: str
    length: int
    prefix: int = 0

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a value must match in full. Length is the codec's to check."""
        return re.compile(self.content, re.ASCII)


FIELDS: Final[Mapping[str, Field]] = {
    PAN: Field("primary account number", "[0-9]{12,19}", 19, prefix=2),
    PROCESSING_CODE: Field("processing code", _DIGITS, 6),
    AMOUNT: Field("amount, minor units", _DIGITS, 12),
    TRANSMITTED: Field("transmission date and time, UTC, MMDDhhmmss", _DIGITS, 10),
    AUDIT_NUMBER: Field("systems trace audit number", _DIGITS, 6),
    LOCAL_TIME: Field("local time, hhmmss", _DIGITS, 6),
    LOCAL_DATE: Field("local date, MMDD", _DIGITS, 4),
    EXPIRY: Field("expiry, YYMM", _DIGITS, 4),
    ENTRY_MODE: Field("point of service entry mode", _DIGITS, 3),
    CONDITION: Field("point of service condition code", _DIGITS, 2),
    REFERENCE: Field("retrieval reference number", _ALPHANUMERIC, 12),
    APPROVAL_CODE: Field("approval code", "[0-9A-Za-z ]+", 6),
    RESPONSE_CODE: Field("response code", "[0-9A-Z]+", 2),
    TERMINAL: Field("terminal number", _PRINTABLE, 8),
    MERCHANT: Field("merchant number, padded with blanks", _PRINTABLE, 15),
    RESULTS: Field("address result, then card verification result", _PRINTABLE, 25, prefix=2),
    PRIVATE: Field("private elements: tag 2, length 3, value", _PRINTABLE, 999, prefix=3),
    CURRENCY: Field("currency, ISO 4217 numeric", _DIGITS, 3),
    SETTLEMENT_CODE: Field("settlement code", _DIGITS, 1),
    NETWORK_CODE: Field("network management code", _DIGITS, 3),
    CREDIT_COUNT: Field("number of credits", _DIGITS, 10),
    CREDIT_REVERSAL_COUNT: Field("number of reversed credits", _DIGITS, 10),
    DEBIT_COUNT: Field("number of debits", _DIGITS, 10),
    DEBIT_REVERSAL_COUNT: Field("number of reversed debits", _DIGITS, 10),
    CREDITS: Field("amount of credits", _DIGITS, 16),
    CREDIT_REVERSALS: Field("amount of reversed credits", _DIGITS, 16),
    DEBITS: Field("amount of debits", _DIGITS, 16),
    DEBIT_REVERSALS: Field("amount of reversed debits", _DIGITS, 16),
    ORIGINAL: Field("original: type 4, audit number 6, transmitted 10, institutions 22", _DIGITS, 42),
    NET: Field("net settlement: D or C, then the amount", "[CD][0-9]+", 17),
}

SENSITIVE: Final = frozenset({PAN, PRIVATE})
"""Fields that are never shown: the private elements carry the card verification value and address."""

AUTHORIZATION: Final = "0100"
FINANCIAL: Final = "0200"
COMPLETION: Final = "0220"
REVERSAL: Final = "0400"
RECONCILIATION: Final = "0500"
NETWORK: Final = "0800"

ANSWER_TYPES: Final[Mapping[str, str]] = {
    AUTHORIZATION: "0110",
    "0101": "0110",
    FINANCIAL: "0210",
    "0201": "0210",
    COMPLETION: "0230",
    "0221": "0230",
    REVERSAL: "0410",
    "0401": "0410",
    RECONCILIATION: "0510",
    "0501": "0510",
    NETWORK: "0810",
}
"""The message type that answers each request. A final 1 marks a repeat, answered like the first."""

PURCHASE: Final = "000000"
RETURN: Final = "200000"
VERIFICATION: Final = "380000"  # our choice, within the standard's inquiries

MANUAL_ENTRY: Final = "012"  # source: vendor sample
COMPLETION_ENTRY: Final = "812"  # source: vendor sample
ECOMMERCE: Final = "59"  # source: vendor sample

SIGN_ON: Final = "001"
ECHO: Final = "301"

IN_BALANCE: Final = "1"
OUT_OF_BALANCE: Final = "2"

# Tags of the private elements (our choice).
VERIFICATION_VALUE: Final = "CV"
STREET: Final = "AS"
POSTAL_CODE: Final = "AZ"
INVOICE: Final = "IN"
BATCH_NUMBER: Final = "BN"
LOCAL_YEAR: Final = "LY"
"""Four digits. The standard's local date has no year, and a sandbox merchant's clock may be years off."""


def repeat_of(message_type: str) -> str:
    """The message type that marks a repeat of ``message_type``."""
    return message_type[:3] + "1"


def first_of(message_type: str) -> str:
    """The message type of which ``message_type`` may be a repeat."""
    return message_type[:3] + "0"
