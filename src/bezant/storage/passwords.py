"""Passwords as argon2id hashes, made by a few threads of their own.

A hash takes tens of milliseconds and 19 MiB on purpose, so it is never made on the event loop, and no flood
of sign-ins takes more than a few threads' worth of processor and memory: what would wait too long is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from bezant.core.outcomes import Reason, Refused
from bezant.core.sensitive import Secret

T = TypeVar("T")

WORKERS: Final = 2
WAITING_MAX: Final = 64
"""Hashes that are asked for and not made yet: about a second's work for a thread."""

PASSES: Final = 2
MEMORY_KIB: Final = 19 * 1024
_NOBODYS: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${'A' * 22}${'A' * 43}"
"""A hash of no password that anybody knows, as long in the checking as any other."""


class Argon2:
    """Argon2id with two passes over 19 MiB, as OWASP recommends. ``close`` ends the threads."""

    def __init__(self, *, workers: int = WORKERS, waiting_max: int = WAITING_MAX) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="bezant-argon2")
        self._waiting_max = waiting_max
        self._waiting = 0

    async def hash(self, password: Secret) -> str:
        """A salted hash that says how it was made. Refuses ``BUSY`` when too many wait for one."""
        return await self._run(lambda: self._hasher.hash(password.reveal()))

    async def fits(self, password: Secret, password_hash: str | None) -> bool:
        """Whether a password is the one that was hashed. Without a hash it is not, which takes as long.

        Refuses ``BUSY`` when too many wait for one.
        """
        fits = await self._run(lambda: self._fits(password, password_hash or _NOBODYS))
        return fits and password_hash is not None

    def close(self) -> None:
        """End the threads when they have made what was asked for."""
        self._pool.shutdown()

    def _fits(self, password: Secret, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password.reveal())
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._waiting_max:
            raise Refused(Reason.BUSY)
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        self._waiting += 1
        future.add_done_callback(self._done)
        # Whoever stops waiting leaves a thread at work: the place is free when that is done.
        return await asyncio.shield(future)

    def _done(self, _future: object) -> None:
        self._waiting -= 1
