"""The published answers of what follows up an earlier payment: incremental auth, capture, tip, closed batch.

Beside them, what the vendor publishes no answer of: an inquiry, and a tip that does not say what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.valor.forms import FORMS
from tests.conformance.valor.shape import SAMPLES, TEXTS, differences
from tests.e2e.valor.shop import Office, Shop, Till, approved, refused
from tests.support.gateway import Answer

PUBLISHED: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "follow_up_samples.json").read_bytes())
"""The vendor's published answers, by operation (source: vendor sample)."""

Last = tuple[str, dict[str, str]]
"""The query key and the parameters of the request whose answer is compared."""

SURCHARGE: Final = {"surchargeIndicator": "1"}
PAYER: Final = {
    "cardholdername": "John Smith",
    "phone": "1111111111",
    "email": "john@example.com",
    "address1": "26 Test",
    "zip": "50001",
    "orderdescription": "Test",
    "invoicenumber": "Test",
}
UNKNOWN: Final = "223042912511"


def authorized(till: Till, amount: str = "1000.00", **said: str) -> dict[str, Any]:
    """An authorization."""
    return approved(till.charge(amount, txn_type="auth", **SURCHARGE, **PAYER, **said))


def captured(till: Till, amount: str = "1000.00") -> dict[str, Any]:
    """An authorization that was captured; the capture."""
    held = authorized(till, amount)
    return approved(till.call("capture", ref_txn_id=held["txnid"], amount=amount, **SURCHARGE))


def _increment(payment_id: str) -> Last:
    said = {"txn_type": "incremental_auth", "amount": "50.00", "ref_txn_id": payment_id}
    return "incrementalauth", {**said, **SURCHARGE}


def _capture(payment_id: str, **said: str) -> Last:
    capture = {"txn_type": "capture", "amount": "1000.00", "ref_txn_id": payment_id}
    return "capture", {**capture, **SURCHARGE, **said}


def _captured_before(till: Till) -> Last:
    held = authorized(till)
    approved(till.call("capture", ref_txn_id=held["txnid"], amount="1.00"))
    return _capture(held["txnid"])


def _closed(**said: str) -> Last:
    return "closedbatch", {"txn_type": "closedbatch", "limit": "1", "offset": "0", **said}


def _closed_one(till: Till) -> Last:
    number = captured(till)["batch_no"]
    till.settle()
    return _closed(batchNO=str(number))


def _tip(payment_id: str, amount: str = "5", **said: str) -> Last:
    return "tipAdjust", {"txn_type": "tipadjust", "amount": amount, "ref_txn_id": payment_id, **said}


def _tipped_before(till: Till) -> Last:
    sale = till.sale("20.00")
    approved(till.call("tipadjust", ref_txn_id=sale["txnid"], amount="50"))
    return _tip(sale["txnid"], "50.00")


REPLAYS: Final[dict[tuple[str, str], Callable[[Till], Last]]] = {
    ("incremental_auth", "OK (Approved)"): lambda till: _increment(authorized(till)["txnid"]),
    ("incremental_auth", "Processing Error"): lambda _: _increment(UNKNOWN),
    ("capture_ticket", "OK (Approved)"): lambda till: _capture(authorized(till)["txnid"]),
    ("capture_ticket", "Processing Error"): lambda till: _capture(authorized(till)["txnid"], tran_no="99"),
    ("capture_ticket", "Declined"): _captured_before,
    ("closed_batch", "OK"): _closed_one,
    ("closed_batch", "Validation Error"): lambda _: _closed(),
    ("tip_adjust", "OK (Tip Added / Updated)"): lambda till: _tip(till.sale("20.00")["txnid"]),
    ("tip_adjust", "OK (Same Tip Amount)"): _tipped_before,
    ("tip_adjust", "Processing Error"): lambda till: _tip(till.sale("20.00")["txnid"], stan="999999"),
}

BATCH_TEXTS: Final = frozenset(
    {
        *("transactionCount", "meta", "closednewBatchDetails", "code", "errors"),
        *("amount", "tip_amount", "txamount", "txn_type", "txn_type_code"),
    }
)
"""Keys of a closed batch whose values are compared, beside those that are everywhere."""

PATTERNS: Final = {
    "approval_code": re.compile(r"[0-9A-Z]{6}"),
    "rrn": re.compile(r"[0-9]{12}"),
    "txnid": re.compile(r"[1-9][0-9]*"),
    "created_date": re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}"),
    "created_time": re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}"),
    "token": re.compile(r"[0-9A-F]{40}"),
    "epi": re.compile(r"2[0-9]{9}"),
    "epi_id": re.compile(r"2[0-9]{9}"),
    "stan_no": re.compile(r"[1-9][0-9]{0,5}"),
    "batch_no": re.compile(r"[1-9][0-9]*"),
    "settled_at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.000Z"),
}
"""How texts are written that are of their own in each answer."""

IDS: Final = [
    (operation, answer["label"]) for operation, told in PUBLISHED.items() for answer in told["responses"]
]
SOME_FORMS: Final = (
    *("json as a form", "json with numbers", "json in capitals", "json in small letters"),
    *("form", "multipart form", "query", "query and json"),
)
"""Forms in which these fields could read differently. What no field has a part in is tried with sales."""


@pytest.fixture
def shop(office: Office) -> Shop:
    """A new merchant with two terminals."""
    return office.board(terminals=2, store="Valor Store LLC")


@pytest.fixture
def till(shop: Shop) -> Till:
    """The first of them."""
    return shop.tills[0]


class TestASample:
    @pytest.mark.parametrize("sample", IDS, ids=" ".join)
    def test_is_answered_like_it_was_published(self, till: Till, sample: tuple[str, str]) -> None:
        assert _unlike(sample, _replay(till, sample, form="json with a key")) == []

    @pytest.mark.parametrize("office", ["sqlite"], indirect=True)
    @pytest.mark.parametrize("sample", IDS, ids=" ".join)
    def test_is_answered_so_whatever_form_is_sent(self, till: Till, sample: tuple[str, str]) -> None:
        for form in SOME_FORMS:
            assert (form, _unlike(sample, _replay(till, sample, form=form))) == (form, [])

    def test_has_a_replay(self) -> None:
        assert list(REPLAYS) == IDS


class TestAFollowUp:
    def test_has_the_whole_family_where_its_sample_is_shortened(self, till: Till) -> None:
        (sale, *_) = SAMPLES["direct_sale_auth"]["responses"]
        assert list(captured(till)) == list(sale["body"])

    def test_goes_by_the_reference_and_code_of_its_authorization(self, till: Till) -> None:
        held = authorized(till)
        raised = approved(till.call("incremental_auth", ref_txn_id=held["txnid"], amount="50"))
        taken = approved(till.call("capture", ref_txn_id=held["txnid"], amount="1050.00"))
        same = ("rrn", "approval_code", "token", "invoicenumber")
        assert [taken[key] for key in same] == [held[key] for key in same]
        assert len({payment["txnid"] for payment in (held, raised, taken)}) == 3
        assert held["stan"] < raised["stan"] < taken["stan"]
        assert held["tran_no"] < raised["tran_no"] < taken["tran_no"]
        assert raised["rrn"] != held["rrn"]

    @pytest.mark.parametrize("name", ["txn_id", "auth_txn_id"])
    def test_raises_an_authorization_by_other_names_too(self, till: Till, name: str) -> None:
        held = authorized(till)
        raised = till.call("incremental_auth", amount="50", **{name: held["txnid"]})
        assert approved(raised)["netamt"] == 50

    @pytest.mark.parametrize(
        ("operation", "said", "error"),
        [
            ("incremental_auth", {"amount": "0"}, "E05"),
            ("incremental_auth", {"amount": None}, "E05"),
            ("incremental_auth", {"ref_txn_id": "abc"}, "E14"),
            ("incremental_auth", {"ref_txn_id": None}, "E14"),
            ("incremental_auth", {"ref_txn_id": "9" * 20}, "E14"),
            ("capture", {"amount": "-1"}, "E05"),
            ("capture", {"ref_txn_id": UNKNOWN}, "E14"),
            ("capture", {"ref_txn_id": "9" * 20}, "E14"),
            ("capture", {"ref_txn_id": None}, "E14"),
            ("capture", {"tran_no": "one"}, "E16"),
            ("capture", {"stan": "999999"}, "E34"),
            ("capture", {"stan": "1234567"}, "E34"),
            ("tipadjust", {"amount": "0"}, "E05"),
            ("tipadjust", {"amount": "ten"}, "E05"),
            ("tipadjust", {"ref_txn_id": UNKNOWN}, "E14"),
            ("tipadjust", {"ref_txn_id": "9" * 20}, "E14"),
            ("tipadjust", {"ref_txn_id": None}, "E14"),
        ],
    )
    def test_that_names_nothing_is_refused(
        self, till: Till, operation: str, said: dict[str, Any], error: str
    ) -> None:
        original = till.sale("20.00") if operation == "tipadjust" else authorized(till, "20.00")
        asked = {"ref_txn_id": original["txnid"], "amount": "5", **said}
        assert refused(till.call(operation, **asked)) == error
        assert till.row(original)["IS_AUTH_COMPLETED"] == "0"


class TestATip:
    @pytest.mark.parametrize("target", ["/?tipAdjust", "/?tipAdjust=", "/?tipadjust", "//?TIPADJUST"])
    def test_needs_no_other_word_than_the_query_key(self, till: Till, target: str) -> None:
        sale = till.sale("20.00")
        said = {**till.keys, "ref_txn_id": sale["txnid"], "amount": "5"}
        answer = till.gateway.post(
            json.dumps(said).encode(), {"Content-Type": "application/json"}, target=target
        )
        assert approved(answer)["netamt"] == 5

    def test_is_shown_with_the_numbers_of_its_sale(self, till: Till) -> None:
        sale = till.sale("20.00")
        tip = approved(till.call("tipadjust", ref_txn_id=sale["txnid"], amount="5"))
        same = ("approval_code", "rrn", "tran_no", "stan", "batch_no", "epi")
        assert [tip[key] for key in same] == [sale[key] for key in same]

    def test_with_numbers_that_fit_is_taken(self, till: Till) -> None:
        sale = till.sale("20.00")
        numbers = {"stan": sale["stan"], "rrn": sale["rrn"], "auth_code": sale["approval_code"]}
        approved(till.call("tipadjust", ref_txn_id=sale["txnid"], amount="5", **numbers))

    def test_above_the_terminals_limit_is_refused(self, till: Till) -> None:
        sale = till.sale("20.00")
        approved(till.call("tipadjust", ref_txn_id=sale["txnid"], amount="70.00"))
        assert refused(till.call("tipadjust", ref_txn_id=sale["txnid"], amount="70.01")) == "E05"


class TestAClosedBatch:
    def test_shows_what_the_settlement_closed(self, till: Till) -> None:
        sale, voided = till.sale("20.00", tip="3.00"), till.sale("30.00")
        approved(till.void(voided))
        refund = approved(till.refund(till.sale("7.00"), "5.00"))
        number = sale["batch_no"]
        till.settle()
        till.sale("99.00")
        batch = _closed_batch(till, batchNO=number)
        rows = {row["txn_id"]: row for row in batch["closedBatchDetails"]}
        assert batch["transactionCount"] == len(rows) == 4
        assert [rows[int(p["txnid"])]["is_voided"] for p in (sale, voided, refund)] == [0, 1, 0]
        assert rows[int(sale["txnid"])]["tip_amount"] == 300
        assert batch["closednewBatchDetails"] == [
            {
                "base_amount_totals": 2200,
                "total_transactions": 3,
                "tip_counts": 1,
                "total_tip_amount": 300,
                "custom_fee_totals": 0,
                "transaction_total_amount": 2500,
            }
        ]

    def test_comes_in_pages(self, till: Till) -> None:
        ids = [int(till.sale("1.00")["txnid"]) for _ in range(5)]
        till.settle()
        pages = [_closed_batch(till, batch_no=1, limit=2, offset=offset) for offset in (0, 2, 4)]
        assert [row["txn_id"] for page in pages for row in page["closedBatchDetails"]] == ids[::-1]
        assert [page["transactionCount"] for page in pages] == [2, 2, 1]
        assert {page["closednewBatchDetails"][0]["total_transactions"] for page in pages} == {5}

    @pytest.mark.parametrize("number", [0, 2, 2**31 - 1])
    def test_of_a_number_that_was_not_closed_is_empty(self, till: Till, number: int) -> None:
        till.sale()
        till.settle()
        till.sale()
        batch = _closed_batch(till, batchNO=number)
        assert (batch["transactionCount"], batch["closedBatchDetails"]) == (0, [])
        assert set(batch["closednewBatchDetails"][0].values()) == {0}

    def test_of_a_bad_number_is_refused(self, till: Till) -> None:
        assert refused(till.call("closedbatch", batchNO="one")) == "A34"


class TestAnInquiry:
    def test_finds_a_charge_by_invoice_and_reference(self, till: Till) -> None:
        sale = till.sale(invoicenumber="inv0001")
        till.sale(invoicenumber="inv0002")
        for asked in (
            {"invoice_no": "inv0001"},
            {"invoicenumber": "inv0001"},
            {"rrn": sale["rrn"]},
            {"invoice_no": "inv0001", "rrn": sale["rrn"]},
        ):
            assert approved(till.call("transaction_inquiry", **asked)) == sale

    def test_finds_the_newest_that_was_approved(self, till: Till) -> None:
        till.sale("1.00", invoicenumber="inv0001")
        newest = till.sale("2.00", invoicenumber="inv0001")
        assert till.charge("9000.51", invoicenumber="inv0001").status == 400
        assert approved(till.call("transaction_inquiry", invoice_no="inv0001"))["txnid"] == newest["txnid"]

    def test_answers_in_the_family_of_a_sale(self, till: Till) -> None:
        till.sale(invoicenumber="inv0001")
        (sale, *_) = SAMPLES["direct_sale_auth"]["responses"]
        assert list(approved(till.call("transaction_inquiry", invoice_no="inv0001"))) == list(sale["body"])

    @pytest.mark.parametrize(
        "asked", [{}, {"invoice_no": "nobody"}, {"rrn": "999999999999"}, {"invoice_no": ""}], ids=str
    )
    def test_without_a_hit_is_refused(self, till: Till, asked: dict[str, str]) -> None:
        till.sale(invoicenumber="inv0001")
        assert refused(till.call("transaction_inquiry", **asked)) == "E14"

    def test_finds_nothing_of_a_sister_terminal(self, shop: Shop) -> None:
        first, second = shop.tills
        sale = first.sale(invoicenumber="inv0001")
        assert refused(second.call("transaction_inquiry", invoice_no="inv0001")) == "E14"
        assert refused(second.call("transaction_inquiry", rrn=sale["rrn"])) == "E14"


def _closed_batch(till: Till, **said: Any) -> dict[str, Any]:
    answer = till.call("closedbatch", **said)
    assert (answer.status, answer.body["status"]) == (200, "SUCCESS"), answer
    return answer.body


def _replay(till: Till, sample: tuple[str, str], *, form: str) -> Answer:
    key, said = REPLAYS[sample](till)
    sent = FORMS[form](key, {**till.keys, **said})
    return till.gateway.post(sent.body, sent.headers, target=sent.target)


def _unlike(sample: tuple[str, str], answer: Answer) -> list[str]:
    """Where an answer is not like the sample. Keys that a shortened sample leaves out may be there."""
    operation, label = sample
    (published,) = (each for each in PUBLISHED[operation]["responses"] if each["label"] == label)
    texts = TEXTS | (BATCH_TEXTS if operation == "closed_batch" else set())
    if published["http"] != 200:
        texts |= {"desc"}
    body = answer.body
    if operation in {"capture_ticket", "tip_adjust"}:
        body = {key: value for key, value in body.items() if key in published["body"]}
    found = list(differences(published["body"], body, texts=texts))
    if answer.status != published["http"]:
        found.append(f"HTTP {answer.status} for {published['http']}")
    return found + list(_misspelt(body))


def _misspelt(body: dict[str, Any]) -> Iterator[str]:
    """Own texts that are not written as the samples write them."""
    for row in (body, *body.get("closedBatchDetails", ())):
        for name, pattern in PATTERNS.items():
            if isinstance(row.get(name), str) and not pattern.fullmatch(row[name]):
                yield f"{name}: {row[name]!r}"
