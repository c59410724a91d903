"""What the sandbox lender asks for its money: a flat rate a year on the full amount."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from bezant.rails.lender.codec import PLANS_MAX, Months, PlanRow

_BASIS_POINT_MONTHS: Final = 12 * 10_000


class PlanTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plans there are. ``basis_points`` are hundredths of a percent of the amount, for a year.

    Down payment and wallets are not taken off the amount. The default brings out the vendor's sample, which
    has 2500, 17083 and 102500 for 100000 in 6 months (source: vendor sample; which other months: our choice).
    """

    months: Annotated[tuple[Months, ...], msgspec.Meta(max_length=PLANS_MAX)] = (
        *(6, 9, 12, 15, 18),
        *(24, 36, 48, 60),
    )
    basis_points: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 500

    def rows(self, amount: int) -> tuple[PlanRow, ...]:
        """The plans for an amount in minor units, by months."""
        return tuple(self._row(amount, months) for months in sorted(set(self.months)))

    def row(self, amount: int, months: int) -> PlanRow | None:
        """The plan with so many months, if it is offered."""
        return self._row(amount, months) if months in self.months else None

    def _row(self, amount: int, months: int) -> PlanRow:
        """The fee is rounded half up, the installment down."""
        fee = (amount * self.basis_points * months + _BASIS_POINT_MONTHS // 2) // _BASIS_POINT_MONTHS
        total = amount + fee
        return PlanRow(months=months, fee=fee, installment=total // months, total=total)
