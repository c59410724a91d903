"""One merchant never sees or touches another's: what is another's is answered like what does not exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.valor.shop import Office, Till, approved, declined
from tests.support.gateway import Answer

UNKNOWN_ID = "9999999999"
UNKNOWN_TOKEN = "9D583592578242B71F50ACCBE8532391F21CC305"

Ask = Callable[[Till, dict[str, Any]], Answer]

REQUESTS: dict[str, Ask] = {
    "void by id": lambda till, payment: till.void(payment),
    "void by id with its numbers": lambda till, payment: till.void(payment, **_numbers(payment)),
    "void by id with wrong numbers": lambda till, payment: till.void(payment, tran_no=77, stan=999_999),
    "void by numbers": lambda till, payment: till.call("void", **_numbers(payment), amount="20.00"),
    "refund": lambda till, payment: till.refund(payment, "5.00"),
    "refund of too much": lambda till, payment: till.refund(payment, "5000.00"),
    "refund with its numbers": lambda till, payment: till.refund(
        payment, "5.00", rrn=payment["rrn"], auth_code=payment["approval_code"], token=payment["token"]
    ),
    "capture": lambda till, payment: till.call("capture", ref_txn_id=payment["txnid"], amount="5.00"),
    "capture with its numbers": lambda till, payment: till.call(
        "capture", ref_txn_id=payment["txnid"], amount="5.00", **_numbers(payment)
    ),
    "increment": lambda till, payment: till.call(
        "incremental_auth", ref_txn_id=payment["txnid"], amount="5.00"
    ),
    "tip": lambda till, payment: till.call("tipadjust", ref_txn_id=payment["txnid"], amount="1.00"),
    "inquiry by invoice": lambda till, payment: till.call(
        "transaction_inquiry", invoice_no=payment["invoicenumber"]
    ),
    "inquiry by reference": lambda till, payment: till.call("transaction_inquiry", rrn=payment["rrn"]),
    "sale on its token": lambda till, payment: till.charge("5.00", token=payment["token"]),
    "auth on its token": lambda till, payment: till.charge("5.00", txn_type="auth", token=payment["token"]),
    "list by id": lambda till, payment: till.call(
        "txnfetch", date_filter=9, filter="TXNID", filter_text=payment["txnid"]
    ),
    "list by reference": lambda till, payment: till.call(
        "txnfetch", filter="RRN", filter_text=payment["rrn"]
    ),
    "list by invoice": lambda till, payment: till.call(
        "txnfetch", filter="INVOICE_NO", filter_text=payment["invoicenumber"]
    ),
    "list by card": lambda till, payment: till.call(
        "txnfetch", filter="CARD_NO", filter_text=payment["pan"][-4:]
    ),
}
"""Requests that name a payment by whatever is known of it."""

UNKNOWN: dict[str, Any] = {
    "txnid": UNKNOWN_ID,
    "rrn": "608305501153",
    "approval_code": "ZZZ999",
    "tran_no": 7,
    "stan": 777_777,
    "token": UNKNOWN_TOKEN,
    "invoicenumber": "unknown-1",
    "pan": "XXXX9999",
}

_OWN_TIMES_AND_IDS = re.compile(
    r"'(?:txnid|created_date|created_time|x-request-id|content-length)': (?:'[^']*'|None)"
)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A sale and an authorization, and terminals that have nothing to do with them."""

    owner: Till
    sister: Till
    stranger: Till
    sale: dict[str, Any]
    held: dict[str, Any]

    @property
    def payments(self) -> tuple[dict[str, Any], ...]:
        """Both."""
        return self.sale, self.held


@pytest.fixture(scope="module")
def neighbours(_office: Office) -> Neighbours:
    """Two merchants, the first with two terminals, and the payments at the first of them."""
    owner, sister = _office.board(terminals=2).tills
    (stranger,) = _office.board().tills
    sale = owner.sale("20.00", invoicenumber="inv-of-owner")
    held = approved(owner.charge("30.00", txn_type="auth", invoicenumber="held-by-owner"))
    return Neighbours(owner, sister, stranger, sale, held)


class TestAnotherMerchantsPayment:
    @pytest.mark.parametrize("request_name", REQUESTS)
    def test_is_answered_like_one_that_does_not_exist(
        self, neighbours: Neighbours, request_name: str
    ) -> None:
        ask = REQUESTS[request_name]
        unknown = ask(neighbours.stranger, UNKNOWN)
        for payment in neighbours.payments:
            assert _told(ask(neighbours.stranger, payment)) == _told(unknown)

    def test_stays_as_it_was_whatever_others_ask(self, neighbours: Neighbours) -> None:
        owner = neighbours.owner
        before = [owner.row(payment) for payment in neighbours.payments], owner.booked()
        for name, ask in REQUESTS.items():
            for payment in neighbours.payments:
                ask(neighbours.stranger, payment)
                if "token" not in name:
                    ask(neighbours.sister, payment)
        assert ([owner.row(payment) for payment in neighbours.payments], owner.booked()) == before

    def test_moves_no_money_of_whoever_asks(self, neighbours: Neighbours) -> None:
        for ask in REQUESTS.values():
            ask(neighbours.stranger, neighbours.held)
        assert neighbours.stranger.booked() == {}
        assert neighbours.stranger.settle()["additional_info"] == "Empty Batch"

    def test_is_in_no_list_or_batch_of_others(self, neighbours: Neighbours, office: Office) -> None:
        newcomer = office.board().tills[0]
        assert newcomer.list(limit=1000)["data"] == []
        assert newcomer.open_batch()["batchSummaryDetails"] == []
        days = {"start_date": "0001-01-01", "end_date": "9999-12-31"}
        assert newcomer.call("txnfetch_date", **days).body["data"] == []


class TestASistersPayment:
    @pytest.mark.parametrize("request_name", [name for name in REQUESTS if "token" not in name])
    def test_is_answered_like_one_that_does_not_exist(
        self, neighbours: Neighbours, request_name: str
    ) -> None:
        ask = REQUESTS[request_name]
        unknown = ask(neighbours.sister, UNKNOWN)
        for payment in neighbours.payments:
            assert _told(ask(neighbours.sister, payment)) == _told(unknown)

    def test_leaves_its_card_for_the_whole_merchant(self, neighbours: Neighbours) -> None:
        neighbours.sister.sale(token=neighbours.sale["token"])


class TestTheSameCard:
    def test_has_another_token_for_each_merchant(self, neighbours: Neighbours) -> None:
        own = neighbours.stranger.sale("1.00")["token"]
        assert own != neighbours.sale["token"]
        assert declined(neighbours.owner.charge("1.00", token=own)) == "V1"

    def test_refunds_to_no_card_of_another_merchant(self, neighbours: Neighbours) -> None:
        sale = neighbours.stranger.sale("20.00", cardnumber="4012881888818888")
        answer = neighbours.stranger.refund(sale, "5.00", token=neighbours.sale["token"])
        unknown = neighbours.stranger.refund(sale, "5.00", token=UNKNOWN_TOKEN)
        assert declined(answer) == "V1"
        assert _told(answer) == _told(unknown)


class TestAnotherMerchantsBatch:
    def test_is_not_settled_with_ones_own(self, office: Office) -> None:
        ours, theirs = (office.board().tills[0] for _ in range(2))
        sale = theirs.sale("20.00")
        ours.sale("30.00")
        assert ours.settle()["amount"] == "30.00"
        assert theirs.row(sale)["IS_SETTLED"] == "0"

    def test_numbers_its_own_payments(self, office: Office) -> None:
        ours, theirs = (office.board().tills[0] for _ in range(2))
        assert [approved(till.charge("1"))["tran_no"] for till in (ours, theirs, ours)] == [1, 1, 2]


def _numbers(payment: dict[str, Any]) -> dict[str, Any]:
    return {
        "auth_code": payment["approval_code"],
        "rrn": payment["rrn"],
        "tran_no": payment["tran_no"],
        "stan": payment["stan"],
    }


def _told(answer: Answer) -> str:
    """An answer but for what every request has of its own."""
    return _OWN_TIMES_AND_IDS.sub("", repr(answer))
