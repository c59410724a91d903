"""This vendor's words for what went wrong: one table of errors, one of declines.

``mark`` says how sure a row is: ``sample`` (in the vendor's published answers), ``docs``, ``client`` (read by
a public client), ``ours`` (no source found; safe to correct here).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bezant.core.outcomes import Reason


class Mark(StrEnum):
    """How sure a fact is."""

    SAMPLE = "sample"
    DOCS = "docs"
    CLIENT = "client"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Error:
    """An ``error_no`` with its ``desc``. ``family`` decides which keys surround them.

    ``when`` says when it is answered, beside the parameters that are declared to have it.
    """

    code: str
    text: str
    mark: Mark
    family: str = "ERR"
    status: int = 400
    when: str = ""


UNKNOWN_TRANSACTION = Error(
    "91", "INVALID TXN ID", Mark.SAMPLE, family="ERR-91", when="no approved payment of this terminal"
)
TXN_TYPE_REQUIRED = Error(
    "D03", "TXN TYPE IS REQUIRED", Mark.SAMPLE, when="no `txn_type`, or none that is known"
)
AMOUNT_REQUIRED = Error("D04", "AMOUNT IS REQUIRED", Mark.SAMPLE)
APP_ID_REQUIRED = Error("D01", "APP ID IS REQUIRED", Mark.OURS)
APP_KEY_REQUIRED = Error("D02", "APP KEY IS REQUIRED", Mark.OURS)
EPI_REQUIRED = Error("D05", "EPI IS REQUIRED", Mark.OURS)
BAD_APP_ID = Error("D06", "NOT A VALID APP ID", Mark.SAMPLE, when="unknown")
BAD_APP_KEY = Error("D07", "NOT A VALID APP KEY", Mark.SAMPLE, when="not a key of this app id")
BAD_REQUEST = Error(
    "D08", "INVALID REQUEST FORMAT", Mark.OURS, when="the body is malformed, too large, or says a name twice"
)
BAD_EPI = Error("D27", "INVALID EPI ID", Mark.SAMPLE, when="unknown, or not of this key")
NO_PROFILE = Error(
    "D28",
    "EPI HOST PROCESSOR INFO NOT FOUND",
    Mark.OURS,
    when="the terminal has no merchant account for that `surchargeIndicator`",
)
DATES_REQUIRED = Error("D29", "START DATE AND END DATE REQUIRED", Mark.SAMPLE)
FILTER_NOT_TXNID = Error(
    "D35",
    "FILTER KEY MUST BE SET TO TXNID WHEN DATE_FILTER IS 9",
    Mark.SAMPLE,
    when="`date_filter` 9 with another `filter`",
)
CARD_NOT_NAMED = Error(
    "D47",
    "MISSING REQUIRED PARAMETERS: TXN_ID OR VAULT_ID AND PAYMENT_ID",
    Mark.SAMPLE,
    when="neither `txn_id` nor `vault_id` with `payment_id`",
)
EXPORT_OFF = Error(
    "D50", "ENCRYPTION FETCH IS NOT ENABLED", Mark.OURS, when="the sales organization has no key for it"
)
KEY_REUSED = Error(
    "D48",
    "IDEMPOTENCY KEY WAS USED FOR ANOTHER REQUEST",
    Mark.OURS,
    when="`Idempotency-Key` came with another request",
)
KEY_IN_FLIGHT = Error(
    "D49",
    "A REQUEST WITH THIS IDEMPOTENCY KEY IS IN PROGRESS",
    Mark.OURS,
    status=409,
    when="`Idempotency-Key` came again while its request is under way",
)
BAD_UID = Error("A18", "INVALID UID", Mark.SAMPLE, when="no link of this terminal")
PAGE_NOT_PENDING = Error(
    "A36", "ONLY PENDING EINVOICE CAN BE RESEND", Mark.SAMPLE, when="paid, being paid, expired or canceled"
)


def _in_status(word: str, mark: Mark) -> Error:
    return Error("A39", f"TRANSACTION IS ALREADY IN {word} STATUS", mark, when=f"the link is {word.lower()}")


PAGE_EXPIRED = _in_status("EXPIRED", Mark.SAMPLE)
PAGE_PAID = _in_status("PAID", Mark.OURS)
PAGE_CANCELED = _in_status("CANCELED", Mark.OURS)
PAGE_PROCESSING = _in_status("PROCESSING", Mark.OURS)
BAD_OFFSET = Error("A24", "INVALID OFFSET", Mark.SAMPLE)
BAD_DATE_FILTER = Error("A26", "INVALID DATE FILTER", Mark.SAMPLE)
BAD_STATUS = Error("A32", "INVALID STATUS", Mark.SAMPLE)
BAD_FILTER = Error("A33", "INVALID FILTER", Mark.OURS)
BAD_BATCH_NUMBER = Error("A34", "INVALID BATCH NUMBER", Mark.OURS)
BAD_LIMIT = Error("A23", "INVALID LIMIT", Mark.OURS)
INPUT_MISSING = Error(
    "E03",
    "Input field is missing",
    Mark.SAMPLE,
    family="ERR-E03",
    when="`order_details` without `invoicenumber`",
)
BAD_AMOUNT = Error("E05", "INVALID AMOUNT", Mark.SAMPLE)
BAD_CARD_NUMBER = Error("E06", "INVALID CARD NUMBER", Mark.SAMPLE)
BAD_EXPIRY = Error("E07", "INVALID EXPIRY DATE", Mark.SAMPLE)
BAD_CVV = Error("E08", "INVALID CVV", Mark.OURS, when="or absent where the merchant requires it")
BAD_TOKEN = Error("E09", "INVALID CARD TOKEN FORMAT", Mark.OURS)
BAD_SURCHARGE = Error("E10", "INVALID SURCHARGE AMOUNT", Mark.OURS)
BAD_TAX = Error("E11", "INVALID TAX AMOUNT", Mark.OURS)
BAD_SURCHARGE_INDICATOR = Error("E12", "INVALID SURCHARGE INDICATOR", Mark.OURS)
BAD_TRANSACTION_ID = Error("E14", "INVALID TRANSACTION ID", Mark.SAMPLE)
BAD_RRN = Error("E15", "INVALID RRN", Mark.OURS)
BAD_TRAN_NO = Error("E16", "INVALID TRAN NO", Mark.SAMPLE)
BAD_AUTH_CODE = Error("E17", "INVALID AUTH CODE", Mark.OURS)
BAD_TIP = Error("E18", "INVALID TIP AMOUNT", Mark.OURS)
BAD_TEXT = Error("E19", "INVALID FIELD VALUE", Mark.OURS)
BAD_PIN = Error("E20", "INVALID PIN", Mark.OURS)
NO_HOSTED_PAGE = Error(
    "E22",
    "EPAGE URL GENERATION FAILED",
    Mark.CLIENT,
    when="another page with that `invoicenumber` can still be paid",
)
AUTHENTICATION_FAILED = Error(
    "E26",
    "AUTHENTICATION FAILED",
    Mark.SAMPLE,
    when="the client token is unknown or expired, or the one-time password of a refund is wrong",
)
BAD_NEVER_EXPIRE = Error("E68", "INVALID NEVER EXPIRE", Mark.SAMPLE)
BAD_ACTIVE_ON = Error("E69", "INVALID ACTIVE ON", Mark.OURS, when="`active_on` is over")
BAD_STAN = Error("E34", "INVALID STAN NO", Mark.SAMPLE)
TOO_MANY_FAILED = Error(
    "E109",
    "TOO MANY FAILED REQUESTS, TRY AGAIN AFTER AN HOUR",
    Mark.CLIENT,
    when="ten wrong credentials in ten minutes, for an hour",
)
TRY_LATER = Error(
    "E110",
    "SYSTEM BUSY, TRY AGAIN LATER",
    Mark.OURS,
    status=503,
    when="more is waiting than can be stored soon",
)
CRASHED = Error("E99", "SYSTEM ERROR", Mark.OURS, status=500, when="a bug; it is in the log")
PRODUCT_CODE_TAKEN = Error(
    "G11", "PRODUCT CODE ALREADY AVAILABLE", Mark.SAMPLE, when="another item of the terminal has it"
)
BAD_PRODUCT_ID = Error("G12", "INVALID PRODUCT ID", Mark.SAMPLE)
COST_REQUIRED = Error("G14", "DISCOUNT COST IS REQUIRED", Mark.SAMPLE)
UNKNOWN_DISCOUNT = Error("G17", "DISCOUNT IS DOES NOT EXIST OR IS ALREADY DELETED", Mark.SAMPLE)
PRODUCT_ALREADY_DELETED = Error(
    "G19", "PRODUCT IS ALREADY DELETED", Mark.SAMPLE, when="it was deleted before"
)
UNKNOWN_PRODUCT = Error("G20", "PRODUCT ID DOES NOT EXIST", Mark.SAMPLE)
OUT_OF_STOCK = Error(
    "G21", "PRODUCT IS OUT OF STOCK", Mark.OURS, when="`productIds` name more of an item than there is"
)
BAD_RECEIPT_TYPE = Error("G36", "RECEIPT TYPE ALLOWED VALUES ARE 0, 1", Mark.SAMPLE)
BAD_BIN = Error("G42", "INVALID BIN", Mark.SAMPLE)
PERCENTAGE_EXCEEDED = Error("G43", "PERCENTAGE EXCEEDED", Mark.SAMPLE, when="more than 100 percent")


@dataclass(frozen=True, slots=True)
class Decline:
    """An ``error_no`` E98 by its ``error_code``, the switch's number and the text."""

    code: str
    switch: str | None
    text: str
    mark: Mark


def _passed_through(code: str, text: str) -> Decline:
    """A network code without a known switch number: ``V00`` and the code (pattern: vendor sample V00VR)."""
    return Decline(code, f"V00{code}", text, Mark.OURS)


_NOT_FOUND = Decline("12", "V0543", "Original transaction not found", Mark.SAMPLE)

DECLINES: dict[Reason, Decline] = {
    Reason.REFER_TO_ISSUER: _passed_through("01", "Refer to issuer"),
    Reason.INVALID_MERCHANT: _passed_through("03", "Invalid merchant"),
    Reason.PICK_UP_CARD: _passed_through("04", "Pick up card"),
    Reason.DO_NOT_HONOR: _passed_through("05", "Do not honor"),
    Reason.INVALID_TRANSACTION: _passed_through("12", "Invalid transaction"),
    Reason.INVALID_AMOUNT: _passed_through("13", "Invalid amount"),
    Reason.INVALID_CARD: Decline("14", "V0564", "Invalid card number", Mark.SAMPLE),
    Reason.FORMAT_ERROR: _passed_through("30", "Format error"),
    Reason.LOST_CARD: _passed_through("41", "Lost card"),
    Reason.STOLEN_CARD: _passed_through("43", "Stolen card"),
    Reason.INSUFFICIENT_FUNDS: _passed_through("51", "Insufficient funds"),
    Reason.EXPIRED_CARD: Decline("54", "V0548", "Card expired", Mark.SAMPLE),
    Reason.NOT_PERMITTED_TO_CARDHOLDER: _passed_through("57", "Transaction not permitted to cardholder"),
    Reason.NOT_PERMITTED_TO_TERMINAL: _passed_through("58", "Transaction not permitted to terminal"),
    Reason.SUSPECTED_FRAUD: _passed_through("59", "Suspected fraud"),
    Reason.AMOUNT_LIMIT: _passed_through("61", "Exceeds limit"),
    Reason.RESTRICTED_CARD: _passed_through("62", "Restricted card"),
    Reason.COUNT_LIMIT: _passed_through("65", "Exceeds count"),
    Reason.CVV_MISMATCH: _passed_through("82", "CVV mismatch"),
    Reason.ISSUER_UNAVAILABLE: _passed_through("91", "Issuer unavailable"),
    Reason.DUPLICATE: _passed_through("94", "Duplicate transaction"),
    Reason.BATCH_MISMATCH: _passed_through("95", "Batch totals do not agree"),
    Reason.SYSTEM_ERROR: _passed_through("96", "System error"),
    Reason.NO_ANSWER: _passed_through("91", "Host timeout, transaction reversed"),
    Reason.NOT_REACHED: _passed_through("91", "Host unavailable, transaction not processed"),
    Reason.UNKNOWN_TOKEN: Decline("V1", "V0605", "Invalid card token", Mark.SAMPLE),
    Reason.ORIGINAL_NOT_FOUND: _NOT_FOUND,
    Reason.ALREADY_VOIDED: Decline("V5", "V0620", "VOID Transaction has already been performed", Mark.SAMPLE),
    Reason.ALREADY_CAPTURED: Decline(
        "V5", "V0622", "Capture/Ticket Transaction has already been performed", Mark.SAMPLE
    ),
    Reason.EXCEEDS_REFUNDABLE: _passed_through("13", "Invalid amount"),
    Reason.NOT_SETTLED: _NOT_FOUND,
    Reason.ADDRESS_MISMATCH: _passed_through("VA", "AVS mismatch"),
    Reason.UNKNOWN_GIFT_CARD: Decline("VR", "V00VR", "CARD NOT FOUND", Mark.SAMPLE),
    Reason.GIFT_CARD_ACTIVE: Decline("VR", "V00VR", "ALREADY ACTIVE", Mark.SAMPLE),
    Reason.GIFT_CARD_INACTIVE: _passed_through("VR", "CARD NOT ACTIVE"),
    Reason.WRONG_PIN: _passed_through("55", "INVALID PIN"),
    Reason.EXCEEDS_AUTHORIZED: _passed_through("13", "Invalid amount"),
}
"""What a payment that was declined is answered with, by reason."""

GIFT_DECLINES: dict[Reason, Decline] = {
    Reason.INSUFFICIENT_FUNDS: _passed_through("51", "INSUFFICIENT BALANCE"),
    Reason.EXPIRED_CARD: _passed_through("54", "CARD EXPIRED"),
}
"""Where gift cards have other words for a reason than cards of a network."""
GIFT_CARD_NOT_FOUND = Decline("VI", None, "CARD NOT FOUND", Mark.SAMPLE)
GIFT_ROUTING_ERROR = Decline("92", "V0611", "Routing Error", Mark.SAMPLE)

REFUSALS: dict[Reason, Error] = {
    Reason.NO_PROFILE: NO_PROFILE,
    Reason.VERIFICATION_REQUIRED: BAD_CVV,
    Reason.WRONG_FACTOR: AUTHENTICATION_FAILED,
    Reason.TIP_NOT_ALLOWED: BAD_TIP,
    Reason.TIP_LIMIT: BAD_AMOUNT,
    Reason.WRONG_TRANSACTION_NUMBER: BAD_TRAN_NO,
    Reason.WRONG_AUDIT_NUMBER: BAD_STAN,
    Reason.UNKNOWN_PAYMENT: BAD_TRANSACTION_ID,
    Reason.UNKNOWN_ITEM: BAD_PRODUCT_ID,
    Reason.OUT_OF_STOCK: OUT_OF_STOCK,
    Reason.KEY_REUSED: KEY_REUSED,
    Reason.KEY_IN_FLIGHT: KEY_IN_FLIGHT,
    Reason.BUSY: TRY_LATER,
}
"""What a request that was refused, with nothing recorded, is answered with. The rest is in ``DECLINES``."""

ERRORS: tuple[Error, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Error))
"""Every error of this dialect, for the catalogue."""
