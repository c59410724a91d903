"""An invoice: its life, its time, and what a payer may choose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from bezant.core.invoices import (
    INVOICE,
    Event,
    Extra,
    Invoice,
    Item,
    Objected,
    Objection,
    State,
    Terms,
    TipOffer,
)
from bezant.core.invoices.model import require_pending
from bezant.core.lifecycle import IllegalStep
from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
STEPS = {
    (State.PENDING, Event.BEGIN_PAYMENT): State.PAYING,
    (State.PENDING, Event.EXPIRE): State.EXPIRED,
    (State.PENDING, Event.CANCEL): State.CANCELLED,
    (State.PAYING, Event.PAY): State.PAID,
    (State.PAYING, Event.RELEASE): State.PENDING,
}


def invoice(state: State = State.PENDING, *, expires_at: datetime | None = None) -> Invoice:
    return Invoice(
        merchant_id=1,
        invoice_id=7,
        terminal_id=2,
        uid="Z8ULm0000000000000000000vz0FZ9ab",
        state=state,
        terms=Terms(profile=Profile.TRADITIONAL, amounts=Amounts.of(Money(20_00))),
        created_at=NOON,
        updated_at=NOON,
        expires_at=expires_at,
    )


class TestALife:
    @pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
    def test_has_these_steps_and_no_others(self, state: State, event: Event) -> None:
        before = invoice(state)
        if (state, event) in STEPS:
            after = before.step(event)
            assert (after.state, after.revision) == (STEPS[state, event], 1)
        else:
            with pytest.raises(IllegalStep, match=f"no {event} in state {state}"):
                before.step(event)

    def test_ends_paid_expired_or_cancelled(self) -> None:
        assert INVOICE.reachable() == frozenset(State)
        assert INVOICE.terminal() == {State.PAID, State.EXPIRED, State.CANCELLED}

    def test_is_not_ended_by_time_or_merchants_while_a_payment_is_under_way(self) -> None:
        assert {event for state, event in INVOICE.rows if state is State.PAYING} == {Event.PAY, Event.RELEASE}


class TestAnInvoice:
    @pytest.mark.parametrize("state", State)
    def test_expires_only_while_nobody_pays(self, state: State) -> None:
        late = invoice(state, expires_at=NOON)
        overdue = State.EXPIRED if state is State.PENDING else state
        assert late.stands(NOON - timedelta(microseconds=1)) is state
        assert late.stands(NOON) is overdue
        assert invoice(state).stands(NOON + timedelta(days=36500)) is state

    @pytest.mark.parametrize("state", State)
    def test_is_open_only_while_pending(self, state: State) -> None:
        if state is State.PENDING:
            require_pending(invoice(state), NOON)
            return
        with pytest.raises(Objected) as objected:
            require_pending(invoice(state), NOON)
        assert (objected.value.objection, objected.value.state) == (Objection.NOT_PENDING, state)

    def test_costs_what_is_asked_and_the_tip(self) -> None:
        assert invoice().total() == Money(20_00)
        assert invoice().total(Money(3_00)) == Money(23_00)


class TestATip:
    OFFER = TipOffer(percents=(15, 20), percent_max=30)

    def test_is_suggested_as_shares_of_the_base(self) -> None:
        assert self.OFFER.suggestions(Money(10_10)) == ((15, Money(1_52)), (20, Money(2_02)))

    def test_is_within_the_limit(self) -> None:
        tips = {minor: self.OFFER.allows(Money(minor), Money(10_00)) for minor in (-1, 0, 1, 3_00, 3_01)}
        assert tips == {-1: False, 0: True, 1: True, 3_00: True, 3_01: False}


class TestAnItem:
    def test_comes_to_its_pieces_with_their_extras(self) -> None:
        extras = (Extra(name="Legs", price=Money(50)), Extra(name="Sheet", price=Money(25)))
        assert Item(name="Bed", quantity=3, price=Money(2_00), extras=extras).total == Money(8_25)
