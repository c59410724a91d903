"""This vendor's words for what happened: one table of messages in both languages, one of reasons.

A ``response_code`` is a status of two digits, which tells the operation and whether it went well, and a
message of three. ``Mark`` says how sure a row is: ``docs`` (the vendor's reference), ``sample`` (its
published answers), ``client`` (read by a public client), ``ours`` (no source found; safe to correct here).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bezant.core.outcomes import Reason

TEXT_MAX: Final = 150
"""Characters that a ``response_message`` may have (source: vendor docs)."""

REJECTED: Final = "00"
"""The status of a request that was turned away before it became an operation."""
UNCERTAIN: Final = "15"
"""The status of an operation that the lender has not answered."""


class Mark(StrEnum):
    """How sure a fact is."""

    SAMPLE = "sample"
    DOCS = "docs"
    CLIENT = "client"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Message:
    """The last three digits of a ``response_code`` and what a person reads. ``mark``: of its number."""

    code: str
    english: str
    arabic: str
    mark: Mark = Mark.DOCS
    when: str = ""

    def text(self, language: str, name: str | None = None) -> str:
        """The text in ``ar`` or, for any other language, English; with the parameter's name, if one is."""
        words = self.arabic if language == "ar" else self.english
        return (f"{words}: {name}" if name else words)[:TEXT_MAX]


@dataclass(frozen=True, slots=True)
class Error:
    """A message as the answer to a request. Without ``status`` it is the failure status of the operation.

    ``http``: what the transport says. A business outcome of any kind is 200 (source: public client).
    """

    message: Message
    status: str | None = REJECTED
    name: str | None = None
    http: int = 200


SUCCESS: Final = Message("000", "Success", "عملية ناجحة", Mark.SAMPLE, when="it went well")
MISSING: Final = Message("001", "Missing parameter", "معامل مفقود")
BAD_FORMAT: Final = Message(
    "002",
    "Invalid parameter format",
    "صيغة المعامل غير صحيحة",
    when="also a text that reads like another parameter with its value",
)
OPTION_OFF: Final = Message(
    "003",
    "Payment option is not available for this merchant's account",
    "خيار الدفع غير متاح لحساب هذا التاجر",
)
BAD_COMMAND: Final = Message("004", "Invalid command", "الأمر غير صحيح", when="or more than one command")
BAD_AMOUNT: Final = Message("005", "Invalid amount", "المبلغ غير صحيح")
TROUBLE: Final = Message(
    "006", "Technical problem", "مشكلة فنية", when="a bug, or more is waiting than can be stored soon"
)
DUPLICATE_ORDER: Final = Message("007", "Duplicate order number", "رقم الطلب مكرر")
BAD_SIGNATURE: Final = Message(
    "008",
    "Signature mismatch",
    "التوقيع غير مطابق",
    when="also one by another function, or over other parameters than those that came",
)
BAD_IDENTIFIER: Final = Message("009", "Invalid merchant identifier", "معرّف التاجر غير صحيح", when="unknown")
BAD_ACCESS_CODE: Final = Message(
    "010", "Invalid access code", "رمز الدخول غير صحيح", when="not one of the merchant's"
)
BAD_CURRENCY: Final = Message("013", "Invalid currency", "العملة غير صحيحة")
INACTIVE_MERCHANT: Final = Message(
    "015", "Inactive merchant account", "حساب التاجر غير مفعّل", when="the merchant's account is switched off"
)
BAD_LENGTH: Final = Message("032", "Invalid parameter length", "طول المعامل غير صحيح")
NOT_ALLOWED_VALUE: Final = Message("033", "Parameter value not allowed", "قيمة المعامل غير مسموح بها")
NOT_FOUND: Final = Message("036", "Order not found", "الطلب غير موجود")
EXCEEDS_CAPTURED: Final = Message(
    "048", "Operation amount exceeds captured amount", "مبلغ العملية يتجاوز المبلغ المحصّل"
)
WRONG_OPTION: Final = Message(
    "049",
    "Operation not valid for this payment option",
    "العملية غير صالحة لخيار الدفع هذا",
    when="what is never done with this payment option",
)
REFERENCE_EXISTS: Final = Message("066", "Merchant reference already exists", "مرجع التاجر موجود مسبقًا")
NOT_CONNECTED: Final = Message("071", "Connection failed", "فشل الاتصال")
BAD_REQUEST: Final = Message(
    "073",
    "Invalid request format",
    "صيغة الطلب غير صحيحة",
    when="the body is no JSON object, is too large, or says a name twice",
)
BAD_OPTION: Final = Message("080", "Invalid payment option", "خيار الدفع غير صحيح")
BAD_PLAN: Final = Message("094", "Invalid installment plan", "خطة التقسيط غير صحيحة")
NO_VALID_PLAN: Final = Message(
    "104",
    "No valid installment plan",
    "لا توجد خطة تقسيط صالحة",
    when="the merchant offers none of the lender's plans",
)
TOO_MANY_TRIES: Final = Message(
    "123", "Maximum number of attempts is reached", "تم بلوغ الحد الأقصى لعدد المحاولات"
)
UNKNOWN_CUSTOMER: Final = Message("160", "Customer does not exist", "العميل غير موجود", Mark.CLIENT)
BELOW_MINIMUM: Final = Message(
    "181", "The amount has not reached the minimum", "المبلغ أقل من الحد الأدنى المسموح به"
)
PASSWORD_RIGHT: Final = Message(
    "182",
    "OTP verification success",
    "تم التحقق من كلمة المرور لمرة واحدة بنجاح",
    Mark.CLIENT,
    when="it went well",
)
ABOVE_MAXIMUM: Final = Message(
    "221", "The amount exceeds the maximum", "المبلغ يتجاوز الحد الأقصى المسموح به"
)
NOT_CONFIRMED: Final = Message(
    "662",
    "Operation not allowed. The specified order is not confirmed yet",
    "العملية غير مسموح بها. لم يتم تأكيد الطلب المحدد بعد",
)
DECLINED: Final = Message("666", "Transaction declined", "تم رفض العملية")
OVER_LIMIT: Final = Message("746", "The amount exceeds the customer's limit", "المبلغ يتجاوز حد العميل")
OVER_BALANCE: Final = Message("747", "Insufficient wallet balance", "رصيد المحفظة غير كافٍ")
MISMATCH: Final = Message(
    "748",
    "Parameters differ from those of the OTP",
    "المعاملات تختلف عن معاملات كلمة المرور لمرة واحدة",
)
UNCONFIRMED: Final = Message(
    "777",
    "The transaction has been processed, but no confirmation was received",
    "تمت معالجة العملية ولكن لم يصل تأكيدها",
    when="the lender's answer to a purchase or refund was lost; it is asked what became of it",
)
TIMED_OUT: Final = Message("778", "Session timed out", "انتهت مهلة الجلسة")
UNDER_WAY: Final = Message("784", "The transaction is still being processed", "لا تزال العملية قيد المعالجة")
NOT_AUTHENTICATED: Final = Message("787", "User is not authenticated", "لم يتم التحقق من هوية المستخدم")
TOO_SOON: Final = Message(
    "983",
    "A new OTP can be requested 60 seconds after the last one",
    "يمكن طلب كلمة مرور جديدة بعد 60 ثانية من الأخيرة",
)

MESSAGES: Final[tuple[Message, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, Message)
)
"""Every message of this dialect, for the catalogue."""

BUSY: Final = Error(TROUBLE, http=503)
IN_DOUBT: Final = Error(UNCONFIRMED, UNCERTAIN)
"""What moves money and got no answer: it may have gone well."""

REFUSALS: Final[Mapping[Reason, Error]] = {
    Reason.UNKNOWN_CUSTOMER: Error(UNKNOWN_CUSTOMER),
    Reason.LENDER_DECLINED: Error(DECLINED, None),
    Reason.NOT_BOOKED: Error(DECLINED, None),
    Reason.OVER_CUSTOMER_LIMIT: Error(OVER_LIMIT, None),
    Reason.WALLET_TOO_SMALL: Error(OVER_BALANCE, None),
    Reason.PLAN_NOT_OFFERED: Error(BAD_PLAN, None),
    Reason.BELOW_MINIMUM: Error(BELOW_MINIMUM, None),
    Reason.ABOVE_MAXIMUM: Error(ABOVE_MAXIMUM, None),
    Reason.NO_ANSWER: Error(NOT_CONNECTED, None),
    Reason.NOT_REACHED: Error(NOT_CONNECTED, None),
    Reason.NO_PASSWORD: Error(NOT_AUTHENTICATED, None),
    Reason.WRONG_PASSWORD: Error(NOT_AUTHENTICATED, None),
    Reason.TOO_MANY_TRIES: Error(TOO_MANY_TRIES, None),
    Reason.PASSWORD_EXPIRED: Error(TIMED_OUT, None),
    Reason.PARAMETERS_DIFFER: Error(MISMATCH, None),
    Reason.PASSWORD_TOO_SOON: Error(TOO_SOON, None),
    Reason.PASSWORD_NOT_SENT: Error(NOT_CONNECTED, None),
    Reason.FINANCE_DISABLED: Error(OPTION_OFF, None),
    Reason.ALREADY_BOUGHT: Error(DUPLICATE_ORDER),
    Reason.PURCHASE_IN_FLIGHT: Error(UNDER_WAY, None),
    Reason.UNKNOWN_ORDER: Error(NOT_FOUND, None),
    Reason.NOT_BOUGHT: Error(NOT_CONFIRMED, None),
    Reason.CURRENCY_DIFFERS: Error(BAD_CURRENCY, None),
    Reason.EXCEEDS_REFUNDABLE: Error(EXCEEDS_CAPTURED, None),
    Reason.ORIGINAL_NOT_FOUND: Error(NOT_FOUND, None),
    Reason.DUPLICATE: Error(DECLINED, None),
    Reason.REFUND_REFERENCE_USED: Error(REFERENCE_EXISTS, None),
    Reason.REFUND_IN_FLIGHT: Error(UNDER_WAY, None),
    Reason.BUSY: BUSY,
}
"""What a refusal, or a decline that was recorded, is answered with."""
