"""What a dying server leaves behind, and what the next one makes of it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.conftest import MakeGateway
from tests.support.books import at_host, disagreements, unfinished
from tests.support.gateway import SWIFT, Answer, Gateway, NoAnswer, eventually

BOOKED_FIRST = {"late": 0.9}
"""The host has booked when the server dies."""
BOOKED_AFTERWARDS = {"delay": 0.9}
"""The host books when the server is dead."""


@pytest.fixture
def gateway(make_gateway: MakeGateway) -> Iterator[Gateway]:
    """A gateway of the test's own. At the end nothing is under way and both sides' books agree."""
    gateway = make_gateway(SWIFT)
    yield gateway
    eventually(lambda: not unfinished(gateway))
    assert disagreements(gateway) == []


@contextmanager
def under_way(call: Callable[[], Answer]) -> Iterator[Future[Answer]]:
    """A call that runs meanwhile."""
    with ThreadPoolExecutor(1) as client:
        yield client.submit(call)


def in_state(gateway: Gateway, state: str) -> list[dict[str, Any]]:
    return list(gateway.rows("SELECT * FROM payments WHERE state = :state", state=state))


def kill_while(gateway: Gateway, call: Callable[[], Answer], *, reached: Callable[[], object]) -> None:
    """Kill the server in the middle of a call, as soon as something is ``reached``."""
    with under_way(call) as answer:
        eventually(reached, every_seconds=0.01)
        gateway.kill()
        with pytest.raises(NoAnswer):
            answer.result()


def approved(answer: Answer) -> str:
    assert (answer.status, answer.body["error_no"]) == (200, "S00"), answer
    txnid: str = answer.body["txnid"]
    return txnid


class TestASaleWhoseServerIsKilled:
    @pytest.mark.parametrize(
        "step",
        [
            pytest.param(BOOKED_FIRST, id="with_the_money_taken"),
            pytest.param(BOOKED_AFTERWARDS, id="before_the_money_is_taken"),
        ],
    )
    def test_is_taken_back_and_never_charged_again(self, gateway: Gateway, step: dict[str, float]) -> None:
        gateway.control.script(step, ask="sale")

        def sale() -> Answer:
            return gateway.sale("20.00", invoicenumber="K-1", idempotency_key="k-1")

        seen_by_host = (lambda: at_host(gateway)) if step is BOOKED_FIRST else lambda: in_state(gateway, "sending")
        kill_while(gateway, sale, reached=seen_by_host)
        gateway.start()
        eventually(lambda: in_state(gateway, "reversed"))
        (row,) = gateway.listing(filter="INVOICE_NO", filter_text="K-1")
        assert (row["IS_REVERSAL"], row["RESPONSE_CODE"]) == ("1", "91")
        again = sale()
        assert (again.status, again.body["error_no"]) == (400, "E98")
        assert again.body["txnid"] == row["REF_TXN_ID"]
        assert again.headers["idempotency-replayed"] == "true"
        assert len(gateway.listing()) == 1
        assert not at_host(gateway)

    def test_is_answered_to_a_client_that_asks_again_at_once(self, gateway: Gateway) -> None:
        gateway.control.script(BOOKED_FIRST, ask="sale")

        def sale() -> Answer:
            return gateway.sale("20.00", idempotency_key="k-2")

        kill_while(gateway, sale, reached=lambda: at_host(gateway))
        gateway.start()
        again = sale()
        assert (again.body["error_no"], again.body["error_code"]) == ("E98", "91")
        assert len(gateway.listing()) == 1

    def test_can_be_made_anew_without_a_key_and_is_charged_once(self, gateway: Gateway) -> None:
        gateway.control.script(BOOKED_FIRST, ask="sale")
        kill_while(gateway, lambda: gateway.sale("20.00"), reached=lambda: at_host(gateway))
        gateway.start()
        approved(gateway.sale("20.00"))
        eventually(lambda: not unfinished(gateway))
        assert at_host(gateway).total() == 1


class TestAFollowUpWhoseServerIsKilled:
    def test_a_void_takes_place(self, gateway: Gateway) -> None:
        sale = approved(gateway.sale("21.00"))
        gateway.control.script(BOOKED_FIRST, ask="reverse")

        def void() -> Answer:
            return gateway.call(txn_type="void", ref_txn_id=sale, idempotency_key="v-1")

        kill_while(gateway, void, reached=lambda: not at_host(gateway))
        gateway.start()
        eventually(lambda: in_state(gateway, "voided"))
        (done,) = in_state(gateway, "done")
        assert approved(void()) == str(done["payment_id"])
        assert gateway.listed(sale)["IS_VOID"] == "1"
        assert gateway.open_total() == 0

    def test_a_refund_is_taken_back_and_can_be_made_anew(self, gateway: Gateway) -> None:
        sale = approved(gateway.sale("22.00"))
        gateway.control.script(BOOKED_FIRST, ask="refund")

        def refund(key: str) -> Answer:
            return gateway.call(txn_type="refund", ref_txn_id=sale, amount="22.00", idempotency_key=key)

        kill_while(gateway, lambda: refund("r-1"), reached=lambda: at_host(gateway).total() == 2)
        gateway.start()
        eventually(lambda: in_state(gateway, "reversed"))
        assert refund("r-1").body["error_no"] == "E98"
        approved(refund("r-2"))
        assert gateway.open_total() == 0

    def test_a_settlement_is_finished_and_closes_one_batch(self, gateway: Gateway) -> None:
        sale = approved(gateway.sale("23.00"))
        gateway.control.script(BOOKED_FIRST, ask="settle")

        def settle() -> Answer:
            return gateway.call(txn_type="settlement", idempotency_key="s-1")

        kill_while(gateway, settle, reached=lambda: gateway.control.totals()["batches"])
        gateway.start()
        later = approved_settlement(settle())
        assert later == "23.00"
        assert gateway.listed(sale)["IS_SETTLED"] == "1"
        assert len(gateway.control.totals()["batches"]) == 1
        assert approved_settlement(settle()) == "23.00"

    def test_a_settlement_is_finished_by_itself(self, gateway: Gateway) -> None:
        sale = approved(gateway.sale("24.00"))
        gateway.control.script(BOOKED_FIRST, ask="settle")
        kill_while(
            gateway,
            lambda: gateway.call(txn_type="settlement"),
            reached=lambda: gateway.control.totals()["batches"],
        )
        gateway.start()
        eventually(lambda: gateway.listed(sale)["IS_SETTLED"] == "1")

    def test_a_reversal_is_repeated(self, gateway: Gateway) -> None:
        gateway.control.script({"silent": True}, ask="sale")
        gateway.control.script(BOOKED_FIRST, ask="reverse")
        assert gateway.sale("25.00").body["error_code"] == "91"
        eventually(lambda: gateway.control.books(ask="reverse"))
        gateway.kill()
        gateway.start()
        eventually(lambda: in_state(gateway, "reversed"))
        (reversal,) = gateway.control.books(ask="reverse")
        assert reversal["repeats"] == 1


def approved_settlement(answer: Answer) -> str:
    assert (answer.status, answer.body["error_no"]) == (200, "S00"), answer
    amount: str = answer.body["amount"]
    return amount


class TestAKill:
    def test_at_rest_loses_nothing(self, gateway: Gateway) -> None:
        sales = [approved(gateway.sale(f"26.0{number}")) for number in range(4)]
        approved(gateway.charge("auth", "26.10"))
        approved(gateway.call(txn_type="void", ref_txn_id=sales[0]))
        approved(gateway.call(txn_type="refund", ref_txn_id=sales[1], amount="1.00"))
        approved_settlement(gateway.call(txn_type="settlement"))
        approved(gateway.sale("26.11"))
        assert gateway.sale("26.12", cardnumber=gateway.demo["cards"]["decline"]).status == 400

        def everything() -> tuple[object, ...]:
            batch = gateway.call(txn_type="openbatch").body
            return gateway.listing(), batch, gateway.rows("SELECT * FROM postings"), at_host(gateway)

        before = everything()
        gateway.kill()
        gateway.start()
        assert everything() == before


class TestATerminatedServer:
    def test_answers_what_is_under_way_and_then_ends(self, gateway: Gateway) -> None:
        gateway.control.script({"late": 0.7}, repeat=True, ask="sale")
        with ThreadPoolExecutor(8) as clients:
            answers = [clients.submit(gateway.sale, f"27.0{number}") for number in range(8)]
            eventually(lambda: at_host(gateway).total() == 8, every_seconds=0.01)
            gateway.signal(signal.SIGTERM)
            sales = [approved(answer.result()) for answer in answers]
        gateway.wait()
        gateway.start()
        assert {row["REF_TXN_ID"] for row in gateway.listing() if row["RESPONSE_CODE"] == "00"} == set(sales)

    def test_says_no_to_what_the_host_leaves_open_and_it_is_taken_back(self, gateway: Gateway) -> None:
        gateway.control.script({"silent": True}, ask="sale")
        with under_way(lambda: gateway.sale("27.10")) as answer:
            eventually(lambda: at_host(gateway))
            gateway.signal(signal.SIGTERM)
            assert answer.result().body["error_code"] == "91"
        gateway.wait()
        gateway.start()
        eventually(lambda: in_state(gateway, "reversed"))


class TestAServerThatWasSuspended:
    def test_longer_than_its_lease_does_not_approve_what_was_taken_back(self, gateway: Gateway) -> None:
        """A worker takes the payment back; then the server wakes up to the host's approval."""
        gateway.control.script({"late": 0.5}, ask="sale")
        with gateway.worker(), under_way(lambda: gateway.sale("28.00")) as answer:
            eventually(lambda: at_host(gateway), every_seconds=0.01)
            gateway.signal(signal.SIGSTOP)
            try:
                eventually(lambda: in_state(gateway, "reversed"))
            finally:
                gateway.signal(signal.SIGCONT)
            assert answer.result().body["error_code"] == "91"
        (row,) = gateway.listing()
        assert row["IS_REVERSAL"] == "1"
