"""What notices need from outside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from bezant.core.deliveries import DeliveryStore
from bezant.core.notices.model import Notice

T = TypeVar("T")


class NoticeStore(Protocol):
    """Notices of one transaction."""

    def add(self, notice: Notice) -> None:
        """Store a notice, sealed."""
        ...

    def find(self, merchant_id: int, notice_id: int) -> Notice | None:
        """That merchant's notice, until it is forgotten."""
        ...

    def count(self, merchant_id: int, topic: str, since: datetime, target_hash: bytes | None) -> int:
        """How many of that topic the merchant has made since then, to one target or to all."""
        ...


class NoticeTx(Protocol):
    """The stores of one transaction."""

    @property
    def notices(self) -> NoticeStore:
        """Notices."""
        ...

    @property
    def deliveries(self) -> DeliveryStore:
        """What is on its way."""
        ...


class NoticeUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[NoticeTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[NoticeTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind."""
        ...


class Ids(Protocol):
    """Fresh ids."""

    async def take(self) -> int:
        """An id that no delivery has."""
        ...


class TargetHasher(Protocol):
    """Keyed hashes."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of ``secret``."""
        ...
