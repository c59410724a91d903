"""Ids in blocks: one row of the database gives a process many ids at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from bezant.storage.units import Unit, Units

FIRST_ID = 10_000_001
BLOCK_SIZE = 2_000


class IdBlocks:
    """Increasing ids, unique in the whole gateway. What a process does not use is lost."""

    def __init__(self, units: Units, name: str, *, size: int = BLOCK_SIZE, first: int = FIRST_ID) -> None:
        self._units = units
        self._name = name
        self._size = size
        self._first = first
        self._ids: Iterator[int] = iter(())
        self._refill: asyncio.Task[None] | None = None
        """One for all who need it: in turn, each would wait as long as a database may take that is away."""

    async def take(self) -> int:
        """The next id. Raises ``Unavailable`` when no block could be had in time."""
        while (taken := next(self._ids, None)) is None:
            if self._refill is None:
                self._refill = asyncio.create_task(self._fill())
            await asyncio.shield(self._refill)  # whoever goes away leaves it to the others
        return taken

    async def _fill(self) -> None:
        try:
            self._ids = iter(await self._units.write(self._block, merchant_id=0))
        finally:
            self._refill = None

    def _block(self, unit: Unit) -> range:
        return unit.system.take_ids(self._name, self._size, first=self._first)
