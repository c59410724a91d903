"""Accounts, their clocks and what can be boarded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bezant.core.merchants import (
    Account,
    Caller,
    Endpoint,
    Merchant,
    MerchantClock,
    Profile,
    Store,
    Terminal,
    TipRule,
    freeze,
    move,
    release,
)
from bezant.core.money import USD

REAL = datetime(2026, 3, 24, 5, 36, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANTS = st.timedeltas(timedelta(-2000), timedelta(5000)).map(REAL.__add__)


class TestAMerchantsClock:
    @given(INSTANTS)
    def test_tells_real_time_by_default(self, real: datetime) -> None:
        assert MerchantClock().at(real) == real

    @given(INSTANTS, st.timedeltas(timedelta(-400), timedelta(400)))
    def test_can_be_set_off(self, real: datetime, by: timedelta) -> None:
        assert move(by)(MerchantClock(), real).at(real) == real + by

    def test_stands_still_when_frozen(self) -> None:
        clock = freeze()(MerchantClock(), REAL)
        assert clock.at(REAL + HOUR) == REAL
        assert freeze(REAL - HOUR)(clock, REAL).at(REAL + HOUR) == REAL - HOUR

    def test_stays_frozen_when_moved(self) -> None:
        clock = move(HOUR)(freeze()(MerchantClock(), REAL), REAL)
        assert clock.at(REAL + 5 * HOUR) == REAL + HOUR

    def test_goes_back_to_real_time(self) -> None:
        assert release(move(HOUR)(freeze()(MerchantClock(), REAL), REAL), REAL) == MerchantClock()


class TestACaller:
    def test_lives_by_its_merchants_clock_and_its_stores_zone(self) -> None:
        caller = Caller(
            merchant=_merchant(MerchantClock(offset=HOUR)),
            store=_store("America/New_York"),
            terminal=_terminal(),
        )
        assert caller.now(REAL) == REAL + HOUR
        assert caller.local(REAL).strftime("%d/%m/%Y %H:%M") == "24/03/2026 01:36"
        assert caller.key == (7, 9)

    @pytest.mark.parametrize(
        ("instant", "local"),
        [
            (datetime(2026, 3, 8, 6, 59, tzinfo=UTC), "01:59"),
            (datetime(2026, 3, 8, 7, 0, tzinfo=UTC), "03:00"),
            (datetime(2026, 11, 1, 5, 59, tzinfo=UTC), "01:59"),
            (datetime(2026, 11, 1, 6, 0, tzinfo=UTC), "01:00"),
        ],
    )
    def test_follows_daylight_saving(self, instant: datetime, local: str) -> None:
        caller = Caller(
            merchant=_merchant(MerchantClock()), store=_store("America/New_York"), terminal=_terminal()
        )
        assert caller.local(instant).strftime("%H:%M") == local


class TestAnAccount:
    def test_finds_its_own_terminals_only(self) -> None:
        account = Account(
            merchant=_merchant(MerchantClock()),
            stores={8: _store("UTC")},
            terminals={"2000000001": _terminal()},
            opened={},
        )
        assert account.terminal_by_id(9) == _terminal()
        assert account.terminal_by_id(10) is None


def _merchant(clock: MerchantClock) -> Merchant:
    return Merchant(
        merchant_id=7, iso_id=1, name="Shop", app_id="A" * 32, currency=USD, sandbox=True, clock=clock
    )


def _store(zone: str) -> Store:
    return Store(store_id=8, name="Corner", zone=ZoneInfo(zone))


def _terminal() -> Terminal:
    return Terminal(
        terminal_id=9,
        store_id=8,
        number="2000000001",
        label="Till",
        device_model="139",
        endpoints={Profile.TRADITIONAL: Endpoint(merchant_number="820000000010", terminal_number="82000010")},
        tips=TipRule(adjustable=True, percent_max=20),
    )
