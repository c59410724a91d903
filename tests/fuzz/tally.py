"""What came of sending many requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of a round. ``findings`` are by what is wrong, each with the first case that shows it."""

    name: str
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    findings: dict[str, str] = field(default_factory=dict)
