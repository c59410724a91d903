"""What this dialect asks of the core, introduced by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from bezant.core.catalogue import Catalogue
from bezant.core.gift import GiftCards
from bezant.core.invoices import Invoices, Receipts
from bezant.core.merchants import Devices, Factors, Gate, Hasher, SystemClock
from bezant.core.payments import Payments, Reports, Settlements
from bezant.core.vault import Bins, Exports, Vault
from bezant.dialects.valor.links import Links


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
    invoices: Invoices
    receipts: Receipts
    links: Links
    bins: Bins
    hasher: Hasher
    clock: SystemClock
