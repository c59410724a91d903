"""Periods of the transaction lists: which days they cover, and when a store's days begin and end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.merchants import Caller, Merchant, MerchantClock, Store, Terminal, TipRule
from bezant.core.money import USD
from bezant.dialects.valor.operations.lists import (
    LAST_MONTH,
    LAST_WEEK,
    MONTH,
    TODAY,
    WEEK,
    YESTERDAY,
    days_of,
    local_days,
)
from bezant.dialects.valor.rows import zone_label

NAMED = (TODAY, MONTH, YESTERDAY, LAST_MONTH, WEEK, LAST_WEEK)
SOME_DAYS = st.dates(date(2000, 3, 1), date(2099, 12, 31))


class TestANamedPeriod:
    @pytest.mark.parametrize(
        ("period", "today", "first", "last"),
        [
            (TODAY, "2026-03-25", "2026-03-25", "2026-03-25"),
            (YESTERDAY, "2026-03-01", "2026-02-28", "2026-02-28"),
            (YESTERDAY, "2028-03-01", "2028-02-29", "2028-02-29"),
            (YESTERDAY, "2026-01-01", "2025-12-31", "2025-12-31"),
            (MONTH, "2026-03-01", "2026-03-01", "2026-03-01"),
            (MONTH, "2026-03-31", "2026-03-01", "2026-03-31"),
            (LAST_MONTH, "2026-03-31", "2026-02-01", "2026-02-28"),
            (LAST_MONTH, "2026-01-15", "2025-12-01", "2025-12-31"),
            (WEEK, "2026-03-22", "2026-03-22", "2026-03-22"),
            (WEEK, "2026-03-28", "2026-03-22", "2026-03-28"),
            (WEEK, "2026-01-01", "2025-12-28", "2026-01-01"),
            (LAST_WEEK, "2026-03-22", "2026-03-15", "2026-03-21"),
            (LAST_WEEK, "2026-03-28", "2026-03-15", "2026-03-21"),
        ],
    )
    def test_covers_these_days(self, period: int, today: str, first: str, last: str) -> None:
        days = days_of(period, date.fromisoformat(today))
        assert days == (date.fromisoformat(first), date.fromisoformat(last))

    @given(SOME_DAYS, st.sampled_from(NAMED))
    def test_never_ends_before_it_begins_nor_after_today(self, today: date, period: int) -> None:
        days = days_of(period, today)
        assert days is not None
        assert days[0] <= days[1] <= today

    @given(SOME_DAYS)
    def test_follows_the_one_before_it_without_a_gap(self, today: date) -> None:
        for before, after in ((YESTERDAY, TODAY), (LAST_MONTH, MONTH), (LAST_WEEK, WEEK)):
            earlier, later = days_of(before, today), days_of(after, today)
            assert earlier is not None
            assert later is not None
            assert earlier[1] + timedelta(days=1) == later[0]


class TestAStoresDay:
    @pytest.mark.parametrize(
        ("zone", "day", "begin", "end"),
        [
            ("America/New_York", "2026-03-24", "2026-03-24T04:00", "2026-03-25T04:00"),
            ("America/New_York", "2026-03-08", "2026-03-08T05:00", "2026-03-09T04:00"),
            ("America/New_York", "2026-11-01", "2026-11-01T04:00", "2026-11-02T05:00"),
            ("Asia/Kolkata", "2026-03-24", "2026-03-23T18:30", "2026-03-24T18:30"),
            ("Pacific/Kiritimati", "2026-03-24", "2026-03-23T10:00", "2026-03-24T10:00"),
            ("UTC", "2026-12-31", "2026-12-31T00:00", "2027-01-01T00:00"),
        ],
    )
    def test_is_its_own_from_midnight_to_midnight(self, zone: str, day: str, begin: str, end: str) -> None:
        one = date.fromisoformat(day)
        assert _minutes(local_days(_caller(zone), one, one)) == (begin, end)

    @pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
    def test_may_be_the_first_or_last_of_the_calendar(self, zone: str) -> None:
        days = local_days(_caller(zone), date.min, date.max)
        assert days["requested_from"] < datetime(2000, 1, 1, tzinfo=UTC)
        assert days["requested_to"] > datetime(2100, 1, 1, tzinfo=UTC)


class TestAZonesLabel:
    @pytest.mark.parametrize(
        ("zone", "label"),
        [
            ("America/New_York", "EST"),
            ("America/Los_Angeles", "PST"),
            ("America/Phoenix", "MST"),
            ("Pacific/Honolulu", "HST"),
            ("Europe/London", "GMT"),
            ("Australia/Sydney", "AEST"),
            ("UTC", "UTC"),
        ],
    )
    def test_is_the_one_of_standard_time_all_the_year(self, zone: str, label: str) -> None:
        assert zone_label(ZoneInfo(zone)) == label


def _minutes(days: dict[str, datetime]) -> tuple[str, str]:
    return f"{days['requested_from']:%Y-%m-%dT%H:%M}", f"{days['requested_to']:%Y-%m-%dT%H:%M}"


def _caller(zone: str) -> Caller:
    facts: dict[str, Any] = {"merchant_id": 1, "iso_id": 1, "name": "m", "app_id": "a", "sandbox": True}
    return Caller(
        merchant=Merchant(**facts, currency=USD, clock=MerchantClock()),
        store=Store(store_id=1, name="s", zone=ZoneInfo(zone)),
        terminal=Terminal(
            terminal_id=1,
            store_id=1,
            number="2000000001",
            label="t",
            device_model="139",
            endpoints={},
            tips=TipRule(adjustable=False, percent_max=0),
        ),
    )
