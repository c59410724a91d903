"""A lender's answer codes and what they mean to us: one table. The protocol is our own.

A code that is not in the table means nothing: it is no approval, and no refusal either, for a message that
counts as refused while the lender has booked it would be lost money.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bezant.core.outcomes import Reason

APPROVED: Final = "approved"
NOT_BOOKED: Final = "not_booked"

REASONS: Final[Mapping[str, Reason]] = {
    "unknown_customer": Reason.UNKNOWN_CUSTOMER,
    "declined": Reason.LENDER_DECLINED,
    "over_limit": Reason.OVER_CUSTOMER_LIMIT,
    "wallet_too_small": Reason.WALLET_TOO_SMALL,
    "plan_not_offered": Reason.PLAN_NOT_OFFERED,
    "below_minimum": Reason.BELOW_MINIMUM,
    "above_maximum": Reason.ABOVE_MAXIMUM,
    "currency_differs": Reason.CURRENCY_DIFFERS,
    "unknown_original": Reason.ORIGINAL_NOT_FOUND,
    "exceeds_original": Reason.EXCEEDS_REFUNDABLE,
    "reference_reused": Reason.DUPLICATE,
    NOT_BOOKED: Reason.NOT_BOOKED,
}
