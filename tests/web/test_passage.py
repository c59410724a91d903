"""Card fields in a shop's own page: the shop gets a token and never sees the card."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Frame, Page, expect

from tests.support.browser import VISA, Payer
from tests.support.gateway import Gateway


class Shop:
    """A shop on another origin than the gateway's; ``got`` is what its form was posted."""

    def __init__(self) -> None:
        self.page = ""
        self.got: list[dict[str, str]] = []
        shop = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(shop.page)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                shop.got.append(dict(parse_qsl(body, keep_blank_values=True)))
                self._send("<title>Thanks</title><h1>Thanks</h1>")

            def _send(self, page: str) -> None:
                content = page.encode()
                self.send_response(200)
                self.send_header("content-type", "text/html; charset=utf-8")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        # Another name than the gateway's, so that it is another site to a browser.
        self.url = f"http://localhost:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Close it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.close()


def checkout(gateway: Gateway, token: str, **attributes: str) -> str:
    """A shop's page with our script in it, as the vendor's documents have it."""
    facts = {"name": "valor_passage", "clientToken": token, "epi": gateway.demo["valor"]["epi"], **attributes}
    written = " ".join(f'data-{name}="{escape(value)}"' for name, value in facts.items())
    script = f'<script src="{gateway.base_url}/V1/js/Passage.min.js" {written}></script>'
    form = '<form id="valor-checkout-form" method="post" action="/order"><div id="valor-fields"></div></form>'
    head = '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Shop</title>'
    return f"{head}<h1>Shop</h1>{form}{script}"


@pytest.fixture
def token(gateway: Gateway) -> str:
    answer = gateway.call(txn_type="clientToken")
    assert answer.status == 200, answer
    return str(answer.body["clientToken"])


def fields_of(page: Page) -> Frame:
    page.wait_for_selector("iframe")
    frame = page.frames[1]
    frame.wait_for_selector("#card_number")
    frame.wait_for_selector("span[data-brand]")
    return frame


class TestAShop:
    def test_gets_a_token_that_it_can_charge(
        self, payer: Payer, gateway: Gateway, shop: Shop, token: str
    ) -> None:
        shop.page = checkout(gateway, token, submitText="Order", cardholderName="true", email="true")
        payer.page.goto(shop.url)
        frame = fields_of(payer.page)
        frame.fill("#card_number", VISA)
        frame.fill("#expiry", "1236")
        payer.page.fill("[name=cardholdername]", "Ada Lovelace")
        payer.page.click("text=Order")
        payer.page.wait_for_selector("h1:text-is('Thanks')")
        (got,) = shop.got
        assert got["cardholdername"] == "Ada Lovelace"
        assert VISA not in str(got)
        sale = gateway.call(
            txn_type="sale", amount="3.00", token=got["token"], surchargeIndicator="0", expirydate="1236"
        )
        assert (sale.status, sale.body["pan"]) == (200, "XXXX1111"), sale

    def test_gets_nothing_for_a_number_that_is_wrong(
        self, payer: Payer, gateway: Gateway, shop: Shop, token: str
    ) -> None:
        shop.page = checkout(gateway, token)
        payer.page.goto(shop.url)
        frame = fields_of(payer.page)
        frame.fill("#card_number", "4111111111111112")
        frame.fill("#expiry", "1236")
        payer.page.click("button")
        expect(frame.locator("#card_number-error")).to_have_text("Enter a valid card number.")
        assert shop.got == []

    def test_gets_nothing_for_a_token_that_is_none(self, payer: Payer, gateway: Gateway, shop: Shop) -> None:
        shop.page = checkout(gateway, "nonsense")
        payer.page.goto(shop.url)
        frame = fields_of(payer.page)
        frame.fill("#card_number", VISA)
        frame.fill("#expiry", "1236")
        payer.page.click("button")
        expect(frame.locator("[data-failure]")).to_have_text("We could not take this card. Please try again.")
        assert shop.got == []

    def test_cannot_read_what_is_typed(self, payer: Payer, gateway: Gateway, shop: Shop, token: str) -> None:
        shop.page = checkout(gateway, token)
        payer.page.goto(shop.url)
        fields_of(payer.page).fill("#card_number", VISA)
        look = (
            "() => { try { return frames[0].document.body.innerText } catch (error) { return error.name } }"
        )
        assert payer.page.evaluate(look) == "SecurityError"

    def test_cannot_frame_a_payment_link(self, payer: Payer, gateway: Gateway, shop: Shop) -> None:
        """A payer who sees our form sees our address."""
        shop.page = f'<title>Shop</title><iframe src="{gateway.base_url}/pay/{"a" * 32}"></iframe>'
        payer.page.goto(shop.url)
        payer.page.wait_for_timeout(100)
        assert payer.page.frames[1].url.startswith("chrome-error:")
        (complaint,) = payer.complaints
        assert "frame-ancestors" in complaint
        payer.complaints.clear()


class TestAShopWithFieldsOfItsOwn:
    def test_gets_a_token_for_one_charge(self, payer: Payer, gateway: Gateway, shop: Shop) -> None:
        payer.context.set_extra_http_headers({})  # a shop's page sends none, and may send none elsewhere
        ours = gateway.demo["ipospays"]
        script = f'<script id="ftd" src="{gateway.base_url}/ftd/v1/freedomtodesign.js" security_key='
        inputs = "".join(f'<input id="{name}">' for name in ("ccnumber", "ccexpiry", "cccvv"))
        shop.page = f'<!doctype html><title>Shop</title>{inputs}{script}"{ours["auth_token"]}"></script>'
        payer.page.goto(shop.url)
        assert "errors" in payer.page.evaluate("postData()")
        for name, typed in (("ccnumber", VISA), ("ccexpiry", "12 / 36"), ("cccvv", "999")):
            payer.page.fill(f"#{name}", typed)
        told = payer.page.evaluate("new Promise((told) => postData(told))")
        once = told["payment_token_id"]
        words = []
        for reference in (f"1-{once}", f"2-{once}"):
            sale = {
                "merchantAuthentication": {"merchantId": ours["tpn"], "transactionReferenceId": reference},
                "transactionRequest": {"transactionType": 1, "amount": "300", "paymentTokenId": once},
            }
            headers = {"token": ours["auth_token"]}
            answer = gateway.post(json.dumps(sale).encode(), headers, target="/api/v1/iposTransact")
            words.append(answer.body["iposhpresponse"]["errResponseMessage"])
        assert words == ["APPROVAL", "INVALID CARD TOKEN"]
