"""The published answers about gift cards, replayed on a running gateway; bad input; races; and kills."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from bezant.dialects.valor.rows import TRANSACTION
from bezant.rails.gift.sandbox import TEST_CARDS, GiftControl
from tests.conformance.valor.forms import FORMS
from tests.conformance.valor.shape import TEXTS, differences
from tests.e2e.valor.shop import Office, Till, approved, declined, refused
from tests.support.gateway import SWIFT, Answer, Gateway, NoAnswer, eventually

SAMPLES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "gift_samples.json").read_bytes())
"""The vendor's published answers, by operation (source: vendor sample)."""

CARD, PIN = TEST_CARDS["active"].number, TEST_CARDS["active"].pin
LOW, STOCK = TEST_CARDS["low"].number, TEST_CARDS["inactive"].number
UNKNOWN = "7319520000099999999"
BUYER = {"email": "john@example.com", "phone": "1111111111"}
UNSETTLED = "SELECT 1 FROM gift_movements WHERE state IN ('sending', 'in_doubt')"
ON_SQLITE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)


def sale(till: Till, amount: object = "5.00", **said: Any) -> Answer:
    """Pay with the vendor's demo card, unless another is given."""
    return till.call("giftsale", **{"amount": amount, "pan": CARD, **said})


def balance(till: Till, number: str = CARD) -> str:
    """What a card holds."""
    amount: str = approved(till.call("giftbalance", pan=number))["amount"]
    return amount


def _balance_after_sale(till: Till) -> Answer:
    approved(sale(till))
    return till.call("giftbalance", pan=CARD)


REPLAYS: dict[tuple[str, str], Callable[[Till], Answer]] = {
    ("gift_sale", "OK (Approved)"): lambda till: sale(till, 5, pin=PIN, **BUYER),
    ("gift_sale", "Declined"): lambda till: sale(till, pan=UNKNOWN),
    ("gift_sale", "Processing Error"): lambda till: sale(till, appkey="x" * 32),
    ("gift_check_balance", "OK"): _balance_after_sale,
    ("gift_check_balance", "Declined — Card Not Found"): lambda till: till.call("giftbalance", pan=UNKNOWN),
    ("gift_check_balance", "Processing Error"): lambda till: till.call("giftbalance", pan="73195200"),
    ("gift_activate", "Already Active"): lambda till: till.call("giftactivate", pan=CARD),
    ("gift_activate", "Card Not Found"): lambda till: till.call("giftactivate", pan=UNKNOWN),
    ("gift_activate", "Processing Error"): lambda till: till.call("giftactivate"),
    ("gift_add_balance", "OK (Approved)"): lambda till: till.call("giftaddvalue", amount=10, pan=CARD),
    ("gift_add_balance", "Declined — Card Not Found"): lambda till: till.call(
        "giftaddvalue", amount=10, pan=UNKNOWN
    ),
    ("gift_add_balance", "Processing Error"): lambda till: till.call("giftaddvalue", pan=CARD),
}
SAID: Final = {
    (operation, each["label"]): each for operation, told in SAMPLES.items() for each in told["responses"]
}


class TestASample:
    @pytest.mark.parametrize("sample", SAID, ids=" ".join)
    def test_is_answered_as_it_was_published(self, till: Till, sample: tuple[str, str]) -> None:
        published = SAID[sample]
        answer = REPLAYS[sample](till)
        texts = TEXTS | {"approval_code", "desc"}
        if published["body"].get("batch_no") == 0:
            texts |= {"batch_no"}
        assert answer.status == published["http"]
        assert list(answer.body) == list(published["body"])
        assert list(differences(published["body"], answer.body, texts=texts)) == []

    def test_has_a_replay(self) -> None:
        assert list(REPLAYS) == list(SAID)

    @ON_SQLITE
    @pytest.mark.parametrize("form", FORMS)
    def test_can_be_asked_for_in_every_form(self, till: Till, form: str) -> None:
        for word, more in (
            ("giftsale", {"amount": "5"}),
            ("giftaddvalue", {"amount": "5"}),
            ("giftbalance", {}),
        ):
            sent = FORMS[form](word, {**till.keys, "txn_type": word, "pan": CARD, "pin": str(PIN), **more})
            answer = till.gateway.post(sent.body, sent.headers, target=sent.target)
            assert approved(answer)["error_code"] == "00"
        assert answer.body["amount"] == "4779.18"

    def test_of_what_has_none_looks_like_a_load(self, till: Till) -> None:
        load = SAID["gift_add_balance", "OK (Approved)"]["body"]
        activation = approved(till.call("giftactivate", pan=STOCK, amount="25"))
        paid = approved(sale(till, 3, pan=STOCK))
        found = [
            activation,
            approved(till.call("giftrefund", ref_txn_id=paid["txnid"], amount="1")),
            approved(till.call("giftdeactivate", pan=STOCK)),
        ]
        assert [list(body) for body in found] == [list(load)] * 3
        assert [body["amount"] for body in found] == ["25.00", "1.00", "23.00"]
        void = approved(till.call("giftvoid", ref_txn_id=found[-1]["txnid"]))
        assert (list(void), void["amount"], void["rrn"]) == (list(load), "23.00", found[-1]["rrn"])


class TestAWord:
    @pytest.mark.parametrize(
        "word", ["giftbalance", "giftbalanceinquiry", "giftcheckbalance", "GIFTBALANCE", "GiftBalance"]
    )
    @ON_SQLITE
    def test_asks_for_a_balance(self, till: Till, word: str) -> None:
        assert approved(till.call(word, pan=CARD))["amount"] == "4779.18"

    @pytest.mark.parametrize("name", ["pan", "card_number", "cardnumber", "gift_card_number", "PAN"])
    @ON_SQLITE
    def test_names_a_card(self, till: Till, name: str) -> None:
        assert approved(till.call("giftbalance", **{name: CARD}))["pan"] == "XXXX1778"


class TestNumbers:
    def test_of_a_balance_are_those_of_the_next_transaction(self, till: Till) -> None:
        first = approved(sale(till))
        asked = [approved(till.call("giftbalance", pan=CARD)) for _ in range(2)]
        second = approved(till.call("giftaddvalue", amount="1", pan=CARD))
        assert [body["tran_no"] for body in (first, *asked, second)] == [1, 2, 2, 2]
        assert [body["stan"] for body in (first, *asked, second)] == [1, 2, 3, 4]
        assert len({body["rrn"] for body in (first, *asked, second)}) == 4

    def test_are_shared_with_card_payments(self, till: Till) -> None:
        found = [approved(sale(till)), till.sale("1.00", surchargeIndicator="1"), approved(sale(till))]
        assert [(body["tran_no"], body["stan"]) for body in found] == [(1, 1), (2, 2), (3, 3)]

    def test_repeat_what_the_request_says_of_tax_and_fee(self, till: Till) -> None:
        body = approved(sale(till, "5.00", tax="1.5", surchargeAmount="0.30", tip="2"))
        assert (body["tax"], body["customfee"], body["netamt"]) == ("1.5", "0.30", 5)
        assert balance(till) == "4774.18"


class TestBadInput:
    # An Arabic-Indic digit: a digit to Python, none on the wire.
    FOREIGN_DIGIT = "\u0665"
    NUMBERS = (
        "",
        "1",
        "7" * 14,
        "7" * 20,
        FOREIGN_DIGIT * 16,
        "7319x20000019131",
        ["7" * 16],
        {"a": 1},
        True,
        None,
    )
    AMOUNTS = (
        "0",
        "-1",
        "1e3",
        "1_000",
        "NaN",
        "Infinity",
        "1.001",
        "100000",
        FOREIGN_DIGIT,
        " 5",
        "0x10",
        "05",
        [5],
    )
    PINS = ("x", "1" * 13, "-1", "1.5", ["1"], FOREIGN_DIGIT * 4, "1 2")

    @ON_SQLITE
    def test_is_answered_with_the_vendors_error(self, till: Till) -> None:
        found = {
            "E06": [sale(till, pan=number) for number in self.NUMBERS],
            "E05": [sale(till, amount) for amount in self.AMOUNTS],
            "D04": [sale(till, amount) for amount in ("", None)],
            "E20": [sale(till, pin=pin) for pin in self.PINS],
            "E14": [till.call("giftvoid", ref_txn_id=given) for given in ("", "x", "-1", "1.5", [1])],
            "E26": [sale(till, appid="unknown"), sale(till, appkey="unknown")],
            "D27": [sale(till, epi="2999999999"), sale(till, epi="x")],
            "E19": [sale(till, email="x" * 256), sale(till, phone="call me")],
            "E11": [sale(till, tax="-1")],
        }
        assert {code: {refused(answer) for answer in answers} for code, answers in found.items()} == {
            code: {code} for code in found
        }
        assert balance(till) == "4779.18"

    @ON_SQLITE
    def test_of_several_kinds_is_told_in_order(self, till: Till) -> None:
        assert refused(sale(till, "", pan="", pin="x")) == "D04"
        assert refused(sale(till, "x", pan="", pin="x")) == "E05"
        assert refused(sale(till, "5", pan="", pin="x")) == "E06"
        assert refused(sale(till, "5", pin="x")) == "E20"

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({"pan": LOW, "amount": "10.01"}, "51"),
            ({"pan": STOCK}, "VR"),
            ({"pan": TEST_CARDS["expired"].number}, "54"),
            ({"pan": CARD, "pin": "1234"}, "55"),
            ({"pan": "4111111111111111"}, "92"),
        ],
        ids=str,
    )
    @ON_SQLITE
    def test_of_the_card_is_a_decline_with_an_id(
        self, till: Till, said: dict[str, object], code: str
    ) -> None:
        answer = sale(till, **said) if "amount" in said else sale(till, "1", **said)
        assert declined(answer) == code
        assert answer.body["txnid"].isascii()
        assert answer.body["switch_error_code"] == ("V0611" if code == "92" else f"V00{code}")

    @ON_SQLITE
    def test_of_another_transaction_names_none(self, office: Office, till: Till) -> None:
        paid, stranger = approved(sale(till)), office.board().tills[0]
        card_sale = till.sale("1.00", surchargeIndicator="1")
        for asking, payment_id in ((stranger, paid["txnid"]), (till, card_sale["txnid"]), (till, "1")):
            assert declined(asking.call("giftvoid", ref_txn_id=payment_id)) == "12"
            assert declined(asking.call("giftrefund", ref_txn_id=payment_id, amount="1")) == "12"
        assert declined(till.void(paid)) == "12"
        assert declined(till.refund(paid, "1.00")) == "12"


class TestAnotherMerchant:
    @ON_SQLITE
    def test_has_cards_of_its_own(self, office: Office, till: Till) -> None:
        approved(till.call("giftactivate", pan=STOCK, amount="25"))
        stranger = office.board().tills[0]
        assert declined(sale(stranger, "1", pan=STOCK)) == "VR"
        assert approved(sale(till, "1"))["token"] != approved(sale(stranger, "1"))["token"]


class TestFiftyAtOnce:
    def test_spend_what_one_card_holds_and_not_more(self, till: Till) -> None:
        with ThreadPoolExecutor(50) as tills:
            found = list(tills.map(lambda _: sale(till, "0.70", pan=LOW), range(50)))
        assert Counter(answer.status for answer in found) == {200: 14, 400: 36}
        assert {answer.body.get("error_code") for answer in found} == {"00", "51"}
        assert balance(till, LOW) == "0.20"
        assert _ledger(till) == 14 * 70

    def test_with_one_key_are_one(self, till: Till) -> None:
        with ThreadPoolExecutor(20) as tills:
            found = list(
                tills.map(
                    lambda _: till.call("giftsale", idempotency_key="order-1", amount="1", pan=LOW), range(20)
                )
            )
        assert {answer.status for answer in found} == {200}
        assert len({answer.body["txnid"] for answer in found}) == 1
        assert sum("idempotency-replayed" in answer.headers for answer in found) == 19
        assert balance(till, LOW) == "9.00"


class TestAGuesser:
    @ON_SQLITE
    def test_cannot_tell_when_nobody_listens_any_more(self, till: Till) -> None:
        found = [till.call("giftbalance", pan=f"73195200000{n:08d}") for n in range(10_000_000, 10_000_060)]
        locked = till.call("giftbalance", pan=CARD)
        assert {json.dumps(answer.body) for answer in found} == {json.dumps(locked.body)}
        assert declined(sale(till)) == "92"
        assert declined(till.call("giftaddvalue", amount="1", pan=CARD)) == "VI"


class TestTheLog:
    @ON_SQLITE
    def test_has_no_card_number_and_no_pin(self, till: Till) -> None:
        sent = FORMS["query"](
            "giftsale", {**till.keys, "txn_type": "giftsale", "pan": CARD, "pin": "59008061", "amount": "1"}
        )
        approved(till.gateway.post(sent.body, sent.headers, target=sent.target))
        sale(till, pan=UNKNOWN, pin="77777777")
        home = till.gateway.home
        found = b"".join(path.read_bytes() for path in home.iterdir() if path.name != "demo.json")
        for secret in (b"59008061", b"77777777", CARD.encode(), UNKNOWN.encode()):
            assert secret not in found


class TestAKill:
    """Whatever was under way when the server died is settled after it comes back."""

    @pytest.mark.parametrize("how_often", [3])
    def test_leaves_host_and_ledger_agreed(self, tmp_path: Path, database_url: str, how_often: int) -> None:
        with Gateway(tmp_path, database_url=database_url, settings=SWIFT) as gateway:
            for _ in range(how_often):
                with ThreadPoolExecutor(8) as tills:
                    asked = [tills.submit(_sales, gateway) for _ in range(8)]
                    eventually(lambda: gateway.rows("SELECT 1 FROM gift_movements LIMIT 1"))
                    gateway.kill()
                    told = [answer for each in asked for answer in each.result()]
                gateway.start()
                eventually(lambda: not gateway.rows(UNSETTLED))
                approved_ids = {int(answer.body["txnid"]) for answer in told if answer.status == 200}
                booked_ids = {
                    row["movement_id"]
                    for row in gateway.rows("SELECT movement_id FROM gift_movements WHERE state = 'booked'")
                }
                assert approved_ids <= booked_ids
                declined_ids = {int(answer.body["txnid"]) for answer in told if answer.status == 400}
                assert not declined_ids & booked_ids
            (booked,) = gateway.rows(
                "SELECT COALESCE(SUM(minor), 0) AS minor FROM postings WHERE account = 'gift_redeemed'"
            )
            control = _control(gateway)
            entries = asyncio.run(control.entries())
            assert sum(entry["movement"] for entry in entries) == booked["minor"]
            assert asyncio.run(control.wrong()) == []


def _sales(gateway: Gateway) -> list[Answer]:
    """Small sales until the server is gone; those that were answered."""
    found = []
    while True:
        try:
            found.append(gateway.call(txn_type="giftsale", amount="0.03", pan=CARD))
        except NoAnswer:
            return found


def _control(gateway: Gateway) -> GiftControl:
    host, _, port = gateway.demo["sandbox"]["gift_control"].rpartition(":")
    return GiftControl((host, int(port)))


def _ledger(till: Till) -> int:
    """What this merchant has earned of gift cards, in minor units."""
    (row,) = till.gateway.rows(
        "SELECT -SUM(p.minor) AS earned FROM postings p JOIN merchants m ON m.merchant_id = p.merchant_id "
        "WHERE p.account = 'gift_redeemed' AND m.app_id = :appid",
        appid=till.appid,
    )
    return int(row["earned"])


class TestTheTransactionList:
    def test_shows_gift_movements_where_they_are_asked_for(self, till: Till) -> None:
        card = sale(till, 5, invoicenumber="gift", cardholdername="Ann Lee")
        bought = approved(card)
        refused_id = sale(till, pan=UNKNOWN).body["txnid"]
        approved(till.call("giftaddvalue", amount=10, pan=CARD))
        approved(till.call("giftvoid", ref_txn_id=bought["txnid"]))
        listed = till.list(transaction_type=9)
        assert [row["TXN_TYPE"] for row in listed["data"]] == [
            "GIFT VOID",
            "GIFT ADD VALUE",
            "GIFT SALE",
            "GIFT SALE",
        ]
        assert listed["meta"]["total_results"] == 4
        shown = listed["data"][3]
        assert tuple(shown) == TRANSACTION.keys
        assert shown == shown | {
            "REF_TXN_ID": bought["txnid"],
            "RRN": bought["rrn"],
            "NET_AMOUNT": "500",
            "RESPONSE_CODE": "00",
            "APPROVAL_CODE": "000000",
            "PAN": bought["pan"],
            "INVOICE_NO": "gift",
            "IS_VOID": "1",
            "STAN_NO": str(bought["stan"]),
            "TRAN_NO": str(bought["tran_no"]),
        }
        declined_row = listed["data"][2]
        assert (declined_row["REF_TXN_ID"], declined_row["RESPONSE_CODE"]) == (refused_id, "92")

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"filter": "INVOICE_NO", "filter_text": "second"}, ["second"]),
            ({"filter": "CUSTOMER_NAME", "filter_text": "ann lee"}, ["first"]),
            ({"filter": "AMOUNT", "filter_text": "7.00"}, ["second"]),
            ({"filter": "CARD_NO", "filter_text": CARD[-4:]}, ["second", "first"]),
            ({"filter": "AUTH_CODE", "filter_text": "000000"}, ["second", "first"]),
            ({"filter": "AUTH_CODE", "filter_text": "TAS123"}, []),
            ({"transaction_status": "DECLINED"}, []),
            ({"date_filter": 1}, ["second", "first"]),
            ({"date_filter": 3}, []),
            ({"card_type": 1}, []),
            ({"source": 1}, []),
            ({"limit": 1, "offset": 1}, ["first"]),
        ],
        ids=str,
    )
    def test_filters_and_pages_them(self, till: Till, asked: dict[str, Any], found: list[str]) -> None:
        approved(sale(till, 5, invoicenumber="first", cardholdername="Ann Lee"))
        approved(sale(till, 7, invoicenumber="second"))
        rows = till.list(transaction_type=9, **asked)["data"]
        assert [row["INVOICE_NO"] for row in rows] == found

    def test_shows_nobody_elses(self, office: Office, till: Till) -> None:
        approved(sale(till))
        assert office.board().tills[0].list(transaction_type=9)["data"] == []
