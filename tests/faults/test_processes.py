"""The short form of ``processes``: gateways of several processes, some of which die or stand still."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.faults.processes import SCENARIOS, Scenario, run

SHORT: Final = {scenario.name: scenario for scenario in SCENARIOS if scenario.short}


class TestAGatewayOfSeveralProcesses:
    @pytest.mark.parametrize("scenario", SHORT.values(), ids=SHORT)
    def test_goes_on_and_leaves_nobody_alone(
        self, scenario: Scenario, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        postgres = partial(request.getfixturevalue, "postgres")
        assert run(scenario, tmp_path, postgres=postgres).findings == []
