"""What a transaction has written so far, and what of it must have found its rows."""

from __future__ import annotations

from typing import Any

from bezant.core.outcomes import Conflict


class Writes:
    """Counts what works put into a transaction, so that one that put nothing in can fail alone.

    Conditional updates are sent with everything else; whether each found its rows is checked when all of
    them have been answered, before anything is committed.
    """

    __slots__ = ("_expected", "count")

    def __init__(self) -> None:
        self.count = 0
        self._expected: list[tuple[Any, int]] = []

    def touch(self) -> None:
        """Something was written, or is about to be."""
        self.count += 1

    def expect(self, cursor: Any, rows: int) -> None:  # noqa: ANN401 - a driver's cursor
        """The statement on ``cursor`` must have changed that many rows."""
        self._expected.append((cursor, rows))

    def check(self) -> None:
        """Raises ``Conflict`` when an update did not find its rows as it expected them.

        A work that only reads may come upon an update that an earlier work of its group has buffered. It
        counts as having written then, so that it is not the one to be blamed.
        """
        if not self._expected:
            return
        expected, self._expected = self._expected, []
        if any(cursor.rowcount != rows for cursor, rows in expected):
            self.touch()
            message = "a row was changed by somebody else"
            raise Conflict(message)
