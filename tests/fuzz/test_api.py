"""A few requests of each operation, as its description allows them and as it does not, and a few walks."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz import api
from tests.support.gateway import Gateway


class TestTheApi:
    def test_answers_as_it_is_described(self, tmp_path: Path) -> None:
        with Gateway(tmp_path) as gateway:
            tallies = list(api.rounds(gateway, examples=2, walked=3, seed=1))
        assert {tally.name: tally.findings for tally in tallies if tally.findings} == {}
        positive, negative, walks, calls, _ = tallies
        assert min(positive.requests, negative.requests) > api.OPERATIONS
        assert {200, 400, 401, 403} <= calls.statuses.keys()
        assert {200, 201, 400} <= positive.statuses.keys() | walks.statuses.keys()
