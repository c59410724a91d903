"""The time of a universe's machines: that of its event loop, from a fixed day on, set off by clock steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from tests.simulation.loop import SimulatedLoop

START: Final = datetime(2026, 3, 24, 15, 36, tzinfo=UTC)


class SteppedClock:
    """A system clock that somebody sets now and then."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.offset = timedelta()
        self.backwards = False
        """Whether it was ever set back."""

    def now(self) -> datetime:
        """The current instant."""
        return START + timedelta(seconds=self._loop.time()) + self.offset

    def step(self, period: timedelta) -> None:
        """Set the clock on or back."""
        self.offset += period
        self.backwards = self.backwards or period < timedelta()


class FixedClock:
    """Before the beginning."""

    def now(self) -> datetime:
        """The beginning."""
        return START
