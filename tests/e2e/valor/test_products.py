"""Sales that name products: the stock goes down with what was sold, and up with what came back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import pytest

from bezant.core.merchants import move
from tests.e2e.valor.shop import EXPIRY, VISA, Office, Shop, Till, approved, declined, refused
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import Gateway, eventually

HANDS: Final = 50
STOCK: Final = 10


@pytest.fixture(autouse=True)
def _books_are_right(gateway: Gateway) -> Iterator[None]:
    yield
    come_to_rest(gateway)
    assert violations(gateway) + disagreements(gateway) == []


def added(till: Till, *, kind: str = "Product", inventory: str = "Yes", stock: int = STOCK) -> int:
    """A new product or modifier; its id."""
    said: dict[str, Any] = {
        "product_code": f"SK{inventory}",
        "item_name": "Apple",
        "unit_cost": 1,
        "quantity": stock,
    }
    approved(till.call(f"add{kind}", inventory=inventory, **said))
    rows = till.call(f"get{kind}").body["data"]
    return max(int(row["product_id"]) for row in rows)


def stock(till: Till, item_id: int, kind: str = "Product") -> int:
    """How many pieces the list says there are."""
    (row,) = [row for row in till.call(f"get{kind}").body["data"] if int(row["product_id"]) == item_id]
    return int(row["quantity"])


def basket(item_id: int, qty: object = 2, **more: object) -> list[dict[str, object]]:
    """What a sale says of one product."""
    return [{"product_id": item_id, "qty": qty, **more}]


def authorized(till: Till, item_id: int) -> dict[str, Any]:
    """An authorization that takes two pieces."""
    return approved(till.charge("20.00", txn_type="auth", productIds=basket(item_id)))


class TestASale:
    def test_takes_the_pieces_that_it_names(self, till: Till) -> None:
        item_id = added(till)
        till.sale(productIds=basket(item_id, 3))
        till.sale(productIds=[*basket(item_id, "1"), *basket(item_id, 2)])
        till.sale(productIds=[{"product_id": str(item_id)}])
        assert stock(till, item_id) == STOCK - 7

    def test_takes_each_modifier_as_often_as_its_product(self, till: Till) -> None:
        item_id, cheese = added(till), added(till, kind="Modifier")
        till.sale(productIds=basket(item_id, 2, modifierIds=[cheese, str(cheese)]))
        assert (stock(till, item_id), stock(till, cheese, "Modifier")) == (STOCK - 2, STOCK - 4)

    def test_leaves_what_has_no_inventory_alone(self, till: Till) -> None:
        item_id = added(till, inventory="No")
        till.sale(productIds=basket(item_id, STOCK + 1))
        assert stock(till, item_id) == STOCK

    def test_may_come_as_a_form_with_its_products_as_text(self, till: Till) -> None:
        item_id = added(till)
        said: dict[str, Any] = {**till.keys, "txn_type": "sale", "cardnumber": VISA, "expirydate": EXPIRY}
        products = json.dumps(basket(item_id))
        approved(till.gateway.call(**said, amount="20.00", productIds=products))
        assert stock(till, item_id) == STOCK - 2

    def test_of_more_than_there_is_is_refused_and_charges_nothing(self, till: Till) -> None:
        item_id = added(till)
        assert refused(till.charge("20.00", productIds=basket(item_id, STOCK + 1))) == "G21"
        assert (stock(till, item_id), till.booked(), till.list()["data"]) == (STOCK, {}, [])

    def test_of_a_product_of_another_terminal_is_refused_and_charges_nothing(self, shop: Shop) -> None:
        till, sister = shop.tills
        item_id = added(sister)
        assert refused(till.charge("20.00", productIds=basket(item_id))) == "G12"
        assert (stock(sister, item_id), till.booked()) == (STOCK, {})

    @pytest.mark.parametrize(
        "said",
        [
            "apple",
            "[",
            {"product_id": 1},
            [1],
            [{"qty": 1}],
            [{"product_id": None, "qty": 1}],
            [{"product_id": "x"}],
            [{"product_id": 1, "qty": 0}],
            [{"product_id": 1, "qty": -1}],
            [{"product_id": 1, "qty": 1.5}],
            [{"product_id": 1, "qty": "٣"}],
            [{"product_id": 1, "qty": 10**30}],
            [{"product_id": 10**30, "qty": 1}],
            [{"product_id": 1, "modifierIds": 7}],
            [{"product_id": 1, "modifierIds": [{}]}],
            [{"product_id": 1}] * 101,
            [{"product_id": 1, "modifierIds": [1] * 101}],
        ],
    )
    def test_with_products_that_make_no_sense_is_refused(self, till: Till, said: object) -> None:
        assert refused(till.charge("20.00", productIds=said)) == "G12"
        assert till.list()["data"] == []

    def test_without_products_may_say_so(self, till: Till) -> None:
        nothing: tuple[object, ...] = ([], "", None, "[]")
        for each in nothing:
            till.sale(productIds=each)

    def test_that_is_repeated_with_its_key_takes_once(self, till: Till) -> None:
        item_id = added(till)
        for _ in range(3):
            approved(till.charge("20.00", productIds=basket(item_id), idempotency_key="basket"))
        assert stock(till, item_id) == STOCK - 2

    def test_in_fifty_hands_sells_what_there_is(self, till: Till) -> None:
        item_id = added(till, stock=20)
        with ThreadPoolExecutor(HANDS) as threads:
            answers = list(
                threads.map(lambda _: till.charge("1.00", productIds=basket(item_id, 1)), range(HANDS))
            )
        assert Counter(answer.body["error_no"] for answer in answers) == {"S00": 20, "G21": HANDS - 20}
        assert stock(till, item_id) == 0


class TestThePiecesComeBack:
    def test_when_the_sale_is_declined(self, till: Till) -> None:
        item_id = added(till)
        assert declined(till.charge("9000.51", productIds=basket(item_id))) == "51"
        assert stock(till, item_id) == STOCK

    def test_when_an_unanswered_sale_was_reversed(self, till: Till) -> None:
        item_id = added(till)
        assert declined(till.charge("9300.00", productIds=basket(item_id))) == "91"
        assert eventually(lambda: stock(till, item_id) == STOCK)

    def test_when_the_sale_is_voided(self, till: Till) -> None:
        item_id = added(till)
        sale = till.sale(productIds=basket(item_id))
        approved(till.void(sale))
        declined(till.void(sale))
        assert stock(till, item_id) == STOCK

    def test_when_all_of_it_is_refunded(self, till: Till) -> None:
        item_id = added(till)
        sale = till.sale(productIds=basket(item_id))
        approved(till.refund(sale, "5.00"))
        assert stock(till, item_id) == STOCK - 2
        approved(till.refund(sale, "15.00"))
        assert stock(till, item_id) == STOCK

    @pytest.mark.parametrize(
        "release",
        [
            lambda till, held: till.void(held),
            lambda till, held: till.void(captured(till, held)) and till.void(held),
            lambda till, held: till.refund(captured(till, held), "20.00"),
        ],
        ids=["voided", "captured-voided-voided", "captured-refunded"],
    )
    def test_when_an_authorization_comes_to_nothing(
        self, till: Till, release: Callable[[Till, dict[str, Any]], Any]
    ) -> None:
        item_id = added(till)
        held = authorized(till, item_id)
        assert stock(till, item_id) == STOCK - 2
        approved(release(till, held))
        assert stock(till, item_id) == STOCK

    def test_when_an_authorization_expires(self, till: Till, shop: Shop, office: Office) -> None:
        item_id = added(till)
        authorized(till, item_id)
        office.change_clock(shop, move(timedelta(days=7, minutes=1)))
        assert eventually(lambda: stock(till, item_id) == STOCK)

    def test_but_not_while_a_captured_authorization_can_be_captured_again(self, till: Till) -> None:
        item_id = added(till)
        held = authorized(till, item_id)
        approved(till.void(captured(till, held)))
        assert stock(till, item_id) == STOCK - 2


def captured(till: Till, held: dict[str, Any]) -> dict[str, Any]:
    """The capture of an authorization."""
    return approved(till.call("capture", ref_txn_id=held["txnid"], amount="20.00"))
