"""Who is let in: a bound on the requests that are worked on at a time.

Beyond it, more work under way makes every answer later and none sooner, so that a request is better told to
come again: at once, before its body is parsed and anything is stored. A request that waits for a far
host costs nothing meanwhile and is not counted: a slow host is no overload.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

TELL_SECONDS: Final = 1.0
"""A line in the log for each refusal would cost those who are let in: one in this time tells of all."""

_log = structlog.get_logger(__name__)


class Admission:
    """Counts the requests of a process.

    ``limit`` requests may be under way beside those that wait for a far host, of which ``waiting`` tells.
    """

    __slots__ = ("_limit", "_told_at", "_waiting", "refused", "under_way")

    def __init__(self, limit: int, *, waiting: Callable[[], int]) -> None:
        self._limit = limit
        self._waiting = waiting
        self.under_way = 0
        self.refused = 0
        """Since the process began."""
        self._told_at = -TELL_SECONDS

    def enter(self) -> bool:
        """Let a request in, or not. Who is let in must leave."""
        if self.under_way >= self._limit and self.under_way - self._waiting() >= self._limit:
            self.refused += 1
            self._tell()
            return False
        self.under_way += 1
        return True

    def leave(self) -> None:
        """A request was answered."""
        self.under_way -= 1

    def _tell(self) -> None:
        now = time.monotonic()
        if now >= self._told_at + TELL_SECONDS:
            self._told_at = now
            _log.warning("too many requests", under_way=self.under_way, refused=self.refused)
