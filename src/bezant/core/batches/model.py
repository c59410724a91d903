"""A batch of one terminal.

The open one carries the terminal's counters, so that one row is the place where sales, settlements and
numbering meet.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bezant.core.lifecycle import Lifecycle
from bezant.core.money import Currency, Money

AUDIT_NUMBER_MAX = 999_999


class BatchState(StrEnum):
    """Where a batch is."""

    OPEN = "open"
    SETTLING = "settling"
    CLOSED = "closed"


class BatchEvent(StrEnum):
    """What happens to a batch."""

    FREEZE = "freeze"
    CONFIRM = "confirm"


BATCH = Lifecycle(
    name="batch",
    initial=BatchState.OPEN,
    rows={
        (BatchState.OPEN, BatchEvent.FREEZE): BatchState.SETTLING,
        (BatchState.SETTLING, BatchEvent.CONFIRM): BatchState.CLOSED,
    },
)


class Totals(msgspec.Struct):
    """What the members of a batch add up to, in minor units.

    Sales and captures count as sales. ``refunded`` is positive.
    """

    sale_count: int = 0
    base: int = 0
    tax: int = 0
    fee: int = 0
    tip: int = 0
    refund_count: int = 0
    refunded: int = 0
    tip_count: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    @property
    def sold(self) -> int:
        """Sales with tax, fee and tip."""
        return self.base + self.tax + self.fee + self.tip

    @property
    def net(self) -> int:
        """Sales less refunds."""
        return self.sold - self.refunded

    @property
    def count(self) -> int:
        """Members."""
        return self.sale_count + self.refund_count


class Batch(msgspec.Struct, kw_only=True):
    """A batch while a unit of work holds its row. Mutable: storage writes it back at the end.

    ``audit_number`` (STAN) and ``transaction_number`` are the last ones given. The first goes on for
    the life of the terminal and wraps after 999999; the second restarts with each batch.
    """

    merchant_id: int
    terminal_id: int
    number: int
    currency: Currency
    state: BatchState = BatchState.OPEN
    audit_number: int = 0
    transaction_number: int = 0
    totals: Totals = msgspec.field(default_factory=Totals)
    opened_at: datetime
    settlement_id: int | None = None
    frozen_at: datetime | None = None
    closed_at: datetime | None = None

    def copy(self) -> Batch:
        """The batch as it is now: what later works of the group do to it does not show."""
        return msgspec.structs.replace(self, totals=msgspec.structs.replace(self.totals))

    def next_audit_number(self) -> int:
        """The next STAN of the terminal, 1 to 999999."""
        self.audit_number = self.audit_number % AUDIT_NUMBER_MAX + 1
        return self.audit_number

    def next_transaction_number(self) -> int:
        """The next number within this batch, from 1."""
        self.transaction_number += 1
        return self.transaction_number

    def add_sale(self, *, base: Money, tax: Money, fee: Money, tip: Money, count: int = 1) -> None:
        """Take a sale in, or with ``count`` -1 out again."""
        totals = self.totals
        totals.sale_count += count
        totals.base += count * base.minor
        totals.tax += count * tax.minor
        totals.fee += count * fee.minor
        totals.tip += count * tip.minor
        totals.tip_count += count if tip else 0

    def add_refund(self, amount: Money, *, count: int = 1) -> None:
        """Take a refund in, or with ``count`` -1 out again."""
        self.totals.refund_count += count
        self.totals.refunded += count * amount.minor

    def freeze(self, *, settlement_id: int, at: datetime) -> Batch:
        """Close this batch to new members; the batch that follows it."""
        self.state = BATCH.after(self.state, BatchEvent.FREEZE)
        self.settlement_id = settlement_id
        self.frozen_at = at
        return Batch(
            merchant_id=self.merchant_id,
            terminal_id=self.terminal_id,
            number=self.number + 1,
            currency=self.currency,
            audit_number=self.audit_number,
            opened_at=at,
        )

    def confirm(self, at: datetime) -> None:
        """The acquirer has the totals."""
        self.state = BATCH.after(self.state, BatchEvent.CONFIRM)
        self.closed_at = at
