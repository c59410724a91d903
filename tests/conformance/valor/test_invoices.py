"""The published answers about hosted pages, QR codes and receipts, replayed on a running gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from bezant.core.invoices import Result
from bezant.core.merchants import Profile, move
from bezant.core.money import Money
from tests.conformance.valor.forms import FORMS
from tests.conformance.valor.shape import differences
from tests.e2e.valor.shop import NEW_YORK, Office, Shop, Till, approved, refused
from tests.support.gateway import Answer
from tests.support.payer import BAD, Payer

SAMPLES: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "invoice_samples.json").read_bytes())
"""The vendor's published answers, by operation (source: vendor sample)."""

UID: Final = re.compile(r"[0-9A-Za-z]{32}", re.ASCII)
NOBODYS: Final = "0" * 32
ON_SQLITE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)
SAID: Final[dict[str, Any]] = {
    "amount": "20",
    "customer_name": "Test",
    "orderdescription": "king size bed 10x12",
    "surcharge": "1",
    "surchargeIsPercentage": "1",
    "tax": "0.5",
    "shipping_country": "US",
}
ITEMS: Final[list[dict[str, Any]]] = [
    {"name": "Bed", "qty": 1, "price": 18.5, "modifierItems": [{"name": "Legs", "price": 1.5}]}
]
L2L3: Final[dict[str, Any]] = {"po_number": "PO-1", "lineItems": ITEMS}


@pytest.fixture(scope="module")
def payer(office: Office) -> Iterator[Payer]:
    with Payer(office.gateway) as payer:
        yield payer


@dataclass(frozen=True, slots=True)
class Desk:
    """A till that asks for money by links, and somebody who pays them."""

    shop: Shop
    till: Till
    payer: Payer
    office: Office

    def ask(self, **said: Any) -> Answer:
        """Ask for a hosted page."""
        return self.till.call("sale", epage=1, **{**SAID, **said})

    def page(self, **said: Any) -> str:
        """A new hosted page's uid."""
        uid: str = approved(self.ask(**said))["uid"]
        return uid

    def paid_page(self, **said: Any) -> str:
        """The uid of a page that was paid."""
        uid = self.page(**said)
        assert self.payer.pay(uid).result is Result.APPROVED
        return uid

    def change(self, uid: str, **said: Any) -> Answer:
        """Change a page and have it sent again."""
        return self.till.call("sale", epage=1, uid=uid, **said)

    def cancel(self, uid: str) -> Answer:
        """Take a page away."""
        return self.till.call("cancelEinvoice", uid=uid)

    def listed(self, **said: Any) -> dict[str, Any]:
        """A page of the list of invoices."""
        answer = self.till.call("getEinvoice", **{"date_filter": 9, **said})
        assert answer.status == 200, answer
        return answer.body

    def numbers(self, **said: Any) -> list[str]:
        """The invoice numbers of a page of the list."""
        return [row["INVOICE_NO"] for row in self.listed(**said)["data"]]

    def row(self, uid: str) -> dict[str, Any]:
        """One invoice in the list."""
        rows = [row for row in self.listed(limit=1000)["data"] if row["UID"] == uid]
        assert len(rows) == 1
        found: dict[str, Any] = rows[0]
        return found


@pytest.fixture
def desk(office: Office, payer: Payer) -> Desk:
    """The terminal of the samples."""
    shop = office.board(terminals=2, profiles=(Profile.SURCHARGE,), store="Valor Store LLC")
    return Desk(shop, shop.tills[1], payer, office)


def _expired(desk: Desk) -> str:
    uid = desk.page()
    desk.office.change_clock(desk.shop, move(timedelta(days=1)))
    return uid


def _list_after_payment(desk: Desk) -> Answer:
    """As in the sample: the newest of many, paid at once."""
    desk.paid_page(invoicenumber="inv0001")
    return desk.till.call("getEinvoice", date_filter=2, limit=1, offset=0)


def _send(desk: Desk, **said: Any) -> Answer:
    said = {"ref_txn_id": desk.till.sale(surchargeIndicator="1")["txnid"], **said}
    return desk.till.call("eReceipt", **{"receipt_type": 1, "email": "john@example.com", **said})


REPLAYS: dict[tuple[str, str], Callable[[Desk], Answer]] = {
    ("hosted_page_sale", "OK"): lambda desk: desk.ask(),
    ("hosted_page_sale", "Processing Error"): lambda desk: desk.ask(appid="x" * 32),
    ("hosted_page_sale_update_and_resend", "OK"): lambda desk: desk.change(desk.page(), amount="30"),
    ("hosted_page_sale_update_and_resend", "Processing Error"): lambda desk: desk.change(desk.paid_page()),
    ("hosted_page_sale_l2l3", "OK"): lambda desk: desk.ask(**L2L3),
    ("hosted_page_sale_l2l3", "Processing Error"): lambda desk: desk.ask(**L2L3, appkey="x" * 32),
    ("hosted_page_sale_l2l3_update_and_resend", "OK"): lambda desk: desk.change(desk.page(**L2L3), **L2L3),
    ("hosted_page_sale_l2l3_update_and_resend", "Processing Error"): lambda desk: desk.change(
        NOBODYS, **L2L3
    ),
    ("hosted_page_sale_cancel", "OK"): lambda desk: desk.cancel(desk.page()),
    ("hosted_page_sale_cancel", "Processing Error"): lambda desk: desk.cancel(_expired(desk)),
    ("e_receipt_fetch", "OK"): lambda desk: desk.till.call(
        "fetchReceipt", receipt_type=1, ref_txn_id=desk.till.sale(surchargeIndicator="1")["txnid"]
    ),
    ("e_receipt_fetch", "Invalid Receipt Type"): lambda desk: desk.till.call(
        "fetchReceipt", receipt_type=2, ref_txn_id="1"
    ),
    ("e_receipt_fetch", "Invalid Transaction ID"): lambda desk: desk.till.call(
        "fetchReceipt", receipt_type=1, ref_txn_id="1"
    ),
    ("fetch_e_invoice", "OK"): _list_after_payment,
    ("fetch_e_invoice", "Processing Error"): lambda desk: desk.till.call("getEinvoice", date_filter=10),
    ("e_receipt", "OK"): _send,
    ("e_receipt", "Processing Error"): lambda desk: _send(desk, ref_txn_id="1"),
    ("qr_code", "OK"): lambda desk: desk.till.call("qrcode", **SAID),
    ("qr_code", "Processing Error"): lambda desk: desk.till.call("qrcode", **{**SAID, "never_expire": "2"}),
}
PUBLISHED: Final = {
    (operation, each["label"]): each for operation, told in SAMPLES.items() for each in told["responses"]
}
TEXTS: Final = frozenset(
    {
        *("error_no", "mesg", "msg", "desc", "status", "message", "number_of_records", "page_number"),
        *("INVOICE_MODE", "AMOUNT_TYPE", "AMOUNT", "SURCHARGE_TYPE", "SURCHARGE_INDICATOR", "ATTEMPTS"),
        *("SURCHARGE_PERCENTAGE", "NEVER_EXPIRE", "STATUS", "CUSTOMER_NAME", "INVOICE_NO", "page_size"),
        *("PRODUCT_DESCRIPTION", "SMS_STATUS", "IS_QRCODE", "IS_CUSTOMER_INFO_AVAIL", "IS_SETTLED"),
        *(
            "IS_VOIDED",
            "IS_REVERSED",
            "DBA_NAME",
            "DAYS_UNTILL_EXPIRATION",
            "INVOICE_QB_PAYNOW",
            "INVOICE_QB",
        ),
    }
)


class TestASample:
    @pytest.mark.parametrize("sample", PUBLISHED, ids=" ".join)
    def test_is_answered_as_it_was_published(self, desk: Desk, sample: tuple[str, str]) -> None:
        published = PUBLISHED[sample]
        answer = REPLAYS[sample](desk)
        assert answer.status == published["http"]
        assert list(answer.body) == list(published["body"])
        assert list(differences(published["body"], answer.body, texts=TEXTS)) == []

    def test_has_a_replay(self) -> None:
        assert list(REPLAYS) == list(PUBLISHED)

    @ON_SQLITE
    @pytest.mark.parametrize("form", FORMS)
    def test_can_be_asked_for_in_every_form(self, desk: Desk, form: str) -> None:
        for key, word, more in (
            ("pagesale", "sale", {"epage": "1", "lineItems": json.dumps(ITEMS)}),
            ("qrcode", "qrcode", {}),
        ):
            sent = FORMS[form](key, {**desk.till.keys, "txn_type": word, **SAID, **more})
            answer = desk.office.gateway.post(sent.body, sent.headers, target=sent.target)
            assert UID.fullmatch(approved(answer)["uid"])


class TestAPage:
    def test_has_an_address_that_leads_to_it(self, desk: Desk) -> None:
        made = approved(desk.ask())
        base = desk.office.gateway.base_url
        assert made["url"] == f"{base}//?uid={made['uid']}&redirect=1"
        code = approved(desk.till.call("qrcode", **SAID))
        assert code["qr_code_url"] == f"{base}/qr/{code['uid']}.png"
        assert desk.row(code["uid"])["IS_QRCODE"] == 1

    def test_asks_for_what_was_said(self, desk: Desk) -> None:
        uid = desk.page(**L2L3, success_url="https://a.example/ok?x=1", failure_url="https://a.example/no")
        terms = desk.payer.view(uid).invoice.terms
        assert (terms.amounts.base, terms.amounts.tax, terms.amounts.fee, terms.amounts.total) == (
            Money(20_00),
            Money(50),
            Money(20),
            Money(20_70),
        )
        assert (terms.success_url, terms.failure_url) == ("https://a.example/ok?x=1", "https://a.example/no")
        assert (terms.order.purchase_order, terms.items[0].total) == ("PO-1", Money(20_00))

    @ON_SQLITE
    def test_takes_amounts_within_the_limits_and_no_others(self, desk: Desk) -> None:
        plain = {"surcharge": "0", "tax": "0"}
        for amount in ("0.1", "0.10", "99999.99", 0.1, 7):
            approved(desk.ask(**plain, amount=amount))
        for bad in ("0.09", "0", "", "100000", "1e3", "-1", None):
            assert refused(desk.ask(**plain, amount=bad)) == "E05"
        assert refused(desk.ask(amount="99999.99", tax="0.01", surcharge="0")) == "E05"

    @ON_SQLITE
    def test_is_not_made_of_bad_addresses(self, desk: Desk) -> None:
        for name in ("redirect_url", "success_url", "failure_url"):
            for said in (
                *("javascript:alert(1)", "//evil.example", "ftp://a.example", "https:evil.example"),
                *("https://a@b.example", "https://a.example/\r\nX: y", "https://\\evil", "http://", "/here"),
                *("https://a.example/<script>", "https://a.example/" + "x" * 500, "data:text/html,x"),
            ):
                assert refused(desk.ask(**{name: said})) == "E19", said

    def test_leads_to_the_merchants_own_places_where_it_has_named_them(self, desk: Desk) -> None:
        desk.office.set_origins(desk.shop, "https://shop.example", "http://127.0.0.1:8000")
        uid = desk.page(
            success_url="https://SHOP.example/ok?x=https://evil.example",
            failure_url="https://shop.example:443",
            redirect_url="http://127.0.0.1:8000/cb",
        )
        for url in (
            *("https://evil.example/", "http://shop.example/", "https://shop.example:8443/"),
            *("https://shop.example.evil.example/", "https://a.shop.example/", "http://127.0.0.1/"),
        ):
            for name in ("redirect_url", "success_url", "failure_url"):
                assert refused(desk.ask(**{name: url})) == "E19", (name, url)
                assert refused(desk.change(uid, **{name: url})) == "E19", (name, url)

    def test_is_one_for_an_invoice_number_at_a_time(self, desk: Desk) -> None:
        first = desk.page(invoicenumber="one")
        assert refused(desk.ask(invoicenumber="one")) == "E22"
        approved(desk.cancel(first))
        second = desk.paid_page(invoicenumber="one")
        assert desk.row(second)["STATUS"] == "PAID"
        approved(desk.ask(invoicenumber="one"))

    def test_is_made_once_for_an_idempotency_key(self, desk: Desk) -> None:
        said = {"epage": 1, **SAID}
        first = desk.till.call("sale", idempotency_key="link-1", **said)
        again = desk.till.call("sale", idempotency_key="link-1", **said)
        assert approved(first) == approved(again)
        assert again.headers["idempotency-replayed"] == "true"
        other = desk.till.call("sale", idempotency_key="link-1", **{**said, "amount": "21"})
        assert other.status == 400
        assert desk.listed()["total_results"] == 1


class TestAChange:
    def test_overwrites_what_it_says_and_keeps_the_rest(self, desk: Desk) -> None:
        uid = desk.page(invoicenumber="A", redirect_url="https://a.example/cb")
        said: dict[str, Any] = {"amount": "40", "lineItems": ITEMS, "email": "john@example.com"}
        assert approved(desk.till.call("resendEinvoice", uid=uid, **said))["uid"] == uid
        terms = desk.payer.view(uid).invoice.terms
        assert terms.amounts.total == Money(40_90)  # the surcharge is a share of the amount
        assert (terms.order.invoice, terms.order.email) == ("A", "john@example.com")
        assert (terms.redirect_url, len(terms.items)) == ("https://a.example/cb", 1)

    def test_is_not_made_of_what_is_no_longer_pending(self, desk: Desk) -> None:
        cancelled = desk.page()
        approved(desk.cancel(cancelled))
        for uid in (cancelled, desk.paid_page()):
            assert refused(desk.change(uid, amount="1")) == "A36"
            assert refused(desk.till.call("resendEinvoice", uid=uid)) == "A36"

    def test_is_not_made_of_another_terminals_page(self, desk: Desk) -> None:
        uid = desk.page()
        sister = desk.shop.tills[0]
        stranger = desk.office.board(profiles=(Profile.SURCHARGE,)).tills[0]
        for other in (sister, stranger):
            assert refused(other.call("sale", epage=1, uid=uid, amount="1")) == "A18"
            assert refused(other.call("resendEinvoice", uid=uid)) == "A18"
            assert refused(other.call("cancelEinvoice", uid=uid)) == "A18"
        assert desk.row(uid)["AMOUNT"] == "20"

    @ON_SQLITE
    def test_needs_a_uid_of_a_link(self, desk: Desk) -> None:
        for said in ("", "x", "0" * 31, "0" * 33, "\u0660" * 32, NOBODYS):
            assert refused(desk.till.call("resendEinvoice", uid=said)) == "A18"
            assert refused(desk.cancel(said)) == "A18"
        made = desk.page(uid="my own reference")
        assert UID.fullmatch(made)


class TestACancellation:
    def test_is_once_and_of_nothing_that_is_paid(self, desk: Desk) -> None:
        uid = desk.page()
        approved(desk.cancel(uid))
        for gone, word in ((uid, "CANCELED"), (desk.paid_page(), "PAID")):
            answer = desk.cancel(gone)
            assert refused(answer) == "A39"
            assert answer.body["desc"] == f"TRANSACTION IS ALREADY IN {word} STATUS"
        assert desk.payer.pay(uid, agreed=Money(20_70)).result is Result.CLOSED
        assert desk.row(uid)["ATTEMPTS"] == 0


class TestAPayment:
    def test_is_made_once_of_fifty_at_once(self, desk: Desk) -> None:
        uid = desk.page()
        results = [outcome.result for outcome in desk.payer.pay_at_once(uid, 50)]
        assert results.count(Result.APPROVED) == 1
        assert set(results) <= {Result.APPROVED, Result.UNDERWAY, Result.CLOSED}
        assert desk.till.booked(Profile.SURCHARGE) == {"sale": (1, 20_70)}
        assert desk.row(uid)["ATTEMPTS"] == 0

    def test_may_follow_one_that_was_declined(self, desk: Desk) -> None:
        uid = desk.page()
        declined = desk.payer.pay(uid, BAD)
        assert (declined.result, declined.view.state.value) == (Result.DECLINED, "pending")
        assert (desk.row(uid)["STATUS"], desk.row(uid)["ATTEMPTS"]) == ("PENDING", 1)
        assert desk.payer.pay(uid, attempt="2").result is Result.APPROVED
        row = desk.row(uid)
        assert (row["STATUS"], row["ATTEMPTS"]) == ("PAID", 1)
        assert desk.till.row({"txnid": str(row["TXN_ID"])})["RRN"] == row["RRN"]

    def test_may_be_an_authorization(self, desk: Desk) -> None:
        uid = approved(desk.till.call("auth", epage=1, **SAID))["uid"]
        paid = desk.payer.pay(uid).payment
        assert paid is not None
        assert desk.till.booked(Profile.SURCHARGE) == {"authorize": (1, 20_70)}
        said: dict[str, Any] = {"ref_txn_id": paid.payment_id, "surchargeIndicator": 1}
        approved(desk.till.call("capture", amount="20.00", **said))
        assert desk.row(uid)["STATUS"] == "PAID"

    def test_that_was_taken_back_shows(self, desk: Desk) -> None:
        uid = desk.paid_page()
        approved(desk.till.call("void", ref_txn_id=desk.row(uid)["TXN_ID"]))
        row = desk.row(uid)
        assert (row["STATUS"], row["IS_VOIDED"]) == ("SALE(VOIDED)", "1")
        settled = desk.paid_page()
        desk.till.settle()
        assert desk.row(settled)["IS_SETTLED"] == "1"


class TestTime:
    def test_ends_a_link_after_a_day_by_the_merchants_clock(self, desk: Desk) -> None:
        noon = datetime(2026, 3, 24, 12, tzinfo=NEW_YORK).astimezone(UTC)
        desk.office.freeze(desk.shop, noon)
        uid, open_ended = desk.page(invoicenumber="A"), desk.page(never_expire="1")
        until = desk.page(active_on="2026-03-26")
        row = desk.row(uid)
        assert (row["CREATED_ON"], row["ACTIVE_ON"]) == ("2026-03-24 16:00:00", "2026-03-25 16:00:00")
        assert (row["CREATED_AT"], row["EXPIRED_AT"], row["DAYS_UNTILL_EXPIRATION"]) == (
            "03/24/26 12:00 PM",
            "03/25/26",
            1,
        )
        assert desk.row(until)["ACTIVE_ON"] == "2026-03-27 04:00:00"
        never = desk.row(open_ended)
        assert (never["NEVER_EXPIRE"], never["ACTIVE_ON"]) == (1, None)
        desk.office.freeze(desk.shop, noon + timedelta(days=1))
        assert (desk.row(uid)["STATUS"], desk.row(uid)["DAYS_UNTILL_EXPIRATION"]) == ("EXPIRED", 0)
        assert desk.payer.pay(uid).result is Result.CLOSED
        assert refused(desk.change(uid)) == "A36"
        assert desk.payer.pay(until).result is Result.APPROVED
        desk.page(invoicenumber="A")
        desk.office.freeze(desk.shop, noon + timedelta(days=400))
        assert desk.payer.pay(open_ended).result is Result.APPROVED

    def test_begins_anew_with_a_change(self, desk: Desk) -> None:
        noon = datetime(2026, 3, 24, 16, tzinfo=UTC)
        desk.office.freeze(desk.shop, noon)
        uid = desk.page()
        desk.office.freeze(desk.shop, noon + timedelta(hours=23))
        approved(desk.change(uid))
        assert desk.row(uid)["ACTIVE_ON"] == "2026-03-26 15:00:00"

    @ON_SQLITE
    def test_that_is_over_is_no_end(self, desk: Desk) -> None:
        for said in ("2020-01-01", "2026-02-30", "soon"):
            assert refused(desk.ask(active_on=said)) == "E69"
        for flag in ("2", "yes", -1):
            assert refused(desk.ask(never_expire=flag)) == "E68"


class TestAList:
    @pytest.fixture
    def week(self, desk: Desk) -> Desk:
        """Five invoices of as many kinds, on two days of March 2026 in New York."""
        tuesday = datetime(2026, 3, 24, 20, tzinfo=NEW_YORK).astimezone(UTC)
        desk.office.freeze(desk.shop, tuesday - timedelta(days=30))
        desk.page(invoicenumber="old", amount="10")
        desk.office.freeze(desk.shop, tuesday - timedelta(days=1))
        desk.page(invoicenumber="gone", customer_name="Jane 100% Doe", email="jane@example.com")
        desk.office.freeze(desk.shop, tuesday)
        desk.paid_page(invoicenumber="paid", amount="11.50", surcharge="0", tax="0")
        approved(desk.cancel(desk.page(invoicenumber="off", phone="555-123-4567")))
        voided = desk.paid_page(invoicenumber="back")
        approved(desk.till.call("void", ref_txn_id=desk.row(voided)["TXN_ID"]))
        desk.page(invoicenumber="open", orderdescription="Blue_chair", never_expire="1")
        return desk

    def test_is_filtered_by_every_filter(self, week: Desk) -> None:
        everything = ["open", "back", "off", "paid", "gone", "old"]
        ids = {row["INVOICE_NO"]: row["ID"] for row in week.listed()["data"]}
        found: dict[str, list[tuple[tuple[Any, ...], list[str]]]] = {
            "status": [
                (("PENDING",), ["open"]),
                (("EXPIRED",), ["gone", "old"]),
                (("PAID",), ["paid"]),
                (("SALE(VOIDED)",), ["back"]),
                (("CANCELLED",), ["off"]),
                (("canceled",), ["off"]),
                (("PROCESSING",), []),
            ],
            "filter_text": [
                (("JANE",), ["gone"]),
                (("100%",), ["gone"]),
                (("_chair",), ["open"]),
                (("%",), ["gone"]),
                (("5551",), []),
                (("123-4567",), ["off"]),
                (("11.50",), ["paid"]),
                (("pai",), ["paid"]),
            ],
            "filter+filter_text": [
                (("Email", "jane@example.com"), ["gone"]),
                (("Phone", "555-123-4567"), ["off"]),
                (("ID", str(ids["paid"])), ["paid"]),
                (("ID", "x"), []),
                (("Amount", "11.5"), ["paid"]),
                (("Amount", "\u0661"), []),
            ],
            "date_filter": [
                ((0,), everything),
                ((1,), ["open", "back", "off", "paid"]),
                ((2,), ["open", "back", "off", "paid", "gone"]),
                ((3,), ["gone"]),
                ((4,), ["old"]),
                ((5,), ["open", "back", "off", "paid", "gone"]),
                ((6,), []),
                ((9,), everything),
            ],
            "date_filter+start_date+end_date": [
                ((7, "2026-02-01", "2026-03-23"), ["gone", "old"]),
                ((8, "20260201", "2026-02-28"), ["old"]),
            ],
            "selected_date": [(("2026-03-23",), ["gone"]), (("2026-03-22",), [])],
        }
        for names, cases in found.items():
            for values, numbers in cases:
                said = dict(zip(names.split("+"), values, strict=True))
                assert week.numbers(**said) == numbers, said

    def test_comes_in_pages(self, week: Desk) -> None:
        pages = [week.listed(limit=2, offset=offset) for offset in (0, 2, 4, 6)]
        assert [page["number_of_records"] for page in pages] == [2, 2, 2, 0]
        assert [page["page_number"] for page in pages] == [1, 2, 3, 4]
        assert {(page["total_results"], page["page_size"], page["total_pages"]) for page in pages} == {
            (6, 2, 3)
        }
        rows = [row["INVOICE_NO"] for page in pages for row in page["data"]]
        assert rows == week.numbers()

    def test_refuses_bad_filters(self, week: Desk) -> None:
        wrong: dict[str, list[dict[str, Any]]] = {
            "A26": [{"date_filter": "x"}, {"date_filter": 10}, {"date_filter": -1}],
            "A24": [{"offset": "x"}, {"offset": -1}],
            "A32": [{"status": "LOST"}],
            "D29": [{"date_filter": 7}, {"date_filter": 8, "start_date": "2026-01-01"}],
        }
        for code, cases in wrong.items():
            assert {refused(week.till.call("getEinvoice", **said)) for said in cases} == {code}
        bad: list[dict[str, Any]] = [
            {"filter": "Email"},
            {"filter": "x"},
            {"filter": "ID", "filter_text": "1", "status": "PAID"},
        ]
        assert len({refused(week.till.call("getEinvoice", **said)) for said in bad}) == 1

    def test_shows_a_terminals_own_alone(self, week: Desk) -> None:
        assert week.shop.tills[0].call("getEinvoice", date_filter=9).body["data"] == []


class TestAReceipt:
    def test_has_an_address_that_nobody_can_guess(self, desk: Desk) -> None:
        sale = desk.till.sale(surchargeIndicator="1")
        found = {
            approved(desk.till.call("fetchReceipt", receipt_type=copy, **{name: sale["txnid"]}))["eReceipt"]
            for copy in (0, "1")
            for name in ("ref_txn_id", "txn_id")
        }
        assert len(found) == 2
        pattern = rf"{re.escape(desk.office.gateway.base_url)}/r/[cm][0-9a-f]+-[0-9a-f]+-[0-9a-f]{{32}}"
        assert all(re.fullmatch(pattern, url) for url in found)

    def test_is_sent_by_mail_or_text_message(self, desk: Desk) -> None:
        assert _send(desk).body["desc"] == "EMAIL SENT SUCCESSFULLY"
        assert _send(desk, email="", phone="5551234567").body["desc"] == "SMS SENT SUCCESSFULLY"
        assert refused(_send(desk, email="")) == "E03"
        assert refused(_send(desk, email="nobody")) == "E19"
        assert refused(_send(desk, receipt_type="2")) == "G36"

    def test_is_of_an_approved_payment_of_this_terminal(self, desk: Desk) -> None:
        declined = desk.till.charge("9000.05", surchargeIndicator="1").body["txnid"]
        others = desk.shop.tills[0].sale(surchargeIndicator="1")["txnid"]
        for txnid in (declined, others, "x", "9" * 21):
            for word in ("fetchReceipt", "eReceipt"):
                answer = desk.till.call(word, receipt_type=1, ref_txn_id=txnid, email="a@b.example")
                assert list(answer.body) == ["error_no", "status", "msg", "desc"]
                assert refused(answer) == "91"
