"""What a dying server leaves behind, and what the next one makes of it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.books import at_host, come_to_rest, disagreements, unfinished, violations
from tests.support.gateway import DATABASES, SWIFT, Answer, Gateway, NoAnswer, eventually, gateway_on

SETTINGS = {**SWIFT, "BEZANT_ACQUIRER_READ_SECONDS": "2", "BEZANT_LEASE_SECONDS": "3"}
UNTIL_KILLED = 1.8
"""Seconds that the host keeps a message: less than the read time-out."""
TAKEN_BACK = ("sale-taken", "sale-not-taken", "authorization", "refund")

Call = Callable[[], Answer]


@pytest.fixture(scope="module", params=DATABASES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home, postgres = tmp_path_factory.mktemp("killed"), partial(request.getfixturevalue, "postgres")
    with gateway_on(request.param, home, postgres=postgres, settings=SETTINGS) as gateway:
        yield gateway


@pytest.fixture
def gateway(running: Gateway) -> Iterator[Gateway]:
    """A gateway to be killed. At the end of the test nothing is under way and all books are right."""
    yield running
    running.restore()
    come_to_rest(running)
    assert disagreements(running) + violations(running) == []


@dataclass(frozen=True, slots=True)
class Killed:
    """A gateway that was killed with calls under way, and has come to rest since.

    ``calls`` can be made again: they have keys, by which they are known here. ``asked_at_once`` is what one
    of them was answered before that rest. ``ids``: the sales that others were to change.
    """

    gateway: Gateway
    calls: Mapping[str, Call]
    ids: Mapping[str, str]
    asked_at_once: Answer


@pytest.fixture(scope="module")
def killed(running: Gateway) -> Killed:
    """One of each kind was under way when the server was killed: some booked by the host, one not yet."""
    gateway, control = running, running.control
    other = gateway.demo["valor_second"]
    ids = {
        "void": approved(gateway.sale("11.00")),
        "refund": approved(gateway.sale("12.00")),
        "settlement": approved(gateway.sale("13.00", **other)),
        "tip": approved(gateway.sale("14.00")),
    }
    refund = {"txn_type": "refund", "ref_txn_id": ids["refund"], "amount": "12.00", "invoicenumber": "refund"}
    calls = {
        "sale-taken": keyed(gateway.sale, "sale-taken", amount="20.01", invoicenumber="sale-taken"),
        "sale-not-taken": keyed(
            gateway.sale, "sale-not-taken", amount="20.02", invoicenumber="sale-not-taken"
        ),
        "authorization": keyed(
            partial(gateway.charge, "auth"), "authorization", amount="20.03", invoicenumber="authorization"
        ),
        "refund": keyed(gateway.call, "refund", **refund),
        "void": keyed(gateway.call, "void", txn_type="void", ref_txn_id=ids["void"]),
        "tip": keyed(gateway.call, "tip", txn_type="tipadjust", ref_txn_id=ids["tip"], amount="2.00"),
        "settlement": keyed(gateway.call, "settlement", txn_type="settlement", **other),
    }
    control.script({"delay": UNTIL_KILLED}, ask="sale", amount=2002)
    for ask in ("sale", "authorize", "refund", "reverse", "capture", "settle"):
        control.script({"late": UNTIL_KILLED}, ask=ask)
    with ThreadPoolExecutor(len(calls)) as clients:
        answers = [clients.submit(call) for call in calls.values()]
        eventually(
            lambda: (
                control.totals()["batches"]
                and {each.minor for each in at_host(gateway)} == {1200, 1300, 1600, 2001, 2003}
                and len(in_state(gateway, "sending")) == 6
            ),
            every_seconds=0.01,
        )
        gateway.kill()
        for answer in answers:
            with pytest.raises(NoAnswer):
                answer.result()
    gateway.start()
    asked_at_once = calls["sale-taken"]()
    come_to_rest(gateway)
    return Killed(gateway, calls, ids, asked_at_once)


def keyed(call: Callable[..., Answer], key: str, **params: Any) -> Call:
    return partial(call, idempotency_key=key, **params)


def approved(answer: Answer) -> str:
    assert (answer.status, answer.body["error_no"]) == (200, "S00"), answer
    txnid: str = answer.body["txnid"]
    return txnid


def in_state(gateway: Gateway, state: str) -> list[dict[str, Any]]:
    return list(gateway.rows("SELECT * FROM payments WHERE state = :state", state=state))


def host_has(gateway: Gateway, minor: int) -> int:
    """How many movements of that amount stand at the host."""
    return sum(count for each, count in at_host(gateway).items() if each.minor == minor)


class TestAKillWithPaymentsUnderWay:
    @pytest.mark.parametrize("name", TAKEN_BACK)
    def test_has_them_taken_back(self, killed: Killed, name: str) -> None:
        (row,) = killed.gateway.listing(filter="INVOICE_NO", filter_text=name)
        assert (row["IS_REVERSAL"], row["RESPONSE_CODE"]) == ("1", "91")
        assert row["RRN"] not in {each.retrieval_reference for each in at_host(killed.gateway)}

    @pytest.mark.parametrize("name", TAKEN_BACK)
    def test_never_has_them_charged_again(self, killed: Killed, name: str) -> None:
        again = killed.calls[name]()
        assert (again.status, again.body["error_no"], again.body["error_code"]) == (400, "E98", "91")
        assert again.headers["idempotency-replayed"] == "true"
        (row,) = killed.gateway.listing(filter="INVOICE_NO", filter_text=name)
        assert row["REF_TXN_ID"] == again.body["txnid"]

    def test_has_its_outcome_told_to_a_client_that_asks_again_at_once(self, killed: Killed) -> None:
        assert (killed.asked_at_once.body["error_no"], killed.asked_at_once.body["error_code"]) == (
            "E98",
            "91",
        )

    def test_has_a_void_take_place(self, killed: Killed) -> None:
        assert killed.gateway.listed(killed.ids["void"])["IS_VOID"] == "1"
        void = approved(killed.calls["void"]())
        done = [str(row["payment_id"]) for row in in_state(killed.gateway, "done") if row["kind"] == "void"]
        assert done == [void]

    def test_has_a_tip_take_place(self, killed: Killed) -> None:
        again = killed.calls["tip"]()
        assert (again.body["error_no"], again.body["amount"]) == ("S00", "2.00")
        assert again.headers["idempotency-replayed"] == "true"
        row = killed.gateway.listed(killed.ids["tip"])
        assert (row["TIP_AMOUNT"], row["NET_AMOUNT"]) == ("200", "1600")
        assert host_has(killed.gateway, 1600) == 1

    def test_has_a_settlement_finished_once(self, killed: Killed) -> None:
        settled = killed.calls["settlement"]()
        assert (settled.body["error_no"], settled.body["amount"]) == ("S00", "13.00")
        assert [batch["code"] for batch in killed.gateway.control.totals()["batches"]] == ["00"]
        (row,) = in_state(killed.gateway, "settled")
        assert str(row["payment_id"]) == killed.ids["settlement"]

    def test_lets_a_refund_be_made_anew(self, killed: Killed) -> None:
        sale = killed.ids["refund"]
        approved(killed.gateway.call(txn_type="refund", ref_txn_id=sale, amount="12.00"))
        assert killed.gateway.listed(sale)["REFUND_AMOUNT"] == "1200"

    def test_leaves_all_books_right(self, killed: Killed) -> None:
        gateway = killed.gateway
        assert unfinished(gateway) + disagreements(gateway) + violations(gateway) == []


class TestAKill:
    def test_at_rest_loses_nothing(self, gateway: Gateway) -> None:
        sales = [approved(gateway.sale(f"26.0{number}")) for number in range(3)]
        approved(gateway.charge("auth", "26.10"))
        approved(gateway.call(txn_type="void", ref_txn_id=sales[0]))
        approved(gateway.call(txn_type="refund", ref_txn_id=sales[1], amount="1.00"))
        assert gateway.call(txn_type="settlement").body["error_no"] == "S00"
        approved(gateway.sale("26.11"))
        assert gateway.sale("26.12", cardnumber=gateway.demo["cards"]["decline"]).status == 400

        def everything() -> tuple[object, ...]:
            batch = gateway.call(txn_type="openbatch").body
            return gateway.listing(), batch, gateway.rows("SELECT * FROM postings"), at_host(gateway)

        before = everything()
        gateway.kill()
        gateway.start()
        assert everything() == before

    def test_during_a_reversal_has_it_repeated(self, gateway: Gateway) -> None:
        gateway.control.script({"drop": True}, ask="sale")
        gateway.control.script({"late": UNTIL_KILLED}, ask="reverse")
        lost = gateway.sale("27.01").body["txnid"]
        rrn = gateway.listed(lost)["RRN"]
        eventually(lambda: gateway.control.books(rrn=rrn, ask="reverse"))
        gateway.kill()
        gateway.start()
        come_to_rest(gateway)
        (reversal,) = gateway.control.books(rrn=rrn, ask="reverse")
        assert reversal["repeats"] == 1


class TestAKilledWorker:
    def test_is_replaced_and_the_others_go_on(self, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        postgres = partial(request.getfixturevalue, "postgres")
        settings = {**SETTINGS, "BEZANT_WORKERS": "2"}
        with gateway_on("postgresql", tmp_path, postgres=postgres, settings=settings) as gateway:
            eventually(lambda: len(workers(gateway)) == 2)
            gateway.control.script({"late": 1.0}, repeat=True, ask="sale")
            with ThreadPoolExecutor(16) as clients:
                calls = [clients.submit(gateway.sale, "30.00") for _ in range(16)]
                eventually(lambda: host_has(gateway, 3000) == len(calls), every_seconds=0.01)
                os.kill(workers(gateway)[0], signal.SIGKILL)
                answers = [call.result() for call in calls if not call.exception()]
            for answer in answers:
                approved(answer)
            come_to_rest(gateway)
            assert host_has(gateway, 3000) == len(answers)
            assert disagreements(gateway) + violations(gateway) == []
            eventually(lambda: len(workers(gateway)) > 2)


class TestAKilledSupervisor:
    def test_takes_its_workers_along(self, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        postgres = partial(request.getfixturevalue, "postgres")
        settings = {**SETTINGS, "BEZANT_WORKERS": "2"}
        with gateway_on("postgresql", tmp_path, postgres=postgres, settings=settings) as gateway:
            eventually(lambda: len(workers(gateway)) == 2)
            gateway.control.script({"late": 0.5}, ask="sale")
            with ThreadPoolExecutor(1) as client:
                call = client.submit(gateway.sale, "31.00")
                eventually(lambda: host_has(gateway, 3100) == 1, every_seconds=0.01)
                os.kill(gateway.process_id, signal.SIGKILL)
                sale = approved(call.result())
            eventually(lambda: not any(map(_runs, workers(gateway))))
            gateway.kill()
            gateway.start()
            come_to_rest(gateway)
            assert gateway.listed(sale)["RESPONSE_CODE"] == "00"
            assert disagreements(gateway) + violations(gateway) == []


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def workers(gateway: Gateway) -> list[int]:
    """The process ids of all server processes so far, in the order in which they came to serve."""
    lines = (json.loads(line) for line in gateway.log_text().splitlines() if line.startswith("{"))
    return [line["process"] for line in lines if line["event"] == "serving"]


class TestATerminatedServer:
    def test_answers_what_is_under_way_and_then_ends(self, gateway: Gateway) -> None:
        gateway.control.script({"silent": True}, ask="sale", amount=2810)
        gateway.control.script({"late": 0.8}, repeat=True, ask="sale", amount=2800)
        with ThreadPoolExecutor(9) as clients:
            unanswered = clients.submit(gateway.sale, "28.10")
            answers = [clients.submit(gateway.sale, "28.00") for _ in range(8)]
            eventually(lambda: host_has(gateway, 2800) == 8 and host_has(gateway, 2810), every_seconds=0.01)
            gateway.signal(signal.SIGTERM)
            sales = {approved(answer.result()) for answer in answers}
            lost = unanswered.result().body
        gateway.wait()
        assert (lost["error_no"], lost["error_code"]) == ("E98", "91")
        gateway.start()
        rows = gateway.listing(filter="AMOUNT", filter_text="28.00")
        assert {row["REF_TXN_ID"] for row in rows if row["RESPONSE_CODE"] == "00"} == sales
        eventually(lambda: not host_has(gateway, 2810))
        assert gateway.listed(lost["txnid"])["IS_REVERSAL"] == "1"


class TestAServerSuspendedForLongerThanItsLease:
    def test_does_not_approve_what_was_taken_back_meanwhile(self, gateway: Gateway) -> None:
        """A worker takes the payment back; then the server wakes up to the host's approval."""
        gateway.control.script({"late": 0.5}, ask="sale")
        with gateway.worker(), ThreadPoolExecutor(1) as client:
            answer = client.submit(gateway.sale, "29.00")
            eventually(lambda: host_has(gateway, 2900), every_seconds=0.01)
            gateway.signal(signal.SIGSTOP)
            try:
                come_to_rest(gateway)
            finally:
                gateway.signal(signal.SIGCONT)
            told = answer.result().body
        assert (told["error_no"], told["error_code"]) == ("E98", "91")
        assert gateway.listed(told["txnid"])["IS_REVERSAL"] == "1"
