"""What a list of gift movements can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bezant.core.gift.model import Movement
from bezant.core.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementQuery:
    """A filter over one terminal's movements. ``None`` does not filter; periods exclude their end.

    ``requested_from`` and ``requested_to`` are in the merchant's time.
    """

    merchant_id: int
    terminal_id: int
    limit: int
    offset: int = 0
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    approved: bool | None = None
    movement_id: int | None = None
    retrieval_reference: str | None = None
    invoice: str | None = None
    last4: str | None = None
    audit_number: int | None = None
    cardholder: str | None = None
    amount: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementPage:
    """One page of a list, and how many rows the whole list has."""

    movements: tuple[Movement, ...]
    total: int


NO_MOVEMENTS = MovementPage(movements=(), total=0)
