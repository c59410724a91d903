"""Every operation of this dialect: one file for each subject."""

from typing import Final

from bezant.dialects.aps.operation import Operation
from bezant.dialects.aps.operations.customers import VERIFY
from bezant.dialects.aps.operations.others import AUTHORIZE, CAPTURE, VOID
from bezant.dialects.aps.operations.passwords import CHECK, GENERATE
from bezant.dialects.aps.operations.plans import PLANS
from bezant.dialects.aps.operations.purchases import PURCHASE
from bezant.dialects.aps.operations.refunds import REFUND
from bezant.dialects.aps.operations.statuses import STATUS

OPERATIONS: Final[tuple[Operation, ...]] = (
    VERIFY,
    GENERATE,
    PLANS,
    CHECK,
    PURCHASE,
    REFUND,
    STATUS,
    AUTHORIZE,
    CAPTURE,
    VOID,
)
