"""What this dialect asks of the core, introduced by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from bezant.core.merchants import Gate, Hasher, SystemClock
from bezant.core.payments import Payments, Reports, Settlements
from bezant.core.vault import Bins, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases that operations call."""

    gate: Gate
    payments: Payments
    settlements: Settlements
    reports: Reports
    vault: Vault
    bins: Bins
    hasher: Hasher
    clock: SystemClock
