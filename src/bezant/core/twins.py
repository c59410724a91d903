"""Waiting for a twin: the same request, with the same key, that came before and is still under way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from bezant.core.outcomes import Reason, Refused

TWIN_POLL_SECONDS: Final = 0.1
TWIN_WAIT_SECONDS: Final = 5.0


class Pause(Protocol):
    """Waiting."""

    async def __call__(self, seconds: float) -> None:
        """Come back after that many seconds."""
        ...


class TwinWait:
    """How long a request has waited for its twin, from its first look."""

    __slots__ = ("_begun", "_now", "_pause", "_paused")

    def __init__(self, now: Callable[[], datetime], pause: Pause) -> None:
        self._now, self._pause = now, pause
        self._begun, self._paused = now(), 0.0

    async def go_on(self) -> None:
        """Come back for the next look. Refuses ``KEY_IN_FLIGHT`` when that is enough."""
        # What a slow database takes counts, too; and the pauses, since a clock may be put back.
        passed = (self._now() - self._begun).total_seconds()
        if max(self._paused, passed) >= TWIN_WAIT_SECONDS:
            raise Refused(Reason.KEY_IN_FLIGHT)
        await self._pause(TWIN_POLL_SECONDS)
        self._paused += TWIN_POLL_SECONDS
