"""What payers see of a gateway that is killed while they pay; and the heart of paying on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Error

from tests.faults.launcher import VARIABLE, Order, hit_file
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.browser import DECLINED, Payer
from tests.support.forms import Visitor
from tests.support.gateway import SWIFT, Gateway, eventually, gateway_on
from tests.support.links import Desk, terms

ANSWER_LOST = Order(point="invoice.answered")
"""The charge is approved and stored; the payer does not hear of it."""
CHARGE_LOST = Order(point="link.heard")
"""The host has approved; nobody here knows."""


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that says where to die."""
    return tmp_path_factory.mktemp("orders") / "order"


@pytest.fixture(scope="module")
def mortal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, orders: Path
) -> Iterator[Gateway]:
    """A gateway on PostgreSQL."""
    settings = {**SWIFT, "BEZANT_TRUSTED_PROXIES": "127.0.0.1", VARIABLE: str(orders)}
    with gateway_on(
        "postgresql",
        tmp_path_factory.mktemp("mortal"),
        postgres=lambda: request.getfixturevalue("postgres"),
        settings=settings,
        module="tests.faults.launcher",
    ) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def counter(mortal: Gateway) -> Iterator[Desk]:
    with Desk.at(mortal) as desk:
        yield desk


@pytest.fixture
def guest(browser: Browser, mortal: Gateway) -> Iterator[Payer]:
    payer = Payer(browser, mortal)
    yield payer
    payer.context.close()
    assert [text for text in payer.complaints if "ERR_" not in text] == []


class TestOnPostgresql:
    def test_a_payer_pays(self, guest: Payer, counter: Desk) -> None:
        link = counter.link(terms())
        guest.pay(link)
        guest.sees("APPROVED")
        assert counter.states(link) == ["captured"]

    def test_a_payer_pays_with_another_card_after_a_decline(self, guest: Payer, counter: Desk) -> None:
        link = counter.link(terms())
        guest.pay(link, number=DECLINED)
        guest.sees("DECLINED")
        guest.page.click("text=Try again")
        guest.fill()
        guest.press()
        guest.sees("APPROVED")
        assert counter.states(link) == ["declined", "captured"]

    def test_a_payer_pays_once_in_two_tabs(self, guest: Payer, counter: Desk) -> None:
        link = counter.link(terms())
        first, other = guest.page, guest.context.new_page()
        for page in (first, other):
            guest.page = page
            guest.open(link)
            guest.fill()
        for page in (first, other):
            guest.page = page
            guest.press()
            guest.sees("APPROVED")
        assert counter.states(link) == ["captured"]


class TestAPayerOfAGatewayThatIsKilled:
    @pytest.fixture(autouse=True)
    def _restored(self, mortal: Gateway, orders: Path) -> Iterator[None]:
        yield
        orders.unlink(missing_ok=True)
        hit_file(orders).unlink(missing_ok=True)
        mortal.restore()
        come_to_rest(mortal)
        assert disagreements(mortal) + violations(mortal) == []

    def _die(self, order: Order, guest: Payer, link: str, *, mortal: Gateway, orders: Path) -> None:
        """Pay a link; the gateway dies of it, and comes back."""
        guest.open(link)
        guest.fill()
        orders.write_bytes(msgspec.json.encode(order))
        with suppress(Error):  # the browser says that nobody answers
            guest.press()
        eventually(hit_file(orders).exists)
        mortal.kill()
        mortal.start()

    def test_sees_that_it_has_paid(self, guest: Payer, counter: Desk, mortal: Gateway, orders: Path) -> None:
        """Whether the link is opened again, or the page is reloaded whose answer was lost."""
        link = counter.link(terms())
        self._die(ANSWER_LOST, guest, link, mortal=mortal, orders=orders)
        lost, guest.page = guest.page, guest.context.new_page()
        guest.open(link)
        guest.sees("APPROVED")
        lost.reload()
        lost.wait_for_selector("h1:text-is('APPROVED')")
        assert counter.states(link) == ["captured"]

    def test_is_not_charged_for_what_nobody_knows_of(
        self, guest: Payer, counter: Desk, mortal: Gateway, orders: Path
    ) -> None:
        link = counter.link(terms())
        self._die(CHARGE_LOST, guest, link, mortal=mortal, orders=orders)
        guest.open(link)
        assert guest.page.inner_text("h1") in {"Checking your payment", "DECLINED"}
        eventually(lambda: counter.states(link) == ["reversed"])
        guest.sees("DECLINED")
        assert "Your card was not charged." in guest.text()
        guest.page.click("text=Try again")
        guest.fill()
        guest.press()
        guest.sees("APPROVED")
        assert counter.states(link) == ["reversed", "captured"]

    def test_is_told_so_where_a_link_can_be_tried_once(
        self, guest: Payer, counter: Desk, mortal: Gateway, orders: Path
    ) -> None:
        link = counter.link(terms(one_try=True))
        self._die(CHARGE_LOST, guest, link, mortal=mortal, orders=orders)
        eventually(lambda: counter.states(link) == ["reversed"])
        eventually(lambda: counter.invoice(link)["state"] == "cancelled")
        guest.open(link)
        guest.sees("DECLINED")
        assert "Your card was not charged." in guest.text()


class TestAPayerWhoseAnswerIsLost:
    def test_is_told_of_a_decline_when_it_opens_the_link_again(self, mortal: Gateway, counter: Desk) -> None:
        link = counter.link(terms(one_try=True))
        with Visitor(mortal) as visitor:
            fields, cookies = visitor.form(link), dict(visitor.cookies)
            visitor.send(f"/pay/{link}", {**fields, "card_number": DECLINED})
            visitor.cookies = cookies
            assert visitor.get(f"/pay/{link}").status == 303
            assert "Your card was not charged." in visitor.get(f"/pay/{link}/result").body
            assert visitor.get(f"/pay/{link}").status == 410, "once is enough"

    def test_is_told_that_nothing_was_charged_when_the_bank_says_nothing(
        self, mortal: Gateway, counter: Desk
    ) -> None:
        link = counter.link(terms(one_try=True))
        mortal.control.script({"silent": True}, ask="sale")
        with Visitor(mortal) as visitor:
            visitor.pay(link)
            eventually(lambda: counter.invoice(link)["state"] == "cancelled")
            assert "Your card was not charged." in visitor.get(f"/pay/{link}/result").body
        assert counter.states(link) == ["reversed"]
