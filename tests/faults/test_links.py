"""The link faults' short form."""

from __future__ import annotations

import fcntl
import os
import select
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.faults.crash import Bench
from tests.faults.crowd import ANSWER_SECONDS_MAX
from tests.faults.far import FAR, far_stage_on
from tests.faults.links import ACQUIRER, SETTINGS, Scenario, Stage, run, stage_on
from tests.faults.proxy import COMMITTED, hanging_port
from tests.faults.stores import HOST, POSTGRESQL
from tests.support.gateway import DATABASES, Gateway, eventually

SHORT: Final = [
    pytest.param(database, scenario, id=f"{database}-{scenario.name.replace(' ', '-')}")
    for database in DATABASES
    for scenario in (*ACQUIRER, *POSTGRESQL, *HOST)
    if scenario.short and database in scenario.on
]


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage_on(request.param, tmp_path_factory.mktemp("links")) as stage:
        yield stage


class TestAFault:
    @pytest.mark.parametrize(("stage", "scenario"), SHORT, indirect=["stage"], scope="module")
    def test_is_answered_in_time_and_made_good(self, stage: Stage, scenario: Scenario) -> None:
        assert run(stage, scenario).findings == []


class TestAGiftMovementWhoseCommitIsNotAnswered:
    @pytest.mark.parametrize("stage", ["postgresql"], indirect=True, scope="module")
    def test_may_be_tried_again_and_has_moved_nothing(self, stage: Stage) -> None:
        bench = Bench(stage.gateway)
        card = stage.gateway.demo["gift"]["card"]
        load = partial(stage.gateway.call, txn_type="giftaddvalue", pan=card, amount="1.25")
        assert load().status == 200
        balance, taken = bench.gift_balance(), 0
        with ThreadPoolExecutor(1) as client:
            for _ in range(5):
                cuts = stage.link.cuts
                stage.link.down = COMMITTED
                asked = client.submit(load)
                eventually(lambda seen=cuts: stage.link.cuts > seen, every_seconds=0.001)  # type: ignore[misc]  # bound at once
                stage.link.heal()
                answer = asked.result()
                assert (answer.status, answer.body["error_no"]) in {(200, "S00"), (503, "E110")}
                taken += answer.status == 200
        assert bench.rest() + bench.findings() == []
        assert bench.gift_balance() == balance + taken * 125


class TestAFaultOfAnotherLink:
    @pytest.mark.parametrize("scenario", [each for each in FAR if each.short], ids=lambda each: each.name)
    def test_is_answered_in_time_and_made_good(self, tmp_path: Path, scenario: Scenario) -> None:
        with far_stage_on("sqlite", tmp_path) as stage:
            assert run(stage, scenario).findings == []


class TestALogThatCannotBeWritten:
    def test_keeps_no_server_from_starting_and_taking_payments(self, tmp_path: Path) -> None:
        (tmp_path / "server.log").symlink_to("/dev/full")
        with Gateway(tmp_path, settings=SETTINGS) as gateway:
            assert gateway.sale("5.00").status == 200

    def test_holds_up_no_payment_while_nobody_reads_it(self, tmp_path: Path) -> None:
        log = tmp_path / "server.log"
        os.mkfifo(log)
        reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 2 * select.PIPE_BUF)
            with Gateway(tmp_path, settings=SETTINGS) as gateway:
                for _ in range(60):
                    assert gateway.sale("5.00").status == 200
        finally:
            os.close(reader)


class TestAnAcquirerThatNeverTakesTheCall:
    def test_costs_a_sale_and_no_more_than_the_time_to_connect(self, tmp_path: Path) -> None:
        with hanging_port() as port:
            settings = {**SETTINGS, "BEZANT_ACQUIRER": f"127.0.0.1:{port}"}
            with Gateway(tmp_path, settings=settings) as gateway:
                answer = gateway.sale("5.00", timeout_seconds=ANSWER_SECONDS_MAX)
                assert (answer.status, answer.body["error_no"], answer.body["error_code"]) == (
                    400,
                    "E98",
                    "91",
                )
                (row,) = gateway.rows("SELECT state FROM payments")
                assert row["state"] == "declined"
