"""Blind works on PostgreSQL: one exchange a group, on the event loop, and never by what is outdated."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from msgspec import structs
from sqlalchemy import make_url, text

from bezant.core.outcomes import Conflict, Reason, Refused
from bezant.core.payments import Key, Kind, State
from bezant.storage import pipeline_lanes
from bezant.storage.engine import open_engine
from bezant.storage.pipeline import Pipeline, _numbered
from bezant.storage.units import Unit
from tests.faults.proxy import Proxy, Toxic
from tests.storage.shop import CARD, Shop, charge_of, open_shop

pytestmark = pytest.mark.anyio

T = TypeVar("T")

MANY = 60


async def _blind(shop: Shop, work: Callable[[Unit], T]) -> T:
    merchant_id, terminal_id = shop.caller.key
    return await shop.units.write(work, merchant_id=merchant_id, terminal_id=terminal_id, blind=True)


async def _settled_in(shop: Shop) -> None:
    """Wait until blind works run here: until there is a connection, and after what went wrong."""
    async with asyncio.timeout(30):
        while True:
            if await _blind(shop, _thread) is threading.current_thread():
                return
            await asyncio.sleep(0.01)


def _thread(_unit: Unit) -> threading.Thread:
    return threading.current_thread()


def _end_other_sessions(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop that the server runs on: others tell more of a connection."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def wired_shop(migrated_server_url: str, tmp_path: Path) -> AsyncIterator[tuple[Shop, Proxy]]:
    """A shop whose database can be cut off."""
    url = make_url(migrated_server_url)
    assert url.host is not None
    assert url.port is not None
    with Proxy((url.host, url.port)) as wire:
        host, _, port = wire.address.rpartition(":")
        through = url.set(host=host, port=int(port)).render_as_string(hide_password=False)
        engine = open_engine(through)
        async with open_shop(engine, tmp_path) as shop:
            yield shop, wire
        engine.dispose()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_lanes, "AWAY_SECONDS", 0.05)
    monkeypatch.setattr(pipeline_lanes, "RECONNECT_SECONDS", 0.05)


class TestBlindWorks:
    async def test_run_where_their_callers_wait(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        sales = await asyncio.gather(*(server_shop.sale() for _ in range(MANY)))
        assert {sale.state for sale in sales} == {State.CAPTURED}
        assert len({sale.audit_number for sale in sales}) == MANY
        assert sorted(sale.transaction_number or 0 for sale in sales) == list(range(1, MANY + 1))
        assert await _blind(server_shop, _thread) is threading.current_thread()
        assert server_shop.wrong() == []

    async def test_are_committed_by_one_transaction(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        with server_shop.engine.connect() as connection:
            snapshot = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
            before = connection.execute(snapshot).scalar_one()
            connection.rollback()
            works = [
                _blind(
                    server_shop, lambda unit: unit.batches.open(*server_shop.caller.key).next_audit_number()
                )
                for _ in range(20)
            ]
            numbers = await asyncio.gather(*works)
            assert connection.execute(snapshot).scalar_one() - before == 1
        assert numbers == list(range(1, 21))

    async def test_that_read_after_all_are_answered_all_the_same(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        sale = await server_shop.sale()

        def read(unit: Unit) -> Kind:
            found = unit.payments.find(sale.merchant_id, sale.payment_id)
            assert found is not None
            return found.kind

        def write_and_read(unit: Unit) -> Kind:
            unit.batches.open(*server_shop.caller.key).next_audit_number()
            return read(unit)

        answers = await asyncio.gather(
            _blind(server_shop, read),
            server_shop.sale(),
            _blind(server_shop, write_and_read),
            server_shop.sale(),
        )
        assert [answers[0], answers[2]] == [Kind.SALE, Kind.SALE]
        assert server_shop.wrong() == []

    async def test_that_refuse_break_nobody_elses(self, server_shop: Shop) -> None:
        def refuse(unit: Unit) -> None:
            unit.batches.open(*server_shop.caller.key).next_audit_number()
            raise Refused(Reason.KEY_REUSED)

        await _settled_in(server_shop)
        sale, refusal = await asyncio.gather(
            server_shop.sale(), _blind(server_shop, refuse), return_exceptions=True
        )
        assert isinstance(refusal, Refused)
        assert not isinstance(sale, BaseException)
        assert sale.approved
        assert server_shop.wrong() == []

    async def test_that_cannot_be_written_down_hold_nobody_up(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        good = await server_shop.sale()
        assert good.card is not None
        bad = good.having(payment_id=good.payment_id + 1_000_000, retrieval_reference="\ud800")
        answers = await asyncio.gather(
            _blind(server_shop, lambda unit: unit.payments.add(bad)),
            server_shop.sale(),
            return_exceptions=True,
        )
        assert isinstance(answers[0], Exception)
        assert not isinstance(answers[1], BaseException)
        assert answers[1].approved
        assert (await server_shop.sale()).approved
        assert server_shop.wrong() == []

    async def test_that_collide_fail_alone(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        sale = await server_shop.sale()

        def again(unit: Unit) -> None:
            unit.payments.add(sale)

        def outdated(unit: Unit) -> None:
            unit.payments.change(sale.having(revision=sale.revision + 5), sale, at=sale.requested_at)

        results = await asyncio.gather(
            server_shop.sale(),
            _blind(server_shop, again),
            _blind(server_shop, outdated),
            return_exceptions=True,
        )
        assert [type(result) for result in results[1:]] == [Conflict, Conflict]
        assert server_shop.wrong() == []


class TestAKey:
    async def test_that_is_new_is_used_once_however_many_come_together(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        key = Key(value="one", fingerprint=b"f" * 32)
        charge = charge_of(10_00, kind=Kind.SALE, pan=CARD)
        pay = partial(server_shop.payments.charge, server_shop.caller, charge, key=key)
        outcomes = await asyncio.gather(*(pay() for _ in range(20)))
        assert len({outcome.payment.payment_id for outcome in outcomes}) == 1
        assert sum(not outcome.replayed for outcome in outcomes) == 1
        assert len(server_shop.network.messages) == 1

    async def test_that_another_process_used_meanwhile_is_found(self, server_shop: Shop) -> None:
        key = Key(value="one", fingerprint=b"f" * 32)
        charge = charge_of(10_00, kind=Kind.SALE, pan=CARD)
        async with server_shop.other_process() as other:
            await _settled_in(server_shop)
            await _settled_in(other)
            first, *others = await asyncio.gather(
                *(
                    shop.payments.charge(shop.caller, charge, key=key)
                    for _ in range(5)
                    for shop in (server_shop, other)
                )
            )
        assert {outcome.payment.payment_id for outcome in others} == {first.payment.payment_id}
        assert len(server_shop.network.messages) == 1

    async def test_comes_with_the_card_it_charges(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        kept = (await server_shop.sale()).card
        assert kept is not None
        charges = [
            structs.replace(charge_of(10_00, kind=Kind.SALE, pan=CARD), pan=None, token=token)
            for token in (kept.token, "f" * 40)
        ]
        paid, unknown = await asyncio.gather(
            *(
                server_shop.payments.charge(
                    server_shop.caller, charge, key=Key(value=f"key-{n}", fingerprint=b"f" * 32)
                )
                for n, charge in enumerate(charges)
            )
        )
        assert paid.payment.approved
        assert unknown.payment.reason is Reason.UNKNOWN_TOKEN
        assert server_shop.wrong() == []


class TestABatch:
    async def test_is_shared_by_two_processes(self, server_shop: Shop) -> None:
        """Each goes by what it saw last, and neither may overwrite what the other did."""
        async with server_shop.other_process() as other:
            await _settled_in(server_shop)
            await _settled_in(other)
            for _ in range(3):
                sales = await asyncio.gather(
                    *(shop.sale() for _ in range(MANY) for shop in (server_shop, other))
                )
                assert {sale.state for sale in sales} == {State.CAPTURED}
                await asyncio.sleep(0.1)
        assert server_shop.wrong() == []

    async def test_is_shared_with_voids_refunds_and_settlements(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)

        async def take_and_give(n: int) -> None:
            sale = await server_shop.sale()
            if n % 3 == 0:
                await server_shop.void(sale)
            elif n % 3 == 1:
                await server_shop.refund(sale, 5_00)
            if n % 10 == 0:
                await server_shop.settlements.settle(server_shop.caller)

        await asyncio.gather(*(take_and_give(n) for n in range(MANY)))
        assert server_shop.wrong() == []


class TestALostConnection:
    async def test_loses_no_payment(self, server_shop: Shop) -> None:
        await _settled_in(server_shop)
        sales = [asyncio.create_task(server_shop.sale()) for _ in range(MANY)]
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.to_thread(_end_other_sessions, server_shop)
        assert {sale.state for sale in await asyncio.gather(*sales)} == {State.CAPTURED}
        await _settled_in(server_shop)
        assert (await server_shop.sale()).approved
        assert server_shop.wrong() == []

    async def test_that_was_reset_while_it_owed_an_answer_is_replaced(
        self, wired_shop: tuple[Shop, Proxy]
    ) -> None:
        shop, wire = wired_shop
        await _settled_in(shop)
        for _ in range(3):
            wire.up = Toxic(hole=True)
            sale = asyncio.create_task(shop.sale())
            await asyncio.sleep(0.1)
            wire.reset()
            wire.heal()
            assert (await sale).approved
            await _settled_in(shop)
        assert shop.wrong() == []

    async def test_whose_server_ends_before_the_last_answer_is_told_of_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with await asyncio.start_server(_ending_server, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            opened = await asyncio.to_thread(lambda: psycopg.connect(host=host, port=port, sslmode="disable"))
            loop = asyncio.get_running_loop()
            heard = loop.create_future()
            pipeline = Pipeline(opened, loop)
            pipeline.send([("COMMIT", ())], heard.set_result)
            assert await asyncio.wait_for(heard, 5) is None
            assert not pipeline.is_open
        assert caplog.records == []


def _said(kind: bytes, content: bytes = b"") -> bytes:
    """A message of PostgreSQL's protocol."""
    return kind + (len(content) + 4).to_bytes(4, "big") + content


async def _ending_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One that is told to end after it has answered a statement, before it says that this was all."""
    await reader.read(4096)
    ready = _said(b"S", b"client_encoding\0UTF8\0") + _said(b"Z", b"I")
    writer.write(_said(b"R", bytes(4)) + ready)
    await reader.read(4096)
    answers = (_said(b"1"), _said(b"2"), _said(b"n"), _said(b"C", b"COMMIT\0"))
    last_words = _said(b"E", b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0")
    writer.write(b"".join(answers) + last_words)
    writer.close()


class TestAStatement:
    def test_has_its_marks_numbered(self) -> None:
        assert _numbered("a %s, %s::text") == "a $1, $2::text"
        assert _numbered("BEGIN") == "BEGIN"
