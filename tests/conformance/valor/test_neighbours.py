"""The calls beside a charge that shop plugins and browsers depend on, on a running gateway.

Forms and answers are those of public clients, the vendor's own plugins among them.
"""

from __future__ import annotations

import http.client
import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from bezant.core.merchants import RefundFactor
from tests.e2e.valor.shop import Office, Till, approved, declined, refused
from tests.support.gateway import Answer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PASSWORD = "123456"
FACTOR = RefundFactor(enabled=True, email="till@example.com", phone="+1 555 010 4477")


class TestAKeyCheck:
    """Plugins compare ``error_no`` with 00, and show error_no, mesg and desc otherwise."""

    def test_says_that_keys_fit(self, till: Till) -> None:
        answer = _check(till)
        assert answer.status == 200
        assert answer.body == {
            "error_no": "00",
            "mesg": "SUCCESS",
            "desc": "VALID CREDENTIALS",
            "msg": "SUCCESS",
        }

    @pytest.mark.parametrize(
        ("wrong", "code", "text"),
        [
            ({"app_id": "x" * 32}, "D06", "NOT A VALID APP ID"),
            ({"auth_key": "x" * 32}, "D07", "NOT A VALID APP KEY"),
            ({"epi": "2999999999"}, "D27", "INVALID EPI ID"),
            ({"epi": "1"}, "D27", "INVALID EPI ID"),
            ({"app_id": ""}, "D01", "APP ID IS REQUIRED"),
            ({"auth_key": ""}, "D02", "APP KEY IS REQUIRED"),
            ({"mtype": "other"}, "D03", "TXN TYPE IS REQUIRED"),
        ],
    )
    def test_says_what_does_not(self, till: Till, wrong: dict[str, str], code: str, text: str) -> None:
        assert refused(_check(till, **wrong)) == code
        body = _check(till, **wrong).body
        assert list(body) == ["error_no", "mesg", "msg", "desc"]
        assert body["desc"] == text

    @pytest.mark.parametrize("word", ["void", "refund", "capture", "0200", "sale"])
    def test_is_the_only_call_of_its_host_beside_settlement(self, till: Till, word: str) -> None:
        """Amounts are cents there: what is not known to be meant is not done."""
        assert refused(_check(till, mtype=word, amount="1000", ref_txn_id="1")) == "D03"


class TestARefundsSecondFactor:
    def test_is_off_at_first(self, till: Till) -> None:
        answer = _ask(till)
        assert (answer.status, list(answer.body)) == (200, ["error_code", "response"])
        assert answer.body["error_code"] == "S00"
        response = answer.body["response"]
        assert list(response) == ["is_enable_2fa", "emailId", "phoneNumber", "uuid"]
        assert response["is_enable_2fa"] == 0
        assert UUID.fullmatch(response["uuid"])
        assert _ask(till).body["response"]["uuid"] != response["uuid"]
        approved(till.refund(till.sale(), "5.00", otp="", uuid=response["uuid"]))

    def test_is_told_with_its_addresses_masked(self, guarded: Till) -> None:
        response = _ask(guarded).body["response"]
        assert response["is_enable_2fa"] == 1
        assert response["emailId"] == "t***@example.com"
        assert response["phoneNumber"] == "*******4477"

    def test_opens_a_refund_once(self, guarded: Till) -> None:
        sale = guarded.sale()
        uuid = _asked(guarded)
        approved(guarded.refund(sale, "5.00", otp=PASSWORD, uuid=uuid))
        assert refused(guarded.refund(sale, "5.00", otp=PASSWORD, uuid=uuid)) == "E26"

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"otp": PASSWORD},
            {"otp": "", "uuid": ""},
            {"otp": "654321"},
            {"otp": 123457},
            {"otp": PASSWORD, "uuid": "00000000-0000-4000-8000-000000000000"},
            {"otp": PASSWORD, "amount": "5.01"},
            {"otp": "1" * 17},
        ],
        ids=str,
    )
    def test_is_not_proved_by(self, guarded: Till, said: dict[str, Any]) -> None:
        sale = guarded.sale()
        proof = {"uuid": _asked(guarded), **said} if "otp" in said and said != {"otp": PASSWORD} else said
        answer = guarded.refund(sale, **{"amount": "5.00", **proof})
        assert refused(answer) == "E26"
        assert answer.body["desc"] == "AUTHENTICATION FAILED"
        assert guarded.row(sale)["REFUND_COUNT"] in {"0", 0}

    def test_dies_of_three_wrong_tries(self, guarded: Till) -> None:
        sale, uuid = guarded.sale(), _asked(guarded)
        for _ in range(3):
            assert refused(guarded.refund(sale, "5.00", otp="000000", uuid=uuid)) == "E26"
        assert refused(guarded.refund(sale, "5.00", otp=PASSWORD, uuid=uuid)) == "E26"
        approved(guarded.refund(sale, "5.00", otp=PASSWORD, uuid=_asked(guarded)))

    def test_is_proved_again_by_the_same_request(self, guarded: Till) -> None:
        sale, uuid = guarded.sale(), _asked(guarded)
        first, again = (
            guarded.call(
                "refund",
                idempotency_key="once",
                ref_txn_id=sale["txnid"],
                amount="5.00",
                otp=PASSWORD,
                uuid=uuid,
            )
            for _ in range(2)
        )
        assert approved(first)["txnid"] == approved(again)["txnid"]
        assert again.headers["idempotency-replayed"] == "true"

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"appid": "x" * 32}, "D06"),
            ({"appkey": "x" * 32}, "D07"),
            ({"epi": "2999999999"}, "D27"),
            ({"amount": ""}, "E05"),
            ({"amount": "0"}, "E05"),
            ({"action": "other"}, "E19"),
        ],
    )
    def test_is_refused_in_its_own_keys(self, till: Till, wrong: dict[str, str], code: str) -> None:
        answer = _ask(till, **wrong)
        assert answer.status == 400
        assert list(answer.body) == ["error_code", "error_desc"]
        assert answer.body["error_code"] == code

    def test_has_a_fixed_password_in_the_demo(self, till: Till) -> None:
        assert till.gateway.demo["valor"]["otp"] == PASSWORD


class TestABrowser:
    """A page calls with a client token, from anywhere."""

    @pytest.mark.parametrize("target", ["/", "//", "/?txn_type=cardToken"])
    def test_is_told_that_it_may_call(self, till: Till, target: str) -> None:
        status, headers, body = _preflight(till, target)
        assert (status, body) == (204, b"")
        assert headers["access-control-allow-origin"] == "*"
        assert headers["access-control-allow-methods"] == "POST"
        assert headers["access-control-allow-headers"] == "content-type"
        assert "content-length" not in headers
        assert "access-control-allow-credentials" not in headers

    @pytest.mark.parametrize(
        "said",
        [
            {"txn_type": "cardToken", "pan": "4111111111111111", "expirydate": "1236"},
            {"txn_type": "cardToken", "pan": "1"},
            {"txn_type": "cardToken", "client_token": "wrong"},
            {"txn_type": "binLookup", "bin": "411111"},
        ],
        ids=str,
    )
    def test_may_read_the_answers(self, till: Till, said: dict[str, str]) -> None:
        token = approved(till.call("clientToken"))["clientToken"]
        answer = till.send({"client_token": token, "epi": till.epi, **said})
        assert answer.headers["access-control-allow-origin"] == "*"

    @pytest.mark.parametrize("txn_type", ["sale", "refund", "openbatch", "clientToken", "none"])
    def test_may_not_read_those_of_keys(self, till: Till, txn_type: str) -> None:
        assert "access-control-allow-origin" not in till.call(txn_type, amount="1").headers


DETAILS = {
    "product_line_items": [
        {"name": "King size bed", "code": "BED-1", "qty": 1, "unit_cost": 9.50, "tax": 0.50},
        {"name": "Lamp", "code": "L 2", "qty": 2.0, "unit_cost": 0.25, "tax": 0},
    ],
    "discounts": [{"name": "Spring", "cost": 0.5}],
}


class TestLevelsTwoAndThree:
    def test_are_kept_as_they_came(self, till: Till) -> None:
        sale = till.sale("10.00", invoicenumber="inv0001", po_number="PO-77", order_details=DETAILS)
        order = _order(till, sale)
        assert order["purchase_order"] == "PO-77"
        assert order["items"] == json.dumps(DETAILS, separators=(",", ":"))

    def test_may_come_as_text(self, till: Till) -> None:
        sale = till.sale("10.00", invoicenumber="inv0001", order_details=json.dumps(DETAILS))
        assert json.loads(_order(till, sale)["items"]) == DETAILS

    def test_keep_no_card_number(self, till: Till) -> None:
        details = {"note": "card 4111 1111 1111 1111", "list": [{"n": 4111111111111111}], "qty": 1.50}
        sale = till.sale("10.00", invoicenumber="1", po_number="4111111111111111", order_details=details)
        order = _order(till, sale)
        assert order["purchase_order"] == "XXXX1111"
        assert order["items"] == '{"note":"card XXXX1111","list":[{"n":"XXXX1111"}],"qty":1.5}'

    def test_come_with_a_token_too(self, till: Till) -> None:
        token = till.sale()["token"]
        sale = till.sale("10.00", token=token, invoice_no="inv0001", order_details=DETAILS)
        assert json.loads(_order(till, sale)["items"]) == DETAILS

    @pytest.mark.parametrize("txn_type", ["sale", "auth"])
    def test_need_an_invoice(self, till: Till, txn_type: str) -> None:
        answer = till.charge("10.00", txn_type=txn_type, order_details=DETAILS)
        assert refused(answer) == "E03"
        assert answer.body["mesg"] == "TRANSACTION NOT ALLOWED"
        assert till.booked() == {}

    @pytest.mark.parametrize(
        "details",
        [
            [DETAILS],
            "text",
            "[]",
            5,
            True,
            '{"a": 1, "a": 2}',
            {"name": "x" * 16_385},
            {f"n{number}": "x" * 99 for number in range(200)},
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_are_an_object_of_bounded_size(self, till: Till, details: object) -> None:
        assert refused(till.charge("10.00", invoicenumber="1", order_details=details)) == "E19"

    def test_are_not_needed(self, till: Till) -> None:
        approved(till.charge("10.00", order_details={}, invoicenumber="1"))
        approved(till.charge("10.00", order_details="", po_number=""))

    def test_do_not_spare_a_card_its_expiry(self, till: Till) -> None:
        said: dict[str, Any] = {"invoicenumber": "inv0001", "order_details": DETAILS}
        assert refused(till.charge("10.00", expirydate="1336", **said)) == "E07"
        assert declined(till.charge("10.00", expirydate="0120", **said)) == "54"


@pytest.fixture
def till(office: Office) -> Till:
    """A terminal that takes payments with and without a surcharge."""
    return office.board().tills[0]


@pytest.fixture
def guarded(office: Office) -> Till:
    """A terminal of a merchant whose refunds need a one-time password."""
    shop = office.board()
    office.set_rules(shop, refund_factor=FACTOR)
    return shop.tills[0]


def _check(till: Till, **said: str) -> Answer:
    keys = {"app_id": till.appid, "auth_key": till.appkey, "epi": till.epi}
    return till.gateway.post(
        urlencode({**keys, "auth_token": "1", "mtype": "validate", **said}).encode(), FORM
    )


def _ask(till: Till, **said: Any) -> Answer:
    asked = {**till.keys, "action": "ecomm_refund", "amount": "5.00", "sandbox": 1, **said}
    target = "/?main_action=Manage2FA&operation=ecommRefund"
    return till.gateway.post(json.dumps(asked).encode(), JSON, target=target)


def _asked(till: Till) -> str:
    uuid: str = _ask(till).body["response"]["uuid"]
    return uuid


def _preflight(till: Till, target: str) -> tuple[int, dict[str, str], bytes]:
    place = urlsplit(till.gateway.base_url)
    connection = http.client.HTTPConnection(str(place.hostname), int(place.port or 0), timeout=10)
    try:
        headers = {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        connection.request("OPTIONS", target, headers=headers)
        response = connection.getresponse()
        return response.status, {n.lower(): v for n, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def _order(till: Till, sale: dict[str, Any]) -> dict[str, Any]:
    """What the gateway keeps of a payment's order."""
    (row,) = till.gateway.rows("SELECT details FROM payments WHERE payment_id = :id", id=int(sale["txnid"]))
    order: dict[str, Any] = json.loads(row["details"])
    return order
