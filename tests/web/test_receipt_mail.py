"""Who gives a mail address on the form gets the receipt there: browser, gateway, mail server, browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser

from bezant.rails.mail.sandbox import Mail, MailSandbox
from tests.support.browser import Payer
from tests.support.gateway import Gateway, eventually, free_port
from tests.support.links import Desk, terms

ADA = "ada@example.com"
WORDS = {"en": ("receipt", "Receipt"), "ar": ("إيصال", "إيصال")}
"""What stands in the mail's subject and on the page."""


@pytest.fixture(scope="module")
def relay() -> Iterator[MailSandbox]:
    """A real mail server."""
    relay = MailSandbox(port=free_port(), control_port=free_port())
    with start_blocking_portal() as portal:
        portal.call(relay.start)
        yield relay
        portal.call(relay.stop)


@pytest.fixture(scope="module")
def sending(relay: MailSandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that sends its mails there."""
    host, port = relay.address
    settings = {
        "BEZANT_SMTP": f"{host}:{port}",
        "BEZANT_SMTP_SECURITY": "none",
        "BEZANT_TRUSTED_PROXIES": "127.0.0.1",
    }
    with Gateway(tmp_path_factory.mktemp("mailing"), settings=settings) as gateway:
        yield gateway


class TestAPayerThatGivesAnAddress:
    @pytest.mark.parametrize("language", WORDS)
    def test_gets_a_receipt_whose_link_opens(
        self, sending: Gateway, relay: MailSandbox, browser: Browser, language: str
    ) -> None:
        subject, title = WORDS[language]
        payer = Payer(browser, sending)
        with Desk.at(sending) as desk:
            link = desk.link(terms(2000, tax=165))
            payer.open(link, f"?lang={language}")
            payer.fill(email=f"{language}.{ADA}")
            payer.press()
            payer.page.wait_for_selector(".approved h1")
            (mail,) = eventually(lambda: _to(relay, f"{language}.{ADA}"))
        assert subject in mail.subject
        found = re.search(r"http://\S+/r/[0-9a-z-]+", mail.text)
        assert found is not None
        payer.page.goto(f"{found[0]}?lang={language}")
        payer.page.wait_for_selector(".receipt")
        assert title in payer.text()
        assert "21.65" in payer.text()
        assert payer.complaints == []
        payer.context.close()

    def test_that_gives_none_gets_none(self, sending: Gateway, relay: MailSandbox, browser: Browser) -> None:
        payer, before = Payer(browser, sending), len(relay.mails)
        with Desk.at(sending) as desk:
            payer.pay(desk.link(terms()))
            payer.sees("APPROVED")
            payer.pay(desk.link(terms()), email="last@example.com")
            payer.sees("APPROVED")
            eventually(lambda: _to(relay, "last@example.com"))
        assert len(relay.mails) == before + 1
        payer.context.close()


def _to(relay: MailSandbox, address: str) -> list[Mail]:
    return [mail for mail in relay.mails if mail.to == [address]]
