"""Card payments: charge, refund, void, settle, and what takes back what was left in doubt."""

from bezant.core.payments.checks import Match, address_match, verification_match
from bezant.core.payments.commands import (
    Adjusted,
    Capture,
    Charge,
    Increment,
    Outcome,
    Reference,
    Refund,
    Tip,
)
from bezant.core.payments.expiry import Cutoffs, Due
from bezant.core.payments.messages import Street
from bezant.core.payments.model import (
    NO_ORDER,
    PAYMENT,
    Amounts,
    Event,
    Kind,
    Order,
    Payment,
    State,
    retrieval_reference,
)
from bezant.core.payments.ports import Acquirer, Bond, Claim, Ids, Reversal, Stray, Wanted
from bezant.core.payments.queries import Page, PaymentQuery
from bezant.core.payments.recovery import Recovery
from bezant.core.payments.reports import OpenBatch, Reports, SettledBatch
from bezant.core.payments.service import Payments, Settings
from bezant.core.payments.settlement import Settlement, Settlements
from bezant.core.payments.steps import Key

__all__ = [
    "NO_ORDER",
    "PAYMENT",
    "Acquirer",
    "Adjusted",
    "Amounts",
    "Bond",
    "Capture",
    "Charge",
    "Claim",
    "Cutoffs",
    "Due",
    "Event",
    "Ids",
    "Increment",
    "Key",
    "Kind",
    "Match",
    "OpenBatch",
    "Order",
    "Outcome",
    "Page",
    "Payment",
    "PaymentQuery",
    "Payments",
    "Recovery",
    "Reference",
    "Refund",
    "Reports",
    "Reversal",
    "Settings",
    "SettledBatch",
    "Settlement",
    "Settlements",
    "State",
    "Stray",
    "Street",
    "Tip",
    "Wanted",
    "address_match",
    "retrieval_reference",
    "verification_match",
]
