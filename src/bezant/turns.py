"""What one turn of the event loop brings, handled together at its end.

Of many like things, each but the first finds its code and its data in the processor's caches: done one by one
among others, it takes two to four times as long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Turn(Generic[T]):
    """Gathers things on an event loop, and hands on what one of its turns brought, in their order."""

    __slots__ = ("_gathered", "_hand_on", "_turn_of")

    def __init__(self, hand_on: Callable[[Sequence[T]], None]) -> None:
        self._hand_on = hand_on
        self._gathered: list[T] = []
        self._turn_of: asyncio.AbstractEventLoop | None = None
        """Whose turn's end the things wait for."""

    def add(self, thing: T) -> None:
        """Have it handed on soon: after what this turn has already put off."""
        self._gathered.append(thing)
        loop = asyncio.get_running_loop()
        if loop is not self._turn_of:
            self._turn_of = loop
            loop.call_soon(loop.call_soon, self._end)

    def _end(self) -> None:
        self._turn_of = None
        gathered, self._gathered = self._gathered, []
        self._hand_on(gathered)
