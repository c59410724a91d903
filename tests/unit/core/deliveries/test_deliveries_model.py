"""A delivery's steps, purely: tries that count from their claim, and an end whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bezant.core.deliveries import DELIVERY, Answered, Delivery, Fate, Parcel, Policy, State, Unreachable
from bezant.core.lifecycle import IllegalStep
from bezant.core.sensitive import Secret

NOW = datetime(2026, 3, 24, 5, 36, tzinfo=UTC)
UNTIL = NOW + timedelta(seconds=55)
POLICY = Policy(retries=2, pause=timedelta(seconds=10))
NEW = Delivery.announced(merchant_id=1, delivery_id=2, topic="loan.bought", subject_id=3, real=NOW)
PARCEL = Parcel(
    url="https://shop.example.com/secret",
    content_type="text/plain",
    body=b"secret",
    headers=(("Authorization", Secret("secret")),),
)


class TestALifecycle:
    def test_reaches_every_state(self) -> None:
        assert DELIVERY.reachable() == set(State)

    def test_ends_when_somebody_took_it_or_nobody_wants_it(self) -> None:
        assert DELIVERY.terminal() == {State.DELIVERED, State.UNWANTED}


class TestANewDelivery:
    def test_is_due_when_it_is_announced(self) -> None:
        assert (NEW.state, NEW.tries, NEW.next_try_at, NEW.family) == (State.DUE, 0, NOW, "loan")

    def test_is_not_sent_without_being_claimed(self) -> None:
        with pytest.raises(IllegalStep):
            NEW.tried(Answered(status=200), POLICY, real=NOW)


class TestATry:
    def test_counts_from_its_claim(self) -> None:
        claimed = NEW.claimed(until=UNTIL)
        assert (claimed.state, claimed.tries, claimed.lease_until) == (State.SENDING, 1, UNTIL)
        assert claimed.next_try_at is None

    def test_that_was_lost_counts_too(self) -> None:
        assert NEW.claimed(until=UNTIL).claimed(until=UNTIL).tries == 2

    @pytest.mark.parametrize(
        ("fate", "word"),
        [
            (Answered(status=500), "500"),
            (Answered(status=302), "302"),
            (Unreachable(cause="time-out"), "time-out"),
        ],
    )
    def test_that_failed_is_followed_by_another_after_a_pause(self, fate: Fate, word: str) -> None:
        tried = NEW.claimed(until=UNTIL).tried(fate, POLICY, real=NOW)
        assert (tried.state, tried.tries, tried.last_word) == (State.DUE, 1, word)
        assert tried.next_try_at == NOW + POLICY.pause
        assert tried.lease_until is None

    @pytest.mark.parametrize("retries", [0, 1, 2, 10])
    def test_is_made_once_and_as_often_again_as_the_policy_says(self, retries: int) -> None:
        policy = Policy(retries=retries)
        delivery, tries = NEW, 0
        while delivery.state is State.DUE:
            delivery = delivery.claimed(until=UNTIL).tried(Answered(status=500), policy, real=NOW)
            tries += 1
        assert (delivery.state, delivery.tries, tries) == (State.GIVEN_UP, retries + 1, retries + 1)

    def test_raises_the_revision_at_each_step(self) -> None:
        steps = [NEW, claimed := NEW.claimed(until=UNTIL), packed := claimed.packed(PARCEL)]
        steps.append(packed.tried(Answered(status=200), POLICY, real=NOW))
        assert [step.revision for step in steps] == [0, 1, 2, 3]


class TestTheLastTry:
    def test_when_it_was_lost_ends_the_delivery(self) -> None:
        delivery = NEW
        for _ in range(3):
            assert not delivery.was_lost(POLICY)
            delivery = delivery.claimed(until=UNTIL)
        assert delivery.was_lost(POLICY)
        lost = delivery.lost(real=NOW)
        assert (lost.state, lost.last_word, lost.lease_until) == (State.GIVEN_UP, "lost", None)

    def test_is_not_lost_while_it_is_only_due(self) -> None:
        """As when the policy allowed more tries before."""
        delivery = NEW
        for _ in range(5):
            delivery = delivery.claimed(until=UNTIL)
        due = delivery.tried(Answered(status=500), Policy(retries=9), real=NOW)
        assert not due.was_lost(POLICY)


class TestARevivedDelivery:
    def test_has_all_its_tries_again_and_says_the_same(self) -> None:
        ended = (
            NEW.claimed(until=UNTIL).packed(PARCEL).tried(Answered(status=500), Policy(retries=0), real=NOW)
        )
        later = NOW + timedelta(days=1)
        revived = ended.revived(real=later)
        assert ended.ended_at == NOW
        assert (revived.state, revived.tries, revived.next_try_at) == (State.DUE, 0, later)
        assert revived.ended_at is None
        assert revived.content == PARCEL


class TestAParcel:
    def test_shows_neither_place_nor_words_nor_proof(self) -> None:
        assert "secret" not in repr(PARCEL)
        assert "secret" not in repr(NEW.claimed(until=UNTIL).packed(PARCEL))
