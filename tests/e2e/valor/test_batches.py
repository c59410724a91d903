"""Batches: how their members are numbered, what a settlement adds up, what the open one shows."""

from __future__ import annotations

from typing import Any

import pytest

from bezant.core.merchants import Profile
from tests.e2e.valor.shop import Shop, Till, approved, declined

FEE = {"surchargeIndicator": "1", "surchargeAmount": "1"}


class TestTheNumbersOfATerminal:
    def test_count_from_one_in_each_batch(self, till: Till) -> None:
        assert [till.sale()["tran_no"] for _ in range(3)] == [1, 2, 3]
        till.settle()
        assert [till.sale()["tran_no"] for _ in range(2)] == [1, 2]

    def test_are_not_used_up_by_what_is_declined(self, till: Till) -> None:
        assert till.sale()["tran_no"] == 1
        declined(till.charge("9000.51"))
        declined(till.charge("5", cardnumber="4111111111111112"))
        declined(till.void({"txnid": "1"}))
        assert till.sale()["tran_no"] == 2

    def test_are_its_own(self, shop: Shop) -> None:
        first, second = shop.tills
        assert [first.sale()["tran_no"], second.sale()["tran_no"], first.sale()["tran_no"]] == [1, 1, 2]

    def test_go_on_over_settlements_where_they_name_a_message(self, till: Till) -> None:
        before = till.sale()
        till.settle()
        after = till.sale()
        assert after["stan"] > before["stan"]
        assert int(after["txnid"]) > int(before["txnid"])
        assert after["rrn"] > before["rrn"]

    def test_name_every_message_to_the_host(self, till: Till) -> None:
        sale = till.sale()
        declined(till.charge("9000.51"))
        refund = approved(till.refund(sale, "5"))
        stans = [sale["stan"], int(till.row(refund)["STAN_NO"])]
        booked = till.gateway.control.books(terminal=till.host_terminals[Profile.TRADITIONAL])
        assert [entry["audit_number"] for entry in booked] == ["000001", "000002", "000003"]
        assert stans == [1, 3]


class TestASettlement:
    def test_adds_up_what_the_cards_paid(self, till: Till) -> None:
        till.sale("20.00", **FEE)
        till.sale("10.00", surchargeIndicator="1", surchargeAmount="1.02", tax_amount="0.80")
        till.sale("30.00", tip="3.00")
        declined(till.charge("9000.51"))
        approved(till.charge("99.00", txn_type="auth"))
        settled = till.settle()
        assert settled["amount"] == "65.82"
        assert (settled["tax"], settled["customfee"]) == ("0.80", "2.02")
        assert settled["txnid"] is settled["desc"] is settled["rrn"] is settled["additional_info"] is None
        assert (settled["epi"], settled["channel"], settled["msg"]) == (till.epi, "ECOMM", "APPROVED")

    def test_takes_refunds_off_and_leaves_voids_out(self, till: Till) -> None:
        till.sale("20.00")
        approved(till.refund(till.sale("30.00"), "5.00"))
        approved(till.void(till.sale("40.00")))
        assert till.settle()["amount"] == "45.00"

    def test_may_come_to_less_than_nothing(self, till: Till) -> None:
        sale = till.sale("20.00")
        till.settle()
        approved(till.refund(sale, "5.00"))
        assert till.settle()["amount"] == "-5.00"

    def test_closes_the_batch_and_opens_the_next(self, till: Till) -> None:
        before = till.sale()
        till.settle()
        after = till.sale()
        assert after["batch_no"] == before["batch_no"] + 1
        assert till.row(before)["IS_SETTLED"] == "1"
        assert till.row(after)["IS_SETTLED"] == "0"

    def test_of_nothing_says_so_and_leaves_the_batch_open(self, till: Till) -> None:
        before = till.sale()
        till.settle()
        for _ in range(2):
            empty = till.settle()
            assert (empty["amount"], empty["additional_info"]) == ("0.00", "Empty Batch")
            assert (empty["tax"], empty["customfee"]) == ("0.00", "0.00")
        assert till.sale()["batch_no"] == before["batch_no"] + 1

    def test_of_one_terminal_leaves_the_others_open(self, shop: Shop) -> None:
        first, second = shop.tills
        kept = second.sale()
        first.sale()
        first.settle()
        assert second.row(kept)["IS_SETTLED"] == "0"
        assert second.settle()["amount"] == "20.00"

    def test_tells_the_host_the_totals_that_it_has_itself(self, till: Till) -> None:
        till.sale("20.00", **FEE)
        approved(till.refund(till.sale("30.00"), "5.00"))
        approved(till.void(till.sale("40.00")))
        till.settle()
        for profile in Profile:
            (batch,) = till.gateway.control.totals(till.host_terminals[profile])["batches"]
            assert batch["reconciled"]
            assert batch["told"] == batch["booked"]

    def test_can_be_called_by_the_name_of_the_legacy_host(self, till: Till) -> None:
        till.sale()
        answer = till.send({**till.keys, "mtype": "settlement"})
        assert approved(answer)["amount"] == "20.00"

    def test_that_the_host_refuses_can_be_repeated(self, till: Till) -> None:
        sale = till.sale()
        till.gateway.control.script(
            {"decline": "96"}, ask="settle", terminal=till.host_terminals[Profile.TRADITIONAL]
        )
        assert declined(till.call("settlement")) == "96"
        assert till.row(sale)["IS_SETTLED"] == "0"
        assert till.settle()["amount"] == "20.00"
        assert till.row(sale)["IS_SETTLED"] == "1"


class TestTheOpenBatch:
    def test_shows_what_was_taken_since_the_last_settlement(self, till: Till) -> None:
        till.sale("1.00")
        till.settle()
        sale = till.sale("20.00", **FEE, invoicenumber="inv7")
        approved(till.charge("99.00", txn_type="auth"))
        declined(till.charge("9000.51"))
        (row,) = till.open_batch()["batchSummaryDetails"]
        assert row["txn_id"] == int(sale["txnid"])
        assert (row["amount"], row["custom_fee_amount"], row["txamount"]) == (2000, 100, 2100)
        assert (row["tran_no"], row["stan_no"]) == (1, str(sale["stan"]))
        assert (row["rrn"], row["approval_code"]) == (sale["rrn"], sale["approval_code"])
        assert (row["batch_no"], row["invoice_no"]) == (str(sale["batch_no"]), "inv7")
        assert row["tid"] == till.host_terminals[Profile.SURCHARGE]

    def test_shows_a_refund_and_what_was_voided(self, till: Till) -> None:
        sale, voided = till.sale("20.00"), till.sale("30.00")
        refund = approved(till.refund(sale, "5.00"))
        approved(till.void(voided))
        batch = till.open_batch()
        rows = {row["txn_id"]: row for row in batch["batchSummaryDetails"]}
        assert [(rows[int(p["txnid"])]["is_voided"]) for p in (sale, voided, refund)] == [0, 1, 0]
        assert rows[int(refund["txnid"])]["txn_type"] == "REFUND"
        assert batch["batchSummary"] == [{"dashboard_netamount": 1500, "dashboard_batchcount": 2}]

    def test_adds_up_in_cents(self, till: Till) -> None:
        till.sale("20.00", **FEE)
        till.sale("30.00", tip="3.00")
        batch = till.open_batch()
        assert batch["batchSummary"] == [{"dashboard_netamount": 5400, "dashboard_batchcount": 2}]
        assert batch["openBatchDetails"] == [
            {
                "base_amount_totals": 5000,
                "total_transactions": 2,
                "tip_counts": 1,
                "total_tip_amount": 300,
                "custom_fee_totals": 100,
                "transaction_total_amount": 5400,
            }
        ]
        assert batch["epiInfo"] == {"tip_adjust": True, "max_tip": "350"}

    def test_of_a_terminal_without_payments_is_empty(self, till: Till) -> None:
        batch = till.open_batch()
        assert batch["batchSummaryDetails"] == []
        assert batch["batchSummary"] == [{"dashboard_netamount": 0, "dashboard_batchcount": 0}]
        assert batch["meta"]["total_results"] == 0

    def test_comes_in_pages(self, till: Till) -> None:
        ids = [int(till.sale("1.00")["txnid"]) for _ in range(5)]
        pages = [till.open_batch(limit=2, offset=offset) for offset in (0, 2, 4)]
        shown = [row["txn_id"] for page in pages for row in page["batchSummaryDetails"]]
        assert sorted(shown) == ids
        assert [page["meta"] for page in pages] == [_meta(2, 1), _meta(2, 2), _meta(1, 3)]
        assert all(page["batchSummary"][0]["dashboard_batchcount"] == 5 for page in pages)

    @pytest.mark.parametrize(("field", "value", "error"), [("limit", "0", "A23"), ("offset", "-1", "A24")])
    def test_has_no_such_page(self, till: Till, field: str, value: str, error: str) -> None:
        answer = till.call("openbatch", **{field: value})
        assert (answer.status, answer.body["error_no"]) == (400, error)

    def test_is_asked_for_without_paging_by_some_clients(self, till: Till) -> None:
        assert till.open_batch()["meta"]["page_size"] == 20


def _meta(records: int, page: int) -> dict[str, Any]:
    return {
        "number_of_records": records,
        "total_pages": 3,
        "total_results": 5,
        "page_number": page,
        "page_size": 2,
    }
