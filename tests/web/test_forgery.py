"""What becomes of forms that were changed, copied, forged or sent too often. This needs no browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from bezant.core.invoices import TipOffer
from tests.support.browser import DECLINED
from tests.support.forms import Page, Visitor
from tests.support.gateway import Gateway
from tests.support.links import Desk, terms

BASE: Final = 2000
TAX: Final = 165
FEE: Final = 60
TIPS: Final = TipOffer(percents=(15, 18, 20), percent_max=20)

_MONEY: Final = (
    "amount total base base_amount subtotal net netamt net_amount price agreed agreed_minor fee surcharge"
    " surchargeAmount customfee discount refund cashback order_details lineItems"
)
EXTRA: Final[dict[str, str]] = {
    **dict.fromkeys(_MONEY.split(), "0.01"),
    "tax": "0",
    "tax_amount": "0",
    "tip_minor": "-2000",
    "quantity": "0",
    "currency": "JPY",
    "uid": "A" * 32,
    "invoice_id": "1",
    "merchant_id": "1",
    "terminal_id": "1",
    "epi": "2412333540",
    "payment_id": "1",
    "txnid": "1",
    "state[]": "x",
    "kind": "auth",
    "txn_type": "auth",
    "profile": "traditional",
    "surchargeIndicator": "0",
    "never_expire": "1",
    "expires_at": "9999999999",
    "sandbox": "1",
    "approved": "1",
    "result": "approved",
    "__proto__": "x",
    "amount\x00": "0.01",
}
"""Fields that no form of ours has, and what a thrifty payer would send in them."""

DECLINED_MINOR: Final = 9000_05
"""The host declines it, whatever the card."""
TIPS_WRONG: Final = (*("-1", "99", "21", "15.5", "1e2", "NaN", "others", "0x0f", "\u0661\u0665", "15%"),)
AMOUNTS_WRONG: Final = (
    *("-0.01", "4.01", "1e2", "NaN", "Infinity", "0x10", "\u0664", "1_0", "+1", "", "1.234", "9" * 400),
)


@pytest.fixture
def visitor(gateway: Gateway) -> Iterator[Visitor]:
    with Visitor(gateway) as made:
        yield made


@pytest.fixture
def link(desk: Desk) -> str:
    """A link with everything that could be changed."""
    return desk.link(terms(BASE, tax=TAX, fee=FEE, tips=TIPS))


def is_approved(page: Page) -> bool:
    return page.status == 303 and page.headers["location"].endswith("/result")


class TestAFormWithMoreFields:
    @pytest.mark.parametrize("name", EXTRA)
    def test_costs_what_was_asked(self, visitor: Visitor, desk: Desk, link: str, name: str) -> None:
        assert is_approved(visitor.pay(link, **{name: EXTRA[name]}))
        (paid,) = desk.payments(link)
        amounts = [paid[part] for part in ("base", "tax", "fee", "tip", "currency", "state", "profile")]
        assert amounts == [BASE, TAX, FEE, 0, "USD", "captured", "surcharge"]


class TestATipThatIsNotOffered:
    @pytest.mark.parametrize("tip", TIPS_WRONG)
    def test_is_refused_as_a_choice(self, visitor: Visitor, desk: Desk, link: str, tip: str) -> None:
        assert visitor.pay(link, tip=tip).status == 422
        assert desk.payments(link) == []

    @pytest.mark.parametrize("amount", AMOUNTS_WRONG)
    def test_is_refused_as_an_amount(self, visitor: Visitor, desk: Desk, link: str, amount: str) -> None:
        assert visitor.pay(link, tip="other", tip_amount=amount).status == 422
        assert desk.payments(link) == []


def _other_agreed(state: str) -> str:
    attempt, _, seal = state.split(".")
    return f"{attempt}.1.{seal}"


def _other_attempt(state: str) -> str:
    return ("B" if state[0] == "A" else "A") + state[1:]


STATES: Final[dict[str, Callable[[str], str]]] = {
    "none": lambda _: "",
    "a smaller total": _other_agreed,
    "another attempt": _other_attempt,
    "no seal": lambda state: state.rpartition(".")[0],
    "half a seal": lambda state: state[:-20],
    "another seal": lambda state: state[:-4] + ("AAAA" if state[-4:] != "AAAA" else "BBBB"),
    "a blank more": lambda state: state + " x",
    "other digits": lambda state: state.replace(".2225.", ".\u0662225."),
    "a line end": lambda state: state + "\r\nx",
    "much": lambda state: state * 50,
}


class TestASealedState:
    @pytest.mark.parametrize("change", STATES)
    def test_cannot_be_changed(self, visitor: Visitor, desk: Desk, link: str, change: str) -> None:
        fields = visitor.form(link)
        page = visitor.send(f"/pay/{link}", {**fields, "state": STATES[change](fields["state"])})
        assert page.status == 403
        assert desk.payments(link) == []

    def test_is_of_no_use_to_another_browser(
        self, visitor: Visitor, gateway: Gateway, desk: Desk, link: str
    ) -> None:
        with Visitor(gateway) as other:
            other.form(link)
            assert other.send(f"/pay/{link}", visitor.form(link)).status == 403
            other.cookies.clear()
            assert other.send(f"/pay/{link}", visitor.form(link)).status == 403
        assert desk.payments(link) == []

    def test_is_of_no_use_for_another_link(self, visitor: Visitor, desk: Desk, link: str) -> None:
        cheap = desk.link(terms(1))
        visitor.form(link)
        assert visitor.send(f"/pay/{link}", visitor.form(cheap)).status == 403
        assert desk.payments(link) == []

    def test_pays_once_however_often_it_is_sent(
        self, visitor: Visitor, gateway: Gateway, desk: Desk, link: str
    ) -> None:
        gateway.control.script({"delay": 0.3}, ask="sale")
        fields = visitor.form(link)

        def send(_: int) -> Page:
            with Visitor(gateway) as twin:
                twin.cookies = dict(visitor.cookies)
                return twin.send(f"/pay/{link}", fields)

        with ThreadPoolExecutor(8) as threads:
            pages = list(threads.map(send, range(8)))
        assert {page.headers.get("location") for page in pages} == {f"/pay/{link}/result"}
        assert desk.states(link) == ["captured"]

    def test_does_not_pay_twice_with_another_card_or_tip(
        self, visitor: Visitor, desk: Desk, link: str
    ) -> None:
        fields = visitor.form(link)
        for change in ({}, {"card_number": "5146315000000055"}, {"tip": "15"}):
            assert visitor.send(f"/pay/{link}", {**fields, **change}).status == 303
        assert desk.states(link) == ["captured"]


class TestAForgedRequest:
    @pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
    def test_from_another_site_is_refused(self, visitor: Visitor, desk: Desk, link: str, site: str) -> None:
        page = visitor.send(f"/pay/{link}", visitor.form(link), **{"sec-fetch-site": site})
        assert page.status == 403
        assert desk.payments(link) == []

    @pytest.mark.parametrize(
        "content", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""]
    )
    def test_that_is_no_form_is_refused(self, visitor: Visitor, desk: Desk, link: str, content: str) -> None:
        page = visitor.send(f"/pay/{link}", visitor.form(link), **{"content-type": content})
        assert page.status == 400
        assert desk.payments(link) == []

    @pytest.mark.parametrize(
        "body",
        ["holder=a&holder=b", "holder=%ff", "holder=" + "a" * 20_000, "&".join("abcdefgh" * 9), "h\u00e4"],
    )
    def test_that_cannot_be_read_is_refused(self, visitor: Visitor, desk: Desk, link: str, body: str) -> None:
        visitor.form(link)
        assert visitor.send(f"/pay/{link}", body).status == 400
        assert desk.payments(link) == []

    @pytest.mark.parametrize("cookie", ["bezant-browser", "bezant-last"])
    @pytest.mark.parametrize(
        "value", ["", "x", "A" * 22, "approved.1..." + "A" * 43, "\u00ff", '"', "A" * 3000]
    )
    def test_with_another_cookie_learns_nothing(
        self, visitor: Visitor, desk: Desk, link: str, cookie: str, value: str
    ) -> None:
        visitor.pay(link)
        visitor.cookies[cookie] = value.encode("latin-1").decode("latin-1")
        page = visitor.get(f"/pay/{link}/result")
        assert page.status == 410
        assert "1111" not in page.body

    def test_of_another_method_is_refused(self, visitor: Visitor, link: str) -> None:
        assert visitor.send(f"/pay/{link}/result", {}).status == 405


class TestAGuess:
    @pytest.mark.parametrize(
        "path",
        [
            *("/pay/x", "/pay/" + "a" * 31, "/pay/" + "a" * 33, "/pay/%00", "/pay/..%2f..%2fetc%2fpasswd"),
            *("/pay/" + "%d9%a1" * 32, "/pay/" + "a" * 3000, "/qr/x.svg", "/qr/" + "a" * 32 + ".exe", "/r/1"),
            *(
                "/r/10000001",
                "/r/x.pdf",
                "/static/../app.py",
                "/static/x.js",
                "/static/%2e%2e%2fapp.py",
                "/?uid=x",
            ),
            *("/?uid=//evil.example", "//?uid=..%2f", "/pay/" + "a" * 32 + "/result"),
        ],
    )
    def test_finds_nothing(self, visitor: Visitor, path: str) -> None:
        page = visitor.get(path)
        assert page.status == 404
        assert "evil" not in page.body


class TestTryingOutCards:
    def test_on_one_link_comes_to_an_end(self, gateway: Gateway, desk: Desk) -> None:
        link, statuses = desk.link(terms()), []
        for _ in range(11):
            with Visitor(gateway) as visitor:
                page = visitor.pay(link, card_number=DECLINED)
            statuses.append(page.status)
        assert statuses == [303] * 10 + [429]
        assert 0 < int(page.headers["retry-after"]) <= 60
        assert len(desk.payments(link)) == 10

    def test_from_one_address_comes_to_an_end(self, gateway: Gateway, visitor: Visitor, desk: Desk) -> None:
        statuses = []
        for _ in range(31):
            visitor.cookies.clear()
            statuses.append(visitor.pay(desk.link(terms())).status)
        assert statuses == [303] * 30 + [429]
        with Visitor(gateway) as other:
            assert other.pay(desk.link(terms())).status == 303

    def test_of_one_number_range_comes_to_an_end(self, gateway: Gateway, desk: Desk) -> None:
        """However many links and addresses are used; payers with cards of other ranges do not notice."""
        statuses = []
        for number in range(21):
            card = with_check_digit(f"51463150000{number:04d}")
            with Visitor(gateway) as visitor:
                statuses.append(visitor.pay(desk.link(terms(DECLINED_MINOR)), card_number=card).status)
        assert statuses == [303] * 20 + [429]
        with Visitor(gateway) as other:
            assert other.pay(desk.link(terms())).status == 303

    def test_ends_with_a_link_that_takes_no_more(
        self, visitor: Visitor, gateway: Gateway, desk: Desk
    ) -> None:
        """The database counts, so that no restart and no number of processes helps."""
        link = desk.link(terms())
        fields = visitor.form(link)
        desk.tried(link, 50)
        page = visitor.send(f"/pay/{link}", fields)
        assert (page.status, "This link takes no more cards." in page.body) == (410, True)
        assert visitor.get(f"/pay/{link}").status == 410
        assert desk.payments(link) == []


def with_check_digit(digits: str) -> str:
    """A card number that passes, of all its digits but the last."""
    for last in "0123456789":
        doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
        total = sum(value - 9 if value > 9 else value for value in doubled) + int(last)
        if total % 10 == 0:
            return digits + last
    raise AssertionError
