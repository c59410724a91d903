"""Refunds and voids: money that goes back, once and no more than came."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.valor.shop import Office, Shop, Till, approved, declined, refused

UNKNOWN = "9999999999"


class TestARefund:
    def test_gives_back_a_part_and_then_the_rest(self, till: Till) -> None:
        sale = till.sale("20.00")
        first = approved(till.refund(sale, "5.00"))
        second = approved(till.refund(sale, 15))
        assert (first["amount"], second["amount"]) == ("5.00", "15.00")
        assert len({sale["txnid"], first["txnid"], second["txnid"]}) == 3
        assert len({sale["rrn"], first["rrn"], second["rrn"]}) == 3
        assert till.booked() == {"sale": (1, 2000), "refund": (2, 2000)}

    def test_has_an_approval_of_its_own(self, till: Till) -> None:
        sale = till.sale()
        refund = approved(till.refund(sale, "5"))
        assert refund["desc"].startswith("APPROVAL ")
        assert refund["desc"] != sale["desc"]
        assert (refund["tax"], refund["customfee"]) == ("0", "0")

    def test_never_gives_back_more_than_was_paid(self, till: Till) -> None:
        sale = till.sale("20.00")
        assert declined(till.refund(sale, "20.01")) == "13"
        approved(till.refund(sale, "19.99"))
        assert declined(till.refund(sale, "0.02")) == "13"
        approved(till.refund(sale, "0.01"))
        assert declined(till.refund(sale, "0.01")) == "13"
        assert till.booked()["refund"] == (2, 2000)

    def test_may_include_tax_fee_and_tip(self, till: Till) -> None:
        sale = till.sale("20.00", tax_amount="1", surchargeIndicator="1", surchargeAmount="2", tip="3")
        assert declined(till.refund(sale, "26.01")) == "13"
        approved(till.refund(sale, "26.00"))

    def test_is_counted_on_the_sale(self, till: Till) -> None:
        sale = till.sale("20.00")
        approved(till.refund(sale, "5.00"))
        refund = approved(till.refund(sale, "2.50"))
        row = till.row(sale)
        assert (row["REFUND_AMOUNT"], row["REFUND_COUNT"]) == ("750", "2")
        own = till.row(refund)
        assert (own["TXN_TYPE"], own["REF_TXN_ID"]) == ("REFUND", refund["txnid"])
        assert (own["BASE_AMOUNT"], own["NET_AMOUNT"], own["REFUND_COUNT"]) == ("250", "250", "0")

    def test_is_possible_before_and_after_settlement(self, till: Till) -> None:
        sale = till.sale("20.00")
        approved(till.refund(sale, "5"))
        till.settle()
        approved(till.refund(sale, "5"))
        till.settle()
        approved(till.refund(sale, "10"))
        assert declined(till.refund(sale, "0.01")) == "13"

    def test_that_the_host_declines_leaves_the_money_refundable(self, till: Till) -> None:
        sale = till.sale("20.00")
        till.gateway.control.script({"decline": "96"}, ask="refund", amount=1999)
        assert declined(till.refund(sale, "19.99")) == "96"
        assert till.row(sale)["REFUND_COUNT"] == "0"
        approved(till.refund(sale, "20.00"))

    @pytest.mark.parametrize("beside", [{}, {"surchargeIndicator": "1"}, {"invoicenumber": "inv0001"}])
    def test_takes_what_plugins_send_along(self, till: Till, beside: dict[str, str]) -> None:
        sale = till.sale("20.00")
        approved(till.call("refund", ref_txn_id=sale["txnid"], amount="5.00", token=sale["token"], **beside))

    def test_takes_the_networks_numbers_along_when_they_fit(self, till: Till) -> None:
        sale = till.sale("20.00")
        approved(till.refund(sale, "5", rrn=sale["rrn"], auth_code=sale["approval_code"]))
        assert declined(till.refund(sale, "5", rrn="608305501153")) == "12"
        assert declined(till.refund(sale, "5", auth_code="TAS999X"[:6] + "9")) == "12"

    def test_goes_to_another_card_by_its_token(self, till: Till) -> None:
        sale = till.sale("20.00")
        other = till.sale("1.00", cardnumber="5146315000000055")
        refund = approved(till.refund(sale, "5.00", token=other["token"]))
        (entry,) = till.gateway.control.books(rrn=refund["rrn"])
        assert entry["last4"] == "0055"

    def test_to_an_unknown_card_is_declined(self, till: Till) -> None:
        assert declined(till.refund(till.sale(), "5", token="A" * 40)) == "V1"

    def test_of_nothing_known_is_declined_with_an_id(self, till: Till) -> None:
        answer = till.call("refund", ref_txn_id=UNKNOWN, amount="5")
        assert (declined(answer), answer.body["switch_error_code"]) == ("12", "V0543")
        assert till.row(answer.body)["RESPONSE_CODE"] == "12"

    def test_of_a_voided_sale_is_declined(self, till: Till) -> None:
        sale = till.sale()
        approved(till.void(sale))
        assert declined(till.refund(sale, "5")) == "12"

    @pytest.mark.parametrize("what", ["declined", "authorization", "refund", "void"])
    def test_is_of_a_sale_only(self, till: Till, what: str) -> None:
        sale = till.sale()
        originals: dict[str, Any] = {
            "declined": till.charge("9000.51").body,
            "authorization": till.charge("5", txn_type="auth").body,
            "refund": till.refund(sale, "5").body,
            "void": till.void(till.sale()).body,
        }
        assert declined(till.refund(originals[what], "1")) == "12"

    def test_is_never_given_twice_however_many_ask_at_once(self, till: Till) -> None:
        sale = till.sale("20.00")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: till.refund(sale, "20.00"), range(16)))
        assert sorted(answer.status for answer in answers) == [200] + [400] * 15
        assert {declined(answer) for answer in answers if answer.status == 400} == {"13"}
        assert till.booked()["refund"] == (1, 2000)


class TestAVoid:
    def test_repeats_the_reference_and_code_of_what_it_takes_back(self, till: Till) -> None:
        sale = till.sale("20.00")
        void = approved(till.void(sale))
        assert (void["rrn"], void["desc"]) == (sale["rrn"], sale["desc"])
        assert (void["amount"], void["tax"], void["customfee"]) == ("20.00", "0", "0")
        assert int(void["txnid"]) > int(sale["txnid"])
        assert till.booked() == {}

    def test_marks_the_sale_and_is_listed_itself(self, till: Till) -> None:
        sale = till.sale()
        void = approved(till.void(sale))
        assert till.row(sale)["IS_VOID"] == "1"
        row = till.row(void)
        assert (row["TXN_TYPE"], row["IS_VOID"], row["RRN"]) == ("VOID", "0", sale["rrn"])

    def test_shows_the_base_without_the_fee(self, till: Till) -> None:
        sale = till.sale("20.00", surchargeIndicator="1", surchargeAmount="1")
        assert approved(till.void(sale))["amount"] == "20.00"
        assert till.booked() == {}

    @pytest.mark.parametrize("amount", ["20.00", 20, "1,020.00", "20"], ids=repr)
    def test_can_be_keyed_by_the_networks_numbers(self, till: Till, amount: object) -> None:
        sale = till.sale("1020.00" if amount == "1,020.00" else "20.00")
        approved(till.call("void", **_numbers_of(sale), amount=amount))
        assert till.row(sale)["IS_VOID"] == "1"

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"auth_code": "ZZZ999"}, "E98/12"),
            ({"rrn": "608305501153"}, "E98/12"),
            ({"stan": 999_999}, "E98/12"),
            ({"tran_no": 77}, "E16"),
            ({"amount": "20.01"}, "E98/12"),
            ({"auth_code": None}, "E17"),
            ({"rrn": None}, "E15"),
            ({"stan": None}, "E34"),
            ({"tran_no": None}, "E16"),
            ({"amount": None}, "E05"),
        ],
        ids=str,
    )
    def test_by_numbers_needs_them_all_and_right(self, till: Till, wrong: dict[str, Any], code: str) -> None:
        sale = till.sale("20.00")
        answer = till.call("void", **{**_numbers_of(sale), "amount": "20.00", **wrong})
        assert answer.status == 400
        assert "/".join(answer.body[key] for key in ("error_no", "error_code") if key in answer.body) == code
        assert till.row(sale)["IS_VOID"] == "0"

    @pytest.mark.parametrize(
        ("beside", "code"),
        [
            ({"tran_no": 77}, "E16"),
            ({"stan": 999_999}, "E34"),
            ({"rrn": "608305501153"}, "E98"),
            ({"auth_code": "ZZZ999"}, "E98"),
        ],
        ids=str,
    )
    def test_by_id_refuses_numbers_that_do_not_fit(
        self, till: Till, beside: dict[str, Any], code: str
    ) -> None:
        sale = till.sale()
        answer = till.void(sale, **beside)
        assert (answer.status, answer.body["error_no"]) == (400, code)
        assert till.row(sale)["IS_VOID"] == "0"

    def test_by_id_takes_all_numbers_that_fit_and_any_amount(self, till: Till) -> None:
        sale = till.sale("20.00", surchargeIndicator="1", surchargeAmount="1")
        approved(till.void(sale, **_numbers_of(sale), amount="21.00", surchargeindicator="1"))

    def test_of_nothing_named_is_refused(self, till: Till) -> None:
        assert refused(till.call("void")) == "E14"
        assert refused(till.call("void", ref_txn_id="abc")) == "E14"

    def test_can_be_done_once(self, till: Till) -> None:
        sale = till.sale()
        approved(till.void(sale))
        answer = till.void(sale)
        assert (declined(answer), answer.body["switch_error_code"]) == ("V5", "V0620")
        assert answer.body["mesg"] == "VOID Transaction has already been performed"

    def test_takes_place_once_however_many_ask_at_once(self, till: Till) -> None:
        sale = till.sale()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: till.void(sale), range(16)))
        assert sorted(answer.status for answer in answers) == [200] + [400] * 15
        assert {declined(answer) for answer in answers if answer.status == 400} == {"V5"}

    def test_of_a_settled_sale_is_declined(self, till: Till) -> None:
        sale = till.sale()
        till.settle()
        answer = till.void(sale)
        assert (declined(answer), answer.body["switch_error_code"]) == ("12", "V0543")
        assert till.booked() == {"sale": (1, 2000)}

    def test_of_a_declined_sale_is_declined(self, till: Till) -> None:
        assert declined(till.void(till.charge("9000.51").body)) == "12"

    def test_of_a_refund_makes_the_sale_refundable_again(self, till: Till) -> None:
        sale = till.sale("20.00")
        refund = approved(till.refund(sale, "20.00"))
        approved(till.void(refund))
        row = till.row(sale)
        assert (row["REFUND_AMOUNT"], row["REFUND_COUNT"]) == ("0", "0")
        approved(till.refund(sale, "20.00"))

    def test_of_a_void_is_declined(self, till: Till) -> None:
        assert declined(till.void(approved(till.void(till.sale())))) == "12"

    def test_of_a_refunded_sale_is_declined(self, till: Till) -> None:
        """Both would give the same money back."""
        sale = till.sale("20.00")
        approved(till.refund(sale, "5.00"))
        assert declined(till.void(sale)) == "12"


class TestASisterTerminal:
    def test_takes_nothing_back_of_another(self, shop: Shop) -> None:
        first, second = shop.tills
        sale = first.sale()
        assert declined(second.void(sale)) == "12"
        assert declined(second.refund(sale, "5")) == "12"

    def test_does_when_the_parent_calls_for_it(self, shop: Shop) -> None:
        parent, child = shop.tills
        sale = approved(parent.charge("20.00", child_epi=child.epi))
        assert sale["epi"] == child.epi
        approved(parent.void(sale, child_epi=child.epi))

    def test_of_another_merchant_is_nobodys_child(self, office: Office) -> None:
        ours, theirs = (office.board().tills[0] for _ in range(2))
        assert refused(ours.charge("5", child_epi=theirs.epi)) == "D27"
        assert refused(ours.charge("5", child_epi="2999999999")) == "D27"


def _numbers_of(sale: dict[str, Any]) -> dict[str, Any]:
    return {
        "auth_code": sale["approval_code"],
        "rrn": sale["rrn"],
        "tran_no": sale["tran_no"],
        "stan": sale["stan"],
    }
