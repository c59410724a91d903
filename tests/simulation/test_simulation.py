"""The short form of the simulation: some universes, some planted bugs, and that a seed replays exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.simulation.__main__ import found_in
from tests.simulation.bugs import BUGS, Bug
from tests.simulation.cellar import Cellar
from tests.simulation.universe import Universe
from tests.support.tree import ROOT

UNIVERSES: Final = 15
SOON_WITHIN: Final = 20
"""A planted bug that every seed shows soon is looked for here, too."""
SOON: Final = [bug for bug in BUGS if bug.within <= SOON_WITHIN]


@pytest.fixture(scope="module")
def cellar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cellar]:
    """A database for one universe after the other."""
    opened = Cellar(tmp_path_factory.mktemp("cellar"))
    yield opened
    opened.close()


class TestAUniverse:
    @pytest.mark.parametrize("first", range(0, UNIVERSES, 5))
    def test_keeps_every_promise_in_every_fault(self, cellar: Cellar, first: int) -> None:
        for seed in range(first, first + 5):
            outcome = Universe(seed, cellar).run()
            assert outcome.findings == [], f"make simulate SEED={seed}"

    def test_is_the_same_every_time(self, cellar: Cellar) -> None:
        first, second = (Universe(7, cellar, keep_trace=True).run() for _ in range(2))
        assert first.lines == second.lines
        assert first.digest == second.digest

    def test_is_the_same_in_another_process_with_other_hashes(self, cellar: Cellar) -> None:
        here = Universe(3, cellar).run().digest
        for hash_seed in ("1", "2"):
            elsewhere = subprocess.run(
                (sys.executable, "-m", "tests.simulation", "--seed", "3"),
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONHASHSEED": hash_seed,
                    "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),
                },
                capture_output=True,
                check=True,
                text=True,
            )
            assert elsewhere.stdout.splitlines()[-1] == f"trace {here}"

    def test_is_another_with_another_seed(self, cellar: Cellar) -> None:
        assert Universe(1, cellar).run().digest != Universe(2, cellar).run().digest


class TestAPlantedBug:
    @pytest.mark.parametrize("bug", SOON, ids=[bug.name for bug in SOON])
    def test_is_found(self, cellar: Cellar, bug: Bug) -> None:
        assert found_in(bug, cellar, range(bug.within)) is not None
