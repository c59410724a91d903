"""Every operation of this dialect: its contract and its translation, together."""

from bezant.dialects.valor.dialect import Operation
from bezant.dialects.valor.operations import (
    batches,
    captures,
    catalogue,
    factors,
    gift,
    increments,
    inquiries,
    invoice_lists,
    invoices,
    keys,
    lists,
    lookups,
    receipts,
    refunds,
    sales,
    tips,
    tokens,
    voids,
)

OPERATIONS: tuple[Operation, ...] = (
    *sales.OPERATIONS,
    *increments.OPERATIONS,
    *captures.OPERATIONS,
    *tips.OPERATIONS,
    *refunds.OPERATIONS,
    *factors.OPERATIONS,
    *voids.OPERATIONS,
    *batches.OPERATIONS,
    *lists.OPERATIONS,
    *inquiries.OPERATIONS,
    *keys.OPERATIONS,
    *tokens.OPERATIONS,
    *lookups.OPERATIONS,
    *catalogue.OPERATIONS,
    *gift.OPERATIONS,
    *invoices.OPERATIONS,
    *invoice_lists.OPERATIONS,
    *receipts.OPERATIONS,
)
