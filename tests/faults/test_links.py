"""The link faults' short form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from tests.faults.links import ACQUIRER, Scenario, Stage, run, stage_on
from tests.faults.stores import HOST, POSTGRESQL
from tests.support.gateway import DATABASES

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
