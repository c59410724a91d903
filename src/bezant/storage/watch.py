"""Facts that the timetable looks at."""

from __future__ import annotations

from datetime import timedelta

from bezant.core.merchants import SystemClock
from bezant.storage.stores.merchants import SettlingTerminal
from bezant.storage.units import Units

_GRACE = timedelta(seconds=10)


class Watch:
    """Looks at the database for the timetable."""

    def __init__(self, units: Units, clock: SystemClock) -> None:
        self._units = units
        self._clock = clock

    async def accounts_version(self) -> int:
        """How often accounts, credentials or clocks have changed."""
        return await self._units.read(lambda unit: unit.system.accounts_version())

    async def settling_terminals(self) -> list[SettlingTerminal]:
        """Terminals that settle by themselves."""
        return await self._units.read(lambda unit: unit.merchants.settling_terminals())

    async def unconfirmed_batches(self) -> list[tuple[int, int]]:
        """Terminals (merchant id, terminal id) with a batch the acquirer has not confirmed for a while."""
        real = self._clock.now()
        return await self._units.read(lambda unit: unit.batches.unconfirmed(real=real, grace=_GRACE))
