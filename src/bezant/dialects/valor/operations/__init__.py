"""Every operation of this dialect: its contract and its translation, together."""

from bezant.dialects.valor.dialect import Operation
from bezant.dialects.valor.operations import (
    batches,
    captures,
    inquiries,
    lists,
    refunds,
    sales,
    tokens,
    voids,
)

OPERATIONS: tuple[Operation, ...] = (
    *sales.OPERATIONS,
    *captures.OPERATIONS,
    *refunds.OPERATIONS,
    *voids.OPERATIONS,
    *batches.OPERATIONS,
    *lists.OPERATIONS,
    *inquiries.OPERATIONS,
    *tokens.OPERATIONS,
)
