"""Batches: what a terminal has captured and not yet settled, and its counters."""

from bezant.core.batches.model import BATCH, Batch, BatchEvent, BatchState, Totals
from bezant.core.batches.ports import BatchStore

__all__ = ["BATCH", "Batch", "BatchEvent", "BatchState", "BatchStore", "Totals"]
