"""The crash matrix's short form: the steps at which most is at stake, for each database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.faults import finance
from tests.faults.crash import Bench, Case, bench_on, matrix, run, run_start, starts
from tests.support.gateway import DATABASES

STEPS: Final = frozenset(
    {
        "sale: write.committed#1",
        "sale: link.written#1",
        "sale: write.flushed#2",
        "sale: write.committed#2",
        "sale (silent): reversal.claimed#1",
        "refund: payment.answered#1",
        "gift sale: gift.answered#1",
    }
)
FINANCE_STEPS: Final = frozenset({"purchase: finance.answered#1", "purchase: delivery.answered#1"})
FINANCE_CASES: Final = {case.title: case for case in finance.matrix() if case.title in FINANCE_STEPS}
CASES: Final = {case.title: case for case in matrix() if case.title in STEPS}


@pytest.fixture(scope="module", params=DATABASES)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home, postgres = tmp_path_factory.mktemp("crash"), partial(request.getfixturevalue, "postgres")
    with bench_on(request.param, home, postgres=postgres) as bench:
        yield bench


@pytest.fixture(scope="module")
def counter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[finance.Counter]:
    home, postgres = tmp_path_factory.mktemp("finance"), partial(request.getfixturevalue, "postgres")
    with finance.counter_on("postgresql", home, postgres=postgres) as counter:
        yield counter


class TestAServerThatDies:
    def test_can_do_so_at_every_step_named_here(self) -> None:
        assert CASES.keys() == STEPS
        assert FINANCE_CASES.keys() == FINANCE_STEPS

    @pytest.mark.parametrize("case", CASES.values(), ids=CASES)
    def test_charges_once_or_not_at_all_and_tells_one_story(self, bench: Bench, case: Case) -> None:
        assert run(bench, case, database="either").findings == []

    @pytest.mark.parametrize("case", FINANCE_CASES.values(), ids=FINANCE_CASES)
    def test_sells_an_order_once_and_tells_its_shop(self, counter: finance.Counter, case: Case) -> None:
        assert finance.run(counter, case, database="either").findings == []


class TestAFirstStartThatDies:
    def test_with_half_a_root_key_is_made_good_by_the_next(
        self, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        postgres = partial(request.getfixturevalue, "postgres")
        case = next(case for case in starts() if case.order.point == "keys.root-half-made")
        assert run_start(case, "sqlite", tmp_path, postgres=postgres).findings == []
