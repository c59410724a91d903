"""The tables of states: complete, reachable, and the only way from one state to the next."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from bezant.core.batches import BATCH, BatchEvent, BatchState
from bezant.core.lifecycle import IllegalStep, Lifecycle
from bezant.core.payments import PAYMENT, Event, State

TABLES: list[tuple[Lifecycle[Any, Any], type[State | BatchState], type[Event | BatchEvent]]] = [
    (PAYMENT, State, Event),
    (BATCH, BatchState, BatchEvent),
]
each = pytest.mark.parametrize(("table", "states", "events"), TABLES, ids=["payment", "batch"])


class TestATable:
    @each
    def test_reaches_every_state(self, table: Any, states: Any, events: Any) -> None:
        assert table.reachable() == frozenset(states)

    @each
    def test_uses_every_event(self, table: Any, states: Any, events: Any) -> None:
        assert {event for event in events if table.sources(event)} == set(events)

    @each
    def test_changes_the_state_with_every_step(self, table: Any, states: Any, events: Any) -> None:
        """An event that leaves the state as it was would not show in the history."""
        assert [row for row in table.rows.items() if row[0][0] is row[1]] == []

    @each
    def test_never_comes_back_to_its_beginning(self, table: Any, states: Any, events: Any) -> None:
        assert table.initial not in table.rows.values()

    @each
    def test_refuses_every_step_that_it_does_not_have(self, table: Any, states: Any, events: Any) -> None:
        for state, event in product(states, events):
            if table.allows(state, event):
                assert table.after(state, event) is table.rows[state, event]
            else:
                with pytest.raises(IllegalStep, match=f"no {event} in state {state}"):
                    table.after(state, event)


class TestAPayment:
    def test_ends_where_nothing_more_can_happen(self) -> None:
        ends = {State.DECLINED, State.SETTLED, State.VOIDED, State.DONE, State.REVERSED, State.EXPIRED}
        assert PAYMENT.terminal() == ends

    def test_leaves_doubt_only_by_being_reversed(self) -> None:
        assert [row for row in PAYMENT.rows.items() if row[0][0] is State.IN_DOUBT] == [
            ((State.IN_DOUBT, Event.REVERSE), State.REVERSED)
        ]

    def test_has_one_outcome(self) -> None:
        """Nothing but its first step leads out of being sent, and nothing leads back into it."""
        outcomes = {after for (before, _), after in PAYMENT.rows.items() if before is State.SENDING}
        assert outcomes == {
            State.AUTHORIZED,
            State.CAPTURED,
            State.DONE,
            State.DECLINED,
            State.IN_DOUBT,
        }


class TestABatch:
    def test_ends_closed(self) -> None:
        assert BATCH.terminal() == {BatchState.CLOSED}
