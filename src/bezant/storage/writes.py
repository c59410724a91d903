"""How much a transaction has written so far."""

from __future__ import annotations


class Writes:
    """Counts what works put into a transaction, so that one that put nothing in can fail alone."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def touch(self) -> None:
        """Something was written, or is about to be."""
        self.count += 1
