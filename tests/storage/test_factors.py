"""One-time passwords of refunds, by a clock that is moved by hand, and sent to somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Row, select

from bezant.core.merchants import BadFacts, Caller, Factors, Proof, RefundFactor
from bezant.core.merchants.factors import LIFE, SANDBOX_PASSWORD, TRIES_MAX, WRONG_MAX
from bezant.core.money import Money
from bezant.core.outcomes import Reason, Refused
from bezant.core.sensitive import Secret
from bezant.storage.tables import refund_challenges
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

FIVE = Money(500)
FACTOR = RefundFactor(enabled=True, email="till@example.com")
WRONG = Secret("000000")


class Letterbox:
    """Where one-time passwords arrive."""

    def __init__(self) -> None:
        self.letters: list[tuple[Caller, Secret, Money]] = []

    async def send_password(self, caller: Caller, password: Secret, *, amount: Money) -> None:
        """Keep it."""
        self.letters.append((caller, password, amount))


class TestAPassword:
    async def test_is_right_until_ten_minutes_have_passed(self, shop: Shop) -> None:
        factors, caller = _factors(shop), _guarded(shop.caller)
        for later, right in ((LIFE - timedelta(seconds=1), True), (LIFE, False)):
            challenge_id = await factors.challenge(caller, FIVE)
            shop.clock.pass_by(seconds=later.total_seconds())
            assert await _proves(factors, caller, challenge_id) is right

    async def test_is_right_once(self, shop: Shop) -> None:
        factors, caller = _factors(shop), _guarded(shop.caller)
        challenge_id = await factors.challenge(caller, FIVE)
        assert await _proves(factors, caller, challenge_id)
        assert not await _proves(factors, caller, challenge_id)

    async def test_is_right_again_for_the_same_idempotent_request_alone(self, shop: Shop) -> None:
        factors, caller = _factors(shop), _guarded(shop.caller)
        challenge_id = await factors.challenge(caller, FIVE)
        assert await _proves(factors, caller, challenge_id, used_by=b"one")
        assert await _proves(factors, caller, challenge_id, used_by=b"one")
        assert not await _proves(factors, caller, challenge_id, used_by=b"other")
        assert not await _proves(factors, caller, challenge_id)

    async def test_is_wrong_after_so_many_tries(self, shop: Shop) -> None:
        factors, caller = _factors(shop), _guarded(shop.caller)
        challenge_id = await factors.challenge(caller, FIVE)
        for _ in range(TRIES_MAX):
            assert not await _proves(factors, caller, challenge_id, password=WRONG)
        assert not await _proves(factors, caller, challenge_id)

    async def test_is_bound_to_its_amount_terminal_and_merchant(self, shop: Shop) -> None:
        factors, caller = _factors(shop), _guarded(shop.caller)
        stranger = _guarded(await shop.another_caller())
        sister = structs.replace(caller, terminal=replace(caller.terminal, terminal_id=10**9))
        challenge_id = await factors.challenge(caller, FIVE)
        assert not await _proves(factors, caller, challenge_id, amount=Money(501))
        assert not await _proves(factors, stranger, challenge_id)
        assert not await _proves(factors, sister, challenge_id)
        assert await _proves(factors, caller, challenge_id)

    async def test_cannot_be_guessed_by_asking_for_more_challenges(self, shop: Shop) -> None:
        factors, caller = _factors(shop), _guarded(shop.caller)
        for _ in range(WRONG_MAX // TRIES_MAX):
            challenge_id = await factors.challenge(caller, FIVE)
            for _ in range(TRIES_MAX):
                assert not await _proves(factors, caller, challenge_id, password=WRONG)
        assert not await _proves(factors, caller, await factors.challenge(caller, FIVE))
        shop.clock.pass_by(hours=2)
        assert await _proves(factors, caller, await factors.challenge(caller, FIVE))

    async def test_is_not_needed_where_the_merchant_wants_none(self, shop: Shop) -> None:
        factors = _factors(shop)
        await factors.prove(shop.caller, None, FIVE)
        assert await factors.challenge(shop.caller, FIVE) != await factors.challenge(shop.caller, FIVE)
        assert _kept(shop) == []

    async def test_is_needed_by_every_way_to_refund(self, shop: Shop) -> None:
        sale = await shop.sale()
        shop.caller = _guarded(shop.caller)
        with pytest.raises(Refused) as refused:
            await shop.refund(sale, 500)
        assert refused.value.reason is Reason.WRONG_FACTOR

    async def test_is_sent_to_a_real_merchants_people_and_kept_as_a_hash(self, shop: Shop) -> None:
        letterbox = Letterbox()
        factors = Factors(units=shop.units, hasher=shop.keys.hasher, clock=shop.clock, notifier=letterbox)
        caller = _guarded(shop.caller, sandbox=False)
        challenge_id = await factors.challenge(caller, FIVE)
        ((called, password, amount),) = letterbox.letters
        assert (called, amount) == (caller, FIVE)
        assert len(password.reveal()) == 6
        (row,) = _kept(shop)
        assert row.password_hash == shop.keys.hasher.digest(f"{challenge_id}\n{password.reveal()}")
        assert all(password.reveal() != value for value in row)
        assert await _proves(factors, caller, challenge_id, password=password)

    async def test_is_forgotten_after_a_day(self, shop: Shop) -> None:
        factors, caller = _factors(shop), _guarded(shop.caller)
        await factors.challenge(caller, FIVE)
        shop.clock.pass_by(hours=25)
        await factors.challenge(caller, FIVE)
        assert len(_kept(shop)) == 1


class TestARefundFactor:
    async def test_needs_an_address(self, shop: Shop) -> None:
        with pytest.raises(BadFacts, match="email address or a phone number"):
            await shop.boarding.set_rules(
                shop.caller.merchant.merchant_id, refund_factor=lambda _: RefundFactor(enabled=True)
            )

    async def test_of_a_real_merchant_needs_somebody_who_sends(self, shop: Shop) -> None:
        iso = await shop.boarding.add_iso("Real ISO")
        real = await shop.boarding.add_merchant(iso_id=iso.iso_id, name="Real")
        with pytest.raises(BadFacts, match="nothing is set up that sends"):
            await shop.boarding.set_rules(real.merchant_id, refund_factor=lambda _: FACTOR)
        kept = await shop.boarding.set_rules(
            real.merchant_id, refund_factor=lambda now: replace(now, email="till@example.com")
        )
        assert kept.refund_factor == RefundFactor(email="till@example.com")


def _factors(shop: Shop) -> Factors:
    return Factors(units=shop.units, hasher=shop.keys.hasher, clock=shop.clock)


def _kept(shop: Shop) -> Sequence[Row[Any]]:
    with shop.engine.connect() as connection:
        return connection.execute(select(refund_challenges)).all()


def _guarded(caller: Caller, *, sandbox: bool = True) -> Caller:
    """The caller with a merchant whose refunds need a password."""
    return structs.replace(caller, merchant=replace(caller.merchant, refund_factor=FACTOR, sandbox=sandbox))


async def _proves(
    factors: Factors,
    caller: Caller,
    challenge_id: str,
    *,
    password: Secret = SANDBOX_PASSWORD,
    amount: Money = FIVE,
    used_by: bytes = b"",
) -> bool:
    proof = Proof(challenge_id=challenge_id, password=password)
    try:
        await factors.prove(caller, proof, amount, used_by=used_by)
    except Refused as refused:
        return refused.reason is not Reason.WRONG_FACTOR
    return True
