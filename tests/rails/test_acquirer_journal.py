from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bezant.core.outcomes import Approved, Declined
from bezant.core.payments.messages import Ask, Street
from bezant.core.sensitive import Cvv
from bezant.rails.acquirer import AcquirerLink, AcquirerRail
from bezant.rails.acquirer.sandbox import SandboxHost
from tests.rails.acquirer_cases import (
    CARD,
    a_capture_of,
    a_message,
    a_network,
    a_reversal_of,
    some_totals,
    until,
)
from tests.support.tree import ROOT

pytestmark = pytest.mark.anyio


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "acquirer.jsonl"


class TestAJournal:
    async def test_brings_the_books_back(self, journal: Path) -> None:
        sale, authorization, lost = a_message(), a_message(Ask.AUTHORIZE), a_message()
        async with a_network(SandboxHost(journal=journal)) as network:
            first = await network.send(sale)
            await network.send(authorization)
            await network.send(a_capture_of(authorization))
            await network.send(a_reversal_of(lost))
            await network.rail.close_batch(some_totals(debits=(2, 20_00)))
            last = a_message(Ask.REFUND)
            await network.send(last)
            before = network.host.books
        async with a_network(SandboxHost(journal=journal)) as network:
            after = network.host.books
            assert after.listed() == before.listed()
            assert after.batches() == before.batches()
            assert after.unsettled() == before.unsettled()
            assert await network.send(sale) == first
            assert isinstance(await network.send(lost), Declined)
            answer = await network.send(a_message())
            assert isinstance(answer, Approved)
            assert answer.approval_code == "TAS004"

    async def test_holds_no_card_number_and_no_verification_value(self, journal: Path) -> None:
        async with a_network(SandboxHost(journal=journal)) as network:
            message = a_message(cvv=Cvv("7351"), invoice="canary", street=Street(line="canary"))
            await network.send(message)
            await network.send(a_reversal_of(message))
        text = journal.read_text()  # noqa: ASYNC240 - a small file, and nobody waits
        assert CARD[-4:] in text
        for secret in (CARD, CARD[:12], "7351", "canary"):
            assert secret not in text

    async def test_survives_a_last_line_cut_short(self, journal: Path) -> None:
        sale = a_message()
        async with a_network(SandboxHost(journal=journal)) as network:
            await network.send(sale)
        with journal.open("ab") as file:
            file.write(b'{"type":"entry","sequ')
        for _ in range(2):
            async with a_network(SandboxHost(journal=journal)) as network:
                assert network.state_of(sale) == "live"
                await network.send(a_message())
        async with a_network(SandboxHost(journal=journal)) as network:
            assert network.host.books.count == 3

    async def test_is_held_by_one_host_at_a_time(self, journal: Path) -> None:
        async with a_network(SandboxHost(journal=journal)):
            with pytest.raises(BlockingIOError):
                await SandboxHost(journal=journal).start()

    async def test_knows_every_answered_sale_after_a_kill(self, journal: Path) -> None:
        with a_host_process(journal) as (process, address):
            link = AcquirerLink(*address)
            await link.start()
            rail = AcquirerRail(link)
            sales = [a_message(minor=100 + place) for place in range(2000)]
            tasks = [asyncio.ensure_future(rail.send(sale)) for sale in sales]
            await until(lambda: sum(task.done() for task in tasks) >= 200)
            process.send_signal(signal.SIGKILL)
            answers = await asyncio.gather(*tasks)
            await link.stop()
        approved = [sale for sale, answer in zip(sales, answers, strict=True) if isinstance(answer, Approved)]
        assert len(approved) >= 200
        async with a_network(SandboxHost(journal=journal)) as network:
            entries = network.host.books.listed(limit=len(sales))
            live = {entry.reference for entry in entries if entry.state == "live"}
            assert {sale.retrieval_reference for sale in approved} <= live


_HOST = """
import asyncio, sys
from pathlib import Path
from bezant.rails.acquirer.sandbox import SandboxHost

async def main():
    host = SandboxHost(journal=Path(sys.argv[1]))
    await host.start()
    print(*host.address, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@contextlib.contextmanager
def a_host_process(journal: Path) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """A sandbox host in a process of its own, and its address. Killed at the end."""
    command = [sys.executable, "-c", _HOST, str(journal)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            host, port = process.stdout.readline().split()
            yield process, (host, int(port))
        finally:
            process.kill()
