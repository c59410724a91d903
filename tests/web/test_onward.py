"""Where payers are sent on to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from bezant.web.links import host_of, onward
from tests.support.forms import Visitor
from tests.support.gateway import Gateway
from tests.support.links import Desk, terms
from tests.web.hostile import ADDRESSES


@pytest.fixture(scope="module")
def paid(_shared: Gateway, desk: Desk) -> Iterator[tuple[Visitor, str]]:
    """Somebody who has paid, and the link."""
    with Visitor(_shared) as visitor:
        link = desk.link(terms())
        assert visitor.pay(link).status == 303
        yield visitor, link


def test_there_are_many_of_them() -> None:
    assert len(set(ADDRESSES)) >= 120


class TestAHostileAddress:
    @pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
    def test_is_nowhere_to_go(self, address: str) -> None:
        assert onward(address) == ""

    @pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
    def test_of_a_merchant_is_refused(self, gateway: Gateway, address: str) -> None:
        answer = gateway.call(txn_type="sale", epage="1", amount="1.00", success_url=address)
        # Texts come without the blanks around them.
        if answer.status == 200:
            assert onward(address.strip())
        else:
            assert answer.body["error_no"] in {"E19", "D08"}

    @pytest.mark.parametrize("address", ADDRESSES, ids=ascii)
    def test_of_a_payer_leads_nowhere(self, paid: tuple[Visitor, str], address: str) -> None:
        visitor, link = paid
        given = "&".join(
            f"{name}={quote(address)}" for name in ("next", "success_url", "redirect_url", "lang")
        )
        page = visitor.get(f"//?uid={link}&redirect={quote(address)}&{given}")
        assert page.headers["location"] == f"/pay/{link}"
        page = visitor.get(f"/pay/{link}/result?{given}")
        assert page.status == 200
        assert "refresh" not in page.headers
        assert "evil" not in page.body

    @pytest.mark.parametrize("address", ADDRESSES[::8], ids=ascii)
    def test_that_got_into_the_database_is_not_shown(
        self, gateway: Gateway, desk: Desk, address: str
    ) -> None:
        with Visitor(gateway) as visitor:
            link = desk.link(terms(success_url=address, redirect_url=address))
            page = visitor.get(visitor.pay(link).headers["location"])
        assert (page.status, "Continue" in page.body, "refresh" in page.headers) == (200, False, False)


class TestAnAddress:
    @pytest.mark.parametrize(
        ("address", "host"),
        [
            ("https://shop.example/thanks?order=7&note=a%20b#end", "shop.example"),
            ("http://127.0.0.1:8080/x", "127.0.0.1"),
            ("HTTPS://Shop.Example", "shop.example"),
            ("https://[::1]:8443/x", "::1"),
            ("https://shop.example:65535/it's", "shop.example"),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ],
    )
    def test_is_used_as_it_was_given(self, address: str, host: str) -> None:
        assert onward(None, address) == address
        assert host_of(address) == host

    def test_has_a_port_that_exists(self) -> None:
        assert onward("https://shop.example:65536/") == ""

    def test_that_is_hostile_is_not_replaced_by_another(self) -> None:
        assert onward("javascript:alert(1)", "https://shop.example/") == ""
