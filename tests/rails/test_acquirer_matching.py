from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bezant.core.outcomes import Unresolved
from bezant.rails.acquirer import Stray, StrayKind
from bezant.rails.acquirer.codec import IsoMessage, decode
from bezant.rails.acquirer.matching import RECENT_MAX, RECENT_SECONDS, InFlight, expected_key
from bezant.rails.acquirer.rail import request_of
from tests.rails.acquirer_cases import a_message, a_reply_to

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 24, tzinfo=UTC)


class Desk:
    """Requests in flight on one link called "link", and the strays reported."""

    def __init__(self) -> None:
        self.strays: list[Stray] = []
        self.in_flight: InFlight[str] = InFlight(on_stray=self.strays.append, now=lambda: NOW)

    def kinds(self) -> list[StrayKind]:
        return [stray.kind for stray in self.strays]


def a_request() -> tuple[IsoMessage, IsoMessage]:
    """A request and the answer to it."""
    request = request_of(a_message())
    return request, decode(a_reply_to(request, de38="TAS001")[2:])


class TestAnAnswer:
    async def test_after_a_time_out_is_late_once_and_then_a_duplicate(self) -> None:
        desk = Desk()
        request, reply = a_request()
        future = desk.in_flight.add(expected_key(request), owner="link", at=0)
        assert desk.in_flight.expire(patience=5, at=6) == [("link", 0)]
        assert await future == Unresolved(cause="time-out")
        desk.in_flight.answer(reply, at=7)
        desk.in_flight.answer(reply, at=8)
        assert desk.kinds() == [StrayKind.LATE, StrayKind.DUPLICATE]

    @pytest.mark.parametrize(
        ("after", "kind"), [(RECENT_SECONDS, StrayKind.LATE), (RECENT_SECONDS + 1, StrayKind.UNMATCHED)]
    )
    async def test_is_remembered_to_be_awaited_for_a_while(self, after: float, kind: StrayKind) -> None:
        desk = Desk()
        request, reply = a_request()
        _ = desk.in_flight.add(expected_key(request), owner="link", at=0)
        desk.in_flight.lose("link", at=5)
        desk.in_flight.answer(reply, at=5 + after)
        assert desk.kinds() == [kind]

    async def test_is_forgotten_when_too_many_came_after_it(self) -> None:
        desk = Desk()
        request, reply = a_request()
        key = expected_key(request)
        for number in range(RECENT_MAX + 1):
            other = key if number == 0 else (*key[:3], f"{number:010d}")
            _ = desk.in_flight.add(other, owner="link", at=0)
        desk.in_flight.lose("link", at=1)
        desk.in_flight.answer(reply, at=2)
        assert desk.kinds() == [StrayKind.UNMATCHED]

    async def test_to_a_repeated_request_is_no_stray(self) -> None:
        desk = Desk()
        request, reply = a_request()
        _ = desk.in_flight.add(expected_key(request), owner="link", at=0)
        desk.in_flight.expire(patience=5, at=6)
        again = desk.in_flight.add(expected_key(request), owner="link", at=15)
        desk.in_flight.answer(reply, at=16)
        assert await again == reply
        assert desk.strays == []

    async def test_of_another_terminal_type_or_time_is_not_taken(self) -> None:
        desk = Desk()
        request, reply = a_request()
        future = desk.in_flight.add(expected_key(request), owner="link", at=0)
        for key, value in (("41", "82000099"), ("t", "0230"), ("7", "0101000000"), ("11", "999999")):
            desk.in_flight.answer(IsoMessage({**reply, key: value}), at=1)
        assert desk.kinds() == [StrayKind.UNMATCHED] * 4
        assert not future.done()


class TestATimeOut:
    async def test_takes_the_oldest_requests_only(self) -> None:
        desk = Desk()
        first, second = a_request()[0], a_request()[0]
        _ = desk.in_flight.add(expected_key(first), owner="link", at=1)
        _ = desk.in_flight.add(expected_key(second), owner="link", at=2)
        assert desk.in_flight.expire(patience=6, at=7) == [("link", 1)]
        assert desk.in_flight.oldest_sent_at == 2
        assert len(desk.in_flight) == 1

    async def test_comes_when_its_timer_says_so_whatever_the_sum_is_rounded_to(self) -> None:
        desk = Desk()
        sent_at, patience = 0.1, 5.0
        assert sent_at + patience - patience < sent_at
        _ = desk.in_flight.add(expected_key(a_request()[0]), owner="link", at=sent_at)
        assert desk.in_flight.expire(patience=patience, at=sent_at + patience) == [("link", sent_at)]
