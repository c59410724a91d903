"""What this dialect asks of the core."""

from __future__ import annotations

from dataclasses import dataclass

from bezant.core.bnpl import Finance
from bezant.core.merchants import Directory, SigningDirectory, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases behind the operations."""

    signing: SigningDirectory
    callers: Directory
    finance: Finance
    clock: SystemClock
