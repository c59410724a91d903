"""A terminal as a device: who looks after it, and when it was last used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from bezant.core.merchants.model import Caller

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of a terminal beyond its account. ``last_payment_at`` is in the merchant's time."""

    owner: str
    last_payment_at: datetime | None


class DeviceStore(Protocol):
    """Devices of one transaction."""

    def owner(self, iso_id: int) -> str:
        """The name of a sales organization."""
        ...

    def last_payment_at(self, merchant_id: int, terminal_id: int) -> datetime | None:
        """When a terminal was last asked for a payment, whatever became of it."""
        ...


class DeviceTx(Protocol):
    """The store of one transaction."""

    @property
    def devices(self) -> DeviceStore:
        """Devices."""
        ...


class DeviceUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[DeviceTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...


class Devices:
    """Terminals as devices."""

    def __init__(self, *, units: DeviceUnits) -> None:
        self._units = units

    async def of(self, caller: Caller) -> Device:
        """The caller's own device."""

        def work(tx: DeviceTx) -> Device:
            return Device(
                owner=tx.devices.owner(caller.merchant.iso_id),
                last_payment_at=tx.devices.last_payment_at(*caller.key),
            )

        return await self._units.read(work)
