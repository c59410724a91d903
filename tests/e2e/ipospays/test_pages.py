"""Hosted pages by iPOSpays' API: made, paid once, told of, led back from, asked for, closed."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest

from bezant.core.invoices import Look, Result, State
from bezant.core.money import Money
from bezant.dialects.ipospays.pages import MAKE_PATHS
from tests.e2e.ipospays.merchant import Bureau, Caller, Merchant, reference
from tests.support.aps import Receiver
from tests.support.books import violations
from tests.support.forms import Visitor
from tests.support.gateway import Answer, Gateway, eventually
from tests.support.payer import BAD, Payer

MAKE: Final = "/api/v1/external-payment-transaction"
CANCEL: Final = "/api/v1/cancel"
SECRET: Final = "Basic c2hvcDpzZWNyZXQ="
VALIDATION: Final = {
    "transactionType": 2,
    "amount": "0",
    **dict.fromkeys(("feeAmount", "lTaxAmount", "gTaxAmount"), "0"),
}
TOLD: Final = [
    *("responseCode", "responseMessage", "errResponseCode", "errResponseMessage", "transactionReferenceId"),
    *("transactionType", "transactionId", "transactionNumber", "batchNumber", "cardType", "cardLast4Digit"),
    *("amount", "tips", "customFee", "localTax", "stateTax", "totalAmount", "responseApprovalCode", "rrn"),
    *("cardToken", "avsRspMsg", "avs", "l2l3Flag"),
]
"""What is told of an approval (source: vendor docs)."""
BROUGHT: Final = [
    *("responseCode", "responseMessage", "transactionReferenceId", "transactionType", "transactionId"),
    *("transactionNumber", "batchNumber", "cardType", "cardLast4Digit", "amount", "tips", "customFee"),
    *("localTax", "stateTax", "totalAmount", "responseApprovalCode", "RRN"),
]
"""What a shop plugin reads of the address that a payer comes back to (source: public client)."""


@pytest.fixture(scope="module")
def payer(_shared: Gateway) -> Iterator[Payer]:
    with Payer(_shared) as payer:
        yield payer


@dataclass(frozen=True, slots=True)
class Desk:
    """A merchant's terminal that asks for money by pages, and somebody who pays them."""

    caller: Caller
    payer: Payer

    def said(self, key: str, **parts: Any) -> dict[str, Any]:
        """A request for a page. ``parts``: members of the outer object."""
        said: dict[str, Any] = {
            "merchantAuthentication": {"merchantId": self.caller.tpn, "transactionReferenceId": key},
            "transactionRequest": {
                "transactionType": 1,
                "amount": "2000",
                "feeAmount": "60",
                "lTaxAmount": 100,
                "gTaxAmount": "40",
                "calculateFee": True,
                "calculateTax": True,
                "tipsInputPrompt": False,
                "expiry": 2,
                "txReferenceTag1": {"tagLabel": "Order", "tagValue": "7", "isTagMandate": True},
            },
            "notificationOption": {"notifyBySMS": "", "notifyByPOST": False, "notifyByRedirect": False},
            "preferences": {
                "integrationType": 1,
                "avsVerification": False,
                "eReceipt": False,
                "eReceiptInputPrompt": False,
                "requestCardToken": True,
            },
            "personalization": {"merchantName": "Shop", "themeColor": "#123456", "description": "A bed"},
        }
        return {**said, **{name: {**said.get(name, {}), **part} for name, part in parts.items()}}

    def ask(self, key: str | None = None, *, path: str = MAKE, **parts: Any) -> Answer:
        """Ask for a page."""
        return self.caller.post(path, self.said(key or reference(), **parts))

    def page(self, key: str | None = None, **parts: Any) -> str:
        """The uid of a new page."""
        answer = self.ask(key, **parts)
        assert answer.status == 200, answer
        information: str = answer.body["information"]
        return dict(parse_qsl(urlsplit(information).query))["t"]

    def cancel(self, key: str) -> Answer:
        """Close a page."""
        return self.caller.post(CANCEL, {"merchantId": self.caller.tpn, "transactionReferenceId": key})

    def goal(self, url: str | None) -> str | None:
        """Where an address leads on to; nothing where it leads nowhere."""
        assert url is not None
        place = urlsplit(url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
        try:
            connection.request("GET", f"{place.path}?{place.query}")
            response = connection.getresponse()
            response.read()
            assert response.status == (404 if response.headers["Location"] is None else 302)
            return response.headers["Location"]
        finally:
            connection.close()


@pytest.fixture
def desk(caller: Caller, payer: Payer) -> Desk:
    return Desk(caller, payer)


@pytest.fixture
def server() -> Iterator[Receiver]:
    """A shop's own server."""
    with Receiver().serving() as receiver:
        yield receiver


def told_to(server: Receiver) -> dict[str, Any]:
    """The one notice that came, by now or soon."""
    (notice,) = eventually(lambda: server.notices)
    assert (notice.content_type, notice.authorization) == ("application/json", SECRET)
    found: dict[str, Any] = json.loads(notice.body)["iposHPResponse"]
    return found


def leave(desk: Desk, uid: str) -> str | None:
    """Cancel as a payer does; where its browser is sent."""
    with Visitor(desk.caller.gateway) as visitor:
        assert visitor.send(f"/pay/{uid}/cancel", visitor.form(uid)).status == 303
        refresh = visitor.get(f"/pay/{uid}/result").headers.get("refresh")
    return refresh and refresh.removeprefix("0; url=")


def posting(server: Receiver) -> dict[str, Any]:
    return {"notifyByPOST": True, "postAPI": server.url, "authHeader": SECRET}


class TestAPage:
    @pytest.mark.parametrize("path", MAKE_PATHS)
    def test_is_made_on_every_path(self, standing: Merchant, payer: Payer, path: str) -> None:
        answer = Desk(standing.caller, payer).ask(path=path)
        assert list(answer.body) == ["message", "information"]
        assert answer.body["message"] == "Url generated Successful"

    def test_is_led_to_by_its_address(self, desk: Desk, bureau: Bureau) -> None:
        base = desk.caller.gateway.base_url
        for short in (False, True):
            url = desk.ask(preferences={"shortenURL": short}).body["information"]
            uid = url[-32:]
            assert url == base + (f"/v1/sl/{uid}" if short else f"/api/v1/externalPay?t={uid}")
            assert desk.goal(url) == f"{base}/pay/{uid}"
            assert desk.goal(url[:-1] + "-") is None
        token = Caller(desk.caller.gateway, bureau.ecom_token(desk.caller.tpn), desk.caller.tpn)
        assert Desk(token, desk.payer).ask().status == 200

    def test_asks_for_what_was_said(self, desk: Desk) -> None:
        uid = desk.page(
            transactionRequest={"poNumber": {"poTagLabel": "PO", "poTagValue": "PO-1"}},
            preferences={"invoiceId": "INV-1", "customerName": "John Smith"},
        )
        view = desk.payer.view(uid)
        terms = view.invoice.terms
        assert (terms.amounts.base, terms.amounts.fee, terms.amounts.tax) == (
            Money(20_00),
            Money(60),
            Money(1_40),
        )
        assert (terms.order.invoice, terms.order.purchase_order, terms.order.description) == (
            "INV-1",
            "PO-1",
            "A bed",
        )
        assert view.invoice.expires_at == view.invoice.created_at + timedelta(days=2)

    def test_may_let_the_payer_add_a_tip(self, desk: Desk) -> None:
        prompted = desk.page(transactionRequest={"tipsInputPrompt": True, "tipAmount": "500"})
        assert desk.payer.pay(prompted, tip=Money(3_00)).result is Result.APPROVED
        fixed = desk.page(transactionRequest={"tipAmount": "500"})
        paid = desk.payer.pay(fixed).payment
        assert paid is not None
        assert (paid.amounts.tip, paid.amounts.total) == (Money(5_00), Money(27_00))

    def test_is_made_once_for_a_reference(self, merchant: Merchant, payer: Payer) -> None:
        desk, key = Desk(merchant.caller, payer), reference()
        desk.page(key)
        field = "merchantAuthentication.transactionReferenceId"
        problem = [{"field": field, "message": "Duplicate Transaction Reference Id"}]
        assert desk.ask(key).body["errors"] == problem
        charged = desk.caller.transact(1, key, amount="100", cardToken=merchant.card())
        assert charged.body["errors"] == problem

    def test_is_refused_with_all_that_is_wrong(self, desk: Desk) -> None:
        answer = desk.ask(
            transactionRequest={"transactionType": 3, "amount": "1.5", "feeAmount": "-1", "expiry": 32},
            notificationOption={
                **dict.fromkeys(("notifyBySMS", "notifyByPOST", "notifyByRedirect"), True),
                "failureUrl": "javascript:alert(1)",
                "authHeader": "a\r\nX: y",
            },
            preferences={"sendPaymentLink": True, "customerName": "R2D2"},
        )
        assert answer.status == 400
        assert {problem["field"].rpartition(".")[2] for problem in answer.body["errors"]} == {
            *("transactionType", "amount", "feeAmount", "expiry", "mobileNumber", "postAPI", "returnUrl"),
            *("failureUrl", "authHeader", "customerEmail", "customerName"),
        }

    def test_leads_to_the_merchants_own_places_where_it_has_named_them(
        self, merchant: Merchant, bureau: Bureau, payer: Payer
    ) -> None:
        bureau.set_origins(merchant.shop, "https://shop.example")
        desk, wishes = Desk(merchant.caller, payer), {"notifyByRedirect": True, "notifyByPOST": True}
        own = {"returnUrl": "https://shop.example/ok", "postAPI": "https://shop.example/cb"}
        assert desk.ask(notificationOption={**wishes, **own}).status == 200
        for name in ("returnUrl", "failureUrl", "cancelUrl", "postAPI"):
            answer = desk.ask(notificationOption={**wishes, **own, name: "https://evil.example/"})
            assert [problem["field"] for problem in answer.body["errors"]] == [f"notificationOption.{name}"]

    def test_needs_little(self, desk: Desk) -> None:
        key = reference()
        said = {"merchantAuthentication": {"merchantId": int(desk.caller.tpn), "transactionReferenceId": key}}
        asked = {**said, "transactionRequest": {"transactionType": "1", "amount": 1500}}
        assert desk.caller.post(MAKE, asked).status == 200
        assert desk.caller.query(key) == {"status": "Pending", "data": {}}

    def test_is_another_merchants_own(self, desk: Desk, bureau: Bureau) -> None:
        stranger, key = bureau.open().caller, reference()
        desk.page(key)
        other = Caller(stranger.gateway, stranger.token, desk.caller.tpn)
        assert Desk(other, desk.payer).ask().status == 400
        assert Desk(other, desk.payer).cancel(key).status == 400
        assert Desk(stranger, desk.payer).cancel(key).status == 400
        assert desk.caller.query(key)["status"] == "Pending"


class TestAPayment:
    def test_is_told_and_brought_back_and_can_be_asked_for(self, desk: Desk, server: Receiver) -> None:
        key = reference()
        back = {"notifyByRedirect": True, "returnUrl": "https://shop.example/ok?order=7&wc-api=x#top"}
        uid = desk.page(key, notificationOption={**posting(server), **back})
        home = desk.payer.view(uid).invoice.terms.success_url
        assert desk.goal(home) is None
        assert desk.payer.pay(uid, address="8320", postal_code="85284").result is Result.APPROVED

        told = told_to(server)
        assert list(told) == TOLD
        assert (told["responseCode"], told["transactionReferenceId"]) == ("200", key)
        assert (told["amount"], told["customFee"], told["localTax"], told["totalAmount"]) == (
            "20.00",
            "0.60",
            "1.40",
            "22.00",
        )
        came = urlsplit(str(desk.goal(home)))
        assert (came.netloc, came.path, came.fragment) == ("shop.example", "/ok", "top")
        brought = dict(parse_qsl(came.query))
        assert list(brought) == ["order", "wc-api", *BROUGHT]
        assert (brought["responseCode"], brought["totalAmount"], brought["RRN"]) == (
            "200",
            "2200",
            told["rrn"],
        )
        asked = desk.caller.query(key)
        assert (asked["status"], asked["iposHPResponse"]) == ("Successful", told)
        assert asked["data"]["totalAmount"] == "2200"
        assert desk.caller.status(key).body["iposhpresponse"] == asked["data"]
        assert desk.payer.pay(uid, attempt="2").result is Result.CLOSED

    def test_that_is_declined_ends_the_page(self, desk: Desk, server: Receiver) -> None:
        key = reference()
        back = {
            "notifyByRedirect": True,
            "returnUrl": "https://shop.example/ok",
            "failureUrl": "https://shop.example/no",
        }
        uid = desk.page(key, notificationOption={**posting(server), **back})
        home = desk.payer.view(uid).invoice.terms.failure_url
        declined = desk.payer.pay(uid, BAD)
        assert (declined.result, declined.view.state) == (Result.DECLINED, State.CANCELLED)
        assert told_to(server)["responseCode"] == "400"
        came = urlsplit(str(desk.goal(home)))
        assert (came.path, dict(parse_qsl(came.query))["responseMessage"]) == ("/no", "Declined")
        assert desk.caller.query(key)["status"] == "Declined"
        assert desk.payer.pay(uid, attempt="2").result is Result.CLOSED
        assert desk.cancel(key).body["errors"][0]["message"] == "Payment link is already closed"
        assert violations(desk.caller.gateway) == []

    def test_is_followed_up_by_its_retrieval_reference(self, desk: Desk) -> None:
        key = reference()
        desk.payer.pay(desk.page(key))
        rrn = desk.caller.query(key)["data"]["rrn"]
        desk.caller.do(2, rrn=rrn)
        assert desk.cancel(key).body["errors"][0]["message"] == "Payment link is already paid"


class TestACancellation:
    def test_closes_a_page(self, desk: Desk) -> None:
        key = reference()
        uid = desk.page(key)
        assert desk.cancel(key).body == {
            "message": "Url cancelled Successful",
            "transactionReferenceId": key,
        }
        assert desk.payer.pay(uid).result is Result.CLOSED
        assert desk.caller.query(key) == {"status": "Cancelled", "data": {}}
        assert desk.cancel(reference()).status == 400


class TestAPayerThatCancels:
    def test_is_told_of_and_brought_back(self, desk: Desk, server: Receiver) -> None:
        key = reference()
        back = {
            "notifyByRedirect": True,
            "returnUrl": "https://shop.example/ok",
            "cancelUrl": "https://shop.example/left?order=7",
        }
        uid = desk.page(key, notificationOption={**posting(server), **back})
        home = leave(desk, uid)
        came = urlsplit(str(desk.goal(home)))
        assert (came.netloc, came.path) == ("shop.example", "/left")
        brought = dict(parse_qsl(came.query))
        said = {
            "responseCode": "401",
            "responseMessage": "Cancelled by Customer",
            "transactionReferenceId": key,
            "transactionType": "1",
        }
        cents = {"amount": "2000", "tips": "0", "customFee": "60", "localTax": "140", "stateTax": "0"}
        assert brought == {"order": "7", **said, **cents, "totalAmount": "2200"}
        told = told_to(server)
        assert {name: str(told[name]) for name in said} == said
        assert (told["amount"], told["totalAmount"]) == ("20.00", "22.00")
        assert desk.caller.query(key) == {"status": "Cancelled", "data": {}}
        assert desk.payer.pay(uid).result is Result.CLOSED
        assert desk.cancel(key).body["errors"][0]["message"] == "Payment link is already closed"
        assert violations(desk.caller.gateway) == []

    def test_goes_where_failures_go_when_nothing_else_is_said(self, desk: Desk) -> None:
        back = {"notifyByRedirect": True, "returnUrl": "https://shop.example/ok"}
        uid = desk.page(notificationOption=back)
        assert str(desk.goal(leave(desk, uid))).startswith("https://shop.example/ok?responseCode=401&")

    def test_stays_where_the_shop_named_no_place(self, desk: Desk) -> None:
        assert leave(desk, desk.page()) is None


class TestACardValidation:
    def test_verifies_the_card_and_hands_out_its_token(self, desk: Desk, server: Receiver) -> None:
        key = reference()
        back = {"notifyByRedirect": True, "returnUrl": "https://shop.example/ok"}
        uid = desk.page(key, transactionRequest=VALIDATION, notificationOption={**posting(server), **back})
        home = desk.payer.view(uid).invoice.terms.success_url
        assert desk.payer.pay(uid).result is Result.APPROVED
        told = told_to(server)
        said = (told["responseCode"], told["transactionType"], told["totalAmount"], told["cardLast4Digit"])
        assert said == ("200", 2, "0.00", "1111")
        brought = dict(parse_qsl(urlsplit(str(desk.goal(home))).query))
        assert (brought["responseCode"], brought["transactionType"], brought["amount"]) == ("200", "2", "0")
        assert brought["cardToken"] == told["cardToken"]
        asked = desk.caller.query(key)
        assert (asked["status"], asked["data"]["cardToken"]) == ("Successful", told["cardToken"])
        desk.caller.do(1, amount="100", cardToken=told["cardToken"])
        assert desk.payer.pay(uid, attempt="2").result is Result.CLOSED
        assert violations(desk.caller.gateway) == []

    def test_of_a_bad_card_is_a_decline(self, desk: Desk) -> None:
        key = reference()
        uid = desk.page(key, transactionRequest=VALIDATION)
        assert desk.payer.pay(uid, BAD).result is Result.DECLINED
        asked = desk.caller.query(key)
        assert (asked["status"], asked["data"]["transactionType"]) == ("Declined", 2)
        assert violations(desk.caller.gateway) == []

    def test_has_no_receipt_to_ask_for_and_nothing_to_pay(self, desk: Desk) -> None:
        uid = desk.page(transactionRequest=VALIDATION)
        with Visitor(desk.caller.gateway) as visitor:
            body = visitor.get(f"/pay/{uid}").body
            assert "Verify card" in body
            assert "Pay " not in body
            assert 'name="email"' not in body
            assert visitor.pay(uid).status == 303
            page = visitor.get(f"/pay/{uid}/result")
        assert "APPROVED" in page.body
        assert "View receipt" not in page.body
        assert "$" not in page.body

    @pytest.mark.parametrize(
        "request_",
        [
            {"transactionType": 1, "amount": "0"},
            {"transactionType": 2, "amount": "1"},
            {"transactionType": 2, "amount": "0", "tipAmount": "1"},
            {"transactionType": 2, "amount": "0", "feeAmount": "1"},
            {"transactionType": 2, "amount": "0", "gTaxAmount": "1"},
        ],
        ids=str,
    )
    def test_is_of_nothing_and_nothing_else_is(self, desk: Desk, request_: dict[str, Any]) -> None:
        bare = {"feeAmount": "0", "lTaxAmount": "0", "gTaxAmount": "0"}
        answer = desk.ask(transactionRequest={**bare, **request_})
        assert [problem["field"] for problem in answer.body["errors"]] == ["transactionRequest.amount"]


class TestALook:
    def test_is_as_the_shop_said(self, desk: Desk) -> None:
        said = {
            "merchantName": "The Bed Shop",
            "logoUrl": "https://elsewhere.example/spy.png",
            "themeColor": "#067A57",
            "buttonColor": "#7a0657",
            "payNowButtonText": "Buy it",
            "cancelButtonText": "Leave",
            "disclaimer": "No returns.",
        }
        uid = desk.page(personalization=said)
        assert desk.payer.view(uid).invoice.terms.look == Look(
            name="The Bed Shop",
            colour="#067a57",
            button_colour="#7a0657",
            pay_text="Buy it",
            cancel_text="Leave",
            disclaimer="No returns.",
        )
        with Visitor(desk.caller.gateway) as visitor:
            body = visitor.get(f"/pay/{uid}").body
        assert "elsewhere.example" not in body
        assert "The Bed Shop" in body

    @pytest.mark.parametrize(
        "colour",
        ["", "#fff", "#ffffff", "#ffd700", "067a57", "#067a5g", "red", "#067a57;}", "#\u0660" * 7, 7],
    )
    def test_has_no_colour_that_cannot_be_used(self, desk: Desk, colour: object) -> None:
        uid = desk.page(personalization={"themeColor": colour, "buttonColor": colour})
        look = desk.payer.view(uid).invoice.terms.look
        assert (look.colour, look.button_colour) == (None, None)

    def test_has_texts_of_the_length_that_they_may_have(self, desk: Desk) -> None:
        lengths = {"merchantName": 35, "payNowButtonText": 15, "cancelButtonText": 15, "disclaimer": 150}
        desk.page(personalization={name: "x" * length for name, length in lengths.items()})
        answer = desk.ask(personalization={name: "x" * (length + 1) for name, length in lengths.items()})
        fields = {problem["field"].rpartition(".")[2] for problem in answer.body["errors"]}
        assert fields == set(lengths)


class TestTheWayBack:
    def test_is_nobody_elses_to_find(self, desk: Desk) -> None:
        key = reference()
        uid = desk.page(key, notificationOption={"notifyByRedirect": True, "returnUrl": "https://a.example/"})
        desk.payer.pay(uid)
        home = str(desk.payer.view(uid).invoice.terms.success_url)
        assert desk.goal(home) is not None
        last = "0" if home[-1] != "0" else "1"
        for forged in (home[:-1] + last, home[:-32] + "0" * 32, home.replace(key, key + "x"), home + "/"):
            assert desk.goal(forged) is None


class TestAnAuthorization:
    def test_is_kept_sealed(self, desk: Desk, server: Receiver) -> None:
        desk.page(notificationOption=posting(server))
        rows = desk.caller.gateway.rows("SELECT details FROM invoices")
        assert not any("c2hvcDpzZWNyZXQ" in row["details"] for row in rows)
        assert "c2hvcDpzZWNyZXQ" not in desk.caller.gateway.log_text()
