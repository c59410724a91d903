"""How often a payer may try: what makes trying out cards by the thousand useless and disturbs nobody else.

Token buckets in the memory of one process, so a gateway of several processes allows that many times as much.
What an attacker cannot spread over addresses is bounded in the database as well: a link counts its attempts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final

BUCKETS_MAX: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """``burst`` at once, then ``per_minute``."""

    burst: int
    per_minute: float


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Buckets:
    """One bucket for each key, full at first. Under too many keys those used longest ago are forgotten."""

    def __init__(self, rate: Rate, now: Callable[[], float], *, buckets_max: int = BUCKETS_MAX) -> None:
        """``now`` gives seconds that never go back."""
        self._rate = rate
        self._now = now
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._max = buckets_max

    def wait_seconds(self, key: Hashable) -> float:
        """How long until one may be taken; 0 for at once."""
        missing = 1.0 - self._filled(key).level
        return max(0.0, missing * 60.0 / self._rate.per_minute)

    def take(self, key: Hashable) -> None:
        """Take one."""
        self._filled(key).level -= 1.0

    def _filled(self, key: Hashable) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._rate.burst, now)
            if len(self._buckets) > self._max:
                self._buckets.popitem(last=False)
        gained = (now - bucket.at) * self._rate.per_minute / 60.0
        bucket.level, bucket.at = min(self._rate.burst, bucket.level + gained), now
        self._buckets.move_to_end(key)
        return bucket


LINK: Final = Rate(burst=10, per_minute=1)
"""A payer tries a few cards and mistypes some of them."""
ADDRESS: Final = Rate(burst=30, per_minute=6)
"""Many payers may share an address."""
RANGE: Final = Rate(burst=20, per_minute=4)
"""Declines of one merchant for one number range: enumeration walks through a range."""
ATTEMPTS_MAX: Final = 50
"""Attempts that a link takes in all; after them its merchant has to make another."""


class Limits:
    """The limits of payment links."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._links = Buckets(LINK, now)
        self._addresses = Buckets(ADDRESS, now)
        self._ranges = Buckets(RANGE, now)

    def wait_seconds(self, *, link: str, address: str, merchant_id: int, number_range: str) -> float:
        """How long this payer has to wait before trying; 0 for not at all."""
        return _longest(
            (
                self._links.wait_seconds(link),
                self._addresses.wait_seconds(address),
                self._ranges.wait_seconds((merchant_id, number_range)),
            )
        )

    def tried(self, *, link: str, address: str) -> None:
        """A card was tried."""
        self._links.take(link)
        self._addresses.take(address)

    def declined(self, *, merchant_id: int, number_range: str) -> None:
        """It was declined."""
        self._ranges.take((merchant_id, number_range))


def _longest(waits: Iterable[float]) -> float:
    return max(waits)
