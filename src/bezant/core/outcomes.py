"""What a network said, why, and what we ourselves refuse.

``Reason`` is one closed list, free of any vendor's words: each dialect and each rail maps it with
one total table. A network's yes, no and silence are values; a refusal of ours is an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bezant.core.money import Money


class Reason(StrEnum):
    """Why a payment was declined or a request refused."""

    # said by the card network or the issuer
    REFER_TO_ISSUER = "refer_to_issuer"
    INVALID_MERCHANT = "invalid_merchant"
    PICK_UP_CARD = "pick_up_card"
    DO_NOT_HONOR = "do_not_honor"
    INVALID_TRANSACTION = "invalid_transaction"
    INVALID_AMOUNT = "invalid_amount"
    INVALID_CARD = "invalid_card"
    FORMAT_ERROR = "format_error"
    LOST_CARD = "lost_card"
    STOLEN_CARD = "stolen_card"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    EXPIRED_CARD = "expired_card"
    NOT_PERMITTED_TO_CARDHOLDER = "not_permitted_to_cardholder"
    NOT_PERMITTED_TO_TERMINAL = "not_permitted_to_terminal"
    SUSPECTED_FRAUD = "suspected_fraud"
    AMOUNT_LIMIT = "amount_limit"
    RESTRICTED_CARD = "restricted_card"
    COUNT_LIMIT = "count_limit"
    CVV_MISMATCH = "cvv_mismatch"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    DUPLICATE = "duplicate"
    BATCH_MISMATCH = "batch_mismatch"
    SYSTEM_ERROR = "system_error"
    # said by a gift host
    UNKNOWN_GIFT_CARD = "unknown_gift_card"
    GIFT_CARD_ACTIVE = "gift_card_active"
    GIFT_CARD_INACTIVE = "gift_card_inactive"
    WRONG_PIN = "wrong_pin"
    # said by a lender
    UNKNOWN_CUSTOMER = "unknown_customer"
    LENDER_DECLINED = "lender_declined"
    OVER_CUSTOMER_LIMIT = "over_customer_limit"
    WALLET_TOO_SMALL = "wallet_too_small"
    NOT_BOOKED = "not_booked"
    """Asked after a message that was in doubt, the lender said that it has booked nothing and never will."""
    # said by a lender, or decided here by a merchant's own limits
    PLAN_NOT_OFFERED = "plan_not_offered"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    # said by nobody: the network did not answer, or could not be reached
    NO_ANSWER = "no_answer"
    NOT_REACHED = "not_reached"
    # decided here, recorded as a declined payment
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105 - a reason, not a credential
    ORIGINAL_NOT_FOUND = "original_not_found"
    ALREADY_VOIDED = "already_voided"
    ALREADY_CAPTURED = "already_captured"
    EXCEEDS_REFUNDABLE = "exceeds_refundable"
    NOT_SETTLED = "not_settled"
    ADDRESS_MISMATCH = "address_mismatch"
    EXCEEDS_AUTHORIZED = "exceeds_authorized"
    # decided here, recorded as a declined loan
    NO_PASSWORD = "no_password"  # noqa: S105 - a reason, not a credential
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - as above
    TOO_MANY_TRIES = "too_many_tries"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - as above
    PARAMETERS_DIFFER = "parameters_differ"
    # decided here, nothing recorded
    NO_PROFILE = "no_profile"
    VERIFICATION_REQUIRED = "verification_required"
    WRONG_FACTOR = "wrong_factor"
    TIP_NOT_ALLOWED = "tip_not_allowed"
    TIP_LIMIT = "tip_limit"
    WRONG_TRANSACTION_NUMBER = "wrong_transaction_number"
    WRONG_AUDIT_NUMBER = "wrong_audit_number"
    UNKNOWN_PAYMENT = "unknown_payment"
    UNKNOWN_ITEM = "unknown_item"
    OUT_OF_STOCK = "out_of_stock"
    KEY_REUSED = "key_reused"
    KEY_IN_FLIGHT = "key_in_flight"
    BUSY = "busy"
    FINANCE_DISABLED = "finance_disabled"
    PASSWORD_TOO_SOON = "password_too_soon"  # noqa: S105 - as above
    PASSWORD_NOT_SENT = "password_not_sent"  # noqa: S105 - as above
    ALREADY_BOUGHT = "already_bought"
    PURCHASE_IN_FLIGHT = "purchase_in_flight"
    UNKNOWN_ORDER = "unknown_order"
    NOT_BOUGHT = "not_bought"
    CURRENCY_DIFFERS = "currency_differs"
    REFUND_REFERENCE_USED = "refund_reference_used"
    REFUND_IN_FLIGHT = "refund_in_flight"


FINANCE_REASONS = frozenset(
    {
        Reason.UNKNOWN_CUSTOMER,
        Reason.LENDER_DECLINED,
        Reason.OVER_CUSTOMER_LIMIT,
        Reason.WALLET_TOO_SMALL,
        Reason.NOT_BOOKED,
        Reason.PLAN_NOT_OFFERED,
        Reason.BELOW_MINIMUM,
        Reason.ABOVE_MAXIMUM,
        Reason.NO_PASSWORD,
        Reason.WRONG_PASSWORD,
        Reason.TOO_MANY_TRIES,
        Reason.PASSWORD_EXPIRED,
        Reason.PARAMETERS_DIFFER,
        Reason.FINANCE_DISABLED,
        Reason.PASSWORD_TOO_SOON,
        Reason.PASSWORD_NOT_SENT,
        Reason.ALREADY_BOUGHT,
        Reason.PURCHASE_IN_FLIGHT,
        Reason.UNKNOWN_ORDER,
        Reason.NOT_BOUGHT,
        Reason.CURRENCY_DIFFERS,
        Reason.REFUND_REFERENCE_USED,
        Reason.REFUND_IN_FLIGHT,
    }
)
"""Reasons that only consumer finance has: a dialect that does not offer it has no words for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """The network said yes, to ``amount`` (less than asked for: a partial approval)."""

    approval_code: str
    response_code: str
    amount: Money
    avs: str | None = None
    cvv: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The network said no."""

    reason: Reason
    response_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """The message may have arrived, and no answer that can be trusted came back.

    ``cause`` is one of our own words ("time-out", "link lost", "garbled", "mismatch"), never wire bytes.
    """

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """No byte of the message left us: nothing to undo."""

    cause: str


Answer = Approved | Declined | Unresolved | NotSent


class Refused(Exception):
    """We will not do it, and nothing was recorded."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Conflict(Exception):
    """A stored row was not in the state that a change expected: somebody else was first.

    Or we were, where a commit was not answered. Who asked may come again, and finds what is there.
    """


class Unavailable(Exception):
    """What we store in, or seal with, cannot be used now; nothing was stored as far as we know."""


class BadFacts(ValueError):
    """What should be boarded or changed is not well formed; the text says which fact."""
