"""What becomes of markup and scripts in the texts of merchants and payers, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route

from bezant.core.invoices import Extra, Item, Look
from bezant.core.languages import Language
from bezant.core.money import Money
from bezant.core.payments import Order
from bezant.receipts import Row, Sheet, Standing
from bezant.web import views
from bezant.web.assets import Assets
from bezant.web.languages import languages
from bezant.web.rendering import Pages
from tests.support.browser import Payer
from tests.support.links import Desk, terms
from tests.web.hostile import TEXTS

ONE: Final = Money(100)
SKELETONS: Final = """documents => documents.map(html => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    return [...parsed.querySelectorAll("*")]
        .map(element => `${element.localName}[${element.getAttributeNames().sort()}]`).join(" ");
})"""


def every_page(text: str) -> Iterator[tuple[str, object]]:
    """Every page by its template, with a text wherever one of a merchant's or a payer's can stand."""
    payee, row = views.Payee(name=text, accent=1), Row(text, text)
    yield (
        "pay.html",
        views.PayPage(
            payee=payee,
            test=True,
            verifies=False,
            description=text,
            number=text,
            lines=(views.Line(name=text, amount=ONE, quantity=2),),
            base=ONE,
            tax=ONE,
            fee=ONE,
            total=ONE,
            tips=(views.TipChoice(value=text, percent=15, amount=ONE),),
            ask_street=True,
            ask_postal_code=True,
            month="2611",
            expires_at=text,
            action=f"/pay/x?{text}",
            state=text,
            messages={"holder": text},
            pay_text=text,
            cancel=f"/pay/x/cancel?{text}",
            cancel_text=text,
            disclaimer=text,
            values=views.Values(
                tip="0", tip_amount=text, holder=text, street=text, postal_code=text, email=text
            ),
            errors={"holder": text, "email": text},
            notice=text,
        ),
    )
    yield (
        "approved.html",
        views.ApprovedPage(
            payee=text,
            amount=ONE,
            card=text,
            approval_code=text,
            receipt=f"/r/{text}",
            onward="https://shop.example/",
        ),
    )
    yield (
        "declined.html",
        views.DeclinedPage(payee=text, reason=text, retry="/", onward="https://shop.example/"),
    )
    yield "cancelled.html", views.CancelledPage(payee=text)
    yield "gone.html", views.GonePage(title=text, text=text)
    yield "paid.html", views.GonePage(title=text, text=text)
    yield "problem.html", views.ProblemPage(title=text, text=text, retry="/")
    yield (
        "receipt.html",
        views.ReceiptPage(
            payee=payee,
            sheet=Sheet(
                language=Language.ENGLISH,
                title=text,
                merchant=text,
                store=text,
                kind=text,
                standing=text,
                total=row,
                amounts=(row,),
                changes=(row,),
                remaining=row,
                facts=(row,),
                notice=text,
            ),
            standing=Standing.PAID,
            document="/r/x.pdf",
        ),
    )


@pytest.fixture(scope="module")
def drawn() -> Mapping[str, list[str]]:
    """Every page with every text; the first of each has a harmless one."""
    pages, spoken = Pages(Assets.load()), languages()
    found: dict[str, list[str]] = {}
    for number, text in enumerate(("harmless", *TEXTS)):
        language = spoken["ar" if number % 2 else "en"] if number else spoken["en"]
        for template, page in every_page(text):
            found.setdefault(template, []).append(
                # Languages differ in their attributes' values alone.
                pages.draw(template, page, language, choice=False)
            )
    return found


def test_there_are_many_of_them() -> None:
    assert len(set(TEXTS)) >= 80


class TestAHostileText:
    def test_is_a_text_wherever_it_stands(self, payer: Payer, drawn: Mapping[str, list[str]]) -> None:
        """No element and no attribute comes or goes with it."""
        for template, documents in drawn.items():
            harmless, *hostile = payer.page.evaluate(SKELETONS, documents)
            wrong = [text for text, skeleton in zip(TEXTS, hostile, strict=True) if skeleton != harmless]
            assert wrong == [], template

    def test_runs_nothing_even_where_no_policy_forbids_it(
        self, payer: Payer, drawn: Mapping[str, list[str]]
    ) -> None:
        bodies = [_body(document) for documents in drawn.values() for document in documents]
        asked = _serve(payer.page, "".join(f"<section>{body}</section>" for body in bodies))
        payer.page.goto("http://127.0.0.1:9/texts")
        assert payer.page.locator("body > section").count() == len(bodies)
        assert payer.page.locator("main main").count() == 0
        assert _is_unhit(payer.page)
        assert asked == ["/texts"]

    def test_is_shown_as_it_was_written(self, payer: Payer, desk: Desk) -> None:
        """Through the gateway, its database and its policy, from the link to the receipt."""
        extra = (Extra(name=TEXTS[0], price=ONE),)
        items = tuple(Item(name=text, quantity=1, price=ONE, extras=extra) for text in TEXTS)
        everything = " ".join(TEXTS)
        order = Order(description=everything, invoice=TEXTS[23][:50])
        look = Look(name=TEXTS[3], pay_text=TEXTS[4], cancel_text=TEXTS[5], disclaimer=everything)
        link = desk.link(terms(2000, items=items, order=order, may_cancel=True, look=look))
        payer.open(link)
        self._check(payer, TEXTS)
        payer.fill(number="4111", holder=TEXTS[24][:60], email=TEXTS[47][:50])
        payer.page.evaluate("() => document.querySelector('[data-form]').submit()")
        payer.page.wait_for_selector("[data-notice]")
        assert payer.page.input_value("#holder") == TEXTS[24][:60]
        assert payer.page.input_value("#email") == TEXTS[47][:50]
        self._check(payer, TEXTS)
        payer.fill(holder=TEXTS[24][:60], email="")
        payer.press()
        payer.sees("APPROVED")
        self._check(payer, ())
        payer.page.click("text=View receipt")
        payer.page.wait_for_selector(".receipt")
        self._check(payer, TEXTS)
        document = payer.page.request.get(payer.page.url + ".pdf").body()
        assert not re.search(rb"/(JavaScript|JS|URI|Launch|OpenAction|AA)\b", document)

    def _check(self, payer: Payer, shown: tuple[str, ...]) -> None:
        assert _is_unhit(payer.page)
        text = _squeezed(str(payer.page.evaluate("() => document.body.textContent")))
        assert [wanted for wanted in shown if _squeezed(wanted) not in text] == []


def _body(document: str) -> str:
    start = document.index("<body")
    return document[document.index(">", start) + 1 : document.rindex("</body>")]


def _serve(page: Page, body: str) -> list[str]:
    """Answer every request of a page with that body, without any policy; what was asked for."""
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append("/" + route.request.url.split("/", 3)[3])
        content: dict[str, Any] = {"content_type": "text/html; charset=utf-8"}
        route.fulfill(body=f"<!doctype html><title>x</title><body>{body}</body>", **content)

    page.route("**/*", answer)
    return asked


def _is_unhit(page: Page) -> bool:
    hits = page.evaluate("() => JSON.stringify({...document.documentElement.dataset, text: document.title})")
    return "hit" not in json.loads(hits)


def _squeezed(text: str) -> str:
    return " ".join(text.split())
