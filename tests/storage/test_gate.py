"""Who is let in: credentials, client tokens, and the end of guessing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bezant.core.merchants import Caller, Denied, Rejection, freeze
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

HOME = "203.0.113.7"
AWAY = "198.51.100.9"
WRONG = "W" * 32


async def _key(shop: Shop, caller: Caller, *, keep_others: bool = False) -> str:
    issued = await shop.boarding.issue_key(
        caller.merchant.merchant_id, caller.terminal.number, keep_others=keep_others
    )
    shop.directory.forget()
    return issued.key.reveal()


async def _enter(shop: Shop, key: str, *, address: str = HOME, **other: str) -> Caller:
    return await shop.gate.enter(
        app_id=other.get("app_id", shop.caller.merchant.app_id),
        app_key=key,
        number=other.get("number", shop.caller.terminal.number),
        address=address,
    )


async def _denied(entering: object) -> Denied:
    with pytest.raises(Rejection) as rejection:
        await entering  # type: ignore[misc]  # a coroutine
    return rejection.value.denied


class TestACaller:
    async def test_enters_with_its_own_three_names(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        assert await _enter(shop, key) == shop.caller

    async def test_is_told_what_was_wrong(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        assert await _denied(_enter(shop, key, app_id=WRONG)) is Denied.UNKNOWN_APP_ID
        assert await _denied(_enter(shop, WRONG)) is Denied.WRONG_KEY
        assert await _denied(_enter(shop, key, number="2999999999")) is Denied.WRONG_TERMINAL

    async def test_reaches_no_terminal_but_its_keys_own(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        same = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        other = await shop.another_caller()
        for stranger in (same, other):
            assert await _denied(_enter(shop, key, number=stranger.terminal.number)) is Denied.WRONG_TERMINAL
        assert await _denied(_enter(shop, key, app_id=other.merchant.app_id)) is Denied.WRONG_KEY

    async def test_is_let_in_with_a_new_key_and_no_longer_with_the_old(self, shop: Shop) -> None:
        old = await _key(shop, shop.caller)
        assert await _enter(shop, old) == shop.caller
        new = await _key(shop, shop.caller)
        assert await _denied(_enter(shop, old)) is Denied.WRONG_KEY
        assert await _enter(shop, new) == shop.caller

    async def test_may_keep_an_old_key_beside_the_new(self, shop: Shop) -> None:
        old = await _key(shop, shop.caller)
        new = await _key(shop, shop.caller, keep_others=True)
        assert await _enter(shop, old) == await _enter(shop, new)

    async def test_reaches_a_sister_terminal_as_its_parent(self, shop: Shop) -> None:
        same = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        assert await shop.gate.child(shop.caller, same.terminal.number) == same
        other = await shop.another_caller()
        for number in (other.terminal.number, "2999999999"):
            assert await _denied(shop.gate.child(shop.caller, number)) is Denied.WRONG_TERMINAL

    async def test_that_was_being_read_while_its_key_ended_is_not_remembered(self, shop: Shop) -> None:
        """An account that was read before a change, and arrives after it, must not stay."""
        old = await _key(shop, shop.caller)
        reading = asyncio.create_task(shop.directory.by_app_id(shop.caller.merchant.app_id))
        await asyncio.sleep(0)
        shop.directory.forget()
        stale = await reading
        assert stale is not None
        await shop.boarding.issue_key(shop.caller.merchant.merchant_id, shop.caller.terminal.number)
        assert await _denied(_enter(shop, old)) is Denied.WRONG_KEY


class TestAGuesser:
    async def test_is_locked_out_after_ten_tries(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        told = [await _denied(_enter(shop, WRONG)) for _ in range(12)]
        assert told == [Denied.WRONG_KEY] * 10 + [Denied.LOCKED] * 2
        assert await _denied(_enter(shop, key)) is Denied.LOCKED

    async def test_locks_out_nobody_else(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        for _ in range(10):
            await _denied(_enter(shop, WRONG, address=AWAY))
        assert await _enter(shop, key, address=HOME) == shop.caller

    async def test_is_let_in_again_after_an_hour(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        for _ in range(10):
            await _denied(_enter(shop, WRONG))
        shop.clock.pass_by(minutes=59, seconds=59)
        assert await _denied(_enter(shop, key)) is Denied.LOCKED
        shop.clock.pass_by(seconds=1)
        assert await _enter(shop, key) == shop.caller

    async def test_starts_anew_when_a_try_succeeds(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        for _ in range(3):
            for _ in range(9):
                await _denied(_enter(shop, WRONG))
            assert await _enter(shop, key) == shop.caller

    async def test_starts_anew_when_the_tries_are_far_apart(self, shop: Shop) -> None:
        for _ in range(9):
            await _denied(_enter(shop, WRONG))
        shop.clock.pass_by(minutes=10)
        assert await _denied(_enter(shop, WRONG)) is Denied.WRONG_KEY
        assert await _denied(_enter(shop, WRONG)) is Denied.WRONG_KEY

    async def test_is_locked_out_by_every_process(self, shop: Shop) -> None:
        key = await _key(shop, shop.caller)
        async with shop.other_process() as other:
            for _ in range(5):
                await _denied(_enter(shop, WRONG))
                await _denied(_enter(other, WRONG))
            for each in (shop, other):
                await each.gate.refresh_locks()
                assert await _denied(_enter(each, key)) is Denied.LOCKED

    async def test_gains_nothing_by_trying_everything_at_once(self, shop: Shop) -> None:
        async with shop.other_process() as other:
            told = await asyncio.gather(
                *(_denied(_enter(each, WRONG)) for each in (shop, other) for _ in range(20))
            )
            assert set(told) <= {Denied.WRONG_KEY, Denied.LOCKED}
            for each in (shop, other):
                await each.gate.refresh_locks()
                assert await _denied(_enter(each, WRONG)) is Denied.LOCKED


class TestAClientToken:
    async def test_opens_its_own_terminal(self, shop: Shop) -> None:
        token, expires_at = await shop.gate.issue_client_token(shop.caller)
        assert expires_at - shop.clock.now() == timedelta(minutes=30)
        assert await _enter_by_token(shop, token) == shop.caller

    async def test_opens_no_other(self, shop: Shop) -> None:
        token, _ = await shop.gate.issue_client_token(shop.caller)
        same = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        other = await shop.another_caller()
        for stranger in (same, other):
            assert (
                await _denied(_enter_by_token(shop, token, number=stranger.terminal.number))
                is Denied.WRONG_CLIENT_TOKEN
            )
        assert await _denied(_enter_by_token(shop, token, number="2999999999")) is Denied.WRONG_TERMINAL
        assert await _denied(_enter_by_token(shop, token.upper())) is Denied.WRONG_CLIENT_TOKEN

    async def test_expires_by_the_merchants_clock(self, shop: Shop) -> None:
        token, expires_at = await shop.gate.issue_client_token(shop.caller)
        await shop.boarding.move_clock(shop.caller.merchant.merchant_id, freeze(expires_at))
        shop.directory.forget()
        assert await _denied(_enter_by_token(shop, token)) is Denied.WRONG_CLIENT_TOKEN

    async def test_is_forgotten_a_day_after_its_end(self, shop: Shop) -> None:
        await shop.gate.issue_client_token(shop.caller)
        shop.clock.pass_by(days=1, minutes=29)
        await shop.gate.issue_client_token(shop.caller)
        assert shop.count("client_tokens") == 2
        shop.clock.pass_by(minutes=2)
        await shop.gate.issue_client_token(shop.caller)
        assert shop.count("client_tokens") == 2

    async def test_cannot_be_guessed_forever(self, shop: Shop) -> None:
        token, _ = await shop.gate.issue_client_token(shop.caller)
        for _ in range(10):
            await _denied(_enter_by_token(shop, "guess"))
        assert await _denied(_enter_by_token(shop, token)) is Denied.LOCKED


async def _enter_by_token(shop: Shop, token: str, *, number: str | None = None) -> Caller:
    return await shop.gate.enter_with_client_token(
        token=token, number=number or shop.caller.terminal.number, address=HOME
    )
