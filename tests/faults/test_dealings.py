"""The crash matrix's short form for links, for what is kept, and for keys, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Final

import pytest

from tests.faults import kept, keys, pages
from tests.faults.crash import Case
from tests.faults.desk import Desk, desk_on
from tests.support.gateway import DATABASES

STEPS: Final = frozenset(
    {
        "Valor link paid: payment.answered#1",
        "Valor link paid: write.half-flushed#2",
        "Valor link paid: delivery.answered#1",
        "iPOSpays link paid: write.committed#2",
        "iPOSpays link paid (silent): invoice.unsettled#1",
        "iPOSpays link made: write.committed#1",
        "stock sold (silent): reversal.confirming#1",
        "payment token charged: write.flushed#1",
        "payment token charged: write.committed#1",
        "card token charged: write.committed#2",
        "secret reset: write.flushed#1",
        "secret reset: write.committed#1",
    }
)
CASES: Final[dict[str, tuple[ModuleType, Case]]] = {
    case.title: (module, case)
    for module in (pages, kept, keys)
    for case in module.matrix()
    if case.title in STEPS
}


@pytest.fixture(scope="module", params=DATABASES)
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home, postgres = tmp_path_factory.mktemp("dealings"), partial(request.getfixturevalue, "postgres")
    with desk_on(request.param, home, postgres=postgres) as desk:
        yield desk


class TestAServerThatDies:
    def test_can_do_so_at_every_step_named_here(self) -> None:
        assert CASES.keys() == STEPS

    @pytest.mark.parametrize(("module", "case"), CASES.values(), ids=CASES)
    def test_tells_payers_shops_and_books_one_story(self, desk: Desk, module: ModuleType, case: Case) -> None:
        assert module.run(desk, case, database="either").findings == []
