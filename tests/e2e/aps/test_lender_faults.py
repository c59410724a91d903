"""A lender that declines or falls silent, a gateway that is killed: an order is bought once or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.aps import Office, Shop
from tests.support.books import violations
from tests.support.far import FarEnds, Lender
from tests.support.gateway import DATABASES, SWIFT, Gateway, NoAnswer, eventually, gateway_on

AT_ONCE = {"total_downpayment": 0}


def told(shop: Shop, reference: str) -> str:
    """What the last operation on an order was answered."""
    found: str = shop.status(reference)["transaction_code"]
    return found


def rests(shop: Shop, reference: str) -> str:
    """The same as soon as nothing is in doubt."""
    return eventually(lambda: code if (code := told(shop, reference)) not in {"15777", "13784"} else "")


@pytest.fixture
def lender(gateway: Gateway) -> Lender:
    return Lender.of(gateway)


@pytest.fixture
def own(office: Office) -> Iterator[Shop]:
    """A shop of the test's own. At the end all books are right."""
    shop = office.board()
    yield shop
    assert violations(shop.gateway) + Lender.of(shop.gateway).wrong() == []


class TestADecline:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("over_limit", "13746"),
            ("wallet_too_small", "13747"),
            ("declined", "13666"),
            ("plan_not_offered", "13094"),
            ("below_minimum", "13181"),
            ("above_maximum", "13221"),
            ("unknown_customer", "00160"),
        ],
    )
    def test_is_told_with_its_reason_and_may_be_followed_by_another_try(
        self, own: Shop, lender: Lender, code: str, expected: str
    ) -> None:
        reference = own.reference()
        lender.script({"decline": code}, ask="loan", program=own.program)
        own.ask_for_password(reference, **AT_ONCE)
        declined = own.purchase(reference)
        assert declined["response_code"] == expected
        assert "loan_number" not in declined
        assert told(own, reference) == expected
        assert own.purchase(reference)["response_code"] == "13787"
        assert own.ask_for_password(reference, **AT_ONCE)["response_code"] == "88000"
        assert own.purchase(reference)["response_code"] == "14000"
        assert len(lender.booked(own.program)) == 1

    @pytest.mark.parametrize(
        ("minor", "expected"), [(900_046, "13746"), (900_047, "13747"), (900_066, "13666")]
    )
    def test_can_be_had_by_the_amount(self, own: Shop, minor: int, expected: str) -> None:
        reference = own.reference()
        own.ask_for_password(reference, minor, **AT_ONCE)
        assert own.purchase(reference, minor)["response_code"] == expected

    def test_of_a_refund_leaves_it_to_be_tried_again(self, own: Shop, lender: Lender) -> None:
        reference, _ = own.bought()
        lender.script({"decline": "declined"}, ask="return", program=own.program)
        name = own.reference()
        assert own.refund(reference, 100_000, maintenance_reference=name)["response_code"] == "07666"
        assert own.refund(reference, 100_000, maintenance_reference=name)["response_code"] == "06000"


class TestALostAnswer:
    @pytest.mark.parametrize("fault", ["drop", "half", "garble"])
    def test_to_a_purchase_is_found_out(self, own: Shop, lender: Lender, fault: str) -> None:
        reference = own.reference()
        lender.script({fault: True}, ask="loan", program=own.program)
        lender.script({"status": 503}, ask="inquiry", program=own.program)
        own.ask_for_password(reference, **AT_ONCE)
        lost = own.purchase(reference)
        assert (lost["response_code"], lost["status"]) == ("15777", "15")
        assert "loan_number" not in lost
        assert own.purchase(reference)["response_code"] in {"13784", "00007"}
        assert rests(own, reference) == "14000"
        assert own.purchase(reference)["response_code"] == "00007"
        assert len(lender.booked(own.program)) == 1
        assert own.refund(reference, 100_000)["response_code"] == "06000"

    def test_to_one_of_fifty_purchases_at_once_buys_once(self, own: Shop, lender: Lender) -> None:
        reference = own.reference()
        lender.script({"drop": True}, ask="loan", program=own.program)
        own.ask_for_password(reference, **AT_ONCE)
        with ThreadPoolExecutor(50) as hands:
            answers = list(hands.map(lambda _: own.purchase(reference)["response_code"], range(50)))
        assert answers.count("15777") == 1
        assert set(answers) <= {"15777", "13784", "00007"}
        assert rests(own, reference) == "14000"
        assert len(lender.booked(own.program)) == 1

    def test_to_a_purchase_that_was_never_booked_lets_it_be_made_anew(
        self, own: Shop, lender: Lender
    ) -> None:
        reference = own.reference()
        lender.script({"refuse": True}, ask="loan", program=own.program)
        own.ask_for_password(reference, **AT_ONCE)
        assert own.purchase(reference)["response_code"] == "15777"
        assert rests(own, reference) == "13666"
        assert own.ask_for_password(reference, **AT_ONCE)["response_code"] == "88000"
        assert own.purchase(reference)["response_code"] == "14000"
        assert len(lender.booked(own.program)) == 1

    def test_to_a_refund_is_found_out(self, own: Shop, lender: Lender) -> None:
        reference, _ = own.bought()
        lender.script({"drop": True}, ask="return", program=own.program)
        lender.script({"status": 503}, ask="inquiry", program=own.program)
        name = own.reference()
        lost = own.refund(reference, 60_000, maintenance_reference=name)
        assert (lost["response_code"], lost["status"]) == ("15777", "15")
        assert own.refund(reference, 60_000)["response_code"] == "07048"
        assert rests(own, reference) == "06000"
        assert own.refund(reference, 60_000, maintenance_reference=name)["response_code"] == "07066"
        assert own.status(reference)["refunded_amount"] == "60000"
        assert len(lender.booked(own.program, "return")) == 1

    def test_to_a_question_moves_nothing(self, own: Shop, lender: Lender) -> None:
        for ask, question, failed in (
            ("customer", own.verify, "91071"),
            ("plans", own.plans, "63071"),
            ("plans", own.ask_for_password, "89071"),
        ):
            lender.script({"drop": True}, ask=ask, program=own.program)
            assert question(own.reference())["response_code"] == failed


class TestAPurchaseUnderWay:
    def test_is_not_joined_by_another(self, own: Shop, lender: Lender) -> None:
        reference = own.reference()
        lender.script({"late": 1.5}, ask="loan", program=own.program)
        own.ask_for_password(reference, **AT_ONCE)
        with ThreadPoolExecutor(1) as client:
            first = client.submit(own.purchase, reference)
            eventually(lambda: lender.booked(own.program), every_seconds=0.01)
            assert own.purchase(reference)["response_code"] == "13784"
            assert own.ask_for_password(reference, **AT_ONCE)["response_code"] == "89784"
            assert own.refund(reference, 1)["response_code"] == "07662"
            assert first.result()["response_code"] == "14000"
        assert len(lender.booked(own.program)) == 1


class TestAKill:
    """Between what is stored before the lender is asked and what is stored after."""

    @pytest.fixture(params=DATABASES)
    def world(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[tuple[Gateway, Office, Lender]]:
        postgres = partial(request.getfixturevalue, "postgres")
        settings = {**SWIFT, "BEZANT_ACQUIRER_READ_SECONDS": "2", "BEZANT_LEASE_SECONDS": "3"}
        with (
            FarEnds(tmp_path / "far") as far,
            gateway_on(
                request.param, tmp_path, postgres=postgres, settings={**settings, **far.settings}
            ) as gateway,
            Office(gateway) as office,
        ):
            yield gateway, office, far.lender

    def test_neither_loses_a_purchase_nor_makes_it_twice(self, world: tuple[Gateway, Office, Lender]) -> None:
        gateway, office, lender = world
        booked, unbooked, refunded = office.board(), office.board(), office.board()
        bought, _ = refunded.bought()
        orders = {}
        for shop in (booked, unbooked):
            orders[shop.program] = reference = shop.reference()
            shop.ask_for_password(reference, **AT_ONCE)
        lender.script({"late": 2.0}, ask="loan", program=booked.program)
        lender.script({"delay": 8.0}, ask="loan", program=unbooked.program)
        lender.script({"late": 2.0}, ask="return", program=refunded.program)
        with ThreadPoolExecutor(3) as clients:
            answers = [
                clients.submit(booked.purchase, orders[booked.program]),
                clients.submit(unbooked.purchase, orders[unbooked.program]),
                clients.submit(refunded.refund, bought, 50_000),
            ]
            eventually(
                lambda: (
                    lender.booked(booked.program)
                    and lender.booked(refunded.program, "return")
                    and len(self.sending(gateway)) == 3
                ),
                every_seconds=0.01,
            )
            gateway.kill()
            for answer in answers:
                with pytest.raises(NoAnswer):
                    answer.result()
        gateway.start()
        assert booked.purchase(orders[booked.program])["response_code"] in {"13784", "00007"}
        assert rests(booked, orders[booked.program]) == "14000"
        assert rests(unbooked, orders[unbooked.program]) == "13666"
        assert rests(refunded, bought) == "06000"
        assert [len(lender.booked(shop.program)) for shop in (booked, unbooked, refunded)] == [1, 0, 1]
        assert refunded.status(bought)["refunded_amount"] == "50000"
        # What was still on its way finds itself fenced out.
        eventually(
            lambda: any(each["kind"] == "none" for each in lender.entries(unbooked.program)), seconds=15
        )
        assert booked.purchase(orders[booked.program])["response_code"] == "00007"
        assert unbooked.ask_for_password(orders[unbooked.program], **AT_ONCE)["response_code"] == "88000"
        assert unbooked.purchase(orders[unbooked.program])["response_code"] == "14000"
        assert len(lender.booked(unbooked.program)) == 1
        assert violations(gateway) + lender.wrong() == []

    @staticmethod
    def sending(gateway: Gateway) -> list[Any]:
        loans = gateway.rows("SELECT 1 FROM loans WHERE state = 'sending'")
        return [*loans, *gateway.rows("SELECT 1 FROM loan_refunds WHERE state = 'sending'")]
