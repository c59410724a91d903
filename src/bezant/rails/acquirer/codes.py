"""The network's response codes (DE39) and what they mean to us: one table, read in both directions.

Source: ISO 8583:1987 and the card schemes' published additions. A code that no table knows is not an
approval, so it reads as a plain refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bezant.core.outcomes import Reason

APPROVED: Final = "00"
PARTIALLY_APPROVED: Final = "10"
APPROVALS: Final = frozenset({APPROVED, "08", PARTIALLY_APPROVED, "11", "85"})
"""Yes, yes with identification, yes to a part, yes to a VIP, no reason to decline."""

# The first code of a reason is the one that a host of ours answers.
REASONS: Final[Mapping[str, Reason]] = {
    "01": Reason.REFER_TO_ISSUER,
    "02": Reason.REFER_TO_ISSUER,
    "03": Reason.INVALID_MERCHANT,
    "04": Reason.PICK_UP_CARD,
    "05": Reason.DO_NOT_HONOR,
    "96": Reason.SYSTEM_ERROR,
    "06": Reason.SYSTEM_ERROR,
    "07": Reason.PICK_UP_CARD,
    "94": Reason.DUPLICATE,
    "09": Reason.DUPLICATE,
    "12": Reason.INVALID_TRANSACTION,
    "13": Reason.INVALID_AMOUNT,
    "14": Reason.INVALID_CARD,
    "15": Reason.INVALID_CARD,
    "19": Reason.SYSTEM_ERROR,
    "21": Reason.INVALID_TRANSACTION,
    "25": Reason.ORIGINAL_NOT_FOUND,
    "30": Reason.FORMAT_ERROR,
    "41": Reason.LOST_CARD,
    "43": Reason.STOLEN_CARD,
    "46": Reason.INVALID_CARD,
    "51": Reason.INSUFFICIENT_FUNDS,
    "54": Reason.EXPIRED_CARD,
    "33": Reason.EXPIRED_CARD,
    "57": Reason.NOT_PERMITTED_TO_CARDHOLDER,
    "39": Reason.NOT_PERMITTED_TO_CARDHOLDER,
    "40": Reason.INVALID_TRANSACTION,
    "52": Reason.NOT_PERMITTED_TO_CARDHOLDER,
    "53": Reason.NOT_PERMITTED_TO_CARDHOLDER,
    "58": Reason.NOT_PERMITTED_TO_TERMINAL,
    "59": Reason.SUSPECTED_FRAUD,
    "34": Reason.SUSPECTED_FRAUD,
    "61": Reason.AMOUNT_LIMIT,
    "62": Reason.RESTRICTED_CARD,
    "36": Reason.RESTRICTED_CARD,
    "63": Reason.SUSPECTED_FRAUD,
    "65": Reason.COUNT_LIMIT,
    "82": Reason.CVV_MISMATCH,
    "N7": Reason.CVV_MISMATCH,
    "91": Reason.ISSUER_UNAVAILABLE,
    "31": Reason.ISSUER_UNAVAILABLE,
    "68": Reason.ISSUER_UNAVAILABLE,
    "92": Reason.ISSUER_UNAVAILABLE,
    "93": Reason.NOT_PERMITTED_TO_CARDHOLDER,
    "95": Reason.BATCH_MISMATCH,
    "R0": Reason.NOT_PERMITTED_TO_CARDHOLDER,
    "R1": Reason.NOT_PERMITTED_TO_CARDHOLDER,
}

CODES: Final[Mapping[Reason, str]] = {reason: code for code, reason in reversed(list(REASONS.items()))}
"""The code for each reason that a network can give."""


def reason_of(response_code: str) -> Reason:
    """Why a response code that is no approval says no."""
    return REASONS.get(response_code, Reason.DO_NOT_HONOR)
