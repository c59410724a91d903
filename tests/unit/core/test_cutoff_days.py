"""Which day a terminal settles for, over nights on which the calendar or the clock does something odd."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bezant.core.payments.expiry import missed_day

ODD_NIGHTS = [
    ("America/New_York", date(2026, 3, 8)),  # 02:00 becomes 03:00
    ("America/New_York", date(2026, 11, 1)),  # 02:00 becomes 01:00
    ("Africa/Cairo", date(2026, 4, 24)),  # midnight becomes 01:00
    ("Africa/Cairo", date(2026, 10, 30)),  # midnight becomes 23:00 of the day before
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("America/New_York", date(2028, 2, 29)),
    ("America/New_York", date(2027, 3, 1)),  # no 29 February
    ("Pacific/Kiritimati", date(2027, 1, 1)),
    ("UTC", date(2027, 1, 1)),
]


TIMES = (0, 1, 89, 150, 23 * 60, 24 * 60 - 1)
"""Among them those that do not come in such a night, or come twice."""
LOOKS_EVERY = 7
"""Minutes."""


@dataclass(frozen=True)
class Terminal:
    """One that settles by itself."""

    settles_at: int
    settled_on: date | None
    merchant_id: int = 1
    terminal_id: int = 1


def kept(settles_at: int, times: list[datetime]) -> list[date]:
    """The days that are settled for by a terminal that is looked at then."""
    days = [times[0].date() - timedelta(days=2)]
    for local in times:
        day = missed_day(Terminal(settles_at, days[-1]), local)
        if day is not None:
            days.append(day)
    return days[1:]


class TestATerminal:
    @pytest.mark.parametrize(("zone", "night"), ODD_NIGHTS)
    @pytest.mark.parametrize("settles_at", TIMES)
    def test_keeps_every_day_once(self, zone: str, night: date, settles_at: int) -> None:
        start = datetime(night.year, night.month, night.day, tzinfo=UTC) - timedelta(days=2)
        ticks = range(0, 4 * 24 * 60, LOOKS_EVERY)
        times = [(start + timedelta(minutes=tick)).astimezone(ZoneInfo(zone)) for tick in ticks]
        days = kept(settles_at, times)
        assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
        assert days[0] < times[0].date() + timedelta(days=1)
        has_come = times[-1].hour * 60 + times[-1].minute >= settles_at
        assert days[-1] == times[-1].date() - timedelta(days=0 if has_come else 1)

    @pytest.mark.parametrize("hours", [2, -2])
    @pytest.mark.parametrize("settles_at", TIMES)
    def test_leaves_no_day_out_when_the_clock_of_the_machine_jumps(self, hours: int, settles_at: int) -> None:
        """Over the end of a year, and back a day later. A day that seems to come anew is settled anew."""
        start = datetime(2026, 12, 30, tzinfo=UTC)
        for jumps_at in range(0, 24 * 60, 180):
            wrong = range(24 * 60 + jumps_at, 2 * 24 * 60 + jumps_at)
            times = [
                start + timedelta(minutes=tick, hours=hours if tick in wrong else 0)
                for tick in range(0, 4 * 24 * 60, LOOKS_EVERY)
            ]
            days = kept(settles_at, times)
            gaps = [after - before for before, after in pairwise(days)]
            assert max(gaps) == timedelta(days=1)
            assert max(map(days.count, days)) <= 2
            assert days[-1] >= date(2027, 1, 1)
