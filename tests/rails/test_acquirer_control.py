from __future__ import annotations

import asyncio
import contextlib

import pytest

from bezant.core.payments.messages import Ask
from bezant.rails.acquirer.sandbox import ControlRefused, SandboxControl, SandboxHost
from tests.rails.acquirer_cases import (
    ENDPOINT,
    Network,
    a_message,
    a_network,
    a_reversal_of,
    code_of,
    some_totals,
)

pytestmark = pytest.mark.anyio


class TestTheControl:
    async def test_shows_what_is_in_force(self) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            control = control_of(network)
            sales = [a_message(minor=7_00) for _ in range(3)]
            for message in (*sales, a_message(Ask.REFUND, minor=2_00), a_message(Ask.AUTHORIZE)):
                await network.send(message)
            await network.send(a_reversal_of(sales[0]))
            await network.rail.close_batch(some_totals(debits=(2, 14_00), refunds=(1, 2_00)))
            terminal = ENDPOINT.terminal_number
            live = await control.live(terminal)
            assert live["terminals"] == {
                terminal: {
                    "sale": {"count": 2, "amount": 14_00},
                    "refund": {"count": 1, "amount": 2_00},
                    "authorize": {"count": 1, "amount": 10_00},
                }
            }
            references = {entry["reference"] for entry in live["entries"]}
            assert {sale.retrieval_reference for sale in sales[1:]} <= references
            unsettled = await control.live(settled=False)
            assert unsettled["terminals"] == {terminal: {"authorize": {"count": 1, "amount": 10_00}}}
            assert (await control.live("nobody"))["entries"] == []

    async def test_lists_the_books_by_what_is_named(self) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            control = control_of(network)
            sale, declined = a_message(), a_message(minor=9000_51)
            await network.send(sale)
            await network.send(declined)
            assert len(await control.books()) == 2
            (entry,) = await control.books(rrn=sale.retrieval_reference)
            assert (entry["amount"], entry["state"], entry["ask"]) == (10_00, "live", "sale")
            (entry,) = await control.books(state="declined", terminal=ENDPOINT.terminal_number)
            assert (entry["code"], entry["reference"]) == ("51", declined.retrieval_reference)
            assert await control.books(ask="refund") == []

    async def test_lists_more_entries_than_fit_a_page(self) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            await asyncio.gather(*(network.send(a_message()) for _ in range(1500)))
            entries = await control_of(network).books()
            assert len({entry["reference"] for entry in entries}) == 1500
            assert len((await control_of(network).live())["entries"]) == 1500

    async def test_tells_batches_and_what_the_next_would_come_to(self) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            await network.send(a_message())
            await network.rail.close_batch(some_totals(number=4, debits=(1, 10_00)))
            await network.send(a_message(Ask.REFUND, minor=3_00))
            totals = await control_of(network).totals(ENDPOINT.terminal_number)
            (batch,) = totals["batches"]
            assert (batch["number"], batch["reconciled"], batch["booked"]["debits"]) == ("4", True, 10_00)
            (unsettled,) = totals["unsettled"]
            assert (unsettled["credit_count"], unsettled["credits"]) == (1, 3_00)

    async def test_takes_scripts(self) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            control = control_of(network)
            await control.ping()
            await control.script({"decline": "51"}, match={"ask": "sale"})
            await control.script({"decline": "05"}, match={"ask": "refund"}, repeat=True)
            assert await code_of(network) == "51"
            (script,) = await control.scripts()
            assert script["match"] == {"ask": "refund"}
            assert await control.clear_scripts() == 1
            assert await control.scripts() == []
            assert (await control.stats())["messages"]["0200"] == 1

    @pytest.mark.parametrize(
        "step",
        [
            {"declin": "51"},
            {"decline": "5"},
            {"decline": "00"},
            {"decline": "51\n"},
            {"late": -1},
            {"late": "soon"},
            {"mismatch": "everything"},
        ],
    )
    async def test_refuses_a_step_that_means_nothing(self, step: dict[str, object]) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            with pytest.raises(ControlRefused):
                await control_of(network).script(step)
            with pytest.raises(ControlRefused):
                await control_of(network).script()

    @pytest.mark.parametrize(
        "line", [b"", b"x", b"{}", b'{"command":"nothing"}', b"[" * 60_000, b'{"command":"books","limit":0}']
    )
    async def test_refuses_a_line_that_is_no_command_and_goes_on(self, line: bytes) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            assert network.host.control_address is not None
            reader, writer = await asyncio.open_connection(*network.host.control_address)
            writer.write(line + b"\n" + b'{"command":"ping"}\n')
            assert (await reader.readline()).startswith(b'{"ok":false')
            assert await reader.readline() == b'{"ok":true}\n'
            writer.close()

    async def test_hangs_up_on_a_line_without_end(self) -> None:
        async with a_network(SandboxHost(control_port=0)) as network:
            assert network.host.control_address is not None
            reader, writer = await asyncio.open_connection(*network.host.control_address)
            writer.write(b"x" * 200_000)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()


def control_of(network: Network) -> SandboxControl:
    assert network.host.control_address is not None
    return SandboxControl(network.host.control_address)
