"""Address, verification value, duplicates, profile: what a merchant wants checked before it is paid."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from bezant.core.merchants import AddressCheck, CardChecks, Profile, move
from tests.e2e.valor.shop import Office, Shop, Till, approved, declined, refused
from tests.support.gateway import eventually

HOME = {"address1": "8320 Main Street", "zip": "85284"}
ELSEWHERE = {"address1": "1 Other Street", "zip": "10001"}
WRONG_CVV = {"cvv": "123"}


class TestAMismatch:
    @pytest.mark.parametrize("txn_type", ["sale", "auth"])
    @pytest.mark.parametrize(
        ("said", "told"),
        [
            (HOME | WRONG_CVV, ("82", "CVV mismatch")),
            (ELSEWHERE | {"cvv": "999"}, ("VA", "AVS mismatch")),
        ],
    )
    def test_is_declined_and_taken_back_at_the_host(
        self, office: Office, shop: Shop, said: dict[str, str], told: tuple[str, str], txn_type: str
    ) -> None:
        till = shop.tills[0]
        office.set_rules(shop, checks=_strict(AddressCheck.BOTH))
        answer = till.charge("20.00", txn_type=txn_type, **said)
        assert (declined(answer), answer.body["msg"]) == told
        eventually(lambda: till.row(answer.body)["IS_REVERSAL"] == "1" and till.booked() == {})
        assert till.open_batch()["batchSummary"][0]["dashboard_batchcount"] == 0
        (entry,) = till.gateway.control.books(
            terminal=till.host_terminals[Profile.TRADITIONAL], state="reversed"
        )
        assert entry["approved"] == 2000

    def test_is_answered_again_for_the_same_key_and_not_sent_twice(self, office: Office, shop: Shop) -> None:
        till = shop.tills[0]
        office.set_rules(shop, checks=_strict(AddressCheck.NONE))
        first, again = (
            till.call("sale", idempotency_key="once", **_card(), amount="20.00", **WRONG_CVV)
            for _ in range(2)
        )
        assert declined(first) == declined(again) == "82"
        assert again.body["txnid"] == first.body["txnid"]
        eventually(lambda: till.booked() == {})

    def test_passes_where_the_merchant_wants_no_decline(self, till: Till) -> None:
        approved(till.charge("20.00", **ELSEWHERE, **WRONG_CVV))
        assert till.booked() == {"sale": (1, 2000)}

    @pytest.mark.parametrize(
        ("check", "said", "passes"),
        [
            (AddressCheck.NONE, ELSEWHERE, True),
            (AddressCheck.STREET, {**ELSEWHERE, "address1": "8320 Main"}, True),
            (AddressCheck.STREET, {**ELSEWHERE, "zip": "85284"}, False),
            (AddressCheck.POSTAL_CODE, {**ELSEWHERE, "zip": "85284"}, True),
            (AddressCheck.POSTAL_CODE, {**ELSEWHERE, "address1": "8320 Main"}, False),
            (AddressCheck.BOTH, {**ELSEWHERE, "zip": "85284"}, False),
            (AddressCheck.BOTH, {}, True),
        ],
    )
    def test_of_the_address_counts_as_far_as_the_merchant_says(
        self, office: Office, shop: Shop, check: AddressCheck, said: dict[str, str], *, passes: bool
    ) -> None:
        office.set_rules(shop, checks=_strict(check))
        answer = shop.tills[0].charge("20.00", **said)
        assert (answer.status == 200) is passes, answer
        if not passes:
            assert declined(answer) == "VA"

    def test_of_a_token_counts_too(self, office: Office, shop: Shop) -> None:
        till = shop.tills[0]
        token = till.sale()["token"]
        office.set_rules(shop, checks=_strict(AddressCheck.NONE))
        assert declined(till.charge("5.00", token=token, **WRONG_CVV)) == "82"


class TestAVerificationValue:
    def test_that_is_required_is_missed(self, office: Office, shop: Shop) -> None:
        till = shop.tills[0]
        office.set_rules(shop, checks=CardChecks(verification_required=True))
        assert refused(till.charge("20.00")) == "E08"
        token = approved(till.charge("20.00", cvv="999"))["token"]
        approved(till.charge("20.00", token=token))


class TestTheResults:
    def test_are_told_to_a_merchant_that_wants_them(self, office: Office, shop: Shop) -> None:
        till = shop.tills[0]
        office.set_rules(shop, checks=CardChecks(address=AddressCheck.POSTAL_CODE, shown=True))
        said = {**ELSEWHERE, "zip": "85284"}
        sale = till.sale(**said, **WRONG_CVV, invoicenumber="told")
        told = {"avs_code": "Z", "avs_result": "MATCH", "cvv_code": "N", "cvv_result": "NO MATCH"}
        assert sale["additional_info"] == told
        kept = approved(till.call("transaction_inquiry", invoice_no="told"))
        assert kept["additional_info"] == told
        assert till.sale()["additional_info"] is None

    def test_are_told_to_nobody_else(self, till: Till) -> None:
        assert till.sale(**HOME, cvv="999")["additional_info"] is None


class TestADuplicate:
    def test_is_declined_for_ten_minutes_where_that_is_asked_for(self, office: Office, shop: Shop) -> None:
        till = shop.tills[0]
        till.sale("20.00", **_once())
        answer = till.charge("20.00", **_once())
        assert declined(answer) == "94"
        assert till.row(answer.body)["RESPONSE_CODE"] == "94"
        assert till.booked() == {"sale": (1, 2000)}
        office.change_clock(shop, move(timedelta(minutes=10)))
        till.sale("20.00", **_once())

    def test_is_charged_where_it_is_not(self, till: Till) -> None:
        till.sale("20.00", **_once())
        till.sale("20.00", invoicenumber="inv0001")
        till.sale("20.00", invoicenumber="inv0001", duplicate_transaction_check="0")
        assert till.booked() == {"sale": (3, 6000)}

    def test_is_declined_while_the_first_is_under_way(self, till: Till) -> None:
        terminal = till.host_terminals[Profile.TRADITIONAL]
        till.gateway.control.script({"late": 0.5}, ask="sale", terminal=terminal)
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(lambda _: till.charge("20.00", **_once()), range(2)))
        assert sorted(answer.status for answer in answers) == [200, 400]
        assert till.booked() == {"sale": (1, 2000)}

    @pytest.mark.parametrize(
        "other", [{"amount": "20.01"}, {"invoicenumber": "inv0002"}, {"cardnumber": "5146315000000055"}]
    )
    def test_is_no_charge_of_another_kind(self, till: Till, other: dict[str, str]) -> None:
        till.sale("20.00", **_once())
        approved(till.charge(**{"amount": "20.00", **_once(), **other}))

    def test_is_no_charge_of_another_terminal_or_of_one_taken_back(self, shop: Shop) -> None:
        first, second = shop.tills
        sale = first.sale("20.00", **_once())
        second.sale("20.00", **_once())
        approved(first.void(sale))
        first.sale("20.00", **_once())

    def test_is_known_without_an_invoice(self, till: Till) -> None:
        till.sale("20.00", duplicate_transaction_check="1")
        assert declined(till.charge("20.00", duplicate_transaction_check="1")) == "94"

    def test_is_known_by_token_and_by_number(self, till: Till) -> None:
        token = till.sale("20.00", **_once())["token"]
        assert declined(till.charge("20.00", token=token, **_once())) == "94"


class TestAProfile:
    @pytest.mark.parametrize("indicator", ["2", "x", "-1", "01", 1.5])
    def test_that_is_none_is_refused(self, till: Till, indicator: object) -> None:
        assert refused(till.charge("20.00", surchargeIndicator=indicator)) == "E12"

    @pytest.mark.parametrize(
        ("has", "asked"), [(Profile.SURCHARGE, "0"), (Profile.TRADITIONAL, "1"), (Profile.SURCHARGE, None)]
    )
    def test_that_the_terminal_does_not_have_is_refused(
        self, office: Office, has: Profile, asked: str | None
    ) -> None:
        (till,) = office.board(profiles=(has,)).tills
        said = {} if asked is None else {"surchargeIndicator": asked}
        answer = till.charge("20.00", **said)
        assert refused(answer) == "D28"
        assert answer.body["desc"] == "EPI HOST PROCESSOR INFO NOT FOUND"
        assert till.booked(has) == {}


def _strict(address: AddressCheck) -> CardChecks:
    return CardChecks(address=address, address_declines=True, verification_declines=True)


def _card() -> dict[str, str]:
    return {"cardnumber": "4111111111111111", "expirydate": "1236"}


def _once() -> dict[str, Any]:
    return {"invoicenumber": "inv0001", "duplicate_transaction_check": "1"}
