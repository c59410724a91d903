"""What holds for every page: accessible to all, light, alone, and sealed by its headers."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Response

from bezant.core.invoices import Item, Look, TipOffer
from bezant.core.money import Money
from tests.support.browser import DECLINED, DESKTOP, PHONE, Payer
from tests.support.forms import Page, Visitor
from tests.support.gateway import Gateway
from tests.support.links import Desk, terms
from tests.support.npm import axe
from tests.support.tree import SOURCE

LANGUAGES: Final = ("en", "es", "ar")
BYTES_MAX: Final = 60_000
TIPS: Final = TipOffer(percents=(15, 18, 20), percent_max=50)
ITEMS: Final = (
    Item(name="Concert ticket, stalls", quantity=2, price=Money(4500)),
    Item(name="Programme", quantity=1, price=Money(1000)),
)
LOOK: Final = Look(
    name="Hill & Vale Furniture",
    colour="#067a57",
    button_colour="#2a4b8d",
    disclaimer="Made to order: beds are delivered within three weeks and cannot be sent back.",
)
RUN: Final = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target).join(", ")}`);
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a browser found of a page: axe-core's objections, its width on a phone, what was loaded for it."""

    language: str
    violations: list[str]
    width: int
    loaded: int
    hosts: frozenset[str]


class Walk:
    """One payer's way over every page, in one language."""

    def __init__(self, browser: Browser, gateway: Gateway, desk: Desk, language: str) -> None:
        self._payer = Payer(browser, gateway)
        self._desk = desk
        self._query = f"?lang={language}"
        self._axe = axe()
        self._answers: list[Response] = []
        self._payer.page.on("response", self._hear)
        self.seen: dict[str, Seen] = {}

    def go(self) -> None:
        """See every page."""
        self._paying()
        payer, page = self._payer, self._payer.page
        payer.open(self._desk.link(terms(failure_url="https://shop.example/sorry")), self._query)
        payer.fill(number=DECLINED)
        payer.press()
        page.wait_for_selector(".modal")
        self._look("declined")
        payer.open(self._desk.link(terms()), self._query)
        payer.context.clear_cookies()
        payer.fill()
        payer.press()
        page.wait_for_selector(".modal")
        self._look("refused")
        payer.open(self._desk.link(terms(may_cancel=True, look=LOOK)), self._query)
        self._look("form with a look of its own")
        payer.page.click(".cancel-button")
        page.wait_for_selector(".modal")
        self._look("cancelled")
        payer.open(self._desk.link(terms(life=timedelta(seconds=0))), self._query)
        self._look("expired")
        payer.open("a" * 32, self._query)
        self._look("missing")
        page.goto(f"/passage/fields{self._query}")
        self._look("frame")
        payer.context.close()
        assert payer.complaints == []

    def _paying(self) -> None:
        payer, page = self._payer, self._payer.page
        asked = terms(
            10000, tax=825, fee=300, tips=TIPS, items=ITEMS, success_url="https://shop.example/thanks"
        )
        link = self._desk.link(asked)
        payer.open(link, self._query)
        page.click(".help summary")
        self._look("form")
        page.evaluate("() => document.querySelector('[data-form]').submit()")
        page.wait_for_selector("[data-notice]")
        payer.tip("other")
        self._look("mistakes")
        payer.tip("18")
        payer.fill()
        payer.press()
        page.wait_for_selector(".modal")
        self._look("approved")
        page.click(".modal a[href^='/r/']")
        page.wait_for_selector(".receipt")
        self._look("receipt")
        payer.context.clear_cookies()
        payer.open(link, self._query)
        self._look("taken")

    def _hear(self, answer: Response) -> None:
        self._answers.append(answer)

    def _look(self, name: str) -> None:
        page = self._payer.page
        page.wait_for_load_state("load")
        answers, self._answers = self._answers, []
        web = [answer for answer in answers if answer.url.startswith("http")]
        page.evaluate(self._axe)
        violations = page.evaluate(RUN)
        page.set_viewport_size(PHONE)
        width = page.evaluate("() => document.documentElement.scrollWidth")
        page.set_viewport_size(DESKTOP)
        self.seen[name] = Seen(
            language=str(page.get_attribute("html", "lang")),
            violations=violations,
            width=width,
            loaded=sum(answer.request.sizes()["responseBodySize"] for answer in web),
            hosts=frozenset(urlsplit(answer.url).netloc for answer in web),
        )


@pytest.fixture(scope="module", params=LANGUAGES)
def seen(request: pytest.FixtureRequest, browser: Browser, _shared: Gateway, desk: Desk) -> dict[str, Seen]:
    """Every page in one language."""
    walk = Walk(browser, _shared, desk, request.param)
    walk.go()
    assert {page.language for page in walk.seen.values()} == {request.param}
    return walk.seen


class TestEveryPage:
    def test_is_accessible(self, seen: dict[str, Seen]) -> None:
        """By all rules of axe-core."""
        assert {name: page.violations for name, page in seen.items() if page.violations} == {}

    def test_fits_a_phone(self, seen: dict[str, Seen]) -> None:
        assert {name: page.width for name, page in seen.items() if page.width > PHONE["width"]} == {}

    def test_is_light(self, seen: dict[str, Seen]) -> None:
        assert {name: page.loaded for name, page in seen.items() if page.loaded > BYTES_MAX} == {}

    def test_asks_nobody_but_the_gateway(self, seen: dict[str, Seen], gateway: Gateway) -> None:
        home = urlsplit(gateway.base_url).netloc
        assert {host for page in seen.values() for host in page.hosts} == {home}


@pytest.fixture(scope="module")
def pages(_shared: Gateway, desk: Desk) -> dict[str, Page]:
    """One answer of each kind, as it was sent."""
    with Visitor(_shared) as visitor:
        paid = desk.link(terms())
        found = {"form": visitor.get(f"/pay/{desk.link(terms())}"), "pay": visitor.pay(paid)}
        found["approved"] = visitor.get(f"/pay/{paid}/result")
        receipt = re.search(r'href="(/r/[^"]+)"', found["approved"].body)
        assert receipt is not None
        found["receipt"] = visitor.get(receipt[1])
        found["document"] = visitor.get(f"{receipt[1]}.pdf")
        found["taken"] = visitor.get(f"/qr/{paid}.svg")
        found["code"] = visitor.get(f"/qr/{desk.link(terms())}.svg")
        found["missing"] = visitor.get("/pay/x")
        found["refused"] = visitor.send(f"/pay/{desk.link(terms())}", {})
        found["check"] = visitor.get("/.well-known/bezant-pages")
    return found


class TestEveryAnswer:
    def test_allows_a_browser_nothing_but_the_page(self, pages: dict[str, Page]) -> None:
        for name, page in pages.items():
            policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
            assert policy["default-src"] == "'none'", name
            assert "unsafe" not in str(policy), name
            assert policy["script-src"] in {"'self'", "'none'"}, name
            assert policy["frame-ancestors"] == policy["base-uri"] == "'none'", name
            assert policy["form-action"] == "'self'", name
            assert policy["require-trusted-types-for"] == "'script'", name

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-robots-tag", "noindex, nofollow"),
        ],
    )
    def test_has_the_header(self, pages: dict[str, Page], header: str, value: str) -> None:
        assert {name: page.headers.get(header) for name, page in pages.items()} == dict.fromkeys(pages, value)

    def test_has_no_script_or_style_of_its_own(self, pages: dict[str, Page]) -> None:
        for name, page in pages.items():
            if not page.headers.get("content-type", "").startswith("text/html"):
                continue
            assert (
                re.search(r"<script(?![^>]*\ssrc=)|<style|\son[a-z]+=|\sstyle=|javascript:", page.body)
                is None
            ), name
            for tag in re.findall(r"<(?:script|link)\b[^>]*(?:src|href)=\"/[^>]*>", page.body):
                assert re.search(r'integrity="sha384-[0-9A-Za-z+/]{64}"', tag), tag

    def test_keeps_cookies_from_scripts_and_other_sites(self, pages: dict[str, Page]) -> None:
        cookie = pages["form"].headers["set-cookie"]
        assert {"HttpOnly", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
        assert re.search(r"Path=/pay/[0-9A-Za-z]{32};", cookie)

    def test_says_nothing_of_the_program(self, pages: dict[str, Page]) -> None:
        assert [page.headers["server"] for page in pages.values() if "server" in page.headers] == []


CHANGE_AND_CHECK: Final = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from bezant.admission import Admission
from bezant.web.files import FilePages
from bezant.web.site import Site
web = Path(sys.argv[1]) / "bezant" / "web"
door = Admission(1, waiting=int)
pages = FilePages(Site(public_url="", trusted_proxies=frozenset(), observe=print, door=door))
def check():
    answer = asyncio.run(pages.check(None))
    return answer.status_code, json.loads(answer.body)["changed"]
before = check()
with (web / "templates" / "pay.html").open("a") as file: file.write("<script src=//evil.example/x.js>")
(web / "static" / "pages.js").write_text("")
(web / "static" / "evil.js").write_text("")
print(json.dumps([before, check()]))
"""


class TestTheSelfCheck:
    def test_finds_the_pages_intact(self, pages: dict[str, Page]) -> None:
        report: dict[str, Any] = json.loads(pages["check"].body)
        assert (report["intact"], report["changed"]) == (True, [])
        assert {"templates/pay.html", "static/pages.js", "locales/ar.po"} <= report["files"].keys()
        assert len(report["digest"]) == 64

    def test_finds_what_was_changed_since_the_start(self, tmp_path: Path) -> None:
        """In a copy of the package, where that can be done."""
        shutil.copytree(SOURCE, tmp_path / "bezant")
        found = subprocess.run(
            (sys.executable, "-c", CHANGE_AND_CHECK, str(tmp_path)),
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(found.stdout) == [
            [200, []],
            [500, ["static/evil.js", "static/pages.js", "templates/pay.html"]],
        ]
