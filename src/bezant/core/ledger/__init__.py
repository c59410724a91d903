"""Double entry: accounts and balanced, immutable journal entries."""

from bezant.core.ledger.model import Account, Cause, Entry, Layer, Line
from bezant.core.ledger.ports import Journal

__all__ = ["Account", "Cause", "Entry", "Journal", "Layer", "Line"]
