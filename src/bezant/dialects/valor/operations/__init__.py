"""Every operation of this dialect: its contract and its translation, together."""

from bezant.dialects.valor.dialect import Operation
from bezant.dialects.valor.operations import batches, catalogue, gift, lists, lookups, refunds, sales, tokens, voids

OPERATIONS: tuple[Operation, ...] = (
    *sales.OPERATIONS,
    *refunds.OPERATIONS,
    *voids.OPERATIONS,
    *batches.OPERATIONS,
    *lists.OPERATIONS,
    *tokens.OPERATIONS,
    *lookups.OPERATIONS,
    *catalogue.OPERATIONS,
    *gift.OPERATIONS,
)
