"""Card fields in a shop's page get a token for one charge, with which the shop's server charges."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

import pytest

from tests.e2e.ipospays.merchant import Bureau, Caller, Merchant, approved_in, declined_in, problems
from tests.e2e.ipospays.test_races import HANDS, at_once
from tests.e2e.valor.shop import NO_HEADERS, VISA
from tests.support.gateway import Answer

PATH: Final = "/ftd/v1/payment-token"
OLDER: Final = "/api/v1/iposTransact"
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
CARD: Final = {"ccnumber": VISA, "ccexpiry": "1236", "cccvv": "999"}
WRONG: Final = (
    ("ccnumber", "Card Number", ("4111111111111112", "4111", "4" * 20, "abc", "\u0661" * 16, "' OR 1=1")),
    ("ccexpiry", "Card Expiry", ("1336", "0036", "12/2036", "x", "123", "\u0661236")),
    ("cccvv", "CVV", ("12", "12345", "abc", "\u0661\u0662\u0663")),
)
REFUSED: Final = ("14", "INVALID CARD TOKEN")


@pytest.fixture
def plugin(bureau: Bureau, merchant: Merchant) -> Caller:
    """The merchant's first terminal, by its lasting token."""
    return replace(merchant.caller, token=bureau.ecom_token(merchant.caller.tpn))


@pytest.fixture(scope="module")
def lasting(_bureau: Bureau, _standing: Merchant) -> Caller:
    """The same of the terminal that the tests of this module share."""
    return replace(_standing.caller, token=_bureau.ecom_token(_standing.caller.tpn))


def ask(plugin: Caller, *, origin: str = "https://shop.example", **said: str) -> Answer:
    """What a page there is answered that has these fields."""
    form = urlencode({"security_key": plugin.token, **CARD, **said}).encode()
    return plugin.gateway.post(form, {**FORM, "Origin": origin}, target=PATH)


def token(plugin: Caller, **said: str) -> str:
    """A token for one charge."""
    answer = ask(plugin, **said)
    assert (answer.status, list(answer.body)) == (200, ["payment_token_id"]), answer
    found: str = answer.body["payment_token_id"]
    return found


class TestAToken:
    def test_is_charged_once(self, merchant: Merchant, plugin: Caller) -> None:
        once = token(plugin)
        paid = approved_in(plugin.transact(1, path=OLDER, amount="2500", paymentTokenId=once))
        assert (paid["cardType"], paid["cardLast4Digit"]) == ("VISA", "1111")
        for kind in (1, 5):
            again = plugin.transact(kind, path=OLDER, amount="2500", paymentTokenId=once)
            assert declined_in(again) == REFUSED
        assert merchant.till.booked() == {"sale": (1, 2500)}

    def test_is_good_for_a_hold_by_whoever_may_charge(self, merchant: Merchant, plugin: Caller) -> None:
        once = token(plugin, ccexpiry="12/36", ccnumber="4111 1111 1111 1111")
        held = merchant.caller.do(5, amount="2500", paymentTokenId=once)
        assert merchant.caller.do(6, rrn=held["rrn"], amount="2500")["totalAmount"] == "2500"

    def test_is_charged_by_one_of_fifty_at_once(self, merchant: Merchant, plugin: Caller) -> None:
        once = token(plugin)
        told = at_once(lambda: merchant.caller.transact(1, amount="2500", paymentTokenId=once))
        assert told == {"200 APPROVAL": 1, "400 INVALID CARD TOKEN": HANDS - 1}
        assert merchant.till.booked() == {"sale": (1, 2500)}

    def test_is_used_up_by_a_decline_of_the_issuer(self, merchant: Merchant, plugin: Caller) -> None:
        once = token(plugin, ccnumber=merchant.pair.gateway.demo["cards"]["decline"])
        first = declined_in(merchant.caller.transact(1, amount="2500", paymentTokenId=once))
        assert first != REFUSED
        assert declined_in(merchant.caller.transact(1, amount="2500", paymentTokenId=once)) == REFUSED

    def test_is_not_used_up_by_a_request_that_is_none(self, merchant: Merchant, plugin: Caller) -> None:
        caller, once = merchant.caller, token(plugin)
        caller.do(1, "Taken", amount="100", cardToken=merchant.card())
        assert problems(caller.transact(1, "Taken", amount="2500", paymentTokenId=once))
        assert problems(caller.transact(1, amount="x", paymentTokenId=once))
        caller.do(1, amount="2500", paymentTokenId=once)

    def test_is_of_no_use_to_another_terminal(self, bureau: Bureau) -> None:
        merchant = bureau.open(terminals=2)
        mine, other = merchant.callers
        once = token(replace(mine, token=bureau.ecom_token(mine.tpn)))
        assert declined_in(other.transact(1, amount="2500", paymentTokenId=once)) == REFUSED
        mine.do(1, amount="2500", paymentTokenId=once)

    def test_ends_after_half_an_hour(self, bureau: Bureau, merchant: Merchant, plugin: Caller) -> None:
        start = bureau.freeze_now(merchant)
        early, late = token(plugin), token(plugin)
        bureau.advance(merchant, start, timedelta(minutes=29))
        merchant.caller.do(1, amount="2500", paymentTokenId=early)
        bureau.advance(merchant, start, timedelta(minutes=31))
        assert declined_in(merchant.caller.transact(1, amount="2500", paymentTokenId=late)) == REFUSED


class TestAPage:
    def test_may_read_its_answer(self, lasting: Caller) -> None:
        for answer in (ask(lasting), ask(lasting, ccnumber="1")):
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["cache-control"] == "no-store"

    def test_may_ask_in_json(self, lasting: Caller) -> None:
        assert lasting.gateway.ask("OPTIONS", PATH) == 204
        answer = lasting.post(PATH, {"security_key": lasting.token, **CARD}, NO_HEADERS)
        assert answer.status == 200

    def test_needs_its_terminals_token(self, lasting: Caller, standing: Merchant) -> None:
        wrong = [(f"{lasting.token}x", "Invalid Token"), (standing.caller.token[:128], "Invalid Token")]
        for shown, message in (*wrong, ("", "Token cannot be empty"), ("\u0661", "Invalid Token")):
            assert problems(ask(lasting, security_key=shown), 401) == [("token", message)]

    def test_is_one_of_the_merchants_own_where_it_has_named_them(
        self, bureau: Bureau, merchant: Merchant, plugin: Caller
    ) -> None:
        bureau.set_origins(merchant.shop, "https://shop.example")
        assert ask(plugin).status == 200
        for origin in ("https://other.example", "http://shop.example", "null"):
            assert problems(ask(plugin, origin=origin), 403) == [
                ("origin", "Origin is not a whitelisted domain")
            ]

    @pytest.mark.parametrize(("name", "what", "values"), WRONG)
    def test_is_told_what_is_wrong(
        self, lasting: Caller, name: str, what: str, values: tuple[str, ...]
    ) -> None:
        told = {value: problems(ask(lasting, **{name: value})) for value in values}
        assert told == {value: [(name, f"Invalid {what}")] for value in values}
        if name != "cccvv":
            assert problems(ask(lasting, **{name: ""})) == [(name, f"{what} cannot be empty")]
        assert "request crashed" not in lasting.gateway.log_text()

    def test_that_says_nothing_readable_is_refused(self, lasting: Caller) -> None:
        for body in (b"", b"[]", b'{"a":1,"a":2}', b"a=1&a=2", b"\xff", b"{" * 40):
            answer = lasting.gateway.post(body, FORM, target=PATH)
            assert answer.status in {400, 401}
            assert answer.body["errors"]
