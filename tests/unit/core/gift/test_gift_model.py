"""A movement on a gift card: its life, what it books, its numbers; and how misses add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.gift.messages import Answer, Granted
from bezant.core.gift.model import (
    MOVEMENT,
    Event,
    Kind,
    Misses,
    Movement,
    State,
    decide,
    entry_of,
    retrieval_reference,
    void_entry,
)
from bezant.core.ledger import Account
from bezant.core.money import Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
MOVERS = [kind for kind in Kind if kind is not Kind.VOID]


def movement(kind: Kind = Kind.REDEMPTION, minor: int = 5_00) -> Movement:
    return Movement(
        merchant_id=1,
        movement_id=7,
        terminal_id=2,
        kind=kind,
        state=State.SENDING,
        amount=Money(minor),
        retrieval_reference="006083059013",
        requested_at=NOON,
        sent_at=NOON,
        lease_until=NOON + timedelta(seconds=45),
        refunded=Money(0),
    )


class TestALife:
    def test_reaches_every_state(self) -> None:
        assert MOVEMENT.reachable() == frozenset(State)

    def test_ends_where_nothing_is_owed(self) -> None:
        assert MOVEMENT.terminal() == {State.DECLINED, State.CANCELLED, State.VOIDED}

    def test_never_makes_what_was_in_doubt_count(self) -> None:
        assert {event for state, event in MOVEMENT.rows if state is State.IN_DOUBT} == {Event.CANCEL}


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("answer", "state", "reason"),
        [
            (Granted(amount=Money(5_00), balance=Money(1)), State.BOOKED, None),
            (Declined(reason=Reason.WRONG_PIN), State.DECLINED, Reason.WRONG_PIN),
            (NotSent(cause="no connection"), State.DECLINED, Reason.NOT_REACHED),
            (Unresolved(cause="time-out"), State.IN_DOUBT, Reason.NO_ANSWER),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_decides(self, answer: Answer, state: State, reason: Reason | None) -> None:
        decided = decide(movement(), answer, at=NOON, real=NOON)
        assert (decided.state, decided.reason, decided.approved) == (state, reason, reason is None)
        assert (decided.next_try_at is None) == (state is not State.IN_DOUBT)


class TestAnEntry:
    @pytest.mark.parametrize("kind", MOVERS)
    @given(minor=st.integers(1, 10**12))
    def test_is_balanced_and_taken_back_by_a_void(self, kind: Kind, minor: int) -> None:
        original = movement(kind, minor)
        entry = entry_of(original, booked_at=NOON)
        back = void_entry(original, replace(movement(Kind.VOID, minor), movement_id=8), booked_at=NOON)
        assert entry is not None
        assert back is not None
        assert back.subject_id == 8
        assert all(not (one.amount + two.amount) for one, two in zip(entry.lines, back.lines, strict=True))

    def test_of_no_money_is_none(self) -> None:
        assert entry_of(movement(Kind.ACTIVATION, 0), booked_at=NOON) is None

    def test_of_a_load_is_a_debt_and_no_revenue(self) -> None:
        entry = entry_of(movement(Kind.LOAD), booked_at=NOON)
        assert entry is not None
        assert {line.account: line.amount.minor for line in entry.lines} == {
            Account.GIFT_LOADS: 5_00,
            Account.GIFT_LIABILITY: -5_00,
        }


class TestARetrievalReference:
    def test_is_laid_out_as_the_samples_are(self) -> None:
        at = datetime(2026, 3, 24, 9, 53, 9, tzinfo=UTC)
        assert retrieval_reference(at, 10_059_013) == "006083059013"

    def test_goes_by_the_day_of_utc(self) -> None:
        at = datetime(2026, 12, 31, 20, tzinfo=UTC).astimezone()
        assert retrieval_reference(at, 1) == "006365000001"


class TestMisses:
    WINDOW = timedelta(minutes=10)
    LOCK = timedelta(hours=1)

    def _missed(self, misses: Misses, at: datetime) -> Misses:
        return misses.after_another(at, count_max=3, window=self.WINDOW, lock=self.LOCK)

    def test_lock_when_there_are_too_many(self) -> None:
        misses = Misses(count=0, since=NOON)
        for _ in range(2):
            misses = self._missed(misses, NOON)
            assert not misses.locked(NOON)
        misses = self._missed(misses, NOON)
        assert misses.locked(NOON + self.LOCK - timedelta(seconds=1))
        assert not misses.locked(NOON + self.LOCK)

    def test_are_forgotten_with_their_window(self) -> None:
        misses = self._missed(self._missed(Misses(count=0, since=NOON), NOON), NOON)
        later = self._missed(misses, NOON + self.WINDOW)
        assert (later.count, later.since) == (1, NOON + self.WINDOW)
