"""Yes, no, silence, and what we refuse ourselves."""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from typing import get_args

import pytest

from bezant.core.money import Money
from bezant.core.outcomes import Answer, Approved, Conflict, Declined, NotSent, Reason, Refused, Unresolved

ANSWERS: list[Answer] = [
    Approved(approval_code="TAS001", response_code="00", amount=Money(100)),
    Declined(reason=Reason.DO_NOT_HONOR, response_code="05"),
    Unresolved(cause="time-out"),
    NotSent(cause="connection refused"),
]


class TestAnAnswer:
    def test_is_one_of_four(self) -> None:
        assert {type(answer) for answer in ANSWERS} == set(get_args(Answer))

    @pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: type(answer).__name__)
    def test_stays_as_it_was_given(self, answer: Answer) -> None:
        with pytest.raises(FrozenInstanceError):
            setattr(answer, fields(answer)[-1].name, "another")


class TestAReason:
    def test_has_a_word_that_fits_its_column(self) -> None:
        assert all(reason.value == reason.name.lower() and len(reason) <= 40 for reason in Reason)


class TestARefusal:
    def test_says_why(self) -> None:
        refusal = Refused(Reason.KEY_REUSED)
        assert refusal.reason is Reason.KEY_REUSED
        assert str(refusal) == "key_reused"

    def test_goes_through_whatever_is_between(self) -> None:
        """Context managers and notes write to an exception."""

        @contextlib.contextmanager
        def between() -> Iterator[None]:
            yield

        refusal = Refused(Reason.BUSY)
        refusal.add_note("on its way")
        with pytest.raises(Refused) as caught, between():
            raise refusal
        assert caught.value is refusal

    def test_can_be_handed_to_another_process(self) -> None:
        for handed in (pickle.loads(pickle.dumps(Refused(Reason.BUSY))), copy.copy(Refused(Reason.BUSY))):  # noqa: S301 - our own bytes
            assert handed.reason is Reason.BUSY

    def test_is_no_conflict(self) -> None:
        assert not issubclass(Refused, Conflict)
        assert not issubclass(Conflict, Refused)
