"""iPOSpays: tokens for API keys, and what is done with them: transactions, closed batches, onboarding."""

from typing import Final

from bezant.dialects.ipospays.auth import AuthDialect, AuthServices
from bezant.dialects.ipospays.batch_report import BATCH_REPORT
from bezant.dialects.ipospays.onboarding import ONBOARD
from bezant.dialects.ipospays.operation import Operation
from bezant.dialects.ipospays.operations.transactions import OPERATION
from bezant.dialects.ipospays.services import EnvelopeStyle, Services, Style
from bezant.dialects.ipospays.status import QUERY, STATUS
from bezant.dialects.ipospays.subscription import GET_CARDS
from bezant.dialects.ipospays.transact import TransactDialect

__all__ = [
    "NAME",
    "OPERATIONS",
    "AuthDialect",
    "AuthServices",
    "EnvelopeStyle",
    "Services",
    "Style",
    "TransactDialect",
    "dialect",
]

NAME: Final = "ipospays"
OPERATIONS: Final[tuple[Operation, ...]] = (
    OPERATION,
    STATUS,
    QUERY,
    BATCH_REPORT,
    GET_CARDS,
    ONBOARD,
)


def dialect(services: Services) -> TransactDialect:
    """Everything of this part of the dialect, over the core's use cases."""
    return TransactDialect(services, OPERATIONS)
