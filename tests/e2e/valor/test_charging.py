"""Sales and authorizations: what is charged, and what the answer says of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from bezant.core.merchants import Profile
from tests.e2e.valor.shop import EXPIRY, NEW_YORK, VISA, Office, Till, approved, declined, refused
from tests.support.gateway import eventually

UNKNOWN_TOKEN = "9D583592578242B71F50ACCBE8532391F21CC305"

# source: vendor plugins' test data
TEST_CARDS = {
    "4012881888818888": "Visa",
    "4111111111111111": "Visa",
    "4012000098765439": "Visa",
    "5146315000000055": "Mastercard",
    "371449635392376": "Amex",
    "6011000993026909": "Discover",
    "3055155515160018": "Diners",
    "3530142019945859": "JCB",
    "5044339324661725266": "Maestro",
}


class TestASale:
    @pytest.mark.parametrize(
        ("asked", "net", "host_minor"),
        [
            ({"amount": "20.00"}, 20, 2000),
            ({"amount": 20}, 20, 2000),
            ({"amount": 20.5}, 20.5, 2050),
            ({"amount": "1,234.50"}, 1234.5, 123450),
            ({"amount": "17.35", "tax_amount": "1.41"}, 18.76, 1876),
            ({"amount": "10", "surchargeIndicator": 0, "surchargeAmount": "1.02"}, 10, 1000),
            ({"amount": "10", "surchargeAmount": "1.02"}, 10, 1000),
            ({"amount": "10", "tip": "2.00"}, 12, 1200),
            ({"amount": "0.01"}, 0.01, 1),
            ({"amount": "99999.99"}, 99999.99, 9_999_999),
        ],
    )
    def test_charges_the_base_with_tax_and_tip(
        self, till: Till, asked: dict[str, object], net: float, host_minor: int
    ) -> None:
        sale = till.sale(**asked)
        assert sale["netamt"] == net
        assert till.booked() == {"sale": (1, host_minor)}

    @pytest.mark.parametrize(
        ("asked", "net", "host_minor"),
        [
            ({"amount": "20.00", "surchargeIndicator": "1", "surchargeAmount": "1"}, 21, 2100),
            ({"amount": 10, "surchargeIndicator": 1, "surchargeAmount": 1.02}, 11.02, 1102),
            (
                {
                    "amount": "10",
                    "tax_amount": "0.80",
                    "surchargeIndicator": "1",
                    "surchargeAmount": "1.02",
                    "tip": 2,
                },
                13.82,
                1382,
            ),
            (
                {
                    "amount": "10.05",
                    "surchargeIndicator": "1",
                    "surchargeAmount": "3.5",
                    "surchargeIsPercentage": "1",
                },
                10.4,
                1040,
            ),
        ],
    )
    def test_charges_the_fee_on_the_surcharge_profile(
        self, till: Till, asked: dict[str, object], net: float, host_minor: int
    ) -> None:
        sale = till.sale(**asked)
        assert sale["netamt"] == net
        assert till.booked(Profile.SURCHARGE) == {"sale": (1, host_minor)}
        assert till.booked(Profile.TRADITIONAL) == {}

    @pytest.mark.parametrize(
        ("fee", "tax"), [("1", "0"), ("1.02", "1.41"), ("1.50", "0.10"), ("1.00", "2"), (1.5, 0.1)]
    )
    def test_repeats_fee_and_tax_as_they_were_written(self, till: Till, fee: object, tax: object) -> None:
        sale = till.sale(surchargeIndicator="1", surchargeAmount=fee, tax_amount=tax)
        assert (sale["customfee"], sale["tax"]) == (str(fee), str(tax))

    def test_shows_no_fee_that_it_does_not_charge(self, till: Till) -> None:
        sale = till.sale(surchargeIndicator="0", surchargeAmount="1.02")
        assert (sale["customfee"], sale["tax"]) == ("0", "0")

    def test_shows_the_approved_base_in_padded_cents_without_fee(self, till: Till) -> None:
        sale = till.sale("20.00", surchargeIndicator="1", surchargeAmount="1", tax_amount="2")
        assert sale["amount"] == "20.00"
        assert (sale["is_partial_approve"], sale["partial_amount"]) == (0, "000000002000")

    def test_repeats_what_the_shop_said_of_it(self, till: Till) -> None:
        sale = till.sale(
            cardholdername="John Smith",
            invoicenumber="inv0001",
            orderdescription="king size bed 10x12",
            phone="5247896523",
            email="john@example.com",
            address1="2 Jericho Plz",
            zip="50001",
            uid="order-17",
        )
        assert sale["card_holder_name"] == "JOHN SMITH"
        assert sale["invoicenumber"] == "inv0001"
        assert sale["orderdescription"] == "king size bed 10x12"
        assert sale["phone_number"] == "5247896523"
        assert sale["email_id"] == "john@example.com"
        assert sale["address"] == "2 Jericho Plz"
        assert sale["zip"] is None
        assert sale["epi"] == till.epi
        assert "order-17" not in sale.values()

    @pytest.mark.parametrize("letter", ["\u00df", "\u0390", "\u0130", "\U0001f600", "\u6f22"])
    def test_keeps_texts_in_any_script(self, till: Till, letter: str) -> None:
        """Some letters become two or three in capitals, so that a name that fitted no longer would."""
        texts = {"cardholdername": 40, "invoicenumber": 50, "orderdescription": 50, "ecomm_channel": 30}
        said = {name: letter * length for name, length in texts.items()}
        row = till.row(till.sale(**said))
        assert row["CARDHOLDER_NAME"] == said["cardholdername"].upper()[:40]
        assert row["INVOICE_NO"] == said["invoicenumber"]
        found = till.list(filter="CUSTOMER_NAME", filter_text=said["cardholdername"])
        assert found["data"] == [row]

    def test_takes_the_names_that_older_clients_use(self, till: Till) -> None:
        sale = till.sale(invoice_no="inv0002", product="bed", customer_name="Ann Lee")
        assert sale["invoicenumber"] == "inv0002"
        assert sale["orderdescription"] == "bed"
        assert sale["card_holder_name"] == "ANN LEE"

    def test_is_not_the_earlier_one_with_the_same_uid(self, till: Till) -> None:
        first, second = till.sale(uid="order-1"), till.sale(uid="order-1")
        assert first["txnid"] != second["txnid"]
        assert till.booked() == {"sale": (2, 4000)}

    def test_is_dated_on_the_stores_calendar(self, office: Office) -> None:
        shop = office.board(zone=NEW_YORK)
        office.freeze(shop, datetime(2026, 3, 24, 3, 36, 44, tzinfo=UTC))
        sale = shop.tills[0].sale()
        assert (sale["created_date"], sale["created_time"]) == ("23/03/2026", "23:36:44")

    def test_has_a_reference_of_year_day_and_hour_in_utc(self, office: Office) -> None:
        shop = office.board(zone=NEW_YORK)
        office.freeze(shop, datetime(2026, 3, 24, 5, 36, 44, tzinfo=UTC))
        assert re.fullmatch(r"608305[0-9]{6}", shop.tills[0].sale()["rrn"])

    def test_has_a_reference_of_its_own(self, till: Till) -> None:
        references = [till.sale()["rrn"] for _ in range(5)]
        assert sorted(set(references)) == references

    def test_has_a_code_of_the_issuer(self, till: Till) -> None:
        sale = till.sale()
        assert re.fullmatch(r"[0-9A-Z]{6}", sale["approval_code"])
        assert sale["desc"] == f"APPROVAL {sale['approval_code']}"

    @pytest.mark.parametrize("card", TEST_CARDS)
    def test_is_approved_on_a_test_card(self, till: Till, card: str) -> None:
        sale = till.sale(cardnumber=card)
        assert (sale["card_brand"], sale["pan"]) == (TEST_CARDS[card], f"XXXX{card[-4:]}")
        assert sale["expiry_date"] == "12/36"

    @pytest.mark.parametrize("expiry", ["1236", "12/36", 1236, "0130", "01/30", 130], ids=repr)
    def test_takes_an_expiry_however_it_is_written(self, till: Till, expiry: object) -> None:
        shown = till.sale(expirydate=expiry)["expiry_date"]
        assert shown == ("12/36" if "36" in str(expiry) else "01/30")

    @pytest.mark.parametrize(
        "card", ["4111 1111 1111 1111", "4111-1111-1111-1111", 4111111111111111], ids=repr
    )
    def test_takes_a_card_number_however_it_is_written(self, till: Till, card: object) -> None:
        assert till.sale(cardnumber=card)["pan"] == "XXXX1111"

    def test_may_come_without_a_surcharge_indicator_or_a_cvv(self, till: Till) -> None:
        approved(till.call("sale", amount="5", cardnumber=VISA, expirydate=EXPIRY))

    def test_may_be_called_anything_in_the_query(self, till: Till) -> None:
        body = (
            b'{"amount": "5", "txn_type": "sale", "cardnumber": "%s", "expirydate": "1236"}' % VISA.encode()
        )
        query = f"/?pagesale&appid={till.appid}&appkey={till.appkey}&epi={till.epi}"
        approved(till.gateway.post(body, {}, target=query))

    def test_is_what_the_body_says_where_the_query_says_otherwise(self, till: Till) -> None:
        said = {**till.keys, "txn_type": "sale", "amount": "7", "cardnumber": VISA, "expirydate": ""}
        target = f"/?sale&amount=5&expirydate={EXPIRY}&cardnumber=1"
        sale = approved(till.gateway.post(json.dumps(said).encode(), {}, target=target))
        assert (sale["amount"], sale["expiry_date"]) == ("7.00", "12/36")

    def test_goes_to_the_token_when_both_card_fields_are_sent(self, till: Till) -> None:
        token = till.sale()["token"]
        sale = approved(till.call("sale", amount="5", token=token, cardnumber="", expirydate=""))
        assert (sale["pan"], sale["expiry_date"]) == ("XXXX1111", "/")
        sale = approved(till.call("sale", amount="5", token="", cardnumber=VISA, expirydate=EXPIRY))
        assert sale["expiry_date"] == "12/36"

    def test_needs_a_profile_that_the_terminal_has(self, office: Office) -> None:
        till = office.board(profiles=(Profile.SURCHARGE,)).tills[0]
        assert refused(till.charge("5")) == "D28"
        till.sale("5", surchargeIndicator="1")


class TestADeclinedSale:
    @pytest.mark.parametrize(
        ("card", "code", "switch", "text"),
        [
            ("4111111111111112", "14", "V0564", "Invalid card number"),
            ("9999999999999995", "14", "V0564", "Invalid card number"),
            ("4000000000000002", "05", "V0005", "Do not honor"),
            ("4000000000000069", "54", "V0548", "Card expired"),
            ("4000000000009995", "51", "V0051", "Insufficient funds"),
        ],
    )
    def test_says_why(self, till: Till, card: str, code: str, switch: str, text: str) -> None:
        answer = till.charge("5", cardnumber=card)
        assert declined(answer) == code
        assert answer.body["switch_error_code"] == answer.body["isFlexSendOrNot"] == switch
        assert answer.body["mesg"] == answer.body["msg"] == text
        assert till.booked() == {}

    def test_on_a_past_expiry_is_an_expired_card(self, till: Till) -> None:
        answer = till.charge("5", expirydate="0120")
        assert declined(answer) == "54"

    @pytest.mark.parametrize("code", ["05", "12", "14", "51", "54", "91"])
    def test_is_triggered_by_its_amount(self, till: Till, code: str) -> None:
        assert declined(till.charge(f"9000.{code}")) == code
        assert till.sale(f"8999.{code}")["netamt"] == float(f"8999.{code}")

    def test_on_an_unknown_token_has_an_id_and_no_number(self, till: Till) -> None:
        answer = till.charge("5", token=UNKNOWN_TOKEN)
        assert (declined(answer), answer.body["switch_error_code"]) == ("V1", "V0605")
        assert int(answer.body["txnid"]) > 0
        assert till.sale()["tran_no"] == 1

    def test_without_an_answer_is_taken_back(self, till: Till) -> None:
        """The host books 9300.00 and hangs up: the shop is told no, so it must not stay charged."""
        answer = till.charge("9300.00")
        assert declined(answer) == "91"
        assert till.row(answer.body)["IS_REVERSAL"] == "1"
        eventually(lambda: till.booked() == {})


class TestAPartialApproval:
    def test_charges_what_the_issuer_gave(self, till: Till) -> None:
        sale = till.sale("9100.00")
        assert (sale["is_partial_approve"], sale["partial_amount"]) == (1, "000000455000")
        assert (sale["amount"], sale["netamt"]) == ("4550.00", 4550)
        assert till.booked() == {"sale": (1, 455000)}
        assert till.settle()["amount"] == "4550.00"


class TestAnAuthorization:
    def test_holds_money_outside_the_batch(self, till: Till) -> None:
        held = approved(till.charge("50.00", txn_type="auth"))
        assert (held["amount"], held["netamt"], held["pan"]) == ("50.00", 50, "XXXX1111")
        assert till.booked() == {"authorize": (1, 5000)}
        assert till.open_batch()["batchSummaryDetails"] == []
        assert till.settle()["additional_info"] == "Empty Batch"
        assert till.row(held)["TXN_TYPE"] == "AUTH"

    def test_can_be_voided(self, till: Till) -> None:
        held = approved(till.charge("50.00", txn_type="auth"))
        void = approved(till.void(held))
        assert (void["rrn"], void["desc"]) == (held["rrn"], held["desc"])
        assert till.booked() == {}

    def test_on_a_token_works_too(self, till: Till) -> None:
        token = till.sale()["token"]
        assert approved(till.charge("5", txn_type="AUTH", token=token))["token"] == token


class TestACardsToken:
    def test_is_forty_capital_hex_digits(self, till: Till) -> None:
        assert re.fullmatch(r"[0-9A-F]{40}", till.sale()["token"])

    def test_is_the_same_for_every_sale_of_the_merchant(self, office: Office) -> None:
        first, second = office.board(terminals=2).tills
        token = first.sale()["token"]
        assert first.sale(expirydate="0131")["token"] == token
        assert second.sale()["token"] == token
        assert first.sale(token=token)["token"] == token
        assert first.sale(token=token.lower())["token"] == token

    def test_is_another_for_another_card(self, till: Till) -> None:
        assert till.sale()["token"] != till.sale(cardnumber="4012881888818888")["token"]

    def test_is_another_for_another_merchant(self, office: Office) -> None:
        ours, theirs = (office.board().tills[0] for _ in range(2))
        assert ours.sale()["token"] != theirs.sale()["token"]

    def test_is_made_for_a_declined_card_too(self, till: Till) -> None:
        """The network's no is about this payment: the card is kept, and may be charged again."""
        answer = till.charge("9000.51")
        assert declined(answer) == "51"
        assert till.row(answer.body)["TOKEN"] == till.sale()["token"]
