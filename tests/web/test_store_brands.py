"""A store's own colour and logo on the pages of a running gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.browser import Payer
from tests.support.gateway import Gateway, eventually
from tests.support.links import Desk, terms
from tests.support.tree import ROOT

COLOUR = "rgb(6, 122, 87)"


class TestAStoresOwnLook:
    def test_is_on_the_next_page_after_it_was_chosen(
        self, payer: Payer, gateway: Gateway, desk: Desk, tmp_path: Path
    ) -> None:
        logo = tmp_path / "logo.png"
        Image.new("RGB", (240, 80), "#e0752d").save(logo)
        uid = desk.link(terms())
        store = _bezant(gateway, "merchant", "show", gateway.demo["valor"]["epi"])["stores"][0]
        store_id = str(store["store_id"])
        _bezant(gateway, "store", "brand", store_id, "--colour", "#067a57", "--logo", str(logo))

        def shown() -> bool:
            payer.open(uid)
            return payer.page.locator("img.logo").count() == 1

        try:
            eventually(shown)
            picture = payer.page.locator("img.logo")
            assert picture.get_attribute("alt") == store["store"]
            assert picture.evaluate("image => image.complete && image.naturalWidth") == 240
            button = payer.page.locator("[data-submit]")
            assert button.evaluate("button => getComputedStyle(button).backgroundColor") == COLOUR
            payer.page.screenshot(path=str(tmp_path / "branded.png"))
            address = picture.get_attribute("src")
            assert address is not None
            answer = payer.context.request.get(address)
            assert answer.body() == logo.read_bytes()
            assert answer.headers["content-type"] == "image/png"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert "immutable" in answer.headers["cache-control"]
        finally:
            _bezant(gateway, "store", "brand", store_id, "--none")
        eventually(lambda: not shown())
        assert payer.context.request.get(address).status == 404
        assert payer.context.request.get("/accent/ffffff.css").status == 404


def _bezant(gateway: Gateway, *arguments: str) -> Any:
    environment = {
        **os.environ,
        "BEZANT_HOME": str(gateway.home),
        "BEZANT_DATABASE_URL": gateway.database_url,
        "PYTHONPATH": str(ROOT / "src"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bezant", *arguments, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
