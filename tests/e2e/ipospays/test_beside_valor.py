"""One merchant, two wire APIs: the same cards, the same batch, one ledger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.ipospays.merchant import Merchant, problems
from tests.e2e.valor.shop import Till, approved
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import Gateway


@pytest.fixture(autouse=True)
def _books_are_right(gateway: Gateway) -> Iterator[None]:
    """After each test nothing is under way, every invariant holds, and the host agrees."""
    yield
    come_to_rest(gateway)
    assert violations(gateway) + disagreements(gateway) == []


@pytest.fixture
def till(merchant: Merchant) -> Till:
    """The same terminal by Valor's API."""
    return merchant.till


class TestOneTerminal:
    @pytest.mark.parametrize("settled_by", ["valor", "ipospays"])
    def test_has_one_batch_whoever_charges_and_settles(
        self, merchant: Merchant, till: Till, settled_by: str
    ) -> None:
        caller, card = merchant.caller, merchant.card()
        theirs = caller.do(1, "Shop-1", amount="1234", cardToken=card)
        ours = till.sale("20.00", token=card)
        listed = till.list()["data"]
        assert [row["REF_TXN_ID"] for row in listed] == [ours["txnid"], theirs["transactionId"]]
        assert till.row({"txnid": theirs["transactionId"]})["RRN"] == theirs["rrn"]
        transactions = caller.do(9)["transactions"]
        assert [(each["transactionReferenceId"], each["rrn"]) for each in transactions] == [
            (None, ours["rrn"]),
            ("Shop-1", theirs["rrn"]),
        ]
        assert caller.do(9)["netAmount"] == "3234"
        assert till.open_batch()["batchSummary"][0]["dashboard_netamount"] == 3234
        assert till.booked() == {"sale": (2, 3234)}
        if settled_by == "valor":
            assert till.settle()["amount"] == "32.34"
        else:
            assert caller.do(4)["netAmount"] == "3234"
        (batch,) = caller.batches()
        assert (batch["batch_total"], batch["total_transactions"]) == (32.34, 2)
        (account,) = till.gateway.rows(
            "SELECT SUM(minor) AS minor FROM postings WHERE merchant_id = :merchant_id AND minor > 0",
            merchant_id=merchant.shop.merchant_id,
        )
        (zero,) = till.gateway.rows(
            "SELECT SUM(minor) AS minor FROM postings WHERE merchant_id = :merchant_id",
            merchant_id=merchant.shop.merchant_id,
        )
        assert account["minor"] >= 3234
        assert zero["minor"] == 0

    def test_takes_back_by_either_what_the_other_took(self, merchant: Merchant, till: Till) -> None:
        caller, card = merchant.caller, merchant.card()
        theirs, ours = caller.do(1, amount="1000", cardToken=card), till.sale("20.00", token=card)
        approved(till.void({"txnid": theirs["transactionId"]}))
        caller.do(2, rrn=ours["rrn"])
        assert till.booked() == {}
        assert problems(caller.transact(3, rrn=theirs["rrn"], amount="1"))
        held = approved(till.charge("10.00", txn_type="auth", token=card))
        caller.do(6, rrn=held["rrn"], amount="1000")
        assert till.settle()["amount"] == "10.00"
        caller.do(3, rrn=held["rrn"], amount="400")
        assert till.booked()["refund"] == (1, 400)
