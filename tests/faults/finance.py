"""The crash matrix of consumer finance: an order is bought and given back once, wherever the server dies.

As ``crash``, for the other language: it has no idempotency keys, so a shop that heard nothing looks the order
up or asks again under the same reference. The lender, the phones and the shop's own server, which is told of
everything, outlive the gateway.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from bezant.core.merchants import Notices
from tests.faults.crash import LAUNCHER, REST_SECONDS_MAX, SETTINGS, Bench, Case, Result
from tests.faults.launcher import VARIABLE, Order, hit_file
from tests.support.aps import Office, Receiver, Shop
from tests.support.books import violations
from tests.support.far import FarEnds, Lender
from tests.support.gateway import NoAnswer, eventually, gateway_on
from tests.support.postgres import Server

AMOUNT: Final = 100_000
NOTICES: Final = {"BEZANT_NOTICE_SECONDS": "1", "BEZANT_NOTICE_PAUSE_SECONDS": "0.5"}
BOUGHT, ALREADY_BOUGHT = "14000", "00007"
PASSWORD_SENT, TOO_SOON, NO_PASSWORD = "88000", "89983", "13787"
GIVEN_BACK, ALREADY_GIVEN_BACK = "06000", "07066"

Call = Callable[[], dict[str, Any]]

_UNDER_WAY: Final = """
    SELECT 'loan' AS what, state FROM loans WHERE state IN ('sending', 'in_doubt')
    UNION ALL SELECT 'refund', state FROM loan_refunds WHERE state IN ('sending', 'in_doubt')
    UNION ALL SELECT 'notice', state FROM deliveries WHERE state IN ('due', 'sending')
"""
_WALK: Final = (
    *(Order(point=f"request.{step}") for step in ("accepted", "parsed", "authenticated")),
    *(Order(point=f"write.{step}") for step in ("half-flushed", "flushed", "committed")),
    *(Order(point=f"finance.{step}") for step in ("stored", "answered", "finished")),
    *(Order(point=f"write.{step}", hits=2) for step in ("half-flushed", "flushed", "committed")),
    *(Order(point=f"answer.{step}") for step in ("begun", "sent")),
)
_ASKED: Final = Order(point="finance.stored", delay=0.2)
_INQUIRY: Final = (
    *(Order(point=f"inquiry.{step}") for step in ("claimed", "answered", "settled")),
    Order(point="write.flushed", hits=4),
)
_NOTICE: Final = (
    *(Order(point=f"delivery.{step}") for step in ("claimed", "packed", "answered")),
    *(Order(point=f"write.{step}", hits=5) for step in ("flushed", "committed")),
    Order(point="delivery.packed", delay=0.2),
)
_PASSWORD: Final = (
    *(Order(point=f"write.{step}") for step in ("flushed", "committed")),
    *(Order(point=f"password.{step}") for step in ("stored", "sent")),
    Order(point="answer.begun"),
)


def matrix() -> list[Case]:
    """Every case."""
    cases = []
    for name, ask in (("purchase", "loan"), ("loan refund", "return")):
        cases += [Case(name=name, order=order) for order in _WALK]
        cases.append(Case(name=name, order=_ASKED, step={"late": 0.6}, ask=ask))
        cases.append(Case(name=name, order=_ASKED, step={"delay": 0.6}, ask=ask))
        cases += [Case(name=name, order=order, step={"drop": True}, ask=ask) for order in _INQUIRY]
    cases += [Case(name="purchase", order=order) for order in _NOTICE]
    return cases + [Case(name="password", order=order) for order in _PASSWORD]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A shop, the gateway that it buys from, and the lender behind it."""

    bench: Bench
    shop: Shop
    lender: Lender
    receiver: Receiver

    def rest(self) -> list[str]:
        """Wait until nothing is under way; what still is."""
        deadline = time.monotonic() + REST_SECONDS_MAX
        while (left := self._under_way()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def _under_way(self) -> list[str]:
        return [f"a {row['what']} is {row['state']}" for row in self.bench.gateway.rows(_UNDER_WAY)]

    def findings(self) -> list[str]:
        """Where this gateway's books are wrong, the lender's are, or they believe different things."""
        gateway, program = self.bench.gateway, self.shop.program
        found = [*violations(gateway), *self.lender.wrong()]
        for kind, query in _HELD.items():
            (row,) = gateway.rows(query, merchant_id=self.shop.merchant_id)
            booked = self.lender.booked(program, kind)
            theirs = len(booked), sum(each["amount"] for each in booked)
            if theirs != (row["count"], int(row["minor"])):
                found.append(f"{kind}: the lender has {theirs}, the gateway {tuple(row.values())}")
        return [*found, *self._untold()]

    def _untold(self) -> list[str]:
        """What the shop was not told of, or not the same each time."""
        found = []
        for row in self.bench.gateway.rows(_NOTICES, merchant_id=self.shop.merchant_id):
            copies = self.receiver.of(row["reference"])
            topics = {(each.parameters["fort_id"], each.parameters["response_code"]) for each in copies}
            if row["undelivered"] or len(topics) != row["count"] or len(set(copies)) != row["count"]:
                found.append(f"of {row['reference']} {row['count']} notices were due; heard were {topics}")
        return found


_NOTICES: Final = """
    WITH told AS (
        SELECT loan_id AS subject_id, reference FROM loans WHERE merchant_id = :merchant_id
        UNION ALL
        SELECT r.refund_id, l.reference FROM loan_refunds r
        JOIN loans l ON l.merchant_id = r.merchant_id AND l.loan_id = r.loan_id
        WHERE r.merchant_id = :merchant_id
    )
    SELECT reference, COUNT(*) AS count, SUM(CASE state WHEN 'delivered' THEN 0 ELSE 1 END) AS undelivered
    FROM deliveries JOIN told USING (subject_id) WHERE merchant_id = :merchant_id GROUP BY reference
"""
_HELD: Final[Mapping[str, str]] = {
    "loan": """
        SELECT COUNT(*) AS count, COALESCE(SUM(amount), 0) AS minor FROM loans
        WHERE state = 'granted' AND merchant_id = :merchant_id
    """,
    "return": """
        SELECT COUNT(*) AS count, COALESCE(SUM(amount), 0) AS minor FROM loan_refunds
        WHERE state = 'done' AND merchant_id = :merchant_id
    """,
}


@contextlib.contextmanager
def counter_on(
    database: str, home: Path, *, postgres: Callable[[], Server], workers: int = 1
) -> Iterator[Counter]:
    """A running one."""
    with FarEnds(home / "far") as far:
        settings = {**SETTINGS, **NOTICES, **far.settings, VARIABLE: str(home / "fault")}
        if workers > 1:
            settings["BEZANT_WORKERS"] = str(workers)
        with (
            Receiver().serving() as receiver,
            gateway_on(database, home, postgres=postgres, settings=settings, module=LAUNCHER) as gateway,
            Office(gateway) as office,
        ):
            shop = office.board()
            told = Notices(direct_url=receiver.url, later_url=receiver.url)
            office.change(shop, lambda account: replace(account, notices=told))
            receiver.latency_seconds = 0.4
            yield Counter(
                bench=Bench(gateway, gift_elsewhere=far.gift_control),
                shop=shop,
                lender=far.lender,
                receiver=receiver,
            )


def run(counter: Counter, case: Case, *, database: str) -> Result:
    """Carry out a case. Afterwards the gateway runs and is at rest, whatever was found."""
    bench, shop = counter.bench, counter.shop
    call, again = _PREPARE[case.name](shop)
    counter.rest()
    if case.step is not None:
        counter.lender.script(case.step, ask=case.ask, program=shop.program)
    bench.arm(case.order)
    first = _asked(call)
    findings = [] if bench.hit() else ["the step was not reached"]
    started = time.monotonic()
    if not bench.gateway.runs:
        bench.gateway.start()
    findings += counter.rest()
    recovered = time.monotonic() - started
    findings += counter.findings()
    last, trouble = again(first)
    findings += [*trouble, *counter.rest(), *counter.findings()]
    return Result(
        case=case,
        database=database,
        recovered_seconds=recovered,
        answers=(first or "-", last),
        findings=list(dict.fromkeys(findings)),
    )


def stops() -> list[Case]:
    """Every case of a process that stands still for longer than its lease with a notice in its hands."""
    points = ("delivery.claimed", "delivery.packed", "delivery.answered")
    return [Case(name="suspended", order=Order(point=point, signal=signal.SIGSTOP)) for point in points]


def run_stop(case: Case, home: Path, *, postgres: Callable[[], Server]) -> Result:
    """Suspend one of two processes until the other has sent its notice anew; it may change nothing then."""
    home.mkdir(parents=True, exist_ok=True)
    with counter_on("postgresql", home, postgres=postgres, workers=2) as counter:
        bench, shop = counter.bench, counter.shop
        eventually(bench.gateway.is_ready)
        bench.arm(case.order)
        # Whoever sold it may be the one that is suspended: it answers when it goes on.
        with ThreadPoolExecutor(1) as client:
            client.submit(shop.bought, AMOUNT)
            eventually(hit_file(bench.file).exists)
            started = time.monotonic()
            eventually(lambda: not counter.rest() and bench.gateway.rows(_TWICE))
            recovered = time.monotonic() - started
            before = bench.gateway.rows(_DELIVERIES)
            bench.gateway.signal(signal.SIGCONT)
        time.sleep(1.0)
        findings = [*counter.rest(), *counter.findings()]
        if bench.gateway.rows(_DELIVERIES) != before:
            findings.append("who was suspended wrote something when it went on")
    return Result(
        case=case,
        database="postgresql",
        recovered_seconds=recovered,
        answers=("-", "-"),
        findings=findings,
    )


_TWICE: Final = "SELECT 1 FROM deliveries WHERE tries > 1"
_DELIVERIES: Final = "SELECT delivery_id, state, tries, revision FROM deliveries ORDER BY delivery_id"


def _asked(call: Call) -> str | None:
    """The code of its answer, if there was one."""
    try:
        return str(call()["response_code"])
    except NoAnswer:
        return None


Again = Callable[[str | None], tuple[str, list[str]]]
"""Asks once more, knowing what was heard before; the last code, and what is wrong."""


def _buying(shop: Shop) -> tuple[Call, Again]:
    reference = shop.reference()
    assert shop.ask_for_password(reference, AMOUNT, total_downpayment=0)["response_code"] == PASSWORD_SENT
    call = partial(shop.purchase, reference, AMOUNT)

    def again(first: str | None) -> tuple[str, list[str]]:
        code = str(call()["response_code"])
        wrong = [f"bought, it was told, and then {code}"] if {first, code} == {BOUGHT, NO_PASSWORD} else []
        if code == NO_PASSWORD:  # its password was used up, and nothing was bought
            shop.ask_for_password(reference, AMOUNT, total_downpayment=0)
            code = str(call()["response_code"])
        return code, [*wrong, *_is_bought(shop, reference, code)]

    return call, again


def _asking_for_password(shop: Shop) -> tuple[Call, Again]:
    reference = shop.reference()
    call = partial(shop.ask_for_password, reference, AMOUNT, total_downpayment=0)

    def again(_first: str | None) -> tuple[str, list[str]]:
        code = str(call()["response_code"])
        # One that was stored, and may not have been sent, is replaced when its minute is over.
        wrong = [] if code in {PASSWORD_SENT, TOO_SOON} else [f"a password was asked for: {code}"]
        bought = str(shop.purchase(reference, AMOUNT)["response_code"])
        return code, [*wrong, *_is_bought(shop, reference, bought)]

    return call, again


def _giving_back(shop: Shop) -> tuple[Call, Again]:
    reference, _ = shop.bought(AMOUNT)
    call = partial(shop.refund, reference, AMOUNT // 2, maintenance_reference=shop.reference())

    def again(first: str | None) -> tuple[str, list[str]]:
        code = str(call()["response_code"])
        wrong = (
            [] if code in {GIVEN_BACK, ALREADY_GIVEN_BACK} else [f"the refund was asked for again: {code}"]
        )
        if first == code == GIVEN_BACK:
            wrong.append("given back, it was told, and then once more")
        held = shop.status(reference).get("refunded_amount")
        return code, [*wrong, *([] if held == str(AMOUNT // 2) else [f"{held} were given back"])]

    return call, again


def _is_bought(shop: Shop, reference: str, code: str) -> Iterator[str]:
    if code not in {BOUGHT, ALREADY_BOUGHT}:
        yield f"the purchase was asked for again: {code}"
    if (state := shop.status(reference)["transaction_code"]) != BOUGHT:
        yield f"the order was looked up: {state}"


_PREPARE: Final[Mapping[str, Callable[[Shop], tuple[Call, Again]]]] = {
    "purchase": _buying,
    "loan refund": _giving_back,
    "password": _asking_for_password,
}
