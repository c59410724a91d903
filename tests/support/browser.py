"""A payer: a real browser on a gateway's pages, which complains of everything that a page does wrong."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Response,
    ViewportSize,
    sync_playwright,
)

from tests.support.apt import install
from tests.support.gateway import Gateway

ARGUMENTS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: Final[ViewportSize] = {"width": 1200, "height": 850}
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
VISA: Final = "4111111111111111"
DECLINED: Final = "4000000000000002"
# A page that answers with an error status is no error of the page.
_STATUS: Final = "Failed to load resource: the server responded with a status of"
_FILL: Final = """fields => {
    for (const [name, text] of Object.entries(fields)) {
        const input = document.getElementById(name);
        input.focus();
        input.value = text;
        input.dispatchEvent(new InputEvent("input", { bubbles: true }));
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }
}"""
_addresses = itertools.count(1)


def program() -> str:
    """The system's Chromium, which is installed if need be; ``BEZANT_TEST_CHROMIUM`` names another."""
    if named := os.environ.get("BEZANT_TEST_CHROMIUM"):
        return named
    found = shutil.which("chromium")
    if found is None and install("chromium"):
        found = shutil.which("chromium")
    assert found is not None, (
        "there is no Chromium to test with: install it, or name it in BEZANT_TEST_CHROMIUM"
    )
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. While it is open, this thread cannot run an event loop of its own."""
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def new_address() -> dict[str, str]:
    """The header that gives a request an address of its own; the gateway takes this machine's word for it."""
    number = next(_addresses)
    return {"x-forwarded-for": f"198.{18 + number // 60_000}.{number // 250 % 250}.{number % 250 + 1}"}


class Payer:
    """One person with one browser, at an address of its own; ``options`` are Playwright's for a context."""

    def __init__(self, browser: Browser, gateway: Gateway, **options: Any) -> None:
        options = {"viewport": DESKTOP, "locale": "en-US", "reduced_motion": "reduce", **options}
        self.context: BrowserContext = browser.new_context(
            base_url=gateway.base_url, extra_http_headers=new_address(), **options
        )
        self.context.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.context.on("page", self._watch)
        self.page: Page = self.context.new_page()

    def become_another(self) -> None:
        """Somebody else sits down at this browser, and finds nothing of what was before."""
        for page in self.context.pages:
            if page is not self.page:
                page.close()
        self.page.unroute_all(behavior="ignoreErrors")
        self.page.goto("about:blank")
        self.context.clear_cookies()
        self.context.set_extra_http_headers(new_address())
        self.complaints.clear()

    def _watch(self, page: Page) -> None:
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_STATUS):
            self.complaints.append(f"{message.type}: {message.text}")

    def open(self, uid: str, query: str = "") -> Response:
        """Open a payment link."""
        response = self.page.goto(f"/pay/{uid}{query}")
        assert response is not None
        return response

    def fill(
        self,
        *,
        number: str = VISA,
        expiry: str = "1236",
        code: str = "999",
        holder: str = "Ada Lovelace",
        **more: str,
    ) -> None:
        """Fill the form in; ``more`` are other fields by name."""
        fields = {"card_number": number, "expiry": expiry, "code": code, "holder": holder, **more}
        self.page.wait_for_selector("#card_number")
        self.page.evaluate(_FILL, fields)

    def tip(self, value: str) -> None:
        """Choose a tip by what the form sends."""
        self.page.check(f"[name=tip][value='{value}']")

    def press(self) -> None:
        """Press the button."""
        self.page.click("[data-submit]")

    def pay(self, uid: str, **card: str) -> None:
        """Open a link, fill the form in, press the button."""
        self.open(uid)
        self.fill(**card)
        self.press()

    def sees(self, heading: str) -> None:
        """Waits for a page with that heading."""
        self.page.wait_for_selector(f"h1:text-is({heading!r})")

    def text(self) -> str:
        """What stands on the page."""
        return self.page.inner_text("body")
