"""Guessers: misses are counted, and a terminal that misses too often is not served for a while.

A locked terminal gets the answers of an unknown card, so that nobody can tell a lock from a miss; the host
is not asked, so that no guess can hit. Misses of all terminals together are counted, too: while they come in
a wave, each terminal is allowed fewer, so that many terminals do not guess more than one could.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bezant.core.gift.model import Misses
from bezant.core.gift.ports import GiftTx, GiftUnits
from bezant.core.merchants import Caller

MISSES_MAX = 20
MISSES_IN_A_WAVE_MAX = 5
WAVE = 500
"""Misses of all terminals within a window that make a wave."""
WINDOW = timedelta(minutes=10)
LOCK = timedelta(hours=1)

EVERYWHERE = (0, 0)
"""Stands for all terminals together. No merchant's id is 0."""


class Guard:
    """Counts misses in the database, for every process and over restarts. All figures are our choice."""

    def __init__(self, units: GiftUnits) -> None:
        self._units = units

    def locked(self, tx: GiftTx, caller: Caller, *, real: datetime) -> bool:
        """Whether this terminal is to be answered as if it had missed."""
        misses = tx.gift.misses(*caller.key)
        return misses is not None and misses.locked(real)

    async def count(self, caller: Caller, *, real: datetime) -> None:
        """Take note of a miss."""
        merchant_id, terminal_id = caller.key

        def everywhere(tx: GiftTx) -> bool:
            after = _after(tx.gift.misses(*EVERYWHERE), real, count_max=WAVE, lock=WINDOW)
            tx.gift.keep_misses(*EVERYWHERE, after)
            return after.locked(real)

        wave = await self._units.write(everywhere, merchant_id=EVERYWHERE[0])
        count_max = MISSES_IN_A_WAVE_MAX if wave else MISSES_MAX

        def here(tx: GiftTx) -> None:
            known = tx.gift.misses(merchant_id, terminal_id)
            after = _after(known, real, count_max=count_max, lock=LOCK)
            tx.gift.keep_misses(merchant_id, terminal_id, after)

        await self._units.write(here, merchant_id=merchant_id)


def _after(known: Misses | None, real: datetime, *, count_max: int, lock: timedelta) -> Misses:
    misses = known or Misses(count=0, since=real)
    return misses.after_another(real, count_max=count_max, window=WINDOW, lock=lock)
