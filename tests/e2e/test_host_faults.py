"""What becomes of payments when the acquirer host misbehaves, told by the gateway and by the host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import DATABASES, SWIFT, Answer, Gateway, eventually, gateway_on

ANSWERED_LATE = 1.6
"""Seconds: after the read time-out, which is 1."""

Step = Mapping[str, object]


@pytest.fixture(scope="module", params=DATABASES)
def swift_gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    postgres = partial(request.getfixturevalue, "postgres")
    with gateway_on(
        request.param, tmp_path_factory.mktemp("swift"), postgres=postgres, settings=SWIFT
    ) as gateway:
        yield gateway


@pytest.fixture
def gateway(swift_gateway: Gateway) -> Iterator[Gateway]:
    """A gateway with short time-outs. Whatever a test does to the host, all books are right at its end."""
    yield swift_gateway
    swift_gateway.restore()
    come_to_rest(swift_gateway)
    assert disagreements(swift_gateway) + violations(swift_gateway) == []


def told_no(answer: Answer) -> str:
    """The id of a payment of which its caller was told that it did not take place."""
    assert (answer.status, answer.body["error_no"], answer.body["error_code"]) == (400, "E98", "91"), answer
    txnid: str = answer.body["txnid"]
    return txnid


def told_yes(answer: Answer) -> str:
    assert (answer.status, answer.body["error_no"]) == (200, "S00"), answer
    txnid: str = answer.body["txnid"]
    return txnid


def state_of(gateway: Gateway, txnid: str) -> str:
    (row,) = gateway.rows("SELECT state FROM payments WHERE payment_id = :id", id=int(txnid))
    state: str = row["state"]
    return state


def reversals_of(gateway: Gateway, txnid: str) -> list[dict[str, Any]]:
    return list(gateway.rows("SELECT * FROM reversals WHERE payment_id = :id", id=int(txnid)))


def strays_of(gateway: Gateway, rrn: str) -> list[str]:
    rows = gateway.rows("SELECT kind FROM strays WHERE retrieval_reference = :rrn ORDER BY stray_id", rrn=rrn)
    return [row["kind"] for row in rows]


def booked(gateway: Gateway, rrn: str, ask: str) -> dict[str, Any]:
    """The host's one entry of a message."""
    (entry,) = gateway.control.books(rrn=rrn, ask=ask)
    return entry


def taken_back(gateway: Gateway, txnid: str, *, ask: str = "sale") -> str:
    """Wait until both sides have taken a payment back; its retrieval reference."""
    eventually(lambda: state_of(gateway, txnid) == "reversed")
    (reversal,) = reversals_of(gateway, txnid)
    assert reversal["confirmed_at"] is not None
    row = gateway.listed(txnid)
    assert (row["IS_REVERSAL"], row["RESPONSE_CODE"]) == ("1", "91")
    rrn: str = row["RRN"]
    assert all(entry["state"] == "reversed" for entry in gateway.control.books(rrn=rrn, ask=ask))
    assert booked(gateway, rrn, "reverse")["state"] == "done"
    return rrn


class TestASaleWhoseAnswer:
    @pytest.mark.parametrize(
        ("step", "strays"),
        [
            pytest.param({"silent": True}, [], id="never-comes"),
            pytest.param({"drop": True}, [], id="is-lost-with-the-connection"),
            pytest.param({"half": True}, [], id="is-cut-in-half"),
            pytest.param({"garble": True}, ["garbled"], id="is-garbled"),
            pytest.param({"mismatch": "amount"}, [], id="names-another-amount"),
            pytest.param({"mismatch": "stan"}, ["unmatched"], id="names-another-audit-number"),
            pytest.param({"mismatch": "terminal"}, ["unmatched"], id="names-another-terminal"),
        ],
    )
    def test_cannot_be_believed_is_not_approved_and_is_taken_back(
        self, gateway: Gateway, step: Step, strays: list[str]
    ) -> None:
        gateway.control.script(step, ask="sale")
        txnid = told_no(gateway.sale("31.01"))
        rrn = taken_back(gateway, txnid)
        assert booked(gateway, rrn, "sale")["code"] == "00"  # the host had said yes
        assert eventually(lambda: strays_of(gateway, rrn) == strays)

    def test_comes_twice_is_approved_once(self, gateway: Gateway) -> None:
        gateway.control.script({"duplicate": True}, ask="sale")
        txnid = told_yes(gateway.sale("31.03"))
        row = gateway.listed(txnid)
        assert (row["IS_REVERSAL"], row["RESPONSE_CODE"]) == ("0", "00")
        assert eventually(lambda: strays_of(gateway, row["RRN"])) == ["duplicate"]
        assert booked(gateway, row["RRN"], "sale")["state"] == "live"
        assert reversals_of(gateway, txnid) == []

    @pytest.mark.parametrize(
        ("step", "code"),
        [
            pytest.param({"late": ANSWERED_LATE}, "00", id="approves"),
            pytest.param({"late": ANSWERED_LATE, "decline": "51"}, "51", id="declines"),
            pytest.param({"delay": ANSWERED_LATE}, "12", id="is-preceded-by-its-reversal"),
        ],
    )
    def test_comes_after_the_caller_was_told_no_stays_taken_back(
        self, gateway: Gateway, step: Step, code: str
    ) -> None:
        gateway.control.script(step, ask="sale")
        txnid = told_no(gateway.sale("31.04"))
        rrn: str = gateway.listed(txnid)["RRN"]
        assert eventually(lambda: strays_of(gateway, rrn)) == ["late"]
        eventually(lambda: state_of(gateway, txnid) == "reversed")
        assert booked(gateway, rrn, "sale")["code"] == code
        assert booked(gateway, rrn, "sale")["state"] in {"reversed", "declined"}
        assert gateway.listed(txnid)["IS_REVERSAL"] == "1"

    def test_is_lost_is_told_again_to_a_retry_with_its_key_and_not_charged_again(
        self, gateway: Gateway
    ) -> None:
        gateway.control.script({"silent": True}, ask="sale")
        first = gateway.sale("31.05", idempotency_key="lost-answer")
        txnid = told_no(first)
        again = gateway.sale("31.05", idempotency_key="lost-answer")
        assert again.body == first.body
        assert again.headers["idempotency-replayed"] == "true"
        taken_back(gateway, txnid)

    def test_has_a_code_that_nobody_knows_is_not_approved(self, gateway: Gateway) -> None:
        gateway.control.script({"decline": "Z9"}, ask="sale")
        answer = gateway.sale("31.06")
        assert (answer.status, answer.body["error_no"]) == (400, "E98")
        row = gateway.listed(answer.body["txnid"])
        assert row["IS_REVERSAL"] == "0"
        assert booked(gateway, row["RRN"], "sale")["state"] == "declined"


class TestAnAuthorization:
    def test_that_is_not_answered_holds_no_money(self, gateway: Gateway) -> None:
        gateway.control.script({"silent": True}, ask="authorize")
        txnid = told_no(gateway.charge("auth", "32.01"))
        taken_back(gateway, txnid, ask="authorize")


class TestACapture:
    def test_that_is_not_answered_is_taken_back_and_can_be_made_again(self, gateway: Gateway) -> None:
        authorization = told_yes(gateway.charge("auth", "32.02"))
        gateway.control.script({"silent": True}, ask="capture")
        capture = partial(gateway.call, txn_type="capture", ref_txn_id=authorization, amount="32.02")
        taken_back(gateway, told_no(capture()), ask="capture")
        assert state_of(gateway, authorization) == "authorized"
        made = told_yes(capture())
        assert state_of(gateway, made) == "captured"


class TestAnIncrement:
    def test_that_is_not_answered_holds_no_more_money(self, gateway: Gateway) -> None:
        authorization = told_yes(gateway.charge("auth", "32.03"))
        gateway.control.script({"silent": True}, ask="authorize")
        increment = gateway.call(txn_type="incremental_auth", ref_txn_id=authorization, amount="5.00")
        taken_back(gateway, told_no(increment), ask="authorize")
        too_much = gateway.call(txn_type="capture", ref_txn_id=authorization, amount="37.03")
        assert too_much.body["error_no"] == "E98"


class TestATip:
    def test_that_is_not_answered_is_told_until_it_is(self, gateway: Gateway) -> None:
        sale = told_yes(gateway.sale("32.04"))
        gateway.control.script({"silent": True}, ask="capture")
        told = gateway.call(txn_type="tipadjust", ref_txn_id=sale, amount="3.00")
        assert told.body["error_no"] == "S00"
        row = gateway.listed(sale)
        assert (row["TIP_AMOUNT"], row["NET_AMOUNT"]) == ("300", "3504")


class TestASale:
    def test_that_the_host_never_took_is_taken_back_too(self, gateway: Gateway) -> None:
        gateway.control.script({"refuse": True}, ask="sale")
        txnid = told_no(gateway.sale("33.01"))
        rrn = taken_back(gateway, txnid)
        assert gateway.control.books(rrn=rrn, ask="sale") == []

    def test_while_the_host_is_down_is_declined_and_never_sent(self, gateway: Gateway) -> None:
        gateway.host.kill()
        eventually(lambda: not gateway.is_ready())
        txnid = told_no(gateway.sale("33.02"))
        row = gateway.listed(txnid)
        assert (row["RESPONSE_CODE"], row["IS_REVERSAL"]) == ("91", "0")
        assert state_of(gateway, txnid) == "declined"
        assert reversals_of(gateway, txnid) == []
        gateway.host.start()
        eventually(gateway.is_ready)
        told_yes(gateway.sale("33.03"))
        assert gateway.control.books(rrn=row["RRN"]) == []

    def test_after_the_link_was_cut_while_idle_is_approved(self, gateway: Gateway) -> None:
        gateway.host.kill()
        gateway.host.start()
        eventually(gateway.is_ready)
        told_yes(gateway.sale("33.04"))


class TestAnOutage:
    def test_leaves_nothing_in_doubt(self, gateway: Gateway) -> None:
        """Answers are lost with the host; the reversals wait until it is back."""
        gateway.control.script({"late": 30.0}, repeat=True, ask="sale")
        before = len(gateway.control.live()["entries"])
        with ThreadPoolExecutor(8) as clients:
            sales = [clients.submit(gateway.sale, f"34.{cents:02d}") for cents in range(8)]
            eventually(lambda: len(gateway.control.live()["entries"]) > before, every_seconds=0.01)
            gateway.host.kill()
            lost = [told_no(sale.result()) for sale in sales]
        in_doubt = [txnid for txnid in lost if state_of(gateway, txnid) == "in_doubt"]
        assert in_doubt, "the host died before it had a sale"
        gateway.host.start()
        for txnid in in_doubt:
            taken_back(gateway, txnid)


class TestARefund:
    def test_that_is_not_answered_is_taken_back_and_can_be_made_again(self, gateway: Gateway) -> None:
        sale = told_yes(gateway.sale("35.01"))
        gateway.control.script({"silent": True}, ask="refund")
        lost = told_no(gateway.call(txn_type="refund", ref_txn_id=sale, amount="35.01"))
        taken_back(gateway, lost, ask="refund")
        assert gateway.listed(sale)["REFUND_AMOUNT"] == "0"
        made = told_yes(gateway.call(txn_type="refund", ref_txn_id=sale, amount="35.01"))
        assert booked(gateway, gateway.listed(made)["RRN"], "refund")["state"] == "live"
        assert gateway.listed(sale)["REFUND_AMOUNT"] == "3501"

    def test_in_doubt_keeps_its_sale_from_being_refunded_twice(self, gateway: Gateway) -> None:
        sale = told_yes(gateway.sale("35.02"))
        gateway.control.script({"silent": True}, ask="refund")
        gateway.control.script({"delay": 0.9}, ask="reverse")
        lost = told_no(gateway.call(txn_type="refund", ref_txn_id=sale, amount="35.02"))
        assert state_of(gateway, lost) == "in_doubt"
        again = gateway.call(txn_type="refund", ref_txn_id=sale, amount="0.01")
        assert again.body["error_no"] == "E98"
        taken_back(gateway, lost, ask="refund")


class TestAVoid:
    @pytest.mark.parametrize("step", [{"silent": True}, {"refuse": True}, {"drop": True}], ids="".join)
    def test_that_is_not_answered_takes_place(self, gateway: Gateway, step: Step) -> None:
        sale = told_yes(gateway.sale("36.01"))
        rrn = gateway.listed(sale)["RRN"]
        gateway.control.script(step, ask="reverse")
        void = told_yes(gateway.call(txn_type="void", ref_txn_id=sale))
        assert gateway.listed(sale)["IS_VOID"] == "1"
        eventually(lambda: reversals_of(gateway, void)[0]["confirmed_at"])
        assert booked(gateway, rrn, "sale")["state"] == "reversed"
        reversal = booked(gateway, rrn, "reverse")
        assert reversal["repeats"] == (0 if "refuse" in step else 1)  # the same message once more

    def test_of_a_raised_authorization_that_is_not_answered_releases_all_of_it(
        self, gateway: Gateway
    ) -> None:
        authorization = told_yes(gateway.charge("auth", "36.03"))
        told_yes(gateway.call(txn_type="incremental_auth", ref_txn_id=authorization, amount="4.00"))
        gateway.control.script({"silent": True}, ask="reverse")
        void = told_yes(gateway.call(txn_type="void", ref_txn_id=authorization))
        eventually(lambda: reversals_of(gateway, void)[0]["confirmed_at"])
        assert state_of(gateway, authorization) == "voided"

    def test_that_the_host_declines_leaves_the_sale_as_it_was(self, gateway: Gateway) -> None:
        sale = told_yes(gateway.sale("36.02"))
        before = gateway.listed(sale)
        gateway.control.script({"decline": "12"}, ask="reverse")
        answer = gateway.call(txn_type="void", ref_txn_id=sale)
        assert answer.body["error_no"] == "E98"
        assert gateway.listed(sale) == before
        told_yes(gateway.call(txn_type="void", ref_txn_id=sale))


class TestASettlement:
    @pytest.mark.parametrize(
        "step", [{"silent": True}, {"refuse": True}, {"drop": True}, {"decline": "96"}], ids="".join
    )
    def test_that_fails_is_finished_by_the_next(self, gateway: Gateway, step: Step) -> None:
        sale = told_yes(gateway.sale("37.01"))
        batch_number = gateway.listed(sale)["BATCH_NO"]
        total = gateway.open_total()
        gateway.control.script(step, ask="settle")
        failed = gateway.call(txn_type="settlement")
        assert (failed.status, failed.body["error_no"]) == (400, "E98")
        assert gateway.listed(sale)["IS_SETTLED"] == "0"
        assert gateway.open_total() == 0  # what comes now belongs to the next batch
        settled = gateway.call(txn_type="settlement")
        assert settled.status == 200, settled
        assert (settled.body["error_no"], settled.body["amount"]) == ("S00", f"{total / 100:.2f}")
        assert gateway.listed(sale)["IS_SETTLED"] == "1"
        told = [batch for batch in gateway.control.totals()["batches"] if batch["number"] == batch_number]
        assert [batch["code"] for batch in told] == ["00"]
        assert told[0]["told"] == told[0]["booked"]
        assert gateway.call(txn_type="settlement").body["additional_info"] == "Empty Batch"

    def test_that_fails_can_be_repeated_with_its_key(self, gateway: Gateway) -> None:
        sale = told_yes(gateway.sale("37.02"))
        gateway.control.script({"silent": True}, ask="settle")
        assert gateway.call(txn_type="settlement", idempotency_key="s-1").body["error_no"] == "E98"
        told_yes(gateway.sale("37.03"))
        first = gateway.call(txn_type="settlement", idempotency_key="s-1")
        assert first.body["error_no"] == "S00"
        assert gateway.listed(sale)["IS_SETTLED"] == "1"
        again = gateway.call(txn_type="settlement", idempotency_key="s-1")
        assert again.body["amount"] == first.body["amount"]
        assert gateway.open_total() == 3703
