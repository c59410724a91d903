"""What becomes of a payment that its payer does not want to make, and of links with a look of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from bezant.core.invoices import Callback, Look
from tests.support.browser import Payer
from tests.support.forms import Visitor
from tests.support.gateway import Gateway
from tests.support.links import Desk, terms
from tests.web.conftest import MakePayer
from tests.web.test_paying import SHOP, catch

GOAL = f"{SHOP}/left?order=7"


class TestAPayerThatCancels:
    def test_is_back_at_the_shop_at_once(self, payer: Payer, desk: Desk) -> None:
        arrived = catch(payer, GOAL)
        link = desk.link(terms(may_cancel=True, cancel_url=GOAL))
        payer.open(link)
        payer.page.click("text=Cancel")
        payer.page.wait_for_selector("text=the shop")
        assert arrived == [GOAL]
        assert desk.invoice(link)["state"] == "cancelled"
        assert desk.payments(link) == []
        assert payer.open(link).status == 410
        payer.sees("Payment Link expired")

    @pytest.mark.parametrize(
        ("language", "label", "heading"),
        [("en", "Cancel", "CANCELLED"), ("es", "Cancelar", "CANCELADO"), ("ar", "إلغاء", "أُلغي الدفع")],
    )
    def test_needs_no_script_and_reads_its_own_language(
        self, make_payer: MakePayer, desk: Desk, language: str, label: str, heading: str
    ) -> None:
        payer = make_payer(java_script_enabled=False)
        link = desk.link(terms(may_cancel=True))
        payer.open(link, f"?lang={language}")
        payer.page.get_by_role("button", name=label, exact=True).click()
        payer.sees(heading)
        assert "Bezant Demo Store" in payer.text()
        assert desk.invoice(link)["state"] == "cancelled"

    def test_may_press_by_keyboard_after_having_typed(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms(may_cancel=True))
        payer.open(link)
        payer.fill()
        payer.page.focus(".cancel-button")
        payer.page.keyboard.press("Enter")
        payer.sees("CANCELLED")
        assert desk.payments(link) == []

    def test_may_press_twice(self, payer: Payer, desk: Desk) -> None:
        arrived = catch(payer, GOAL)
        link = desk.link(terms(may_cancel=True, cancel_url=GOAL))
        payer.open(link)
        payer.page.dblclick("text=Cancel")
        payer.page.wait_for_selector("text=the shop")
        assert arrived == [GOAL]

    def test_and_sees_no_answer_may_press_again(self, gateway: Gateway, desk: Desk) -> None:
        link = desk.link(terms(may_cancel=True, cancel_url=GOAL))
        with Visitor(gateway) as visitor:
            fields, cookies = visitor.form(link), dict(visitor.cookies)
            visitor.send(f"/pay/{link}/cancel", fields)
            visitor.cookies = cookies
            visitor.send(f"/pay/{link}/cancel", fields)
            assert visitor.get(f"/pay/{link}/result").headers["refresh"] == f"0; url={GOAL}"

    def test_who_has_paid_elsewhere_meanwhile_has_paid(self, payer: Payer, desk: Desk) -> None:
        link = desk.link(terms(may_cancel=True, cancel_url=GOAL))
        payer.open(link)
        other = payer.context.new_page()
        other.goto(f"/pay/{link}")
        payer.fill()
        payer.press()
        payer.sees("APPROVED")
        other.click("text=Cancel")
        other.wait_for_selector("h1:text-is('APPROVED')")
        assert desk.invoice(link)["state"] == "paid"

    def test_twice_has_cancelled_once(self, gateway: Gateway, desk: Desk) -> None:
        callback = Callback(url="https://shop.example/told")
        link = desk.link(terms(may_cancel=True, callback=callback))
        with Visitor(gateway) as visitor:
            fields = visitor.form(link)
            answers = [visitor.send(f"/pay/{link}/cancel", fields) for _ in range(2)]
        assert {answer.headers["location"] for answer in answers} == {f"/pay/{link}/result"}
        topics = gateway.rows(
            "SELECT d.topic FROM deliveries d JOIN invoices i ON i.invoice_id = d.subject_id"
            " WHERE i.uid = :uid",
            uid=link,
        )
        assert [row["topic"] for row in topics] == ["page.left"]

    @pytest.mark.parametrize("round_", range(6))
    def test_while_another_pays_is_one_of_two_that_gets_its_way(
        self, gateway: Gateway, desk: Desk, round_: int
    ) -> None:
        link = desk.link(terms(may_cancel=True))
        with Visitor(gateway) as payer, Visitor(gateway) as leaver, ThreadPoolExecutor(2) as threads:
            paying, leaving = payer.form(link), leaver.form(link)
            acts = (
                lambda: payer.send(f"/pay/{link}", paying),
                lambda: leaver.send(f"/pay/{link}/cancel", leaving),
            )
            done = [threads.submit(act) for act in (acts if round_ % 2 else acts[::-1])]
            assert [each.result().status for each in done] == [303, 303]
        outcome = desk.invoice(link)["state"], desk.states(link)
        assert outcome in (("paid", ["captured"]), ("cancelled", []))


class TestACancellation:
    def test_is_not_offered_where_the_merchant_does_not(
        self, payer: Payer, gateway: Gateway, desk: Desk
    ) -> None:
        link = desk.link(terms())
        payer.open(link)
        assert payer.page.locator(".cancel-button, #cancel").count() == 0
        with Visitor(gateway) as visitor:
            answer = visitor.send(f"/pay/{link}/cancel", visitor.form(link))
        assert (answer.status, desk.invoice(link)["state"]) == (303, "pending")

    @pytest.mark.parametrize("wrong", ["no cookie", "another link", "another site", "no state", "no form"])
    def test_that_is_forged_cancels_nothing(self, gateway: Gateway, desk: Desk, wrong: str) -> None:
        link = desk.link(terms(may_cancel=True))
        with Visitor(gateway) as visitor:
            fields = visitor.form(link)
            headers: dict[str, str] = {}
            match wrong:
                case "no cookie":
                    visitor.cookies.clear()
                case "another link":
                    fields = visitor.form(desk.link(terms(may_cancel=True)))
                case "another site":
                    headers["sec-fetch-site"] = "cross-site"
                case "no state":
                    fields.pop("state")
                case _:
                    headers["content-type"] = "application/json"
            answer = visitor.send(f"/pay/{link}/cancel", fields, **headers)
            assert answer.status == (400 if wrong == "no form" else 403)
            assert visitor.get(f"/pay/{link}/cancel").status == 405
        assert desk.invoice(link)["state"] == "pending"

    def test_of_a_link_that_is_over_says_so(self, gateway: Gateway, desk: Desk) -> None:
        link = desk.link(terms(may_cancel=True))
        with Visitor(gateway) as visitor:
            fields = visitor.form(link)
            desk.cancel(link)
            visitor.send(f"/pay/{link}/cancel", fields)
            page = visitor.get(f"/pay/{link}/result")
            assert (page.status, "CANCELLED" in page.body) == (200, True)
            assert visitor.send(f"/pay/{'0' * 32}/cancel", fields).status == 404

    def test_is_known_to_the_browser_alone_that_cancelled(self, gateway: Gateway, desk: Desk) -> None:
        link = desk.link(terms(may_cancel=True, cancel_url=GOAL))
        with Visitor(gateway) as visitor, Visitor(gateway) as stranger:
            visitor.send(f"/pay/{link}/cancel", visitor.form(link))
            answer = visitor.get(f"/pay/{link}/result")
            assert (answer.status, answer.headers["refresh"]) == (200, f"0; url={GOAL}")
            answer = stranger.get(f"/pay/{link}/result")
            assert (answer.status, "refresh" in answer.headers) == (410, False)


class TestALinkWithALookOfItsOwn:
    def test_shows_it(self, payer: Payer, desk: Desk) -> None:
        look = Look(
            name="The Bed Shop",
            colour="#067a57",
            button_colour="#7a0657",
            pay_text="Buy the bed",
            cancel_text="No bed",
            disclaimer="Beds are delivered within a week.",
        )
        link = desk.link(terms(may_cancel=True, look=look))
        payer.open(link)
        page = payer.page
        assert page.inner_text("#payee").endswith("The Bed Shop")
        colours = {
            place: page.locator(place).evaluate("place => getComputedStyle(place).backgroundColor")
            for place in (".monogram", "[data-submit]")
        }
        assert colours == {".monogram": "rgb(6, 122, 87)", "[data-submit]": "rgb(122, 6, 87)"}
        expect(page.locator("[data-submit]")).to_have_text("Buy the bed")
        expect(page.locator(".cancel-button")).to_have_text("No bed")
        assert "Beds are delivered within a week." in payer.text()
        payer.fill()
        payer.press()
        payer.sees("APPROVED")
        assert "The Bed Shop" in payer.text()

    def test_is_an_ordinary_one_without_one(self, payer: Payer, desk: Desk) -> None:
        payer.open(desk.link(terms(look=Look(button_colour="#7a0657"))))
        expect(payer.page.locator("[data-submit]")).to_have_text("Pay $20.00")
        assert payer.page.locator("link[rel=stylesheet]").count() == 2
        assert payer.page.locator("[data-accent=own], .disclaimer").count() == 0


class TestAPayerOfALinkThatTakesOneTry:
    def test_is_told_nothing_that_cannot_be_done(self, payer: Payer, desk: Desk) -> None:
        catch(payer, GOAL)
        for goal in (None, GOAL):
            payer.pay(desk.link(terms(one_try=True, failure_url=goal)), number="4000000000000002")
            payer.sees("DECLINED")
            text = payer.text()
            assert "Your bank declined this card." in text
            assert "try" not in text.lower()
            assert "127.0.0.1" not in text
            assert "Bezant Demo Store" in text
            assert ("closed now" in text) == (goal is None)
