"""The link faults' short form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults.crowd import ANSWER_SECONDS_MAX
from tests.faults.links import ACQUIRER, SETTINGS, Scenario, Stage, run, stage_on
from tests.faults.proxy import hanging_port
from tests.faults.stores import HOST, POSTGRESQL
from tests.support.gateway import DATABASES, Gateway

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
