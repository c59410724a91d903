"""How a committed transaction wakes whoever has work by it: what is stored, and what is announced."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

REST_AFTER_SECONDS: Final = 60.0
"""How long after something was last stored here nobody expects more: longer than a payment's lease."""


class Bell:
    """Tells the timetable that something was announced. Rung in any thread, heard on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits, or the next who would."""
        with contextlib.suppress(RuntimeError):  # the loop is gone, and with it whoever waited
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float) -> None:
        """Wait until it is rung, so many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()


class Activity:
    """Whether anything was stored lately in this process. Noted in any thread, asked on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._at = loop.time()
        self._woken = asyncio.Event()

    @property
    def rests(self) -> bool:
        """Whether nothing was stored for a while."""
        return self._loop.time() - self._at > REST_AFTER_SECONDS

    def note(self) -> None:
        """Something was stored just now."""
        rested = self.rests
        self._at = self._loop.time()
        if rested:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> None:
        """Wait so many seconds, or until something is stored after a rest."""
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
