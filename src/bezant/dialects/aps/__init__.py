"""Amazon Payment Services: consumer finance over signed requests."""

from bezant.dialects.aps.dialect import NAME, PATHS, ApsDialect
from bezant.dialects.aps.feedback import FEEDBACK_TAKEN, Feedback
from bezant.dialects.aps.operations import OPERATIONS
from bezant.dialects.aps.services import Services

__all__ = ["FEEDBACK_TAKEN", "NAME", "OPERATIONS", "PATHS", "Feedback", "Services", "dialect"]


def dialect(services: Services) -> ApsDialect:
    """Everything of this dialect, over the core's use cases."""
    return ApsDialect(services, OPERATIONS)
