"""What this dialect asks of the core, introduced by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from bezant.core.catalogue import Catalogue
from bezant.core.gift import GiftCards
from bezant.core.merchants import Devices, Factors, Gate, Hasher, SystemClock
from bezant.core.payments import Payments, Reports, Settlements
from bezant.core.vault import Bins, Exports, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases that operations call."""

    gate: Gate
    factors: Factors
    payments: Payments
    settlements: Settlements
    reports: Reports
    vault: Vault
    exports: Exports
    devices: Devices
    catalogue: Catalogue
    gift: GiftCards
    bins: Bins
    hasher: Hasher
    clock: SystemClock
