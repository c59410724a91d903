from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from bezant.core.outcomes import Approved, Declined, NotSent, Unresolved
from bezant.rails.acquirer import AcquirerLink, AcquirerRail, Stray, StrayKind, spec
from bezant.rails.acquirer.codec import IsoMessage, encode
from bezant.rails.acquirer.rail import request_of
from bezant.rails.acquirer.sandbox import SandboxHost
from tests.rails.acquirer_cases import (
    BRIEFLY,
    CARD,
    Reader,
    a_message,
    a_network,
    a_peer,
    a_reply_to,
    until,
)

pytestmark = pytest.mark.anyio


async def nowhere() -> tuple[str, int]:
    """An address at which nobody listens."""
    host = SandboxHost()
    await host.start()
    address = host.address
    await host.stop()
    return address


class TestALink:
    async def test_signs_on_and_carries_a_sale(self) -> None:
        async with a_network() as network:
            assert network.link.connected
            answer = await network.send(a_message())
            assert isinstance(answer, Approved)
            assert network.host.books.count == 1

    async def test_is_down_while_nobody_listens_and_sends_nothing(self) -> None:
        link = AcquirerLink(*await nowhere(), backoff_seconds=30)
        await link.start()
        try:
            assert not link.connected
            assert await AcquirerRail(link).send(a_message()) == NotSent(cause="link down")
        finally:
            await link.stop()

    async def test_is_down_before_it_is_started_and_after_it_is_stopped(self) -> None:
        async with a_network() as network:
            link = AcquirerLink(*network.host.address)
            assert await link.request(request_of(a_message())) == NotSent(cause="link down")
            await link.start()
            await link.stop()
            assert not link.connected
            assert await link.request(request_of(a_message())) == NotSent(cause="link down")

    @pytest.mark.parametrize("step", [{"decline": "91"}, {"silent": True}, {"drop": True}, {"garble": True}])
    async def test_is_down_until_its_sign_on_is_accepted(self, step: dict[str, object]) -> None:
        host = SandboxHost()
        await host.start()
        host.scripts.add({"match": {"mti": "0800"}, "steps": [step]})
        link = AcquirerLink(*host.address, read_timeout_seconds=BRIEFLY, backoff_seconds=0.01)
        try:
            await link.start()
            assert not link.connected
            await until(lambda: link.connected)
            assert isinstance(await AcquirerRail(link).send(a_message()), Approved)
        finally:
            await link.stop()
            await host.stop()

    async def test_tries_again_and_again_until_the_host_is_there(self) -> None:
        address = await nowhere()
        asked: list[float] = []

        def jitter() -> float:
            asked.append(0.5)
            return 0.5

        link = AcquirerLink(*address, backoff_seconds=0.001, backoff_max_seconds=0.01, jitter=jitter)
        host = SandboxHost(*address)
        with capture_logs() as logs:
            try:
                await link.start()
                await until(lambda: len(asked) >= 5)
                await host.start()
                await until(lambda: link.connected)
            finally:
                await link.stop()
                await host.stop()
        assert [entry["event"] for entry in logs] == ["acquirer_unreachable", "acquirer_link_up"]

    async def test_comes_back_when_the_host_was_restarted(self) -> None:
        async with a_network() as network:
            address = network.host.address
            await network.host.stop()
            await until(lambda: not network.link.connected)
            restarted = SandboxHost(*address)
            await restarted.start()
            try:
                await until(lambda: network.link.connected)
                assert isinstance(await network.send(a_message()), Approved)
            finally:
                await network.link.stop()
                await restarted.stop()

    async def test_lets_a_message_wait_while_it_reconnects(self) -> None:
        async with a_network() as network:
            network.script({"drop": True})
            assert await network.send(a_message()) == Unresolved(cause="link lost")
            assert isinstance(await network.send(a_message()), Approved)

    async def test_comes_back_at_once_to_a_host_that_answered_before_it_hung_up(self) -> None:
        waits: list[float] = []

        def jitter() -> float:
            waits.append(0)
            return 0

        async with a_network(jitter=jitter) as network:
            for _ in range(8):
                assert isinstance(await network.send(a_message()), Approved)
                network.script({"drop": True})
                assert await network.send(a_message()) == Unresolved(cause="link lost")
            assert isinstance(await network.send(a_message()), Approved)
        assert waits == []

    async def test_uses_all_its_connections(self) -> None:
        async with a_network(connections=3) as network:
            await until(lambda: network.host.stats()["connections"] == 3)
            await until(lambda: network.link.connected)
            answers = await asyncio.gather(*(network.send(a_message()) for _ in range(30)))
            assert all(isinstance(answer, Approved) for answer in answers)

    async def test_keeps_an_idle_connection_alive_with_echoes(self) -> None:
        async with a_network(echo_interval_seconds=0.01) as network:
            await until(lambda: network.host.stats()["messages"]["0800"] >= 4)
            assert network.link.connected
            assert network.host.stats()["connections"] == 1

    async def test_replaces_a_connection_on_which_no_echo_comes(self) -> None:
        async with a_network(echo_interval_seconds=0.05, read_timeout_seconds=BRIEFLY) as network:
            network.script({"silent": True}, mti="0800")
            await until(lambda: network.host.stats()["connections"] == 2)
            await until(lambda: network.link.connected)

    async def test_doubts_a_connection_that_was_silent_while_a_message_timed_out(self) -> None:
        async with a_network(read_timeout_seconds=BRIEFLY) as network:
            network.script({"silent": True})
            network.script({"silent": True}, mti="0800")
            assert await network.send(a_message()) == Unresolved(cause="time-out")
            await until(lambda: network.host.stats()["connections"] == 2)

    async def test_answers_the_echo_of_its_host(self) -> None:
        answered = asyncio.Event()

        async def behave(read: Reader, writer: asyncio.StreamWriter) -> None:
            writer.write(a_reply_to(await read()))
            echo = {"t": "0800", "7": "0324053612", "11": "000001", "70": "301"}
            writer.write(encode(echo))
            reply = await read()
            assert reply == {**echo, "t": "0810", "39": "00"}
            answered.set()
            await asyncio.sleep(60)

        async with a_peer(behave) as address:
            link = AcquirerLink(*address)
            await link.start()
            await answered.wait()
            await link.stop()

    async def test_drops_a_stream_that_has_lost_its_frames(self) -> None:
        async def behave(read: Reader, writer: asyncio.StreamWriter) -> None:
            writer.write(a_reply_to(await read()))
            await read()
            writer.write(b"\xff\xffgarbage")
            await asyncio.sleep(60)

        async with a_peer(behave) as address:
            link = AcquirerLink(*address)
            await link.start()
            assert await AcquirerRail(link).send(a_message()) == Unresolved(cause="link lost")
            await link.stop()


class TestManyMessagesAtOnce:
    async def test_each_get_their_own_answer_in_whatever_order_it_comes(self) -> None:
        async with a_network() as network:
            network.script({"late": 0.06}, {"late": 0.03}, {"late": 0.0}, repeat=True)
            sales = [a_message(minor=1_00 + place) for place in range(500)]
            tasks = [asyncio.ensure_future(network.send(sale)) for sale in sales]
            await until(lambda: network.link.in_flight >= 300)
            answers = await asyncio.gather(*tasks)
            assert [a.amount for a in answers if isinstance(a, Approved)] == [s.amount for s in sales]
            assert len({a.approval_code for a in answers if isinstance(a, Approved)}) == 500
            assert network.host.books.count == 500
            assert network.strays == []

    async def test_beyond_the_bound_are_not_sent(self) -> None:
        async with a_network(in_flight_max=3) as network:
            network.script({"late": 0.05}, repeat=True)
            answers = await asyncio.gather(*(network.send(a_message()) for _ in range(5)))
            assert [type(answer) for answer in answers] == [Approved] * 3 + [NotSent] * 2
            assert answers[3] == NotSent(cause="overload")
            assert network.host.books.count == 3

    async def test_are_all_unresolved_when_their_connection_is_lost(self) -> None:
        async with a_network() as network:
            network.script(*[{"silent": True}] * 9, {"drop": True})
            answers = await asyncio.gather(*(network.send(a_message()) for _ in range(10)))
            assert answers == [Unresolved(cause="link lost")] * 10

    async def test_of_the_same_key_are_not_sent_twice(self) -> None:
        async with a_network() as network:
            network.script({"late": 0.05})
            sale = a_message()
            first, second = await asyncio.gather(network.send(sale), network.send(sale))
            assert isinstance(first, Approved)
            assert second == NotSent(cause="already in flight")


class TestAMessage:
    async def test_past_its_deadline_is_not_sent(self) -> None:
        async with a_network() as network:
            past = a_message(deadline_at=datetime.now(UTC) - timedelta(seconds=1))
            assert await network.send(past) == NotSent(cause="deadline passed")
            assert network.host.books.count == 0

    async def test_whose_caller_left_does_not_disturb_others_and_its_answer_is_reported(self) -> None:
        async with a_network() as network:
            network.script({"late": 0.05})
            left = a_message()
            task = asyncio.ensure_future(network.send(left))
            await until(lambda: network.link.in_flight == 1)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert isinstance(await network.send(a_message()), Approved)
            await until(lambda: len(network.strays) == 1)
            assert network.strays[0].kind is StrayKind.LATE
            assert network.strays[0].retrieval_reference == left.retrieval_reference
            assert network.link.in_flight == 0


class TestAHostThatMisbehaves:
    """Each fault, what the caller is told, which strays are reported. The host booked the sale each time."""

    @pytest.mark.parametrize(
        ("step", "answer", "strays"),
        [
            ({"silent": True}, Unresolved(cause="time-out"), []),
            ({"drop": True}, Unresolved(cause="link lost"), []),
            ({"half": True}, Unresolved(cause="link lost"), []),
            ({"garble": True}, Unresolved(cause="garbled"), [StrayKind.GARBLED]),
            ({"late": 2 * BRIEFLY}, Unresolved(cause="time-out"), [StrayKind.LATE]),
            ({"delay": 2 * BRIEFLY}, Unresolved(cause="time-out"), [StrayKind.LATE]),
            (
                {"late": 2 * BRIEFLY, "duplicate": True},
                Unresolved(cause="time-out"),
                [StrayKind.LATE, StrayKind.DUPLICATE],
            ),
            ({"codeless": True}, Unresolved(cause="garbled"), []),
            ({"mismatch": "amount"}, Unresolved(cause="mismatch"), []),
            ({"mismatch": "stan"}, Unresolved(cause="time-out"), [StrayKind.UNMATCHED]),
            ({"mismatch": "terminal"}, Unresolved(cause="time-out"), [StrayKind.UNMATCHED]),
        ],
    )
    async def test_leaves_the_sale_unresolved(
        self, step: dict[str, object], answer: Unresolved, strays: list[StrayKind]
    ) -> None:
        async with a_network(read_timeout_seconds=BRIEFLY) as network:
            network.script(step)
            sale = a_message()
            with capture_logs() as logs:
                assert await network.send(sale) == answer
                await until(lambda: len(network.strays) == len(strays))
            assert [stray.kind for stray in network.strays] == strays
            await until(lambda: network.state_of(sale) == "live")
            assert CARD not in repr(logs)
            assert CARD not in repr(network.strays)
            assert isinstance(await network.send(a_message()), Approved)

    @pytest.mark.parametrize("first", [{}, {"decline": "51"}], ids=["approved", "declined"])
    async def test_by_contradicting_itself_is_believed_the_first_time(self, first: dict[str, object]) -> None:
        async with a_network() as network:
            network.script({**first, "contradict": True})
            answer = await network.send(a_message())
            assert isinstance(answer, Declined if first else Approved)
            await until(lambda: len(network.strays) == 1)
            (stray,) = network.strays
            assert stray.kind is StrayKind.DUPLICATE
            assert stray.response_code == ("00" if first else "05")

    async def test_by_answering_twice_changes_nothing(self) -> None:
        async with a_network() as network:
            network.script({"duplicate": True})
            sale = a_message(minor=12_34)
            answer = await network.send(sale)
            assert isinstance(answer, Approved)
            await until(lambda: len(network.strays) == 1)
            stray = network.strays[0]
            assert stray == Stray(
                kind=StrayKind.DUPLICATE,
                received_at=stray.received_at,
                message_type="0210",
                terminal_number=sale.endpoint.terminal_number,
                audit_number=sale.audit_number,
                retrieval_reference=sale.retrieval_reference,
                response_code="00",
                approval_code=answer.approval_code,
                amount=sale.amount,
            )

    async def test_by_refusing_connections_books_nothing(self) -> None:
        async with a_network() as network:
            network.script({"refuse": True})
            sale = a_message()
            assert await network.send(sale) == Unresolved(cause="link lost")
            assert network.state_of(sale) is None

    async def test_by_sending_bytes_that_mean_nothing_is_survived(self) -> None:
        async def behave(read: Reader, writer: asyncio.StreamWriter) -> None:
            writer.write(a_reply_to(await read()))
            request = await read()
            writer.write(b"\x00\x05hello" + a_reply_to(request, de38="TAS001"))
            await asyncio.sleep(60)

        strays: list[Stray] = []
        async with a_peer(behave) as address:
            link = AcquirerLink(*address, on_stray=strays.append)
            await link.start()
            assert isinstance(await AcquirerRail(link).send(a_message()), Approved)
            await link.stop()
        assert [stray.kind for stray in strays] == [StrayKind.GARBLED]
        assert strays[0].message_type is None

    async def test_is_survived_even_by_a_listener_that_fails(self) -> None:
        def fail(stray: Stray) -> None:
            raise RuntimeError(stray.kind)

        async with a_network(on_stray=fail) as network:
            network.script({"duplicate": True})
            with capture_logs() as logs:
                assert isinstance(await network.send(a_message()), Approved)
                assert isinstance(await network.send(a_message()), Approved)
            assert [entry["event"] for entry in logs] == ["acquirer_stray_not_taken"]

    async def test_by_no_longer_reading_gets_no_more_messages(self) -> None:
        async def behave(read: Reader, writer: asyncio.StreamWriter) -> None:
            writer.write(a_reply_to(await read()))
            await writer.drain()
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
            await asyncio.sleep(60)

        async with a_peer(behave) as address:
            link = AcquirerLink(*address, in_flight_max=1_000_000)
            await link.start()
            padding = "IN999" + "x" * 994
            replies: list[asyncio.Future[IsoMessage | Unresolved | NotSent]] = []
            while True:
                request = IsoMessage({**request_of(a_message()), spec.PRIVATE: padding})
                replies.append(asyncio.ensure_future(link.request(request)))
                await asyncio.sleep(0)
                if replies[-1].done():
                    break
            assert replies[-1].result() == NotSent(cause="overload")
            await link.stop()
            assert await replies[0] == Unresolved(cause="link lost")
            for reply in replies:
                reply.cancel()
