"""The soak's short form."""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path

import pytest

from tests.soak.__main__ import table
from tests.soak.run import Plan, soak
from tests.support.gateway import DATABASES

REQUESTS = 300
KILLS = 5


class TestAGatewayKilledUnderLoad:
    @pytest.mark.parametrize("database", DATABASES)
    def test_loses_and_doubles_nothing(
        self, database: str, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        plan = Plan(database=database, seed=secrets.randbelow(10**6), requests=REQUESTS, kills=KILLS)
        report = soak(plan, tmp_path, postgres=partial(request.getfixturevalue, "postgres"))
        print(table(report))
        assert report.findings == [], plan.command
        assert report.kills == KILLS
        assert sum(asked.lost for asked in report.requests), "no kill hit anything"
