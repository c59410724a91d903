"""The Idempotency-Key header: a request that is sent again is answered again, and not done again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.e2e.valor.shop import Office, Shop, Till, approved, declined, refused
from tests.support.gateway import Answer


class TestARequestSentAgain:
    def test_is_answered_as_before_and_charged_once(self, till: Till) -> None:
        first = till.charge("20.00", idempotency_key="order-1")
        again = till.charge("20.00", idempotency_key="order-1")
        assert again.body == first.body
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert till.booked() == {"sale": (1, 2000)}

    def test_is_declined_as_before(self, till: Till) -> None:
        first = till.charge("9000.51", idempotency_key="order-1")
        again = till.charge("9000.51", idempotency_key="order-1")
        assert declined(first) == "51"
        assert (again.status, again.body) == (first.status, first.body)

    def test_is_recognised_in_another_form(self, till: Till) -> None:
        said = {**till.keys, "txn_type": "sale", "amount": "5", "token": till.sale("1")["token"]}
        first = till.gateway.post(json.dumps(said).encode(), {"Idempotency-Key": "order-1"})
        reordered = json.dumps(dict(reversed(said.items())), indent=2).encode()
        again = till.gateway.post(reordered, {"Idempotency-Key": "order-1"}, target="//?sale=")
        assert approved(again) == approved(first)
        form = urlencode(said).encode()
        again = till.gateway.post(form, {"Idempotency-Key": "order-1"})
        assert approved(again) == approved(first)

    def test_may_have_numbers_in_it(self, till: Till) -> None:
        said: dict[str, Any] = {"order_details": {"lines": [{"price": 1.50, "qty": 2}]}, "invoicenumber": "7"}
        first, again = (till.charge(20, idempotency_key="order-1", **said) for _ in range(2))
        assert approved(again) == approved(first)
        assert approved(till.charge("20", idempotency_key="order-1", **said)) == first.body
        assert till.booked() == {"sale": (1, 2000)}

    def test_takes_money_back_once(self, till: Till) -> None:
        sale = till.sale("20.00")
        refunds = [approved(till.refund(sale, "5", idempotency_key="r")) for _ in range(2)]
        assert refunds[0] == refunds[1]
        voided = till.sale("30.00")
        voids = [approved(till.void(voided, idempotency_key="v")) for _ in range(2)]
        assert voids[0] == voids[1]
        assert till.booked() == {"sale": (1, 2000), "refund": (1, 500)}

    def test_settles_once(self, till: Till) -> None:
        till.sale("20.00")
        first = approved(till.call("settlement", idempotency_key="night"))
        till.sale("30.00")
        again = approved(till.call("settlement", idempotency_key="night"))
        assert first["amount"] == again["amount"] == "20.00"
        assert till.settle()["amount"] == "30.00"

    def test_sees_the_answer_given_then_whatever_came_later(self, till: Till) -> None:
        first = approved(till.charge("20.00", idempotency_key="order-1"))
        approved(till.refund(first, "5"))
        approved(till.charge("1.00"))
        till.settle()
        assert approved(till.charge("20.00", idempotency_key="order-1")) == first

    def test_is_charged_once_however_many_come_at_once(self, till: Till) -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: till.charge("20.00", idempotency_key="order-1"), range(16)))
        assert len({approved(answer)["txnid"] for answer in answers}) == 1
        assert till.booked() == {"sale": (1, 2000)}


class TestAKey:
    def test_is_not_for_another_request(self, till: Till) -> None:
        approved(till.charge("20.00", idempotency_key="order-1"))
        assert refused(till.charge("20.01", idempotency_key="order-1")) == "D48"
        assert refused(till.charge("20.00", txn_type="auth", idempotency_key="order-1")) == "D48"
        assert refused(till.call("settlement", idempotency_key="order-1")) == "D48"
        assert till.booked() == {"sale": (1, 2000)}

    def test_belongs_to_its_terminal(self, shop: Shop, office: Office) -> None:
        tills = (*shop.tills, *office.board().tills)
        answers = [approved(till.charge("20.00", idempotency_key="order-1")) for till in tills]
        assert len({answer["txnid"] for answer in answers}) == 3

    def test_is_not_used_up_by_a_request_that_was_refused(self, till: Till) -> None:
        assert refused(till.charge("0", idempotency_key="order-1")) == "E05"
        approved(till.charge("20.00", idempotency_key="order-1"))

    def test_is_nothing_to_a_list(self, till: Till) -> None:
        till.sale()
        first = till.call("txnfetch", idempotency_key="list")
        till.sale()
        again = till.call("txnfetch", idempotency_key="list")
        assert (first.body["number_of_records"], again.body["number_of_records"]) == (1, 2)

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\u00e9"], ids=repr)
    def test_of_no_sensible_form_is_refused(self, till: Till, key: str) -> None:
        assert refused(_keyed(till, key)) == "D08"
        assert till.list()["data"] == []

    @pytest.mark.parametrize("key", ["1", "x" * 255, "a b/c?d=e", "7b9e2a55-720d-4533-bb70-9376a378eae4"])
    def test_may_be_any_short_text(self, till: Till, key: str) -> None:
        approved(_keyed(till, key))


def _keyed(till: Till, key: str) -> Answer:
    return till.charge("5", idempotency_key=key)
