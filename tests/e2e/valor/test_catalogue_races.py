"""Stock under many hands: sales of two processes, updates and deletions over the wire, all at once."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from bezant.app.store import Store, open_store
from bezant.config import Settings
from bezant.core.catalogue import Line, Objected, Objection, give_back, take
from bezant.core.outcomes import Conflict
from bezant.storage.units import Unit
from tests.e2e.valor.shop import Office, Till, approved
from tests.support.gateway import Answer

pytestmark = pytest.mark.anyio

HANDS = 50
NOW = datetime(2026, 3, 24, 5, 36, tzinfo=UTC)

_subjects = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One terminal's stock, sold from by two processes beside the server."""

    till: Till
    stores: tuple[Store, Store]
    merchant_id: int
    terminal_id: int

    async def add(self, code: str, stock: int) -> int:
        """A new product that is counted; its id."""
        said: dict[str, Any] = {"item_name": "Apple", "unit_cost": 1, "quantity": stock, "inventory": "Yes"}
        approved(await asyncio.to_thread(self.till.call, "addProduct", product_code=code, **said))
        (row,) = [row for row in await self.rows() if row["product_code"] == code]
        item_id: int = row["product_id"]
        return item_id

    async def rows(self) -> list[dict[str, Any]]:
        """The products, as the server lists them."""
        answer = await asyncio.to_thread(self.till.call, "getProduct")
        rows: list[dict[str, Any]] = answer.body["data"]
        return rows

    async def stock(self, item_id: int) -> int:
        """How many pieces the server says there are."""
        (row,) = [row for row in await self.rows() if row["product_id"] == item_id]
        return int(row["quantity"])

    async def sell(self, *lines: Line, subject_id: int | None = None) -> str:
        """Take what the lines name in one of the processes; what came of it."""
        subject_id = next(_subjects) if subject_id is None else subject_id
        store = self.stores[subject_id % len(self.stores)]
        work = partial(self.take, subject_id=subject_id, lines=lines)
        try:
            await store.units.write(work, merchant_id=self.merchant_id)
        except Objected as objected:
            return objected.objection.value
        return "sold"

    async def take_back(self, subject_id: int, *, process: int = 0) -> None:
        """Give back what a sale took."""
        await self.stores[process].units.write(
            partial(give_back, merchant_id=self.merchant_id, subject_id=subject_id, at=NOW),
            merchant_id=self.merchant_id,
        )

    def take(self, unit: Unit, *, subject_id: int, lines: tuple[Line, ...]) -> None:
        """What a sale does inside its own unit of work."""
        take(
            unit,
            merchant_id=self.merchant_id,
            terminal_id=self.terminal_id,
            subject_id=subject_id,
            lines=lines,
        )


@pytest.fixture
async def stand(anyio_backend: str, office: Office) -> AsyncIterator[Stand]:
    """A new merchant's terminal."""
    shop = await asyncio.to_thread(office.board)
    till = shop.tills[0]
    settings = Settings(home=till.gateway.home, database_url=till.gateway.database_url)
    async with AsyncExitStack() as opened:
        first = await opened.enter_async_context(open_store(settings))
        second = await opened.enter_async_context(open_store(settings))
        account = await first.units.read(lambda unit: unit.merchants.account(shop.merchant_id))
        assert account is not None
        yield Stand(
            till=till,
            stores=(first, second),
            merchant_id=shop.merchant_id,
            terminal_id=account.terminals[till.epi].terminal_id,
        )


async def _many(made: Callable[[int], Coroutine[Any, Any, Any]]) -> Counter[Any]:
    """What comes of many at once, counted."""
    return Counter(await asyncio.gather(*(made(number) for number in range(HANDS))))


def _at_once(ask: Callable[[int], Answer], *, count: int) -> Counter[str]:
    """The ``error_no`` of many requests at once, counted."""
    with ThreadPoolExecutor(count) as threads:
        return Counter(answer.body["error_no"] for answer in threads.map(ask, range(count)))


class TestTheLastPieces:
    async def test_are_sold_once_each(self, stand: Stand) -> None:
        item_id = await stand.add("A", 20)
        found = await _many(lambda _: stand.sell(Line(item_id=item_id, quantity=1)))
        assert found == {"sold": 20, Objection.OUT_OF_STOCK.value: HANDS - 20}
        assert await stand.stock(item_id) == 0

    async def test_are_sold_whole_orders_only(self, stand: Stand) -> None:
        scarce, plenty = await stand.add("A", 30), await stand.add("B", 1000)
        orders = (
            (Line(item_id=scarce, quantity=4), Line(item_id=plenty, quantity=1)),
            (Line(item_id=plenty, quantity=1), Line(item_id=scarce, quantity=4)),
        )
        found = await _many(lambda number: stand.sell(*orders[number % 2]))
        assert found == {"sold": 7, Objection.OUT_OF_STOCK.value: HANDS - 7}
        assert (await stand.stock(scarce), await stand.stock(plenty)) == (2, 993)

    async def test_are_there_again_when_a_sale_is_taken_back(self, stand: Stand) -> None:
        item_id = await stand.add("A", 5)
        subjects = [next(_subjects) for _ in range(5)]
        for subject_id in subjects:
            assert await stand.sell(Line(item_id=item_id, quantity=1), subject_id=subject_id) == "sold"
        await _many(lambda number: stand.take_back(subjects[0], process=number % 2))
        await stand.take_back(next(_subjects))
        assert await stand.stock(item_id) == 1

    async def test_are_not_taken_twice_for_one_sale(self, stand: Stand) -> None:
        item_id = await stand.add("A", 5)
        subject_id = next(_subjects)
        line = Line(item_id=item_id, quantity=1)
        assert await stand.sell(line, subject_id=subject_id) == "sold"
        with pytest.raises(Conflict):
            await stand.sell(line, subject_id=subject_id)
        assert await stand.stock(item_id) == 4


class TestASale:
    async def test_that_fails_takes_nothing(self, stand: Stand) -> None:
        item_id = await stand.add("A", 5)

        def fails(unit: Unit) -> None:
            stand.take(unit, subject_id=next(_subjects), lines=(Line(item_id=item_id, quantity=2),))
            message = "afterwards"
            raise LookupError(message)

        with pytest.raises(LookupError):
            await stand.stores[0].units.write(fails, merchant_id=stand.merchant_id)
        assert await stand.stock(item_id) == 5

    async def test_cannot_name_what_another_terminal_sells(self, stand: Stand, office: Office) -> None:
        stranger = (await asyncio.to_thread(office.board)).tills[0]
        said: dict[str, Any] = {
            "product_code": "A",
            "item_name": "Pear",
            "unit_cost": 1,
            "quantity": 5,
            "inventory": "Yes",
        }
        approved(await asyncio.to_thread(stranger.call, "addProduct", **said))
        (theirs,) = (await asyncio.to_thread(stranger.call, "getProduct")).body["data"]
        found = await stand.sell(Line(item_id=theirs["product_id"], quantity=1))
        assert found == Objection.UNKNOWN.value

    async def test_is_not_forgotten_by_an_update_that_names_no_stock(self, stand: Stand) -> None:
        item_id = await stand.add("A", HANDS)

        async def one(number: int) -> str:
            if number % 2:
                return await stand.sell(Line(item_id=item_id, quantity=1))
            said: dict[str, Any] = {
                "product_id": item_id,
                "description": f"no. {number}",
                "precedence": number,
            }
            answer = await asyncio.to_thread(stand.till.call, "editProduct", **said)
            return str(answer.body["error_no"])

        assert await _many(one) == {"sold": HANDS // 2, "S00": HANDS // 2}
        assert await stand.stock(item_id) == HANDS - HANDS // 2


class TestACode:
    def test_is_given_to_one_of_many_at_once(self, till: Till) -> None:
        said: dict[str, Any] = {"product_code": "A", "item_name": "Apple", "unit_cost": 1}
        assert _at_once(lambda _: till.call("addProduct", **said), count=12) == {"S00": 1, "G11": 11}
        assert till.call("getProduct").body["number_of_records"] == 1


class TestAProduct:
    def test_is_deleted_once_by_many_at_once(self, till: Till) -> None:
        approved(till.call("addProduct", product_code="A", item_name="Apple", unit_cost=1))
        (row,) = till.call("getProduct").body["data"]
        named: dict[str, Any] = {"product_id": row["product_id"]}
        assert _at_once(lambda _: till.call("deleteProduct", **named), count=12) == {"S00": 1, "G19": 11}
