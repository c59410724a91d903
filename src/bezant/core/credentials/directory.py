"""What nearly every request asks for, kept in memory until something changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from bezant.core.credentials.model import ApiKey, SigningKey, TerminalProfile
from bezant.core.credentials.ports import CredentialTx, CredentialUnits

N = TypeVar("N", bound=Hashable)
V = TypeVar("V")

CACHED_MAX: Final = 20_000
LOOK_AGAIN_AFTER: Final = timedelta(milliseconds=100)
"""How often, at most, signing keys are asked for again because a token names one that is not known."""


class CredentialDirectory:
    """Keys, tokens and numbers by what callers show of them, cached until ``forget``.

    What is not found is asked for each time: a new key is good in every process as soon as it is stored.
    """

    def __init__(self, units: CredentialUnits) -> None:
        self._units = units
        self._keys: dict[str, ApiKey] = {}
        self._profiles: dict[str, TerminalProfile] = {}
        self._ecom: dict[bytes, TerminalProfile] = {}
        self._signing: Sequence[SigningKey] = ()
        self._signing_read_at: datetime | None = None
        self._forgotten = 0

    def forget(self) -> None:
        """Drop the cache: something changed somewhere."""
        self._forgotten += 1
        self._keys.clear()
        self._profiles.clear()
        self._ecom.clear()
        self._signing = ()

    async def key_named(self, name: str) -> ApiKey | None:
        """The key with that public name."""
        return await self._found(self._keys, name, lambda tx: tx.credentials.key_named(name))

    async def profile_numbered(self, number: str) -> TerminalProfile | None:
        """The terminal with that number."""
        return await self._found(self._profiles, number, lambda tx: tx.credentials.profile_numbered(number))

    async def ecom_profile(self, token_hash: bytes) -> TerminalProfile | None:
        """The terminal whose lasting token has that hash."""
        return await self._found(self._ecom, token_hash, lambda tx: tx.credentials.ecom_profile(token_hash))

    async def signing_keys(self) -> Sequence[SigningKey]:
        """Every key that ever signed tokens, the newest first."""
        if not self._signing:
            forgotten = self._forgotten
            found = await self._units.read(lambda tx: tx.credentials.signing_keys())
            if forgotten != self._forgotten:
                return found
            self._signing = found
        return self._signing

    async def newer_signing_keys(self, now: datetime) -> Sequence[SigningKey]:
        """The same as the database has them now; empty when that was asked only just before ``now``.

        For a token that was signed, in another process, with a key that this one has not heard of yet.
        """
        if self._signing_read_at is not None and now - self._signing_read_at < LOOK_AGAIN_AFTER:
            return ()
        self._signing_read_at = now
        self._signing = ()
        return await self.signing_keys()

    async def _found(self, cache: dict[N, V], name: N, work: Callable[[CredentialTx], V | None]) -> V | None:
        if (known := cache.get(name)) is not None:
            return known
        forgotten = self._forgotten
        found = await self._units.read(work)
        # What was being read when the cache was dropped may be from before the change.
        if found is not None and forgotten == self._forgotten:
            if len(cache) >= CACHED_MAX:
                cache.clear()
            cache[name] = found
        return found
