"""Fifty hands on one reference, and on one card's money: exactly what is permitted happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.ipospays.merchant import Caller, Merchant
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import Answer

HANDS = 50


def at_once(ask: Callable[[], Answer]) -> Counter[str]:
    """How many of fifty at once were told what."""
    with ThreadPoolExecutor(HANDS) as threads:
        return Counter(threads.map(lambda _: _word(ask()), range(HANDS)))


def _word(answer: Answer) -> str:
    if "errors" in answer.body:
        message: str = answer.body["errors"][0]["message"]
        return message
    found = answer.body["iposhpresponse"]
    return f"{found['responseCode']} {found['errResponseMessage']}"


class TestFiftyAtOnce:
    def test_with_one_reference_charge_once(self, merchant: Merchant, caller: Caller) -> None:
        card = merchant.card()
        told = at_once(lambda: caller.transact(1, "Once-1", amount="2500", cardToken=card))
        assert told == {"200 APPROVAL": 1, "Duplicate Transaction Reference Id": HANDS - 1}
        assert merchant.till.booked() == {"sale": (1, 2500)}
        self._settled(merchant)

    def test_with_references_of_their_own_take_a_ticket_void_and_refund_once(
        self, merchant: Merchant, caller: Caller
    ) -> None:
        card = merchant.card()
        held = caller.do(5, amount="2500", cardToken=card)["rrn"]
        taken = at_once(lambda: caller.transact(6, rrn=held, amount="2500"))
        assert taken == {"200 APPROVAL": 1, "400 NO ORIGINAL TXN": HANDS - 1}
        paid = caller.do(1, amount="700", cardToken=card)["rrn"]
        assert at_once(lambda: caller.transact(2, rrn=paid))["200 APPROVAL"] == 1
        caller.do(4)
        back = at_once(lambda: caller.transact(3, rrn=held, amount="1000"))
        assert back["200 APPROVAL"] == 2  # a third would be more than was taken
        assert merchant.till.booked()["refund"] == (2, 2000)
        self._settled(merchant)

    @staticmethod
    def _settled(merchant: Merchant) -> None:
        gateway = merchant.pair.gateway
        come_to_rest(gateway)
        assert violations(gateway) + disagreements(gateway) == []
