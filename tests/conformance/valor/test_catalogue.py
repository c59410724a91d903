"""The catalogue's published answers, replayed on a running gateway; and every error it gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.valor.forms import FORMS
from tests.e2e.valor.shop import Office, Till, approved, refused
from tests.support.gateway import Answer

SAMPLES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "catalogue_samples.json").read_bytes())
"""The vendor's published answers, by operation (source: vendor sample)."""

ITEMS = ("Product", "Modifier")
KINDS = (*ITEMS, "Discount")
NOWHERE = 999_999_999_999
GIVEN_HERE = ("product_id", "discount_id")

APPLE: Final[dict[str, Any]] = {"product_code": "SK002", "item_name": "Apple 1", "unit_cost": 10}
OFFER: Final[dict[str, Any]] = {"discount_name": "WelcomeOffer34", "amount_type": 0, "cost": 10}


def listed(till: Till, kind: str, **params: Any) -> list[dict[str, Any]]:
    """The rows of a list."""
    answer = till.call(f"get{kind}", **params)
    assert answer.status == 200, answer
    assert list(answer.body) == ["status", "message", "number_of_records", "data"]
    rows: list[dict[str, Any]] = answer.body["data"]
    assert answer.body["number_of_records"] == len(rows)
    return rows


def added(till: Till, kind: str, **said: object) -> dict[str, Any]:
    """Add an item or a discount, made of an example's fields unless others are given; its row."""
    approved(till.call(f"add{kind}", **{**(OFFER if kind == "Discount" else APPLE), **said}))
    id_key = id_of(kind)
    (row,) = sorted(listed(till, kind), key=lambda row: int(row[id_key]))[-1:]
    return row


def id_of(kind: str) -> str:
    """The field that names one."""
    return "discount_id" if kind == "Discount" else "product_id"


def _published(operation: str, status: int) -> dict[str, Any]:
    (body,) = (each["body"] for each in SAMPLES[operation]["responses"] if each["http"] == status)
    found: dict[str, Any] = body
    return found


def _row_of(kind: str) -> dict[str, Any]:
    (row,) = _published(f"get_{kind.lower()}", 200)["data"]
    return {name: value for name, value in row.items() if name not in {*GIVEN_HERE, "is_deleted"}}


def _as_published(till: Till, kind: str) -> Answer:
    said = _row_of(kind)
    if kind == "Discount":
        said["cost"] = "10.000"
    approved(till.call(f"add{kind}", **said))
    return till.call(f"get{kind}")


def _bad_key(till: Till, kind: str) -> Answer:
    said: dict[str, Any] = {**till.keys, "appkey": "x" * 32}
    return till.gateway.call(**said, txn_type=f"get{kind}")


def _twice(till: Till, kind: str) -> Answer:
    added(till, kind)
    return till.call(f"add{kind}", **APPLE)


def _changed(till: Till, kind: str, **said: object) -> Answer:
    row = added(till, kind)
    return till.call(f"edit{kind}", **{id_of(kind): row[id_of(kind)], **said})


def _deleted(till: Till, kind: str, *, times: int) -> Answer:
    row = added(till, kind)
    answers = [till.call(f"delete{kind}", **{id_of(kind): row[id_of(kind)]}) for _ in range(times)]
    return answers[-1]


REPLAYS: dict[tuple[str, int], Callable[[Till], Answer]] = {
    ("get_modifier", 200): lambda till: _as_published(till, "Modifier"),
    ("get_modifier", 400): lambda till: _bad_key(till, "Modifier"),
    ("create_modifier", 200): lambda till: till.call("addModifier", **APPLE),
    ("create_modifier", 400): lambda till: _twice(till, "Modifier"),
    ("update_modifier", 200): lambda till: _changed(till, "Modifier", item_name="Pear"),
    ("update_modifier", 400): lambda till: till.call("editModifier", product_id=NOWHERE),
    ("delete_modifier", 200): lambda till: _deleted(till, "Modifier", times=1),
    ("delete_modifier", 400): lambda till: _deleted(till, "Modifier", times=2),
    ("get_discount", 200): lambda till: _as_published(till, "Discount"),
    ("get_discount", 400): lambda till: _bad_key(till, "Discount"),
    ("create_discount", 200): lambda till: till.call("addDiscount", **OFFER),
    ("create_discount", 400): lambda till: till.call("addDiscount", discount_name="Offer", amount_type=0),
    ("update_discount", 200): lambda till: _changed(till, "Discount", amount_type=1, cost="5.00"),
    ("update_discount", 400): lambda till: _changed(till, "Discount", amount_type=0, cost=101),
    ("delete_discount", 200): lambda till: _deleted(till, "Discount", times=1),
    ("delete_discount", 400): lambda till: _deleted(till, "Discount", times=2),
    ("get_product", 200): lambda till: _as_published(till, "Product"),
    ("create_product", 200): lambda till: till.call("addProduct", **APPLE),
    ("create_product", 400): lambda till: _twice(till, "Product"),
    ("update_product", 200): lambda till: _changed(till, "Product", unit_cost="2.5"),
    ("update_product", 400): lambda till: till.call("editProduct", product_id=NOWHERE),
    ("delete_product", 200): lambda till: _deleted(till, "Product", times=1),
    ("delete_product", 400): lambda till: _deleted(till, "Product", times=2),
}
IDS = [(operation, each["http"]) for operation, told in SAMPLES.items() for each in told["responses"]]
ON_SQLITE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)


class TestASample:
    @pytest.mark.parametrize("sample", IDS, ids=lambda sample: " ".join(map(str, sample)))
    def test_is_answered_as_it_was_published(self, till: Till, sample: tuple[str, int]) -> None:
        answer = REPLAYS[sample](till)
        published = _published(*sample)
        assert answer.status == sample[1]
        assert _dumped(answer.body) == _dumped(published)

    def test_has_a_replay(self) -> None:
        assert list(REPLAYS) == IDS

    @ON_SQLITE
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_can_be_asked_for_in_every_form(self, till: Till, kind: str, form: str) -> None:
        said = {name: str(value) for name, value in (OFFER if kind == "Discount" else APPLE).items()}
        for word, more in ((f"add{kind}", said), (f"get{kind}", {})):
            sent = FORMS[form](word, {**till.keys, "txn_type": word, **more})
            answer = till.gateway.post(sent.body, sent.headers, target=sent.target)
            assert answer.status == 200, answer
        assert answer.body["number_of_records"] == 1


def _dumped(body: dict[str, Any]) -> str:
    """An answer as its text, so that order and JSON types count; ids that are given here by their type."""
    rows = [
        {name: type(value).__name__ if name in GIVEN_HERE else value for name, value in row.items()}
        for row in body.get("data", ())
    ]
    return json.dumps({**body, "data": rows} if "data" in body else body)


class TestAnItem:
    @pytest.mark.parametrize("kind", ITEMS)
    def test_needs_a_code_a_name_and_a_price_only(self, till: Till, kind: str) -> None:
        row = added(till, kind)
        wanted = {
            "product_code": "SK002",
            "item_name": "Apple 1",
            "description": "",
            "quantity": "0",
            "unit_cost": 10,
            "taxable": "No",
            "inventory": "No",
            "precedence": "1",
            "category": "",
            "is_active": "1",
        }
        assert wanted.items() <= row.items()

    @pytest.mark.parametrize(
        ("said", "shown"), [(10, 10), ("10.00", 10), ("0.1", 0.1), ("99999.99", 99999.99), (0, 0), (2.5, 2.5)]
    )
    @ON_SQLITE
    def test_shows_its_price_as_a_number(self, till: Till, said: object, shown: float) -> None:
        assert added(till, "Product", unit_cost=said)["unit_cost"] == shown

    @pytest.mark.parametrize("kind", ITEMS)
    def test_keeps_what_an_update_leaves_out(self, till: Till, kind: str) -> None:
        before = added(till, kind, quantity="7", taxable="Yes", category="Fruit")
        approved(till.call(f"edit{kind}", product_id=before["product_id"], item_name="Pear", is_active="0"))
        (after,) = listed(till, kind)
        assert after == {**before, "item_name": "Pear", "is_active": "0"}

    @pytest.mark.parametrize("kind", ITEMS)
    def test_can_be_updated_with_its_own_code(self, till: Till, kind: str) -> None:
        row = added(till, kind)
        approved(till.call(f"update{kind}", product_id=row["product_id"], product_code="SK002"))

    @pytest.mark.parametrize("kind", ITEMS)
    def test_cannot_be_given_the_code_of_another(self, till: Till, kind: str) -> None:
        added(till, kind)
        other = added(till, kind, product_code="SK003")
        answer = till.call(f"edit{kind}", product_id=other["product_id"], product_code="SK002")
        assert refused(answer) == "G11"

    def test_may_have_the_code_of_one_of_the_other_kind(self, till: Till) -> None:
        added(till, "Product")
        added(till, "Modifier")

    @pytest.mark.parametrize("kind", ITEMS)
    def test_is_gone_from_the_list_when_deleted_and_its_code_is_free(self, till: Till, kind: str) -> None:
        row = added(till, kind)
        approved(till.call(f"delete{kind}", product_id=row["product_id"]))
        assert listed(till, kind) == []
        assert added(till, kind)["product_id"] != row["product_id"]

    def test_that_was_deleted_cannot_be_updated(self, till: Till) -> None:
        for kind, error in (("Product", "G12"), ("Modifier", "G20")):
            row = added(till, kind)
            approved(till.call(f"delete{kind}", product_id=row["product_id"]))
            assert refused(till.call(f"edit{kind}", product_id=row["product_id"], item_name="x")) == error

    def test_is_not_named_by_the_id_of_the_other_kind(self, till: Till) -> None:
        product, modifier = added(till, "Product"), added(till, "Modifier")
        assert refused(till.call("editProduct", product_id=modifier["product_id"])) == "G12"
        assert refused(till.call("editModifier", product_id=product["product_id"])) == "G20"
        assert refused(till.call("deleteModifier", product_id=product["product_id"])) == "G20"


class TestAList:
    @pytest.mark.parametrize("kind", ITEMS)
    def test_follows_precedence(self, till: Till, kind: str) -> None:
        for code, more in (("A", {"precedence": 5}), ("B", {}), ("C", {"precedence": "0"})):
            added(till, kind, product_code=code, **more)
        rows = [(row["product_code"], row["precedence"]) for row in listed(till, kind)]
        assert rows == [("C", "0"), ("A", "5"), ("B", "6")]

    def test_has_pages(self, till: Till) -> None:
        for code in "ABC":
            added(till, "Product", product_code=code)
            added(till, "Discount", discount_name=code)
        rows = listed(till, "Product", limit=1, offset="1")
        assert [row["product_code"] for row in rows] == ["B"]
        assert [row["discount_name"] for row in listed(till, "Discount", limit=1, offset=2)] == ["C"]

    def test_can_be_searched(self, till: Till) -> None:
        added(till, "Product", product_code="A_1", item_name="Green apple")
        added(till, "Product", product_code="AB1", item_name="100% juice")
        added(till, "Discount", discount_name="Spring")
        found = [
            [row["product_code"] for row in listed(till, "Product", search=text)]
            for text in ("APPLE", "_", "%", "1", "plum")
        ]
        assert found == [["A_1"], ["A_1"], ["AB1"], ["A_1", "AB1"], []]
        assert len(listed(till, "Discount", search="prin")) == 1
        assert listed(till, "Discount", search="summer") == []


class TestADiscount:
    @pytest.mark.parametrize(
        ("kind", "said", "shown"),
        [
            (0, 10, "10.000%"),
            ("0", "12.345", "12.345%"),
            (0, "100", "100.000%"),
            (0, 0.5, "0.500%"),
            (1, 10, "10.00"),
            ("1", "150.5", "150.50"),
            (1, 0.05, "0.05"),
        ],
    )
    @ON_SQLITE
    def test_shows_its_worth_as_the_vendor_does(
        self, till: Till, kind: object, said: object, shown: str
    ) -> None:
        row = added(till, "Discount", amount_type=kind, cost=said)
        assert (row["amount_type"], row["cost"]) == (int(str(kind)), shown)

    def test_keeps_what_an_update_leaves_out(self, till: Till) -> None:
        before = added(till, "Discount")
        approved(till.call("editDiscount", discount_id=before["discount_id"], discount_name="Later"))
        approved(till.call("updateDiscount", discount_id=str(before["discount_id"]), cost="7.5"))
        (after,) = listed(till, "Discount")
        assert after == {**before, "discount_name": "Later", "cost": "7.500%"}

    def test_can_become_of_the_other_kind(self, till: Till) -> None:
        row = added(till, "Discount")
        approved(till.call("editDiscount", discount_id=row["discount_id"], amount_type=1, cost=150))
        (row,) = listed(till, "Discount")
        assert (row["amount_type"], row["cost"]) == (1, "150.00")
        assert refused(till.call("editDiscount", discount_id=row["discount_id"], amount_type=0)) == "G14"

    def test_is_gone_from_the_list_when_deleted(self, till: Till) -> None:
        row = added(till, "Discount")
        approved(till.call("deleteDiscount", discount_id=row["discount_id"]))
        assert listed(till, "Discount") == []
        assert refused(till.call("editDiscount", discount_id=row["discount_id"], cost=1)) == "G17"


BAD_TEXTS = ["\n", "a\tb", "\u202e", " ", ["x"], {"a": 1}, True]
BAD_NUMBERS = ["-1", "+1", "1e3", "1.5", "\u0661", "1_0", "x", "NaN", [1], True, 10**30]
BAD_MONEY = ["-1", "1.005", "1e2", "\u0661", "x", "NaN", "Infinity", "0010", "100000.00", [1], {}, True]
BAD_COSTS = ["-1", "1.0005", "1e2", "\u0661", "x", "NaN", "1,0", "10%", "1" * 10, [1], {}, True]
NOT_YES_OR_NO = ["maybe", "2", True, []]

_ITEM_CASES: list[tuple[str, list[Any], str]] = [
    ("product_code", [*BAD_TEXTS, "x" * 26], "E19"),
    ("item_name", [*BAD_TEXTS, "x" * 51], "E19"),
    ("description", ["\u202e", "x" * 101, []], "E19"),
    ("quantity", [*BAD_NUMBERS, "1000000000"], "E19"),
    ("unit_cost", BAD_MONEY, "E05"),
    ("taxable", NOT_YES_OR_NO, "E19"),
    ("inventory", NOT_YES_OR_NO, "E19"),
    ("precedence", BAD_NUMBERS, "E19"),
    ("category", ["\u202e", "x" * 51], "E19"),
    ("is_active", ["yes", "2", True], "E19"),
]
_PAGE_CASES: list[tuple[str, list[Any], str]] = [
    ("limit", [*BAD_NUMBERS, 0, 10_001], "A23"),
    ("offset", BAD_NUMBERS, "A24"),
    ("search", ["x" * 101, "\u202e", []], "A33"),
]
_DISCOUNT_CASES: list[tuple[str, list[Any], str]] = [
    ("discount_name", [*BAD_TEXTS, "x" * 26], "E19"),
    ("amount_type", ["2", "-1", "percent", True], "E19"),
    ("cost", BAD_COSTS, "E05"),
]
WRONG: dict[str, tuple[dict[str, Any], list[tuple[str, list[Any], str]]]] = {
    "addProduct": (APPLE, _ITEM_CASES),
    "addModifier": (APPLE, [*_ITEM_CASES, ("group_name", ["\u202e", "x" * 51], "E19")]),
    "editProduct": ({"product_id": NOWHERE}, [*_ITEM_CASES, ("product_id", BAD_NUMBERS, "G12")]),
    "editModifier": ({"product_id": NOWHERE}, [*_ITEM_CASES, ("product_id", BAD_NUMBERS, "G20")]),
    "deleteProduct": ({}, [("product_id", [*BAD_NUMBERS, NOWHERE, 0], "G20")]),
    "deleteModifier": ({}, [("product_id", [*BAD_NUMBERS, NOWHERE, 0], "G20")]),
    "getProduct": ({}, _PAGE_CASES),
    "getModifier": ({}, _PAGE_CASES),
    "getDiscount": ({}, _PAGE_CASES),
    "addDiscount": (OFFER, _DISCOUNT_CASES),
    "editDiscount": ({"discount_id": NOWHERE}, [*_DISCOUNT_CASES, ("discount_id", BAD_NUMBERS, "G17")]),
    "deleteDiscount": ({}, [("discount_id", [*BAD_NUMBERS, NOWHERE, 0], "G17")]),
}


class TestBadInput:
    @ON_SQLITE
    @pytest.mark.parametrize("operation", WRONG)
    def test_is_refused_field_by_field_and_changes_nothing(self, till: Till, operation: str) -> None:
        good, cases = WRONG[operation]
        given = [
            (name, value, refused(till.call(operation, **{**good, name: value})), error)
            for name, values, error in cases
            for value in values
        ]
        assert [case for case in given if case[2] != case[3]] == []
        assert [listed(till, kind) for kind in KINDS] == [[], [], []]

    @ON_SQLITE
    @pytest.mark.parametrize("absent", ["", None, "left out"])
    def test_is_refused_when_something_needed_is_absent(self, till: Till, absent: str | None) -> None:
        needed = [
            *((f"add{kind}", APPLE, name, "E03") for kind in ITEMS for name in APPLE),
            *(
                (f"{do}{kind}", {"product_id": 1}, "product_id", "E03")
                for do in ("edit", "delete")
                for kind in ITEMS
            ),
            ("addDiscount", OFFER, "discount_name", "E03"),
            ("addDiscount", OFFER, "amount_type", "E03"),
            ("addDiscount", OFFER, "cost", "G14"),
            ("editDiscount", {"discount_id": 1}, "discount_id", "E03"),
            ("deleteDiscount", {"discount_id": 1}, "discount_id", "E03"),
        ]
        for operation, good, name, error in needed:
            said = {key: value for key, value in good.items() if key != name}
            if absent != "left out":
                said[name] = absent
            assert (operation, name, refused(till.call(operation, **said))) == (operation, name, error)

    @ON_SQLITE
    def test_is_over_a_hundred_percent_whoever_asks(self, till: Till) -> None:
        row = added(till, "Discount")
        for answer in (
            till.call("addDiscount", **{**OFFER, "cost": "100.001"}),
            till.call("editDiscount", discount_id=row["discount_id"], cost="100.001"),
            till.call("editDiscount", discount_id=NOWHERE, amount_type=0, cost=999_999_999),
        ):
            assert refused(answer) == "G43"
        assert listed(till, "Discount") == [row]

    @ON_SQLITE
    def test_is_an_amount_with_a_fraction_of_a_cent(self, till: Till) -> None:
        assert refused(till.call("addDiscount", **{**OFFER, "amount_type": 1, "cost": "1.005"})) == "E05"


class TestATerminal:
    @pytest.mark.parametrize("kind", KINDS)
    def test_knows_its_own_catalogue_only(self, office: Office, kind: str) -> None:
        shop, stranger = office.board(terminals=2), office.board()
        till = shop.tills[0]
        row = added(till, kind)
        named: dict[str, Any] = {id_of(kind): row[id_of(kind)]}
        for other in (shop.tills[1], stranger.tills[0]):
            assert listed(other, kind) == []
            errors = [refused(other.call(f"{do}{kind}", **named)) for do in ("edit", "delete")]
            assert (
                errors
                == {
                    "Product": ["G12", "G20"],
                    "Modifier": ["G20", "G20"],
                    "Discount": ["G17", "G17"],
                }[kind]
            )
            added(other, kind)
        assert listed(till, kind) == [row]

    @pytest.mark.parametrize(
        "word", [f"{do}{kind}" for do in ("get", "add", "edit", "delete") for kind in KINDS]
    )
    def test_needs_its_keys(self, till: Till, word: str) -> None:
        keys: dict[str, Any] = till.keys
        wrong = ({"appkey": "x" * 32}, {"appid": f"{till.epi:x<32}"}, {"epi": "2999999999"})
        errors = [refused(till.gateway.call(**{**keys, **bad}, txn_type=word)) for bad in wrong]
        assert errors == ["D07", "D06", "D27"]
