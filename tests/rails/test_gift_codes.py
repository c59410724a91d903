from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.gift import Ask
from bezant.core.outcomes import Reason
from bezant.rails.gift.codec import Garbled, Reply, Request, line_of, reply_in, request_in
from bezant.rails.gift.codes import APPROVED, REASONS, reason_of


class TestACode:
    def test_that_no_table_knows_is_a_plain_refusal(self) -> None:
        assert reason_of("maybe") is Reason.DO_NOT_HONOR

    def test_is_never_both_an_approval_and_a_refusal(self) -> None:
        assert APPROVED not in REASONS


class TestALine:
    @given(
        ask=st.sampled_from(Ask),
        amount=st.integers(0, 10**15 - 1),
        number=st.none() | st.from_regex(r"[0-9]{12,19}", fullmatch=True).filter(str.isascii),
    )
    def test_carries_a_request_there_and_back(self, ask: Ask, amount: int, number: str | None) -> None:
        request = Request(
            id=1,
            ask=ask,
            reference="m1",
            program="ours",
            terminal="2319916062",
            amount=amount,
            currency="USD",
            number=number,
        )
        assert request_in(line_of(request).removesuffix(b"\n")) == request
        assert number is None or number not in repr(request)

    def test_carries_a_reply_there_and_back(self) -> None:
        reply = Reply(id=1, reference="m1", code=APPROVED, amount=5, balance=7)
        assert reply_in(line_of(reply)) == reply

    @given(st.binary(max_size=200))
    def test_of_garbage_is_refused(self, garbage: bytes) -> None:
        for read in (request_in, reply_in):
            with pytest.raises(Garbled):
                read(garbage)

    @pytest.mark.parametrize(
        "change",
        [
            {"amount": -1},
            {"amount": 1.5},
            {"amount": "1"},
            {"number": "4111"},
            {"number": "٤" * 16},
            {"pin": "12x"},
            {"currency": "usd"},
            {"ask": "steal"},
            {"reference": ""},
            {"more": 1},
        ],
        ids=str,
    )
    def test_of_a_request_that_is_none_is_refused(self, change: dict[str, object]) -> None:
        said = {
            "id": 1,
            "ask": "redeem",
            "reference": "m1",
            "program": "ours",
            "terminal": "2",
            "amount": 1,
            "currency": "USD",
        }
        assert request_in(msgspec.json.encode(said)).amount == 1
        with pytest.raises(Garbled):
            request_in(msgspec.json.encode({**said, **change}))
