"""What becomes of payers who do what payers do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from bezant.core.invoices import Item, TipOffer
from bezant.core.languages import Language
from bezant.core.money import Money
from bezant.receipts import slip_of, worded
from tests.support.browser import DECLINED, PHONE, VISA, Payer
from tests.support.gateway import Gateway, eventually
from tests.support.links import Desk, terms
from tests.web.conftest import MakePayer

SHOP = "http://127.0.0.1:9/shop"
TIPS = TipOffer(percents=(15, 18, 20), percent_max=50)


class TestAPayer:
    def test_pays(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms(2000, tax=165))
        payer.pay(link)
        payer.sees("APPROVED")
        assert "Your transaction has been successfully processed." in payer.text()
        assert "$21.65" in payer.text()
        assert "Visa •••• 1111" in payer.text()
        assert desk.states(link) == ["captured"]

    def test_sees_what_is_asked_before_paying(self, payer: Payer, desk: Desk) -> None:
        items = (Item(name="Ticket", quantity=2, price=Money(1000)),)
        payer.open(desk.link(terms(2000, tax=165, items=items)))
        summary = payer.page.inner_text(".summary")
        for expected in (
            "Bezant Demo Store",
            "2 \N{MULTIPLICATION SIGN} Ticket",
            "$20.00",
            "$1.65",
            "$21.65",
            "Two tickets",
        ):
            assert expected in summary
        expect(payer.page.locator("[data-submit]")).to_have_text("Pay $21.65")

    def test_is_told_of_a_surcharge_before_paying(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms(2000, fee=60))
        payer.open(link)
        assert "adds a surcharge of $0.60 for paying by card" in payer.page.inner_text(".disclosure")
        payer.fill()
        payer.press()
        payer.sees("APPROVED")
        (paid,) = desk.payments(link)
        assert (paid["base"], paid["fee"], paid["profile"]) == (2000, 60, "surcharge")

    def test_pays_with_another_card_after_a_decline(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.pay(link, number=DECLINED)
        payer.sees("DECLINED")
        assert "Your card was not charged." in payer.text()
        payer.page.click("text=Try again")
        payer.fill()
        payer.press()
        payer.sees("APPROVED")
        assert desk.states(link) == ["declined", "captured"]

    def test_finds_an_expired_link_over(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms(life=timedelta(seconds=0)))
        assert payer.open(link).status == 410
        payer.sees("Payment Link expired")
        look = "element => getComputedStyle(element).backgroundColor"
        assert payer.page.locator("body").evaluate(look) == "rgb(149, 194, 222)"
        assert payer.page.locator("svg.question").count() == 1

    def test_finds_a_cancelled_link_over(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        desk.cancel(link)
        assert payer.open(link).status == 410
        payer.sees("Payment Link expired")

    def test_cannot_pay_a_link_that_is_cancelled_meanwhile(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.open(link)
        payer.fill()
        desk.cancel(link)
        payer.press()
        payer.sees("Payment Link expired")
        assert desk.payments(link) == []

    def test_finds_nothing_under_an_unknown_link(self, payer: Payer) -> None:
        assert payer.open("a" * 32).status == 404
        payer.sees("Page not found")

    def test_does_not_learn_of_what_another_paid(self, make_payer: MakePayer, desk: Desk) -> None:
        link = desk.link(terms())
        first, other = make_payer(), make_payer()
        first.pay(link)
        first.sees("APPROVED")
        assert other.open(link).status == 410
        other.sees("PAID")
        assert "This link has been paid already." in other.text()
        assert "1111" not in other.text()

    def test_comes_back_to_the_result_of_a_paid_link(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.pay(link)
        payer.sees("APPROVED")
        payer.open(link)
        payer.sees("APPROVED")

    def test_pays_once_in_two_tabs(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        first, other = payer.page, payer.context.new_page()
        payer.open(link)
        payer.fill()
        payer.page = other
        payer.open(link)
        payer.fill()
        payer.page = first
        payer.press()
        payer.sees("APPROVED")
        other.click("[data-submit]")
        other.wait_for_selector("h1:text-is('APPROVED')")
        assert desk.states(link) == ["captured"]

    def test_pays_once_going_back_and_paying_again(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.pay(link)
        payer.sees("APPROVED")
        payer.page.go_back()
        payer.sees("APPROVED")
        assert desk.states(link) == ["captured"]

    def test_pays_once_reloading_the_result(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.pay(link)
        payer.sees("APPROVED")
        payer.page.reload()
        payer.sees("APPROVED")
        assert desk.states(link) == ["captured"]

    def test_pays_once_with_a_double_click(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.open(link)
        payer.fill()
        payer.page.dblclick("[data-submit]")
        payer.sees("APPROVED")
        assert desk.states(link) == ["captured"]

    def test_waits_for_a_slow_bank(self, payer: Payer, desk: Desk, gateway: Gateway) -> None:
        link = desk.link(terms())
        gateway.control.script({"delay": 0.5}, ask="sale")
        payer.open(link)
        payer.fill()
        press_and_read = (
            "() => { const it = document.querySelector('[data-submit]'); it.click(); return it.innerText; }"
        )
        assert payer.page.evaluate(press_and_read).strip() == "Processing…"
        payer.sees("APPROVED")

    def test_pays_over_a_slow_network(self, make_payer: MakePayer, desk: Desk) -> None:
        payer, link = make_payer(), desk.link(terms())
        session = payer.context.new_cdp_session(payer.page)
        slow = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 20_000}
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", slow)
        payer.pay(link)
        payer.sees("APPROVED")

    def test_is_not_charged_when_the_bank_never_answers(
        self, payer: Payer, desk: Desk, gateway: Gateway
    ) -> None:
        link = desk.link(terms())
        gateway.control.script({"drop": True}, ask="sale")
        payer.pay(link)
        payer.page.wait_for_selector(".modal")
        eventually(lambda: desk.states(link) == ["reversed"], seconds=60)
        eventually(lambda: payer.page.locator("h1:text-is('DECLINED')").count(), seconds=60)
        assert "The bank did not answer in time" in payer.text()

    def test_pays_without_scripts(self, make_payer: MakePayer, desk: Desk) -> None:
        payer, link = make_payer(java_script_enabled=False), desk.link(terms(2000, tips=TIPS))
        payer.open(link)
        payer.tip("18")
        payer.fill(number="4111 1111 1111 1111", expiry="12/36")
        payer.press()
        payer.sees("APPROVED")
        (paid,) = desk.payments(link)
        assert (paid["base"], paid["tip"]) == (2000, 360)

    def test_pays_by_keyboard_alone(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.open(link)
        keys = payer.page.keyboard
        payer.page.focus("#card_number")
        for text in ("4111111111111111", "1236", "999"):
            keys.type(text)
            keys.press("Tab")
        keys.press("Tab")  # over the help
        keys.type("Ada Lovelace")
        keys.press("Enter")
        payer.sees("APPROVED")

    def test_pays_on_a_phone(self, make_payer: MakePayer, desk: Desk) -> None:
        payer, link = make_payer(viewport=PHONE, has_touch=True, is_mobile=True), desk.link(terms())
        payer.open(link)
        assert payer.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        payer.fill()
        payer.page.tap("[data-submit]")
        payer.sees("APPROVED")

    def test_pays_in_spanish(self, make_payer: MakePayer, desk: Desk) -> None:
        payer, link = make_payer(locale="es-MX"), desk.link(terms())
        payer.pay(link)
        payer.sees("APROBADO")
        assert payer.page.get_attribute("html", "lang") == "es"

    def test_pays_in_arabic(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.open(link)
        payer.page.click("text=العربية")
        assert payer.page.get_attribute("html", "dir") == "rtl"
        payer.fill(number="٤١١١١١١١١١١١١١١١", expiry="١٢٣٦", code="٩٩٩")
        payer.press()
        payer.sees("تمت الموافقة")


class TestATip:
    def test_is_added_up(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms(2000, tax=100, tips=TIPS))
        payer.open(link)
        payer.tip("15")
        expect(payer.page.locator("[data-submit]")).to_have_text("Pay $24.00")
        expect(payer.page.locator("td[data-total]")).to_have_text("$24.00")
        payer.fill()
        payer.press()
        payer.sees("APPROVED")
        (paid,) = desk.payments(link)
        assert (paid["base"], paid["tax"], paid["tip"]) == (2000, 100, 300)

    @pytest.mark.parametrize(("typed", "minor"), [("4.20", 420), ("4,20", 420), ("3", 300), ("0", 0)])
    def test_may_be_any_amount(self, payer: Payer, desk: Desk, typed: str, minor: int) -> None:
        link = desk.link(terms(2000, tips=TIPS))
        payer.open(link)
        payer.tip("other")
        payer.fill(tip_amount=typed)
        payer.press()
        payer.sees("APPROVED")
        (paid,) = desk.payments(link)
        assert paid["tip"] == minor

    def test_is_not_more_than_offered(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms(2000, tips=TIPS))
        payer.open(link)
        payer.tip("other")
        payer.fill(tip_amount="10.01")
        payer.press()
        payer.page.wait_for_selector("[data-notice]")
        assert "Enter an amount within what is offered." in payer.text()
        assert desk.payments(link) == []


class TestAMistake:
    WRONG = (
        ("card_number", "4111111111111112", "Enter a valid card number."),
        ("card_number", "4111", "Enter a valid card number."),
        ("card_number", "", "Enter a valid card number."),
        ("expiry", "1336", "Enter a date that is not over, like 12 / 30."),
        ("expiry", "0120", "Enter a date that is not over, like 12 / 30."),
        ("expiry", "", "Enter a date that is not over, like 12 / 30."),
        ("code", "12", "Enter the 3 or 4 digits of the security code."),
        ("code", "9999", "Enter the 3 or 4 digits of the security code."),
        ("holder", "", "Enter the name as it stands on the card."),
        ("email", "ada@", "Enter a valid email address, or none."),
        ("postal_code", "1", "Enter a valid postal code."),
    )

    def test_is_told_at_once(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.open(link)
        for field, typed, told in self.WRONG:
            payer.fill(**{"postal_code": "", "email": "", **_filled(field, typed)})
            payer.press()
            expect(payer.page.locator(f"#{field}-error")).to_have_text(told)
            expect(payer.page.locator(f"#{field}")).to_be_focused()
            assert payer.page.locator(".field.wrong").count() == 1
        assert desk.payments(link) == []

    def test_is_told_without_scripts(self, make_payer: MakePayer, desk: Desk) -> None:
        payer, link = make_payer(java_script_enabled=False), desk.link(terms())
        payer.open(link)
        for field, typed, told in self.WRONG:
            payer.fill(**{"postal_code": "", "email": "", **_filled(field, typed)})
            payer.press()
            expect(payer.page.locator(f"#{field}-error")).to_have_text(told)
            assert payer.page.input_value("#card_number") == ""
            assert payer.page.input_value("#code") == ""
        assert desk.payments(link) == []

    def test_can_be_mended(self, make_payer: MakePayer, desk: Desk) -> None:
        payer, link = make_payer(java_script_enabled=False), desk.link(terms())
        payer.open(link)
        payer.fill(number="4111111111111112", email="ada@example.com")
        payer.press()
        assert payer.page.input_value("#email") == "ada@example.com"
        payer.fill()
        payer.press()
        payer.sees("APPROVED")


def _filled(field: str, typed: str) -> dict[str, str]:
    return {"number" if field == "card_number" else field: typed}


class TestTheForm:
    def test_groups_the_card_number_and_names_its_brand(self, payer: Payer, desk: Desk) -> None:
        payer.open(desk.link(terms()))
        mark = payer.page.locator("span[data-brand]")
        for number, written, brand in (
            ("4111111111111111", "4111 1111 1111 1111", "visa"),
            ("371449635392376", "3714 496353 92376", "amex"),
            ("5146315000000055", "5146 3150 0000 0055", "mastercard"),
            ("5044339324661725266", "5044 3393 2466 1725 266", "maestro"),
        ):
            payer.page.fill("#card_number", number)
            assert payer.page.input_value("#card_number") == written
            assert mark.get_attribute("data-brand") == brand

    def test_helps_a_browser_to_fill_it_in(self, payer: Payer, desk: Desk) -> None:
        payer.open(desk.link(terms()))
        wanted = {
            "card_number": "cc-number",
            "expiry": "cc-exp",
            "code": "cc-csc",
            "holder": "cc-name",
            "postal_code": "billing postal-code",
            "email": "email",
        }
        for name, autocomplete in wanted.items():
            assert payer.page.get_attribute(f"#{name}", "autocomplete") == autocomplete
        for name in ("card_number", "expiry", "code"):
            assert payer.page.get_attribute(f"#{name}", "inputmode") == "numeric"

    def test_takes_a_four_digit_code_for_american_express(self, payer: Payer, desk: Desk) -> None:
        payer.pay(desk.link(terms()), number="371449635392376", code="9997")
        payer.sees("APPROVED")


class TestAReceipt:
    def test_is_opened_and_fetched_as_a_document(self, payer: Payer, desk: Desk) -> None:
        payer.pay(desk.link(terms(2000, tax=165)))
        payer.sees("APPROVED")
        payer.page.click("text=View receipt")
        payer.page.wait_for_selector(".receipt")
        for expected in ("Bezant Demo Store", "Paid", "$21.65", "Visa XXXX1111"):
            assert expected in payer.text()
        link = payer.page.get_attribute("text=Download PDF", "href")
        document = payer.page.request.get(str(link))
        assert document.headers["content-type"] == "application/pdf"
        assert document.body().startswith(b"%PDF-")
        assert b"21.65" in document.body()
        assert b"/JavaScript" not in document.body()
        assert VISA.encode() not in document.body()

    def test_tells_of_refunds(self, payer: Payer, desk: Desk, gateway: Gateway) -> None:
        link = desk.link(terms())
        payer.pay(link)
        payer.sees("APPROVED")
        payer.page.click("text=View receipt")
        payer.page.wait_for_selector(".badge:text-is('Paid')")
        (paid,) = desk.payments(link)
        refund: dict[str, Any] = {
            "txn_type": "refund",
            "amount": "5.00",
            "ref_txn_id": str(paid["payment_id"]),
        }
        answer = gateway.call(
            **refund, surchargeIndicator="0", sale_refund="1", otp=gateway.demo["valor"]["otp"]
        )
        assert answer.status == 200, answer
        payer.page.reload()
        payer.page.wait_for_selector(".badge:text-is('Partly refunded')")
        assert "-$5.00" in payer.text()
        assert "$15.00" in payer.page.inner_text(".amounts tr:last-child")

    @pytest.mark.parametrize("language", Language)
    def test_says_what_its_document_and_its_mail_say(
        self, payer: Payer, desk: Desk, language: Language
    ) -> None:
        payer.pay(desk.link(terms(2000, tax=165)))
        payer.sees("APPROVED")
        payer.page.goto(f"{payer.page.get_attribute('text=View receipt', 'href')}?lang={language.value}")
        uid = payer.page.url.rpartition("/")[2].partition("?")[0]
        sheet = worded(slip_of(desk.receipt(uid)), language)
        rows = [*sheet.amounts, sheet.total, *sheet.facts]
        shown = payer.page.locator(".receipt th, .receipt dt").all_text_contents()
        values = payer.page.locator(".receipt td, .receipt dd").all_text_contents()
        assert list(zip(shown, values, strict=True)) == [(row.label, row.value) for row in rows]
        assert sheet.notice is not None
        for text in (sheet.standing, sheet.notice, sheet.kind):
            assert text in payer.text()

    @pytest.mark.parametrize("name", ["x", "c1-1-" + "0" * 32, "c" * 50, "..%2Fhealthz"])
    def test_is_not_guessed(self, payer: Payer, name: str) -> None:
        for path in (f"/r/{name}", f"/r/{name}.pdf"):
            assert payer.page.request.get(path).status == 404


class TestACode:
    def test_is_shown_for_a_link_that_is_open(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms())
        payer.page.goto(f"/qr/{link}.svg")
        drawn = payer.page.request.get(f"/qr/{link}.png")
        assert drawn.body().startswith(b"\x89PNG")
        desk.cancel(link)
        assert payer.page.request.get(f"/qr/{link}.png").status == 410
        assert payer.page.request.get(f"/qr/{link}.gif").status == 404


class TestAfterPaying:
    def test_a_payer_is_sent_on_to_the_exact_address(self, payer: Payer, desk: Desk) -> None:
        goal = f"{SHOP}/thanks?order=7&note=a%20b"
        arrived = catch(payer, goal)
        payer.pay(desk.link(terms(success_url=goal)))
        payer.sees("APPROVED")
        payer.page.click("text=Continue")
        payer.page.wait_for_selector("text=the shop")
        assert arrived == [goal]

    def test_a_payer_is_sent_on_without_a_click(self, payer: Payer, desk: Desk) -> None:
        goal = f"{SHOP}/thanks"
        link = desk.link(terms(success_url=goal))
        with payer.page.expect_response(f"**/pay/{link}/result") as answered:
            payer.pay(link)
        assert answered.value.headers["refresh"] == f"8; url={goal}"

    def test_a_declined_payer_may_go_back_to_the_shop(self, payer: Payer, desk: Desk) -> None:
        goal = f"{SHOP}/sorry"
        arrived = catch(payer, goal)
        payer.pay(desk.link(terms(failure_url=goal)), number=DECLINED)
        payer.sees("DECLINED")
        payer.page.click("text=Back to Bezant Demo Store")
        payer.page.wait_for_selector("text=the shop")
        assert arrived == [goal]

    def test_a_declined_payer_of_a_single_try_is_sent_back_to_the_shop(
        self, payer: Payer, desk: Desk
    ) -> None:
        goal = f"{SHOP}/sorry"
        link = desk.link(terms(failure_url=goal, one_try=True))
        with payer.page.expect_response(f"**/pay/{link}/result") as answered:
            payer.pay(link, number=DECLINED)
        payer.sees("DECLINED")
        assert answered.value.headers["refresh"] == f"8; url={goal}"
        assert payer.page.locator("text=Try again").count() == 0


def catch(payer: Payer, goal: str) -> list[str]:
    """Play the shop; the addresses that a browser came to."""
    arrived: list[str] = []

    def answer(route: Route) -> None:
        assert "referer" not in route.request.headers
        arrived.append(route.request.url)
        route.fulfill(body="<title>Shop</title><p>the shop</p>", content_type="text/html")

    payer.page.route(re.compile(re.escape(goal.partition("?")[0])), answer)
    return arrived
