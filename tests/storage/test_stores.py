"""Stores: what is put in comes out the same, and what may happen once happens once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from sqlalchemy import event, text, update

from bezant.core.batches import Batch, BatchState, Totals
from bezant.core.merchants import (
    BadFacts,
    ClientToken,
    Endpoint,
    MerchantClock,
    Profile,
    freeze,
    move,
    release,
)
from bezant.core.money import EGP, Money
from bezant.core.outcomes import Conflict, Reason
from bezant.core.payments import (
    Amounts,
    Claim,
    Event,
    Kind,
    Order,
    Payment,
    PaymentQuery,
    Reversal,
    State,
    Wanted,
)
from bezant.core.vault import BinRecord, Brand, Card, StoredCard, seal
from bezant.storage.stores.payments import PaymentRows
from bezant.storage.tables import payments
from bezant.storage.units import Unit
from bezant.storage.writes import Writes
from tests.storage.shop import CARD, OTHER_CARD, START, Shop, charge_of

pytestmark = pytest.mark.anyio

MICRO = timedelta(microseconds=1)
TOKEN = "0123456789ABCDEF" * 2 + "01234567"

LATE = datetime(2100, 1, 1, tzinfo=UTC)
NO_GRACE = timedelta()


def _payment(shop: Shop, payment_id: int = 501, **changes: object) -> Payment:
    """A payment of which every field says something."""
    merchant_id, terminal_id = shop.caller.key
    payment = Payment(
        merchant_id=merchant_id,
        payment_id=payment_id,
        terminal_id=terminal_id,
        kind=Kind.SALE,
        state=State.SETTLED,
        profile=Profile.SURCHARGE,
        amounts=Amounts(base=Money(20_00), tax=Money(1_65), fee=Money(60), tip=Money(3_00)),
        card=Card(token=TOKEN, bin="411111", last4="1111", brand=Brand.VISA),
        expiry="2812",
        order=Order(
            invoice="INV 7/\u00e9",
            description="Kaffee \u2615 \u0642\u0647\u0648\u0629",
            cardholder="Zo\u00eb O'Brien",
            phone="5551234567",
            email="zoe@example.com",
            address="8320 Main",
            address2="Flat 2",
            city="Mesa",
            state="AZ",
            postal_code="85284",
            country="US",
            reference="r-1",
            source="API",
            echo={"uid": "0000000042", "empty": "", "quoted": '"\\'},
        ),
        original_id=17,
        audit_number=687_540 + payment_id,
        retrieval_reference="608305501153",
        requested_at=START + MICRO,
        sent_at=START,
        lease_until=START + timedelta(seconds=45, microseconds=999_999),
        batch_number=1,
        transaction_number=payment_id,
        approval_code="TAS001",
        response_code="00",
        reason=Reason.DO_NOT_HONOR,
        partial=True,
        answered_at=START + 5 * MICRO,
        refunded=Money(5),
        incremented=Money(7),
        refund_count=2,
        settled_at=START + timedelta(days=1),
        revision=6,
    )
    return payment.having(**changes)


def _bare(shop: Shop, payment_id: int) -> Payment:
    """A payment of which every field that may be missing is."""
    missing: dict[str, Any] = dict.fromkeys(
        (
            "card",
            "expiry",
            "original_id",
            "audit_number",
            "transaction_number",
            "approval_code",
            "response_code",
            "reason",
            "answered_at",
            "settled_at",
        )
    )
    return _payment(shop, payment_id).having(order=Order(), **missing)


async def _write(shop: Shop, work: Callable[[Unit], object]) -> None:
    await shop.units.write(work, merchant_id=shop.caller.merchant.merchant_id)


async def _add(shop: Shop, *payments: Payment) -> None:
    def work(unit: Unit) -> None:
        for payment in payments:
            unit.payments.add(payment)

    await _write(shop, work)


def _change(before: Payment, after: Payment, unit: Unit) -> None:
    unit.payments.change(before, after, at=START)


async def _answers(*works: Awaitable[object]) -> list[object]:
    return await asyncio.gather(*works, return_exceptions=True)


class TestAPayment:
    async def test_comes_back_as_it_was_stored(self, shop: Shop) -> None:
        payment = _payment(shop)
        await _add(shop, payment)
        assert await shop.find(payment) == payment

    async def test_comes_back_with_nothing_but_what_it_needs(self, shop: Shop) -> None:
        """Also when a whole group has nothing in a column."""
        bare = [_bare(shop, payment_id) for payment_id in (501, 502, 503)]
        await _add(shop, *bare)
        assert [await shop.find(payment) for payment in bare] == bare

    async def test_is_seen_by_the_work_that_stored_it(self, shop: Shop) -> None:
        payment = _payment(shop, state=State.CAPTURED)

        def work(unit: Unit) -> list[Payment | None]:
            unit.payments.add(payment)
            found = unit.payments.find(payment.merchant_id, payment.payment_id)
            later = payment.changed(refunded=Money(1))
            unit.payments.change(payment, later, at=START)
            last = later.step(Event.SETTLE)
            unit.payments.change(later, last, at=START)
            return [found, unit.payments.find(payment.merchant_id, payment.payment_id)]

        found, changed = await shop.units.write(work, merchant_id=payment.merchant_id)
        assert found == payment
        assert changed is not None
        assert (changed.state, changed.refunded, changed.revision) == (State.SETTLED, Money(1), 8)

    async def test_is_changed_only_as_it_was_last_seen(self, shop: Shop) -> None:
        first = _payment(shop, state=State.CAPTURED)
        await _add(shop, first)
        second = first.changed(refunded=Money(1))
        await _write(shop, partial(_change, first, second))
        for stale in (
            first.changed(refunded=Money(2)),
            first.step(Event.SETTLE),
        ):
            with pytest.raises(Conflict):
                await _write(shop, partial(_change, first, stale))
        unknown = first.having(payment_id=9)
        with pytest.raises(Conflict):
            await _write(shop, partial(_change, unknown, unknown.step(Event.SETTLE)))
        assert await shop.find(first) == second

    async def test_is_stored_once(self, shop: Shop) -> None:
        await _add(shop, _payment(shop))
        with pytest.raises(Conflict):
            await _add(shop, _payment(shop))

    @pytest.mark.parametrize("field", ["audit_number", "transaction_number"])
    async def test_shares_no_number_with_another(self, shop: Shop, field: str) -> None:
        first = _payment(shop, 501)
        twin = _payment(shop, 502, **{field: getattr(first, field)})
        await _add(shop, first)
        with pytest.raises(Conflict):
            await _add(shop, twin)
        await _add(shop, twin.having(sent_at=START + timedelta(days=1), batch_number=2))

    async def test_keeps_its_amounts_within_reason(self, shop: Shop) -> None:
        for nonsense in (
            {"refunded": Money(25_26)},
            {"refunded": Money(-1)},
            {"amounts": Amounts(base=Money(-1), tax=Money(2), fee=Money(3), tip=Money(30_00))},
        ):
            with pytest.raises(Conflict):
                await _add(shop, _payment(shop, **nonsense))

    async def test_is_one_merchants(self, shop: Shop) -> None:
        payment = _payment(shop)
        await _add(shop, payment)
        other = await shop.another_caller()
        found = await shop.units.read(
            lambda unit: unit.payments.find(other.merchant.merchant_id, payment.payment_id)
        )
        assert found is None

    async def test_is_found_by_the_networks_numbers(self, shop: Shop) -> None:
        sale = await shop.sale()
        await shop.void(sale)
        assert sale.audit_number is not None

        def look(unit: Unit, audit_number: int) -> Payment | None:
            return unit.payments.find_by_reference(
                sale.merchant_id,
                sale.terminal_id,
                retrieval_reference=sale.retrieval_reference,
                audit_number=audit_number,
            )

        audit_number = sale.audit_number
        found = await shop.units.read(lambda unit: look(unit, audit_number))
        assert found is not None
        assert found.payment_id == sale.payment_id
        # The void has the sale's reference, but is not what a caller means by it.
        assert await shop.units.read(lambda unit: look(unit, audit_number + 1)) is None

    async def test_has_a_history(self, shop: Shop) -> None:
        sale = await shop.sale()
        shop.clock.pass_by(minutes=5)
        await shop.void(sale)
        with shop.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT before, after, at FROM payment_events WHERE payment_id = :id ORDER BY revision"),
                {"id": sale.payment_id},
            ).all()
        steps = [(before, after) for before, after, _ in rows]
        assert steps == [("sending", "captured"), ("captured", "voiding"), ("voiding", "voided")]
        minutes = [(at - rows[0].at) // 60_000_000 for *_, at in rows]
        assert minutes == [0, 5, 5]


class TestATwin:
    async def test_is_seen_while_its_outcome_is_being_stored(self, server_shop: Shop) -> None:
        shop = server_shop
        twin = _payment(shop).having(
            state=State.SENDING, requested_at=START, reason=None, transaction_number=None
        )
        await _add(shop, twin)

        def store_outcome(*_: object) -> None:
            with shop.engine.begin() as other:
                other.execute(update(payments).values(state=State.CAPTURED.value))

        with shop.engine.connect() as connection:
            event.listen(connection, "after_cursor_execute", store_outcome)
            rows = PaymentRows(connection, Writes())
            assert rows.has_twin(twin, TOKEN, since=START - timedelta(minutes=1))


class TestAList:
    async def test_is_the_same_by_any_pages(self, shop: Shop) -> None:
        for number in range(7):
            await shop.sale(1_00 + number)
            shop.clock.pass_by(seconds=number % 2)

        async def listed(limit: int, offset: int) -> list[int]:
            query = _query(shop, limit=limit, offset=offset)
            page = await shop.units.read(lambda unit: unit.payments.page(query))
            assert page.total == 7
            return [payment.payment_id for payment in page.payments]

        whole = await listed(100, 0)
        assert whole == sorted(whole, reverse=True)
        assert len(whole) == 7
        for limit in range(9):
            for offset in range(9):
                assert await listed(limit, offset) == whole[offset : offset + limit]

    async def test_is_newest_first_in_pages(self, shop: Shop) -> None:
        for minor in range(1, 8):
            await shop.sale(minor)
            shop.clock.pass_by(seconds=1)
        query = _query(shop, limit=3, offset=2)
        page = await shop.reports.page(query)
        assert [payment.amounts.base.minor for payment in page.payments] == [5, 4, 3]
        assert page.total == 7

    async def test_shows_nothing_of_others(self, shop: Shop) -> None:
        await shop.sale()
        same = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        for other in (same, await shop.another_caller()):
            merchant_id, terminal_id = other.key
            query = replace(_query(shop), merchant_id=merchant_id, terminal_id=terminal_id)
            assert (await shop.reports.page(query)).total == 0

    async def test_can_be_filtered_by_every_fact(self, shop: Shop) -> None:
        wanted = await shop.sale(12_34, tip=Money(1_00))
        shop.clock.pass_by(hours=1)
        await shop.payments.charge(
            shop.caller, structs.replace(charge_of(5_00, pan=OTHER_CARD), order=Order())
        )
        await shop.authorization(6_00)
        hour = timedelta(hours=1)
        filters: list[dict[str, Any]] = [
            {"payment_id": wanted.payment_id},
            {"retrieval_reference": wanted.retrieval_reference},
            {"audit_number": 1},
            {"amount": Money(12_34)},
            {"amount": Money(13_34)},
            {"requested_to": START + hour},
            {"kinds": (Kind.SALE,), "brands": (Brand.VISA,)},
            {"states": (State.CAPTURED,), "invoice": "INV-1"},
            {"last4": "1111", "kinds": (Kind.SALE,)},
            {"approval_code": wanted.approval_code},
        ]
        for chosen in filters:
            page = await shop.reports.page(replace(_query(shop), **chosen))
            assert [payment.payment_id for payment in page.payments] == [wanted.payment_id], chosen
        counts: list[tuple[dict[str, Any], int]] = [
            ({"requested_from": START + hour}, 2),
            ({"approved": True}, 3),
            ({"approved": False}, 0),
            ({"nothing": True}, 0),
            ({"states": ()}, 0),
            ({"batch_number": 2}, 0),
            ({"sources": ("API",)}, 0),
            ({"cardholder": "nobody"}, 0),
        ]
        for chosen, total in counts:
            page = await shop.reports.page(replace(_query(shop), **chosen))
            assert page.total == total, chosen


class TestABatch:
    async def test_comes_back_as_it_was_stored(self, shop: Shop) -> None:
        merchant_id, terminal_id = shop.caller.key
        batch = Batch(
            merchant_id=merchant_id,
            terminal_id=terminal_id,
            number=9,
            currency=EGP,
            state=BatchState.CLOSED,
            audit_number=11,
            transaction_number=12,
            totals=Totals(1, 2, 3, 4, 5, 6, 7, 8),
            opened_at=START,
            settlement_id=13,
            frozen_at=START + MICRO,
            closed_at=START + 2 * MICRO,
        )
        await _write(shop, lambda unit: unit.batches.add(batch.copy()))
        found = await shop.units.read(lambda unit: unit.batches.find(merchant_id, terminal_id, 9))
        assert found == batch
        by_settlement = await shop.units.read(
            lambda unit: unit.batches.find_settlement(merchant_id, terminal_id, 13)
        )
        assert by_settlement == batch
        assert await shop.units.read(lambda unit: unit.batches.find(merchant_id, terminal_id, 8)) is None

    async def test_is_one_for_all_who_ask_in_a_group(self, shop: Shop) -> None:
        key = shop.caller.key

        def work(unit: Unit) -> bool:
            unit.prime([key])
            first = unit.batches.open(*key)
            first.next_audit_number()
            return unit.batches.open(*key) is first is unit.batches.find(*key, first.number)

        assert await shop.units.write(work, merchant_id=key[0])
        batch = await shop.units.read(lambda unit: unit.batches.open(*key))
        assert batch.audit_number == 1

    async def test_that_is_frozen_gives_way_to_the_next_at_once(self, shop: Shop) -> None:
        key = shop.caller.key

        def work(unit: Unit) -> list[int]:
            batch = unit.batches.open(*key)
            unit.batches.add(batch.freeze(settlement_id=77, at=START))
            following = unit.batches.open(*key)
            return [following.number, *(each.number for each in unit.batches.settling(*key))]

        assert await shop.units.write(work, merchant_id=key[0]) == [2, 1]
        assert await shop.units.read(lambda unit: unit.batches.open_number(*key)) == 2
        assert await shop.units.read(lambda unit: unit.batches.unconfirmed(real=LATE, grace=NO_GRACE)) == [
            key
        ]

    async def test_is_the_only_one_that_is_open(self, shop: Shop) -> None:
        merchant_id, terminal_id = shop.caller.key
        batch = await shop.units.read(lambda unit: unit.batches.open(merchant_id, terminal_id))
        with pytest.raises(Conflict):
            await _write(shop, lambda unit: unit.batches.add(structs.replace(batch, number=5)))


class TestAReversal:
    async def test_comes_back_when_it_is_due(self, shop: Shop) -> None:
        await _add(shop, *(_payment(shop, payment_id) for payment_id in (501, 502, 503)))
        soon, later, never = (
            Reversal(
                merchant_id=shop.caller.merchant.merchant_id,
                payment_id=payment_id,
                tries=payment_id - 500,
                next_try_at=START + timedelta(minutes=payment_id - 500),
                created_at=START + MICRO,
                escalated=payment_id == 502,
            )
            for payment_id in (501, 502, 503)
        )

        def work(unit: Unit) -> None:
            for reversal in (later, soon, never):
                unit.reversals.add(reversal)

        await _write(shop, work)
        await _write(shop, lambda unit: unit.reversals.change(never, replace(never, confirmed_at=START)))
        due = await shop.units.read(lambda unit: unit.reversals.due(START + timedelta(hours=1), 10))
        assert due == [soon, later]
        assert await shop.units.read(lambda unit: unit.reversals.due(soon.next_try_at, 10)) == [soon]
        assert await shop.units.read(lambda unit: unit.reversals.due(soon.next_try_at - MICRO, 10)) == []

    async def test_is_taken_by_one(self, shop: Shop) -> None:
        await _add(shop, _payment(shop))
        reversal = Reversal(
            merchant_id=shop.caller.merchant.merchant_id,
            payment_id=501,
            tries=0,
            next_try_at=START,
            created_at=START,
        )
        await _write(shop, lambda unit: unit.reversals.add(reversal))
        taken = replace(reversal, tries=1, next_try_at=START + timedelta(seconds=45))
        answers = await _answers(
            *(_write(shop, lambda unit: unit.reversals.change(reversal, taken)) for _ in range(5))
        )
        assert [type(answer) for answer in answers].count(Conflict) == 4
        with pytest.raises(Conflict):
            await _write(shop, lambda unit: unit.reversals.add(reversal))


class TestAClaim:
    async def test_is_the_first_ones(self, shop: Shop) -> None:
        claim = _claim(shop)

        def claim_for(subject_id: int, unit: Unit) -> None:
            unit.claims.add(structs.replace(claim, subject_id=subject_id))

        answers = await _answers(*(_write(shop, partial(claim_for, n)) for n in range(1, 6)))
        assert [type(answer) for answer in answers].count(Conflict) == 4
        found = await shop.units.read(lambda unit: unit.claims.find(*shop.caller.key, "key"))
        assert found is not None
        assert structs.replace(found, subject_id=501) == claim
        with pytest.raises(Conflict):
            await _write(shop, lambda unit: unit.claims.add(claim))

    async def test_is_one_terminals(self, shop: Shop) -> None:
        await _write(shop, lambda unit: unit.claims.add(_claim(shop)))
        other = await shop.another_caller(merchant_id=shop.caller.merchant.merchant_id)
        assert await shop.units.read(lambda unit: unit.claims.find(*other.key, "key")) is None
        _, terminal_id = other.key
        await _write(
            shop, lambda unit: unit.claims.add(structs.replace(_claim(shop), terminal_id=terminal_id))
        )

    async def test_is_seen_by_the_group_that_made_it(self, shop: Shop) -> None:
        claim = _claim(shop)

        def work(unit: Unit) -> Claim | None:
            unit.claims.add(claim)
            return unit.claims.find(*shop.caller.key, "key")

        assert await shop.units.write(work, merchant_id=claim.merchant_id) == claim

    async def test_is_there_or_not_as_it_was_expected(self, shop: Shop) -> None:
        merchant_id, terminal_id = shop.caller.key
        card, claim = seal(shop.keys.sealer, merchant_id, CARD), _claim(shop)

        def look(unit: Unit) -> tuple[Claim | None, StoredCard | None]:
            unit.expect(Wanted(merchant_id, terminal_id, key="key", token=card.card.token))
            found = unit.claims.find(merchant_id, terminal_id, "key")
            return found, unit.cards.find(merchant_id, card.card.token)

        def make(unit: Unit) -> tuple[Claim | None, StoredCard | None]:
            assert look(unit) == (None, None)
            unit.claims.add(claim)
            unit.cards.keep(card)
            return look(unit)

        assert await shop.units.write(make, merchant_id=merchant_id) == (claim, card)
        assert await shop.units.read(look) == (claim, card)


class TestACard:
    async def test_is_kept_once(self, shop: Shop) -> None:
        merchant_id = shop.caller.merchant.merchant_id
        first, again = (seal(shop.keys.sealer, merchant_id, CARD) for _ in range(2))
        await _write(shop, lambda unit: unit.cards.keep(first))
        await _write(shop, lambda unit: unit.cards.keep(again))
        found = await shop.units.read(lambda unit: unit.cards.find(merchant_id, first.card.token))
        assert found == first
        assert first.sealed != again.sealed
        assert shop.count("cards") == 1

    async def test_is_kept_once_by_a_group(self, shop: Shop) -> None:
        merchant_id = shop.caller.merchant.merchant_id
        cards = [seal(shop.keys.sealer, merchant_id, pan) for pan in (CARD, OTHER_CARD, CARD)]

        def keep(unit: Unit) -> StoredCard | None:
            for card in cards:
                unit.cards.keep(card)
            return unit.cards.find(merchant_id, cards[2].card.token)

        assert await shop.units.write(keep, merchant_id=merchant_id) == cards[0]
        assert shop.count("cards") == 2

    async def test_is_one_merchants(self, shop: Shop) -> None:
        merchant_id = shop.caller.merchant.merchant_id
        card = seal(shop.keys.sealer, merchant_id, CARD)
        await _write(shop, lambda unit: unit.cards.keep(card))
        found = await shop.units.read(lambda unit: unit.cards.find(merchant_id + 1, card.card.token))
        assert found is None


class TestAnAccount:
    async def test_comes_back_as_it_was_boarded(self, shop: Shop) -> None:
        caller = await shop.another_caller(currency=EGP)
        account = await shop.units.read(lambda unit: unit.merchants.account(caller.merchant.merchant_id))
        assert account is not None
        assert account.merchant == caller.merchant
        assert account.stores == {caller.store.store_id: caller.store}
        assert account.terminals == {caller.terminal.number: caller.terminal}
        assert caller.store.zone == ZoneInfo("America/New_York")

    async def test_is_found_by_its_public_names(self, shop: Shop) -> None:
        caller = shop.caller

        def look(unit: Unit) -> list[object]:
            return [
                unit.merchants.by_app_id(caller.merchant.app_id),
                unit.merchants.by_terminal_number(caller.terminal.number),
                unit.merchants.by_app_id(caller.terminal.number),
                unit.merchants.by_terminal_number("2999999999"),
                unit.merchants.account(999),
            ]

        first, second, *missing = await shop.units.read(look)
        assert first == second is not None
        assert missing == [None, None, None]

    async def test_shares_no_public_name_with_another(self, shop: Shop) -> None:
        with pytest.raises(Conflict):
            await shop.boarding.add_merchant(iso_id=1, name="Twin", app_id=shop.caller.merchant.app_id)
        other = await shop.another_caller()
        with pytest.raises(Conflict):
            await shop.boarding.add_terminal(
                other.merchant.merchant_id,
                store_id=other.store.store_id,
                number=shop.caller.terminal.number,
                label="Twin",
                endpoints=other.terminal.endpoints,
                tips=other.terminal.tips,
            )

    async def test_has_terminals_in_its_own_stores_only(self, shop: Shop) -> None:
        other = await shop.another_caller()
        with pytest.raises(Conflict):
            await shop.boarding.add_terminal(
                shop.caller.merchant.merchant_id,
                store_id=other.store.store_id,
                number="2888888888",
                label="Stray",
                endpoints=other.terminal.endpoints,
                tips=other.terminal.tips,
            )

    async def test_tells_every_process_when_it_changes(self, shop: Shop) -> None:
        async def version() -> int:
            return await shop.units.read(lambda unit: unit.system.accounts_version())

        before = await version()
        await shop.boarding.move_clock(shop.caller.merchant.merchant_id, freeze(START))
        assert await version() == before + 1

    async def test_keeps_its_clock(self, shop: Shop) -> None:
        merchant_id = shop.caller.merchant.merchant_id

        async def stored() -> MerchantClock:
            account = await shop.units.read(lambda unit: unit.merchants.account(merchant_id))
            assert account is not None
            return account.merchant.clock

        off = timedelta(days=-400, microseconds=1)
        assert await shop.boarding.move_clock(merchant_id, move(off)) == (
            MerchantClock(offset=off),
            START + off,
        )
        assert await stored() == MerchantClock(offset=off)
        await shop.boarding.move_clock(merchant_id, freeze(datetime(2031, 1, 1, tzinfo=UTC)))
        assert (await stored()).frozen_at == datetime(2031, 1, 1, tzinfo=UTC)
        await shop.boarding.move_clock(merchant_id, release)
        assert await stored() == MerchantClock()

    async def test_moves_no_clock_of_a_live_merchant(self, shop: Shop) -> None:
        merchant = await shop.boarding.add_merchant(iso_id=1, name="Live")
        with pytest.raises(BadFacts):
            await shop.boarding.move_clock(merchant.merchant_id, freeze())


class TestATerminal:
    async def test_shares_its_numbers_at_the_acquirer_with_no_other(self, shop: Shop) -> None:
        endpoint = Endpoint(merchant_number="820000000099", terminal_number="82000099")
        merchant = await shop.boarding.add_merchant(iso_id=1, name="Another")
        for number, merchant_id, taken in (
            ("2900000001", shop.caller.merchant.merchant_id, False),
            ("2900000002", shop.caller.merchant.merchant_id, True),
            ("2900000003", merchant.merchant_id, True),
        ):
            place = await shop.boarding.add_store(merchant_id, name="Corner", zone=ZoneInfo("UTC"))
            with pytest.raises(Conflict) if taken else nullcontext():
                await shop.boarding.add_terminal(
                    merchant_id,
                    store_id=place.store_id,
                    number=number,
                    label="Till",
                    endpoints=dict.fromkeys(Profile, endpoint),
                    tips=shop.caller.terminal.tips,
                )


class TestAClientToken:
    async def test_comes_back_by_its_hash(self, shop: Shop) -> None:
        merchant_id, terminal_id = shop.caller.key
        token = ClientToken(
            merchant_id=merchant_id, terminal_id=terminal_id, token_hash=bytes(range(32)), expires_at=START
        )
        await _write(shop, lambda unit: unit.merchants.add_client_token(token, forget_before=START))

        def find(of_merchant: int, token_hash: bytes, unit: Unit) -> ClientToken | None:
            return unit.merchants.find_client_token(of_merchant, token_hash)

        assert await shop.units.read(partial(find, merchant_id, bytes(range(32)))) == token
        assert await shop.units.read(partial(find, merchant_id + 1, bytes(range(32)))) is None
        assert await shop.units.read(partial(find, merchant_id, bytes(32))) is None


class TestTheSystem:
    async def test_gives_each_id_once(self, shop: Shop) -> None:
        async def take(each: Shop) -> range:
            return await each.units.write(
                lambda unit: unit.system.take_ids("fresh", 10, first=100), merchant_id=0
            )

        async with shop.other_process() as other:
            blocks = await asyncio.gather(*(take(each) for each in (shop, other) * 10))
        taken = [number for block in blocks for number in block]
        assert sorted(taken) == list(range(100, 300))

    async def test_knows_issuers_by_their_ranges(self, shop: Shop) -> None:
        records = [
            BinRecord(
                prefix="411111", funding="debit", issuer="Bank", country="PL", level="gold", category="x"
            ),
            BinRecord(
                prefix="41111122", funding="credit", issuer=None, country=None, level=None, category=None
            ),
        ]

        await _write(shop, lambda unit: unit.system.put_bins(records))
        assert (
            sorted(await shop.units.read(lambda unit: unit.system.bins()), key=lambda each: each.prefix)
            == records
        )


def _claim(shop: Shop) -> Claim:
    merchant_id, terminal_id = shop.caller.key
    return Claim(
        merchant_id=merchant_id,
        terminal_id=terminal_id,
        key="key",
        fingerprint=bytes(range(256))[-32:],
        subject_id=501,
        claimed_at=START + MICRO,
    )


def _query(shop: Shop, *, limit: int = 100, offset: int = 0) -> PaymentQuery:
    merchant_id, terminal_id = shop.caller.key
    return PaymentQuery(merchant_id=merchant_id, terminal_id=terminal_id, limit=limit, offset=offset)
