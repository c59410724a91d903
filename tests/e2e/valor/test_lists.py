"""Transaction lists: which payments they show, in what order, and what a row says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from bezant.core.merchants import freeze, release
from tests.e2e.valor.shop import NEW_YORK, Office, Shop, Till, approved, declined, refused

NOW = datetime(2026, 3, 25, 12, 0, tzinfo=NEW_YORK)
"""A Wednesday."""

MOMENTS = {
    "long ago": datetime(2025, 12, 20, 12, 0, tzinfo=NEW_YORK),
    "last month": datetime(2026, 2, 1, 0, 0, tzinfo=NEW_YORK),
    "its end": datetime(2026, 2, 28, 23, 59, 59, tzinfo=NEW_YORK),
    "this month": datetime(2026, 3, 1, 0, 0, tzinfo=NEW_YORK),
    "last week": datetime(2026, 3, 15, 0, 0, tzinfo=NEW_YORK),
    "saturday": datetime(2026, 3, 21, 23, 59, 59, tzinfo=NEW_YORK),
    "sunday": datetime(2026, 3, 22, 0, 0, tzinfo=NEW_YORK),
    "yesterday": datetime(2026, 3, 24, 23, 59, 59, tzinfo=NEW_YORK),
    "today": datetime(2026, 3, 25, 0, 0, tzinfo=NEW_YORK),
}
ALL = list(MOMENTS)


@pytest.fixture(scope="module")
def aged(_office: Office) -> Iterator[Till]:
    """A till with one sale at each moment, its invoice number saying which."""
    shop = _office.board(zone=NEW_YORK)
    till = shop.tills[0]
    for name, moment in MOMENTS.items():
        _office.change_clock(shop, freeze(moment))
        till.sale(invoicenumber=name)
    _office.change_clock(shop, freeze(NOW))
    yield till
    _office.change_clock(shop, release)


@pytest.fixture(scope="module")
def mixed(_office: Office) -> Till:
    """A till with payments of every kind, their invoice numbers saying which."""
    till = _office.board().tills[0]
    sale = till.sale("20.00", invoicenumber="sale", ecomm_channel="PassageJS", cardholdername="Ann Lee")
    till.sale("21.00", invoicenumber="mastercard", cardnumber="5146315000000055", ecomm_channel="magento")
    till.sale("22.00", invoicenumber="discover", cardnumber="6011000993026909", tax_amount="1.00")
    till.sale("23.00", invoicenumber="amex", cardnumber="371449635392376", ecomm_channel="woocommerce")
    till.sale("24.00", invoicenumber="jcb", cardnumber="3530142019945859", ecomm_channel="oscommerce")
    till.sale("25.00", invoicenumber="diners", cardnumber="3055155515160018")
    till.sale("26.00", invoicenumber="maestro", cardnumber="5044339324661725266")
    declined(till.charge("27.00", invoicenumber="unknown", cardnumber="9999999999999995"))
    approved(till.refund(sale, "5.00", invoicenumber="refund"))
    approved(till.charge("28.00", txn_type="auth", invoicenumber="auth"))
    approved(till.void(till.sale("29.00", invoicenumber="voided")))
    declined(till.charge("9300.00", invoicenumber="lost"))
    return till


class TestAListByDate:
    @pytest.mark.parametrize(
        ("date_filter", "shown"),
        [
            (0, ALL),
            (1, ["today"]),
            (2, ["this month", "last week", "saturday", "sunday", "yesterday", "today"]),
            (3, ["yesterday"]),
            (4, ["last month", "its end"]),
            (5, ["sunday", "yesterday", "today"]),
            (6, ["last week", "saturday"]),
        ],
    )
    def test_has_the_days_of_a_named_period(self, aged: Till, date_filter: int, shown: list[str]) -> None:
        assert _invoices(aged.list(date_filter=date_filter)) == shown

    @pytest.mark.parametrize("date_filter", ["7", 8])
    @pytest.mark.parametrize(
        ("first", "last", "shown"),
        [
            ("2026-02-01", "2026-02-28", ["last month", "its end"]),
            ("20260301", "20260321", ["this month", "last week", "saturday"]),
            ("2026-03-24", "2026-03-24", ["yesterday"]),
            ("2026-03-25", "2026-03-24", []),
            ("0001-01-01", "9999-12-31", ALL),
        ],
    )
    def test_has_the_days_of_a_range_both_included(
        self, aged: Till, date_filter: object, first: str, last: str, shown: list[str]
    ) -> None:
        days = {"start_date_range": first, "end_date_range": last}
        assert _invoices(aged.list(date_filter=date_filter, **days)) == shown
        ranged = aged.call("txnfetch_date", start_date=first, end_date=last)
        assert _invoices(ranged.body) == shown

    def test_needs_both_days_of_a_range(self, aged: Till) -> None:
        day = "2026-03-24"
        for date_filter in (7, 8):
            assert refused(aged.call("txnfetch", date_filter=date_filter)) == "D29"
            assert refused(aged.call("txnfetch", date_filter=date_filter, start_date_range=day)) == "D29"
        for days in (
            {},
            {"start_date": day},
            {"end_date": day},
            {"start_date": day, "end_date": "2026-02-30"},
        ):
            assert refused(aged.call("txnfetch_date", **days)) == "D29"

    def test_of_any_date_needs_an_id(self, aged: Till) -> None:
        for asked in ({}, {"filter": "RRN", "filter_text": "1"}, {"filter": "TXNID"}):
            assert refused(aged.call("txnfetch", date_filter=9, **asked)) == "D35"

    def test_of_any_date_finds_a_payment_by_its_id(self, aged: Till) -> None:
        (row,) = aged.list(filter="INVOICE_NO", filter_text="long ago")["data"]
        assert aged.row({"txnid": row["REF_TXN_ID"]}) == row

    @pytest.mark.parametrize("date_filter", [10, -1, "x", "1.0", True, [1]], ids=repr)
    def test_knows_no_other_period(self, aged: Till, date_filter: object) -> None:
        assert refused(aged.call("txnfetch", date_filter=date_filter)) == "A26"

    def test_tells_local_dates_and_one_in_utc(self, aged: Till) -> None:
        (row,) = aged.list(date_filter=3)["data"]
        assert (row["DATE"], row["TIME"], row["TIMEZONE"]) == ("03-24-2026", "11:59 PM", "EST")
        assert row["TXN_ORIG_DATE"] == "2026-03-25 03:59:59"


class TestAListByKind:
    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            ({"transaction_type": 4}, ["refund"]),
            ({"transaction_type": "5"}, ["voided"]),
            ({"transaction_type": 6}, ["auth"]),
            ({"transaction_type": 8}, ["lost"]),
            ({"transaction_type": 7}, []),
            ({"transaction_type": 9}, []),
            ({"source": 8}, ["sale", "refund"]),
            ({"source": 2}, ["amex"]),
            ({"source": 3}, ["mastercard"]),
            ({"source": 6}, ["jcb"]),
            ({"source": 5}, []),
            ({"card_type": 2}, ["mastercard"]),
            ({"card_type": 3}, ["discover"]),
            ({"card_type": 4}, ["amex"]),
            ({"card_type": 5}, ["jcb"]),
            ({"card_type": 6}, ["diners"]),
            ({"card_type": 7}, ["maestro"]),
            ({"card_type": 8}, []),
            ({"card_type": 9}, ["unknown"]),
            ({"transaction_status": "DECLINED"}, ["unknown", "lost"]),
            ({"transaction_status": "declined", "card_type": 9}, ["unknown"]),
            ({"devices": 3}, []),
            ({"processor": 8}, []),
            ({"filter": "INVOICE_NO", "filter_text": "amex"}, ["amex"]),
            ({"filter_key": "invoice_no", "filter_text": "amex"}, ["amex"]),
            ({"filter": "AMOUNT", "filter_text": "21.00"}, ["mastercard"]),
            ({"filter": "AMOUNT", "filter_text": "23"}, ["discover", "amex"]),
            ({"filter": "CARD_NO", "filter_text": "2376"}, ["amex"]),
            ({"filter": "CARD_NO", "filter_text": "371449635392376"}, ["amex"]),
            ({"filter": "CUSTOMER_NAME", "filter_text": "ann lee"}, ["sale", "refund"]),
            ({"filter": "AMOUNT", "filter_text": "many"}, []),
            ({"filter": "TXNID", "filter_text": "many"}, []),
            ({"filter": "STAN", "filter_text": "\u0661"}, []),
            ({"filter": "INVOICE_NO", "filter_text": "%"}, []),
            ({"filter": "INVOICE_NO", "filter_text": "' OR 1=1 --"}, []),
        ],
        ids=str,
    )
    def test_has_what_was_asked_for(self, mixed: Till, asked: dict[str, Any], shown: list[str]) -> None:
        assert _invoices(mixed.list(limit=100, **asked)) == shown

    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"transaction_status": "ALL", "source": 0, "transaction_type": "0", "card_type": 0},
            {"devices": 0, "processor": "0", "filter": "0"},
            {"devices": 5, "filter": "", "filter_text": ""},
        ],
        ids=str,
    )
    def test_has_everything_when_nothing_is_asked_for(self, mixed: Till, asked: dict[str, Any]) -> None:
        assert mixed.list(limit=100, **asked)["number_of_records"] == 13

    @pytest.mark.parametrize("key", ["RRN", "AUTH_CODE", "TXNID", "STAN"])
    def test_finds_a_payment_by_its_numbers(self, mixed: Till, key: str) -> None:
        (row,) = mixed.list(filter="INVOICE_NO", filter_text="diners")["data"]
        column = {"RRN": "RRN", "AUTH_CODE": "AUTH_CODE", "TXNID": "REF_TXN_ID", "STAN": "STAN_NO"}[key]
        assert mixed.list(filter=key, filter_text=row[column])["data"] == [row]

    @pytest.mark.parametrize(
        ("asked", "error"),
        [
            ({"transaction_status": "SETTLED"}, "A32"),
            ({"offset": "-1"}, "A24"),
            ({"offset": "x"}, "A24"),
            ({"limit": 0}, "A23"),
            ({"limit": 1001}, "A23"),
            ({"source": 9}, "A33"),
            ({"card_type": "visa"}, "A33"),
            ({"filter": "PAN"}, "A33"),
        ],
        ids=str,
    )
    def test_is_refused_for_what_cannot_be_asked(
        self, mixed: Till, asked: dict[str, Any], error: str
    ) -> None:
        assert refused(mixed.call("txnfetch", **asked)) == error
        days = {"start_date": "2026-03-24", "end_date": "2026-03-24"}
        assert refused(mixed.call("txnfetch_date", **days, **asked)) == error

    def test_shows_the_newest_first(self, mixed: Till) -> None:
        ids = [int(row["REF_TXN_ID"]) for row in mixed.list(limit=100)["data"]]
        assert ids == sorted(ids, reverse=True)

    def test_may_be_asked_for_in_the_query(self, mixed: Till) -> None:
        query = f"/?txnfetch&txn_type=txnfetch&appid={mixed.appid}&appkey={mixed.appkey}&epi={mixed.epi}"
        answer = mixed.gateway.post(b"", {}, target=f"{query}&card_type=4&limit=1000&offset=0")
        assert _invoices(answer.body) == ["amex"]

    @pytest.mark.parametrize(
        ("limit", "offset", "meta"),
        [
            (5, 0, (5, 3, 13, 1, 5)),
            (5, 5, (5, 3, 13, 2, 5)),
            (5, 10, (3, 3, 13, 3, 5)),
            (1, 0, (1, 13, 13, 1, 1)),
            (13, 0, (13, 1, 13, 1, 13)),
            (1000, 0, (13, 1, 13, 1, 1000)),
            (5, 100, (0, 3, 13, 21, 5)),
        ],
    )
    def test_comes_in_pages(self, mixed: Till, limit: int, offset: int, meta: tuple[int, ...]) -> None:
        page = mixed.list(limit=limit, offset=offset)
        assert tuple(page["meta"].values()) == meta
        assert page["number_of_records"] == len(page["data"]) == meta[0]
        assert page["data"] == mixed.list(limit=100)["data"][offset : offset + limit]

    def test_has_a_page_of_25_unless_told_otherwise(self, mixed: Till) -> None:
        assert mixed.list()["meta"]["page_size"] == 25


class TestARow:
    def test_tells_what_was_paid_in_cents(self, till: Till) -> None:
        sale = till.sale(
            "20.00",
            tax_amount="1.41",
            surchargeIndicator="1",
            surchargeAmount="1.02",
            tip="3",
            orderdescription="bed",
            address1="8320",
            zip="85284",
        )
        row = till.row(sale)
        assert (row["BASE_AMOUNT"], row["CUSTOM_FEE_AMOUNT"], row["TIP_AMOUNT"]) == ("2000", "102", "300")
        assert (row["NET_AMOUNT"], row["TAX_AMOUNT"]) == ("2543", "141")
        assert (row["TOTAL_TAX"], row["TOTAL_WITH_TAX"]) == (141, 2141)
        assert row["TAX_DETAILS"]["stateTax"] == {"rate": 0, "amount": 141, "taxableSales": 2000}
        assert row["ORDER_DESCRIPTION"] == "bed"
        assert (row["BILLING_STREET_NO"], row["BILLING_ZIPCODE"]) == ("8320", "85284")

    def test_names_the_payment_as_its_answer_did(self, till: Till) -> None:
        sale = till.sale(invoicenumber="inv1", cardholdername="Ann Lee")
        row = till.row(sale)
        assert (row["REF_TXN_ID"], row["RRN"]) == (sale["txnid"], sale["rrn"])
        assert row["AUTH_CODE"] == row["APPROVAL_CODE"] == sale["approval_code"]
        assert (row["STAN_NO"], row["TRAN_NO"]) == (str(sale["stan"]), str(sale["tran_no"]))
        assert row["BATCH_NO"] == str(sale["batch_no"])
        assert (row["TOKEN"], row["EPI"]) == (sale["token"], till.epi)
        assert (row["INVOICE_NO"], row["CARDHOLDER_NAME"]) == ("inv1", "ANN LEE")

    @pytest.mark.parametrize(
        ("card", "mask"),
        [
            ("4111111111111111", "4111 XXXX XXXX 1111"),
            ("371449635392376", "3714 XXXX XXXX 2376"),
            ("5044339324661725266", "5044 XXXX XXXX 5266"),
        ],
    )
    def test_masks_the_card_in_four_groups(self, till: Till, card: str, mask: str) -> None:
        row = till.row(till.sale(cardnumber=card))
        assert (row["PAN"], row["CARD_METADATA"]["CARD_BIN"]) == (mask, card[:6])
        assert till.open_batch()["batchSummaryDetails"][0]["masked_card_no"] == mask

    def test_tells_what_is_known_of_the_issuer(self, till: Till) -> None:
        metadata = till.row(till.sale())["CARD_METADATA"]
        assert metadata == {
            "CARD_BIN": "411111",
            "CARD_TYPE": "DEBIT",
            "ISSUING_BANK": "CONOTOXIA SP. Z O.O",
            "COUNTRY": "POLAND",
            "CARD_LEVEL": "PERSONAL",
            "CARD_CATEGORY": "CLASSIC",
        }

    def test_of_a_decline_has_its_code_and_no_number(self, till: Till) -> None:
        row = till.row(till.charge("9000.51").body)
        assert (row["RESPONSE_CODE"], row["TXN_TYPE"], row["TRAN_NO"]) == ("51", "SALE", None)
        assert (row["IS_VOID"], row["IS_REVERSAL"], row["IS_SETTLED"]) == ("0", "0", "0")

    def test_is_of_this_terminal_only(self, shop: Shop) -> None:
        first, second = shop.tills
        first.sale()
        assert second.list()["data"] == []


def _invoices(page: dict[str, Any]) -> list[str]:
    """The invoice numbers of a page, oldest first."""
    return [row["INVOICE_NO"] for row in reversed(page["data"])]
