"""Draws the payers' pages for the docs and measures them: ``python -m tests.web``.

Screenshots go to ``docs/images``; what pages weigh and how long the gateway takes for them is printed.
"""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from http import HTTPStatus
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from typing import Final

from PIL import Image
from playwright.sync_api import Browser

from bezant.core.payments import Kind
from tests.support.browser import DECLINED, PHONE, Payer, chromium
from tests.support.forms import Visitor
from tests.support.gateway import Gateway
from tests.support.links import Desk, terms
from tests.support.tree import ROOT
from tests.web.test_quality import ITEMS, LOOK, TIPS

FOLDER: Final = ROOT / "docs" / "images"
COLOURS: Final = 128
ROUNDS: Final = 200
PERCENT_95: Final = 94


def main() -> None:
    """Draw and measure."""
    FOLDER.mkdir(exist_ok=True)
    settings = {"BEZANT_TRUSTED_PROXIES": "127.0.0.1"}
    with (
        tempfile.TemporaryDirectory() as home,
        Gateway(Path(home), settings=settings) as gateway,
        Desk.at(gateway) as desk,
    ):
        with chromium() as browser:
            draw(browser, gateway, desk)
        measure(gateway, desk)


def draw(browser: Browser, gateway: Gateway, desk: Desk) -> None:
    """Every picture of the docs."""
    desktop = Payer(browser, gateway, viewport={"width": 1120, "height": 720})
    phone = Payer(browser, gateway, viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=1.5)
    asked = terms(10000, tax=825, fee=300, tips=TIPS, items=ITEMS)
    page = desktop.page

    desktop.open(desk.link(asked))
    desktop.tip("18")
    keep(desktop, "pay")
    desktop.fill(number="4111111111111112", expiry="0120")
    desktop.press()
    keep(desktop, "pay-mistakes")
    desktop.fill()
    desktop.press()
    desktop.sees("APPROVED")
    keep(desktop, "approved")
    page.click(".modal a[href^='/r/']")
    page.wait_for_selector(".receipt")
    keep(desktop, "receipt")
    desktop.pay(desk.link(terms()), number=DECLINED)
    desktop.sees("DECLINED")
    keep(desktop, "declined")
    desktop.pay(desk.link(terms(one_try=True)), number=DECLINED)
    desktop.sees("DECLINED")
    keep(desktop, "declined-closed")
    desktop.open(desk.link(terms(life=timedelta(seconds=0))))
    keep(desktop, "expired")
    desktop.open(desk.link(terms(may_cancel=True, look=LOOK)))
    keep(desktop, "pay-look")
    desktop.page.click(".cancel-button")
    desktop.sees("CANCELLED")
    keep(desktop, "cancelled")
    desktop.open(desk.link(terms(0, kind=Kind.VERIFICATION, may_cancel=True)))
    keep(desktop, "verify")

    phone.open(desk.link(terms(2000, tax=165)))
    keep(phone, "pay-phone")
    phone.open(desk.link(terms(2000, tax=165)), "?lang=ar")
    keep(phone, "pay-phone-arabic")
    phone.fill()
    phone.press()
    phone.page.click(".modal a[href^='/r/']")
    phone.page.wait_for_selector(".receipt")
    keep(phone, "receipt-phone-arabic")


def keep(payer: Payer, name: str) -> None:
    """The whole page as a picture of few colours."""
    payer.page.mouse.move(0, 0)
    payer.page.wait_for_timeout(400)
    shot = Image.open(BytesIO(payer.page.screenshot(full_page=True)))
    small = shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(FOLDER / f"{name}.png", optimize=True)


def measure(gateway: Gateway, desk: Desk) -> None:
    """Print how long the gateway takes, asked by one payer after another: medians and 95th percentiles."""
    taken: dict[str, list[float]] = {"the form": [], "paying": [], "the result": []}
    for _ in range(ROUNDS):
        link = desk.link(terms(2000, tax=165))
        with Visitor(gateway) as visitor:
            moments = [time.perf_counter()]
            fields = visitor.form(link)
            moments.append(time.perf_counter())
            visitor.send(f"/pay/{link}", fields)
            moments.append(time.perf_counter())
            assert visitor.get(f"/pay/{link}/result").status == HTTPStatus.OK
            moments.append(time.perf_counter())
        for times, (before, after) in zip(taken.values(), pairwise(moments), strict=True):
            times.append((after - before) * 1000)
    for name, times in taken.items():
        cuts = quantiles(times, n=100)
        print(f"{name}: median {cuts[49]:.1f} ms, 95 of 100 within {cuts[PERCENT_95]:.1f} ms")


if __name__ == "__main__":
    main()
