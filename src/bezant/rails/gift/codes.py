"""A gift host's answer codes and what they mean to us: one table. The protocol is our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bezant.core.outcomes import Reason

APPROVED: Final = "approved"

REASONS: Final[Mapping[str, Reason]] = {
    "unknown_card": Reason.UNKNOWN_GIFT_CARD,
    "already_active": Reason.GIFT_CARD_ACTIVE,
    "not_active": Reason.GIFT_CARD_INACTIVE,
    "expired": Reason.EXPIRED_CARD,
    "wrong_pin": Reason.WRONG_PIN,
    "insufficient_balance": Reason.INSUFFICIENT_FUNDS,
    "limit_exceeded": Reason.AMOUNT_LIMIT,
    "unknown_original": Reason.ORIGINAL_NOT_FOUND,
    "already_voided": Reason.ALREADY_VOIDED,
    "exceeds_original": Reason.EXCEEDS_REFUNDABLE,
    "cancelled": Reason.DUPLICATE,
    "reference_reused": Reason.DUPLICATE,
    "bad_request": Reason.FORMAT_ERROR,
    "system_error": Reason.SYSTEM_ERROR,
}


def reason_of(code: str) -> Reason:
    """Why a code that is no approval says no. A code that no table knows is a plain refusal."""
    return REASONS.get(code, Reason.DO_NOT_HONOR)
