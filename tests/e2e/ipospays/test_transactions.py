"""Each type of transaction, before and after settlement, and what is told of it later."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.conftest import MakeGateway
from tests.e2e.ipospays.merchant import (
    AMEX,
    TRANSACT,
    Bureau,
    Caller,
    Merchant,
    approved_in,
    declined_in,
    problems,
    reference,
)
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import SWIFT, NoAnswer, eventually

REFERENCE_FIELD = "merchantAuthentication.transactionReferenceId"
RRN_FIELD = "transactionRequest.rrn"
SALE_KEYS = [
    "responseCode",
    "responseMessage",
    "errResponseCode",
    "errResponseMessage",
    "transactionReferenceId",
    "transactionType",
    "transactionId",
    "transactionNumber",
    "batchNumber",
    "cardType",
    "cardLast4Digit",
    "amount",
    "tips",
    "customFee",
    "localTax",
    "stateTax",
    "totalAmount",
    "responseApprovalCode",
    "rrn",
    "RRN",
    "approvalCode",
]
NO_ORIGINAL = ("05", "NO ORIGINAL TXN")
NO_ANSWER = ("91", "HOST NO RESPONSE")


@pytest.fixture
def token(merchant: Merchant) -> str:
    """A card's token, made by Valor's API."""
    return merchant.card()


class TestASale:
    def test_is_answered_in_one_object_of_texts(self, caller: Caller, token: str) -> None:
        answer = caller.transact(1, "Order_1-a", amount="12525", cardToken=token)
        assert list(answer.body) == ["iposhpresponse"]
        paid = approved_in(answer)
        assert list(paid) == [*SALE_KEYS, "l2l3Flag"]
        assert paid["rrn"] == paid["RRN"]
        assert len(paid["rrn"]) == 12
        assert (paid["amount"], paid["totalAmount"], paid["tips"]) == ("12525", "12525", "0")
        assert (paid["errResponseCode"], paid["transactionReferenceId"]) == ("00", "Order_1-a")
        assert (paid["transactionType"], paid["cardType"], paid["cardLast4Digit"]) == (1, "VISA", "1111")

    @pytest.mark.parametrize("version", ["v1", "v2", "v3"])
    def test_is_taken_in_each_version(self, caller: Caller, token: str, version: str) -> None:
        path = f"/api/{version}/iposTransact"
        paid = approved_in(caller.transact("1", path=path, amount=700, paymentTokenId=token))
        assert paid["totalAmount"] == "700"

    def test_is_taken_in_the_older_spelling(self, caller: Caller, token: str) -> None:
        said = caller.said(1, amount="500", cardToken=token.lower())
        said["transactRequest"] = said.pop("transactionRequest")
        assert approved_in(caller.post(TRANSACT, said))["amount"] == "500"

    def test_takes_a_tip_a_name_and_a_wish_for_the_token(self, caller: Caller, token: str) -> None:
        paid = caller.do(
            1,
            amount="1000",
            tipAmount="150",
            cardToken=token,
            invoiceNumber="INV 7",
            preferences={
                "requestCardToken": True,
                "eReceipt": "true",
                "customerName": "Zo\u00eb Lee",
                "customerEmail": "z@shop.example",
            },
        )
        assert (paid["amount"], paid["tips"], paid["totalAmount"]) == ("1000", "150", "1150")
        assert paid["chdToken"] == paid["cardToken"] == token

    def test_compares_an_address(self, caller: Caller, token: str) -> None:
        paid = caller.do(
            1,
            amount="1000",
            cardToken=token,
            preferences={"avsVerification": True, "customerName": "Ann Lee"},
            Avs={"StreetNo": "8320", "Zip": "85284"},
        )
        assert paid["avs"] == {"Zip": "85284", "StreetNo": "8320"}
        assert isinstance(paid["avsRespMsg"], str)

    @pytest.mark.parametrize(("flag", "indicator"), [("Y", True), ("E", "yes")])
    def test_says_what_became_of_level_3_data(
        self, caller: Caller, token: str, flag: str, indicator: object
    ) -> None:
        data = {"Header": {"po": "1"}, "items": [{"NetGrossIndicator": indicator}]}
        paid = caller.do(1, amount="100", cardToken=token, L3Data=data)
        assert paid["l2l3Flag"] == flag
        assert ("l2l3ValidationError" in paid) == (flag == "E")

    def test_is_declined_like_the_issuer_declines(self, merchant: Merchant) -> None:
        card = merchant.card("4000000000000002")
        assert declined_in(merchant.caller.transact(1, amount="100", cardToken=card)) == (
            "05",
            "DO NOT HONOR",
        )

    def test_on_a_card_that_there_is_not_is_declined(self, caller: Caller) -> None:
        for strange in ("84C80CF2" * 4, "F" * 40):
            answer = caller.transact(1, amount="100", cardToken=strange)
            assert declined_in(answer) == ("14", "INVALID CARD TOKEN")

    def test_with_a_reference_that_was_used_is_refused(self, caller: Caller, token: str) -> None:
        key = reference()
        caller.do(1, key, amount="100", cardToken=token)
        for again in (
            caller.transact(1, key, amount="100", cardToken=token),
            caller.transact(5, key, amount="900", cardToken=token),
            caller.transact(2, key, rrn="123456789012"),
        ):
            assert problems(again) == [(REFERENCE_FIELD, "Duplicate Transaction Reference Id")]
        assert caller.do(9)["totalTransactions"] == 1

    def test_shares_references_with_no_other_terminal(self, bureau: Bureau) -> None:
        two = bureau.open(terminals=2)
        token = two.card()
        for each in two.callers:
            each.do(1, "Same-1", amount="100", cardToken=token)


class TestAPreAuth:
    def test_is_raised_captured_with_a_tip_and_tipped_again(self, caller: Caller, token: str) -> None:
        held = caller.do(5, amount="1000", cardToken=token)
        caller.do("8", rrn=held["rrn"], amount="200")
        caller.do(8, rrn=held["rrn"], additionalAmount="100")
        taken = caller.do(6, rrn=held["rrn"], amount="1300", tipAmount="100")
        assert (taken["rrn"], taken["tips"], taken["totalAmount"]) == (held["rrn"], "100", "1400")
        assert caller.do(7, rrn=held["rrn"], tipAmount="150")["totalAmount"] == "1450"
        assert caller.do(7, rrn=held["rrn"], amount=200)["totalAmount"] == "1500"
        assert declined_in(caller.transact(6, rrn=held["rrn"], amount="100")) == NO_ORIGINAL
        assert caller.do(4)["totalSales"] == "1500"

    def test_gives_no_more_than_it_holds(self, caller: Caller, token: str) -> None:
        held = caller.do(5, amount="1000", cardToken=token)
        assert declined_in(caller.transact(6, rrn=held["rrn"], amount="1001"))[0] == "13"
        caller.do(6, rrn=held["rrn"], amount="1000")

    def test_on_american_express_is_not_raised(self, merchant: Merchant) -> None:
        held = merchant.caller.do(5, amount="1000", cardToken=merchant.card(AMEX))
        assert declined_in(merchant.caller.transact(8, rrn=held["rrn"], amount="1")) == (
            "05",
            "INCAUTH N/A AMEX",
        )

    def test_is_released_by_a_void_of_it_or_of_its_ticket(self, caller: Caller, token: str) -> None:
        for ticketed in (False, True):
            held = caller.do(5, amount="1000", cardToken=token)
            if ticketed:
                caller.do(6, rrn=held["rrn"], amount="900")
            caller.do(2, rrn=held["rrn"])
            assert declined_in(caller.transact(6, rrn=held["rrn"], amount="900")) == NO_ORIGINAL
        assert caller.do(9)["netAmount"] == "0"


class TestAVoid:
    @pytest.mark.parametrize("said", [{}, {"amount": ""}, {"amount": "0"}, {"amount": "1000"}])
    def test_is_of_the_whole_whatever_amount_it_names(
        self, caller: Caller, token: str, said: dict[str, Any]
    ) -> None:
        paid = caller.do(1, amount="1000", cardToken=token)
        key = reference()
        gone = caller.do(2, key, rrn=paid["rrn"], **said)
        assert (gone["totalAmount"], gone["transactionType"]) == ("1000", 2)
        assert declined_in(caller.transact(2, rrn=paid["rrn"])) == NO_ORIGINAL
        assert problems(caller.transact(2, key, rrn=paid["rrn"]))[0][0] == REFERENCE_FIELD
        assert caller.do(9)["netAmount"] == "0"

    def test_comes_too_late_after_settlement(self, caller: Caller, token: str) -> None:
        paid = caller.do(1, amount="1000", cardToken=token)
        caller.do(4)
        assert declined_in(caller.transact(2, rrn=paid["rrn"])) == NO_ORIGINAL

    def test_of_what_there_is_not_is_declined(self, caller: Caller) -> None:
        for kind, said in ((2, {}), (6, {"amount": "1"}), (7, {"tipAmount": "1"}), (8, {"amount": "1"})):
            assert declined_in(caller.transact(kind, rrn="999999999999", **said)) == NO_ORIGINAL


class TestARefund:
    def test_is_of_what_is_settled_up_to_all_of_it(self, caller: Caller, token: str) -> None:
        paid = caller.do(1, amount="1000", cardToken=token)
        early = caller.transact("3", rrn=paid["rrn"], amount="100")
        assert problems(early) == [(RRN_FIELD, "ORIGINAL TXN NOT SETTLED, USE VOID")]
        caller.do(4)
        assert caller.do("3", RRN=paid["rrn"], amount="400")["transactionType"] == 3
        too_much = caller.transact(3, rrn=paid["rrn"], amount="601")
        assert problems(too_much) == [("transactionRequest.amount", "INVALID AMOUNT")]
        assert "iposhpresponse" not in too_much.body
        assert caller.do(3, rrn=paid["rrn"])["totalAmount"] == "600"
        assert problems(caller.transact(3, rrn=paid["rrn"], amount="1"))
        assert caller.do(4)["totalRefunds"] == "1000"

    def test_of_what_there_is_not_is_no_success_to_anybody(self, caller: Caller) -> None:
        answer = caller.transact("3", rrn="999999999999", amount="1")
        assert problems(answer) == [(RRN_FIELD, "NO ORIGINAL TXN")]

    def test_needs_its_original(self, caller: Caller) -> None:
        assert problems(caller.transact(3, amount="1")) == [(RRN_FIELD, "RRN cannot be empty")]

    def test_is_taken_back_before_settlement(self, caller: Caller, token: str) -> None:
        paid = caller.do(1, amount="1000", cardToken=token)
        caller.do(4)
        back = caller.do(3, rrn=paid["rrn"], amount="1000")
        caller.do(2, rrn=back["rrn"])
        assert caller.do(3, rrn=paid["rrn"], amount="1000")["totalAmount"] == "1000"


class TestABatch:
    def test_is_listed_settled_and_reported(self, caller: Caller, token: str) -> None:
        sale = caller.do(1, amount="1000", tipAmount="50", cardToken=token)
        gone = caller.do(1, amount="777", cardToken=token)
        caller.do(2, rrn=gone["rrn"])
        open_now = caller.do(9)
        assert (open_now["batchStatus"], open_now["batchNumber"]) == ("OPEN", "001")
        assert [each["rrn"] for each in open_now["transactions"]] == [sale["rrn"]]
        settled = caller.do(4)
        assert (settled["batchStatus"], settled["netAmount"]) == ("CLOSED", "1050")
        caller.do(3, rrn=sale["rrn"], amount="300")
        caller.do(1, amount="500", cardToken=token)
        caller.do(4)
        assert caller.do(4)["batchStatus"] == "EMPTY"
        newest, oldest = caller.batches()
        assert (oldest["batch_number"], oldest["batch_total"], oldest["total_tip"]) == ("1", 10.5, 0.5)
        assert (newest["batch_total"], newest["total_without_fee"], newest["total_transactions"]) == (2, 2, 2)
        self._adds_up(newest)
        day = newest["batch_closed_at"][:10]
        assert caller.batches(batchDate=day) == [newest, oldest]
        assert caller.batches(batchDate=day, batchNo=1) == oldest
        assert caller.batches(batchDate="2020-01-01") == []

    @staticmethod
    def _adds_up(batch: dict[str, Any]) -> None:
        (profile,) = batch["batch_profiles"]
        signs = {1: 100, 6: 100, 3: -100}
        total = sum(
            round(signs[each["transactionType"]] * each["totalAmount"]) for each in profile["transactions"]
        )
        assert total == round(100 * batch["batch_total"])

    def test_that_there_is_not_is_no_object(self, caller: Caller) -> None:
        answer = caller.post("/api/v1/batch-report", {"merchantId": caller.tpn, "batchNo": "7"})
        assert problems(answer) == [("batchDate", "Batch Date is required with a Batch Number")]
        said = {"merchantId": caller.tpn, "batchDate": "2026-01-01", "batchNo": "7"}
        assert problems(caller.post("/api/v1/batch-report", said))[0][0] == "batchNo"
        assert caller.batches() == []


class TestAStatus:
    def test_is_the_same_by_every_question(self, caller: Caller, token: str) -> None:
        key = reference()
        paid = caller.do(1, key, amount="100", cardToken=token)
        nested = {"merchantAuthentication": {"merchantId": caller.tpn, "transactionReferenceId": key}}
        for version in ("v1", "v3"):
            path = f"/api/{version}/iposTransactStatus"
            assert approved_in(caller.status(key, path=path)) == paid
            assert approved_in(caller.post(path, nested)) == paid
        assert caller.query(key) == {"status": "Successful", "data": paid, "iposHPResponse": paid}
        bearer = {"Authorization": f"Bearer {caller.token}"}
        said = {"tpn": caller.tpn, "transactionReferenceId": key}
        assert caller.get("/v1/queryPaymentStatus", bearer, **said).body["data"] == paid

    def test_is_pending_until_the_host_has_spoken(
        self, caller: Caller, token: str, merchant: Merchant
    ) -> None:
        terminal = next(iter(merchant.till.host_terminals.values()))
        merchant.till.gateway.control.script({"late": 1.2}, ask="sale", terminal=terminal)
        key = reference()
        with pytest.raises(NoAnswer):
            caller.gateway.post(
                json.dumps(caller.said(1, key, amount="100", cardToken=token)).encode(),
                {"token": caller.token},
                target=TRANSACT,
                timeout_seconds=0.3,
            )
        assert caller.query(key) == {"status": "Pending", "data": {}}
        assert caller.status(key).body["iposhpresponse"]["responseMessage"] == "Pending"
        again = caller.transact(1, key, amount="100", cardToken=token)
        assert problems(again) == [(REFERENCE_FIELD, "Duplicate Transaction Reference Id")]
        eventually(lambda: caller.query(key)["status"] != "Pending")
        found = caller.query(key)
        assert found["status"] == "Successful"
        assert approved_in(caller.status(key)) == found["data"]

    def test_of_a_decline_says_so(self, merchant: Merchant) -> None:
        key = reference()
        merchant.caller.transact(1, key, amount="100", cardToken=merchant.card("4000000000000002"))
        assert merchant.caller.query(key)["status"] == "Declined"

    def test_of_what_there_is_not_is_a_problem(self, caller: Caller) -> None:
        said = [(REFERENCE_FIELD, "No transaction is registered for this Transaction Reference Id")]
        assert problems(caller.status("Never-1")) == said
        asked = caller.get("/v1/queryPaymentStatus", tpn=caller.tpn, transactionReferenceId="Never-1")
        assert problems(asked) == said


class TestWhatIsNotOffered:
    @pytest.mark.parametrize("kind", [10, "12"])
    def test_is_declined(self, caller: Caller, kind: object) -> None:
        assert declined_in(caller.transact(kind, amount="100")) == ("05", "NO EXISTING HOST")

    def test_is_never_a_charge(self, caller: Caller) -> None:
        for said, field in (
            ({"encryptedCardData": "AAAA"}, "transactionRequest.encryptedCardData"),
            ({"preferences": {"GooglePay": {"a": 1}}}, "preferences.GooglePay"),
        ):
            found = problems(caller.transact(1, amount="100", **said))
            assert [name for name, _ in found] == [field]


class TestAGatewayOfItsOwn:
    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_keeps_to_its_settings_and_reverses_what_was_not_answered(
        self, make_gateway: MakeGateway
    ) -> None:
        settings = {
            **SWIFT,
            "BEZANT_TRANSACT_ENVELOPE": "both",
            "BEZANT_TRANSACT_STRICT_REFERENCE": "1",
            "BEZANT_AUTH_ERRORS_OK": "1",
            "BEZANT_PUBLIC_URL": "https://pay.example.com",
        }
        gateway = make_gateway(settings)
        with Bureau(gateway) as bureau:
            merchant = bureau.open()
        caller, token = merchant.caller, merchant.card()
        answer = caller.transact(1, "Order1", amount=100, cardToken=token)
        assert list(answer.body) == ["iposhpresponse", "iposTransactResponse"]
        assert approved_in(answer) == approved_in(answer, "iposTransactResponse")
        strict = caller.transact(1, "Order_2", amount=100, cardToken=token)
        assert declined_in(strict) == ("904", "FORMAT ERROR")
        wrong = merchant.pair.ask(secretKey="no")
        assert (wrong.status, wrong.body["errorCode"]) == (200, "AUTH_ERR_004")
        shop = merchant.pair.ask("/api/v1/woocomm/generate-token", tpn=caller.tpn)
        assert shop.body["testURL"] == "https://pay.example.com/api/v1"
        gateway.control.script({"silent": True}, ask="sale")
        key = "Unanswered1"
        assert declined_in(caller.transact(1, key, amount="4242", cardToken=token)) == NO_ANSWER
        come_to_rest(gateway)
        assert declined_in(caller.status(key)) == NO_ANSWER
        assert declined_in(caller.transact(2, "Void1", rrn="999999999999")) == NO_ORIGINAL
        assert caller.do(9, "Batch1")["netAmount"] == "100"
        assert violations(gateway) + disagreements(gateway) == []
