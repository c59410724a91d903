"""A batch counts its members and numbers its terminal's messages."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest

from bezant.core.batches import Batch, BatchState, Totals
from bezant.core.lifecycle import IllegalStep
from bezant.core.money import USD, Money

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
ZERO = Money(0)


class TestABatch:
    def test_numbers_messages_from_1_and_wraps_after_999999(self) -> None:
        batch = _batch()
        assert [batch.next_audit_number() for _ in range(3)] == [1, 2, 3]
        batch.audit_number = 999_998
        assert [batch.next_audit_number() for _ in range(3)] == [999_999, 1, 2]

    def test_lets_go_of_a_sale_and_a_refund_without_a_trace(self) -> None:
        batch = _batch()
        take_sale = partial(batch.add_sale, base=Money(2000), tax=Money(100), fee=Money(50), tip=Money(300))
        take_sale()
        batch.add_refund(Money(500))
        assert (batch.totals.sold, batch.totals.net, batch.totals.count) == (2450, 1950, 2)
        assert batch.totals.tip_count == 1
        take_sale(count=-1)
        batch.add_refund(Money(500), count=-1)
        assert batch.totals == Totals()

    def test_counts_only_tips_that_were_given(self) -> None:
        batch = _batch()
        batch.add_sale(base=Money(100), tax=ZERO, fee=ZERO, tip=ZERO)
        assert (batch.totals.sale_count, batch.totals.tip_count) == (1, 0)

    def test_is_followed_by_one_that_numbers_messages_on_and_payments_anew(self) -> None:
        batch = _batch()
        batch.next_audit_number()
        batch.next_transaction_number()
        batch.add_refund(Money(5))
        following = batch.freeze(settlement_id=77, at=NOON)
        assert (batch.state, batch.settlement_id, batch.frozen_at) == (BatchState.SETTLING, 77, NOON)
        assert (following.state, following.number) == (BatchState.OPEN, batch.number + 1)
        assert (following.next_audit_number(), following.next_transaction_number()) == (2, 1)
        assert following.totals == Totals()

    def test_closes_once_and_only_when_frozen(self) -> None:
        batch = _batch()
        with pytest.raises(IllegalStep):
            batch.confirm(NOON)
        batch.freeze(settlement_id=77, at=NOON)
        with pytest.raises(IllegalStep):
            batch.freeze(settlement_id=78, at=NOON)
        batch.confirm(NOON)
        assert (batch.state, batch.closed_at) == (BatchState.CLOSED, NOON)
        with pytest.raises(IllegalStep):
            batch.confirm(NOON)

    def test_that_was_copied_does_not_show_what_happens_later(self) -> None:
        batch = _batch()
        then = batch.copy()
        batch.add_refund(Money(5))
        batch.freeze(settlement_id=77, at=NOON)
        assert then == _batch()


class TestTotals:
    def test_add_up_field_by_field(self) -> None:
        one = Totals(1, 2, 3, 4, 5, 6, 7, 8)
        assert one + one == Totals(2, 4, 6, 8, 10, 12, 14, 16)
        assert one + Totals() == one


def _batch() -> Batch:
    return Batch(merchant_id=1, terminal_id=2, number=3, currency=USD, opened_at=NOON)
