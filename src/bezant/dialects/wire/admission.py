"""Who is let in: a bound on the requests that are worked on at a time.

Beyond it, more work under way makes every answer later and none sooner, so that a request is better told to
come again: at once, before its body is parsed and anything is stored. A request that waits for a far
host costs nothing meanwhile and is not counted: a slow host is no overload.
"""

from __future__ import annotations

from collections.abc import Callable


class Admission:
    """Counts the requests of a process.

    ``limit`` requests may be under way beside those that wait for a far host, of which ``waiting`` tells.
    """

    __slots__ = ("_limit", "_waiting", "refused", "under_way")

    def __init__(self, limit: int, *, waiting: Callable[[], int]) -> None:
        self._limit = limit
        self._waiting = waiting
        self.under_way = 0
        self.refused = 0

    def enter(self) -> bool:
        """Let a request in, or not. Who is let in must leave."""
        if self.under_way >= self._limit and self.under_way - self._waiting() >= self._limit:
            self.refused += 1
            return False
        self.under_way += 1
        return True

    def leave(self) -> None:
        """A request was answered."""
        self.under_way -= 1
