"""What a merchant's clock brings about by itself: authorizations expire, terminals settle."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bezant.core.merchants import ClockChange, freeze, move, release
from bezant.core.outcomes import Declined, NotSent, Reason, Refused
from bezant.core.payments import Payment, State
from bezant.core.payments.messages import Ask
from tests.storage.shop import SILENCE, Shop

pytestmark = pytest.mark.anyio

NEW_YORK = ZoneInfo("America/New_York")
EVENING = 19 * 60
NO = Declined(reason=Reason.BATCH_MISMATCH, response_code="95")
AWAY = NotSent(cause="connection refused")


async def change_clock(shop: Shop, change: ClockChange) -> None:
    """Freeze, move or release the merchant's clock, and let everybody know."""
    merchant_id, terminal_id = shop.caller.key
    await shop.boarding.move_clock(merchant_id, change)
    shop.directory.forget()
    shop.caller = await shop.directory.caller(merchant_id, terminal_id)


async def set_clock(shop: Shop, local: str) -> None:
    """Stop the merchant's clock at that time of the store."""
    at = datetime.fromisoformat(local).replace(tzinfo=NEW_YORK).astimezone(UTC)
    await change_clock(shop, freeze(at))


async def settle_daily(shop: Shop, minute: int | None) -> None:
    """Let the terminal settle by itself at that minute of the day."""
    await shop.boarding.settle_daily(shop.caller.merchant.merchant_id, shop.caller.terminal.number, minute)


async def look(shop: Shop) -> list[bool]:
    """Look at every terminal's settlement time, as the timetable does; whether each settled."""
    terminals = await shop.units.read(lambda unit: unit.merchants.settling_terminals())
    return [await shop.cutoffs.settle(each) for each in terminals]


async def open_number(shop: Shop) -> int:
    """The number of the terminal's open batch."""
    return (await shop.reports.open_batch(shop.caller, limit=1, offset=0)).number


async def expire(shop: Shop) -> int:
    """Let go of what was held too long; how much that was."""
    return await shop.cutoffs.expire_authorizations()


class TestAnAuthorization:
    async def test_expires_after_seven_days_of_its_merchants_clock(self, shop: Shop) -> None:
        held = await shop.authorization()
        await change_clock(shop, move(timedelta(days=7, seconds=-1)))
        assert await expire(shop) == 0
        await change_clock(shop, move(timedelta(seconds=1)))
        assert await expire(shop) == 1
        assert (await shop.find(held)).state is State.EXPIRED
        assert await expire(shop) == 0
        assert shop.wrong() == []

    async def test_expires_by_real_time_where_no_clock_was_moved(self, shop: Shop) -> None:
        await shop.authorization()
        shop.clock.pass_by(days=7)
        assert await expire(shop) == 1

    async def test_does_not_expire_while_the_clock_stands_still(self, shop: Shop) -> None:
        await change_clock(shop, freeze())
        held = await shop.authorization()
        shop.clock.pass_by(days=30)
        assert await expire(shop) == 0
        await change_clock(shop, release)
        assert await expire(shop) == 1
        assert (await shop.find(held)).state is State.EXPIRED

    async def test_that_expires_is_reversed_at_the_network_until_it_says_so(self, shop: Shop) -> None:
        held = await shop.authorization()
        await shop.increment(held, 5_00)
        shop.clock.pass_by(days=7)
        await expire(shop)
        shop.network.will_say(SILENCE)
        assert await shop.reverse() == [False]
        shop.clock.pass_by(seconds=15)
        assert await shop.reverse() == [True]
        first, again = shop.network.messages[-2:]
        assert (first.ask, first.repeat, again.repeat) == (Ask.REVERSE, False, True)
        assert first.amount.minor == 15_00, "what was added is let go of too"
        assert first.original is not None
        assert (first.original.ask, first.original.audit_number) == (Ask.AUTHORIZE, held.audit_number)
        assert (first.audit_number, first.sent_at, first.amount) == (
            again.audit_number,
            again.sent_at,
            again.amount,
        )
        assert shop.wrong() == []

    async def test_that_expired_cannot_be_captured_or_raised(self, shop: Shop) -> None:
        held = await shop.expired_authorization(10_00)
        for ask in (shop.capture, shop.increment):
            with pytest.raises(Refused) as refusal:
                await ask(held, 1_00)
            assert refusal.value.reason is Reason.UNKNOWN_PAYMENT
        assert (await shop.void(held)).reason is Reason.ORIGINAL_NOT_FOUND
        assert shop.wrong() == []

    async def test_that_was_captured_or_voided_does_not_expire(self, shop: Shop) -> None:
        captured, voided = await shop.authorization(), await shop.authorization()
        await shop.capture(captured, 10_00)
        await shop.void(voided)
        shop.clock.pass_by(days=30)
        assert await expire(shop) == 0
        assert await _states(shop, [captured, voided]) == [State.COMPLETED, State.VOIDED]

    async def test_whose_late_capture_is_voided_expires_at_once(self, shop: Shop) -> None:
        held = await shop.authorization()
        shop.clock.pass_by(days=6)
        capture = await shop.capture(held, 10_00)
        shop.clock.pass_by(days=2)
        await shop.void(capture)
        assert await expire(shop) == 1
        assert await shop.reverse() == [True]
        assert shop.wrong() == []

    async def test_of_another_merchant_goes_by_another_clock(self, shop: Shop) -> None:
        ours = await shop.authorization()
        own, shop.caller = shop.caller, await shop.another_caller()
        theirs = await shop.authorization()
        await change_clock(shop, move(timedelta(days=8)))
        assert await expire(shop) == 1
        assert await _states(shop, [ours, theirs]) == [State.AUTHORIZED, State.EXPIRED]
        shop.caller = own


class TestATerminal:
    async def test_settles_at_its_time_of_the_stores_day_once(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        sale = await shop.sale()
        assert await look(shop) == [False]
        await set_clock(shop, "2026-03-24T18:59:59")
        assert await look(shop) == [False]
        await set_clock(shop, "2026-03-24T19:00")
        assert await look(shop) == [True]
        assert (await shop.find(sale)).state is State.SETTLED
        later = await shop.sale()
        await set_clock(shop, "2026-03-24T23:59")
        assert await look(shop) == [False]
        await set_clock(shop, "2026-03-25T19:00")
        assert await look(shop) == [True]
        assert (await shop.find(later)).state is State.SETTLED
        assert shop.wrong() == []

    @pytest.mark.parametrize(("now", "settled"), [("18:00", [False, True]), ("20:00", [False, False])])
    async def test_begins_with_the_next_such_time(self, shop: Shop, now: str, settled: list[bool]) -> None:
        await set_clock(shop, f"2026-03-24T{now}")
        await shop.sale()
        await settle_daily(shop, EVENING)
        found = await look(shop)
        await set_clock(shop, "2026-03-24T23:00")
        assert [*found, *await look(shop)] == settled
        await set_clock(shop, "2026-03-25T19:00")
        assert await look(shop) == [True]

    async def test_that_is_told_to_stop_does(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        await settle_daily(shop, None)
        await set_clock(shop, "2026-03-24T20:00")
        assert await look(shop) == []

    async def test_with_nothing_to_settle_has_kept_its_time(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        await set_clock(shop, "2026-03-24T19:00")
        assert await look(shop) == [True]
        await shop.sale()
        assert await look(shop) == [False]
        assert await open_number(shop) == 1

    async def test_keeps_a_time_that_is_skipped_in_spring(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-07T12:00")
        await settle_daily(shop, 2 * 60 + 30)
        await shop.sale()
        assert await _settled_at(shop, _minutes("2026-03-08T06:00", "2026-03-09T07:30")) == [
            "2026-03-08 03:00 EDT",
            "2026-03-09 02:30 EDT",
        ]

    async def test_keeps_a_time_that_comes_twice_in_autumn_once(self, shop: Shop) -> None:
        await set_clock(shop, "2026-10-31T12:00")
        await settle_daily(shop, 90)
        await shop.sale()
        assert await _settled_at(shop, _minutes("2026-11-01T04:30", "2026-11-02T07:30")) == [
            "2026-11-01 01:30 EDT",
            "2026-11-02 01:30 EST",
        ]

    async def test_settles_once_for_all_days_that_a_clock_was_moved_over(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        await shop.sale()
        await change_clock(shop, move(timedelta(days=5)))
        assert await look(shop) == [True]
        assert await look(shop) == [False]
        await shop.sale()
        await change_clock(shop, move(timedelta(hours=9)))
        assert await look(shop) == [True]
        assert await open_number(shop) == 3
        assert shop.wrong() == []

    async def test_settles_after_midnight_what_nobody_was_up_for_before(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        await shop.sale()
        await set_clock(shop, "2026-03-25T00:10")
        assert await look(shop) == [True]
        await shop.sale()
        await set_clock(shop, "2026-03-25T19:00")
        assert await look(shop) == [True]

    async def test_goes_on_when_its_clock_was_moved_back(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        await set_clock(shop, "2026-04-24T20:00")
        assert await look(shop) == [True]
        await set_clock(shop, "2026-03-25T10:00")
        await shop.sale()
        assert await look(shop) == [False]
        await set_clock(shop, "2026-03-25T19:00")
        assert await look(shop) == [True]
        await set_clock(shop, "2026-03-26T19:00")
        assert await look(shop) == [True]

    async def test_whose_settlement_fails_tries_again_but_not_at_once(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        sale = await shop.sale()
        await set_clock(shop, "2026-03-24T19:00")
        shop.network.will_say(NO)
        assert await look(shop) == [False]
        told = len(shop.network.totals)
        assert await look(shop) == [False]
        assert len(shop.network.totals) == told
        shop.clock.pass_by(seconds=30)
        assert await look(shop) == [True]
        assert (await shop.find(sale)).state is State.SETTLED
        assert shop.wrong() == []

    async def test_settles_what_is_open_after_what_was_left_unconfirmed(self, shop: Shop) -> None:
        await set_clock(shop, "2026-03-24T10:00")
        await settle_daily(shop, EVENING)
        first = await shop.sale()
        shop.network.will_say(AWAY)
        assert (await shop.settlements.settle(shop.caller)).reason is Reason.NOT_REACHED
        second = await shop.sale()
        await set_clock(shop, "2026-03-24T19:00")
        assert await look(shop) == [True]
        assert await _states(shop, [first, second]) == [State.SETTLED, State.SETTLED]
        assert await open_number(shop) == 3
        assert shop.wrong() == []


async def _states(shop: Shop, payments: Iterable[Payment]) -> list[State]:
    return [(await shop.find(payment)).state for payment in payments]


def _minutes(first: str, last: str) -> list[datetime]:
    """Every half hour between two instants in UTC."""
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (first, last))
    return [
        begin + timedelta(minutes=minute) for minute in range(0, int((end - begin).total_seconds()) // 60, 30)
    ]


async def _settled_at(shop: Shop, instants: Iterable[datetime]) -> list[str]:
    """On the store's wall clock, when the terminal settled by itself."""
    found = []
    for at in instants:
        await change_clock(shop, freeze(at))
        if await look(shop) == [True]:
            found.append(f"{at.astimezone(NEW_YORK):%Y-%m-%d %H:%M %Z}")
    return found
