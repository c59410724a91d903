"""The link to a gift host, against the sandbox: what is known after every kind of trouble."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bezant.core.gift import Ask, Granted
from bezant.core.money import Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved
from bezant.rails.gift import GiftLink, GiftRail
from bezant.rails.gift.sandbox import ControlRefused, GiftControl, GiftSandbox
from tests.faults.proxy import hanging_port
from tests.rails.gift_cases import CARD, PROGRAM, line, message

pytestmark = pytest.mark.anyio

NOTHING_LEFT_US = NotSent(cause="no connection")


class TestAMessage:
    async def test_is_answered(self) -> None:
        async with line() as to:
            answer = await to.rail.send(message(minor=4_00))
            assert answer == Granted(amount=Money(4_00), balance=Money(6_00))
            refused = await to.rail.send(message(minor=7_00))
            assert refused == Declined(reason=Reason.INSUFFICIENT_FUNDS, response_code="insufficient_balance")

    async def test_is_one_of_many_at_once_on_one_connection(self) -> None:
        async with line() as to:
            to.script({"late": 0.05}, {}, repeat=True)
            answers = await asyncio.gather(*(to.rail.send(message(minor=10)) for _ in range(200)))
            granted = [answer for answer in answers if isinstance(answer, Granted)]
            assert len(granted) == 100
            assert sorted(answer.balance.minor for answer in granted) == list(range(0, 10_00, 10))
            assert to.balance() == 0

    async def test_is_not_sent_past_its_deadline(self) -> None:
        async with line() as to:
            assert await to.rail.send(message(seconds=-1)) == NotSent(cause="too late")
            assert not to.host.seen

    async def test_is_not_sent_where_nobody_listens(self) -> None:
        host = GiftSandbox()
        await host.start()
        link = GiftLink(host.address)
        await host.stop()
        assert await GiftRail(link).send(message()) == NOTHING_LEFT_US
        await link.stop()

    async def test_is_not_sent_where_there_is_no_host(self) -> None:
        assert await GiftRail(GiftLink(None)).send(message()) == NOTHING_LEFT_US

    async def test_waits_no_longer_for_a_host_that_never_takes_the_call_when_it_is_one_of_many(self) -> None:
        with hanging_port() as port, capture_logs() as logs:
            link = GiftLink(("127.0.0.1", port), connect_timeout_seconds=0.2)
            answers = await asyncio.gather(*(GiftRail(link).send(message()) for _ in range(20)))
            assert set(answers) == {NOTHING_LEFT_US}
            assert [line["event"] for line in logs] == ["gift_host_not_reached"]
            assert await GiftRail(link).send(message()) == NOTHING_LEFT_US
            await link.stop()

    async def test_whose_caller_leaves_while_the_link_connects_disturbs_no_other(self) -> None:
        async with line() as to:
            first = asyncio.create_task(to.rail.send(message()))
            others = [asyncio.create_task(to.rail.send(message())) for _ in range(3)]
            await asyncio.sleep(0)
            first.cancel()
            assert all(isinstance(answer, Granted) for answer in await asyncio.gather(*others))

    async def test_is_not_sent_when_the_link_ends_while_it_connects(self) -> None:
        with hanging_port() as port:
            link = GiftLink(("127.0.0.1", port))
            sent = asyncio.create_task(GiftRail(link).send(message()))
            await asyncio.sleep(0.05)
            await link.stop()
            assert await sent == NOTHING_LEFT_US

    async def test_finds_a_host_that_comes_back(self) -> None:
        async with line() as to:
            assert isinstance(await to.rail.send(message()), Granted)
            port = to.host.address[1]
            await to.host.stop()
            answer = await to.rail.send(message())
            assert isinstance(answer, (NotSent, Unresolved))
            again = GiftSandbox(port=port)
            await again.start()
            assert isinstance(await to.rail.send(message()), Granted)
            await again.stop()


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("step", "cause"),
        [
            ({"silent": True}, "time-out"),
            ({"late": 5.0}, "time-out"),
            ({"delay": 5.0}, "time-out"),
            ({"drop": True}, "link lost"),
            ({"half": True}, "link lost"),
            ({"refuse": True}, "link lost"),
            ({"garble": True}, "garbled"),
            ({"mismatch": "amount"}, "mismatch"),
            ({"mismatch": "reference"}, "mismatch"),
        ],
        ids=str,
    )
    async def test_that_cannot_be_trusted_leaves_it_unresolved(
        self, step: dict[str, object], cause: str
    ) -> None:
        async with line(read_seconds=0.3) as to:
            to.script(step)
            asked = message()
            assert await to.rail.send(asked) == Unresolved(cause=cause)
            # The link is good again, and a cancellation settles it whatever had happened.
            cancel = message(Ask.CANCEL, original=asked.reference)
            assert isinstance(await to.rail.send(cancel), Granted)
            assert to.balance() == 10_00

    async def test_that_comes_twice_counts_once(self) -> None:
        async with line() as to:
            to.script({"duplicate": True})
            assert isinstance(await to.rail.send(message()), Granted)
            assert isinstance(await to.rail.send(message()), Granted)
            assert to.balance() == 8_00

    async def test_that_is_late_is_nobody_elses(self) -> None:
        async with line(read_seconds=0.3) as to:
            to.script({"late": 0.5}, amount=1_00)
            late, other = await asyncio.gather(
                to.rail.send(message(minor=1_00)), _after(0.1, to.rail, minor=2_00)
            )
            assert late == Unresolved(cause="time-out")
            assert other == Granted(amount=Money(2_00), balance=Money(7_00))
            await asyncio.sleep(0.4)
            assert isinstance(await to.rail.send(message()), Granted)

    async def test_is_declined_by_script(self) -> None:
        async with line() as to:
            to.script({"decline": "expired"}, ask="redeem", last4=CARD[-4:])
            answer = await to.rail.send(message())
            assert answer == Declined(reason=Reason.EXPIRED_CARD, response_code="expired")
            assert to.balance() == 10_00


async def _after(seconds: float, rail: GiftRail, *, minor: int) -> object:
    await asyncio.sleep(seconds)
    return await rail.send(message(minor=minor))


class TestTheControl:
    async def test_tells_cards_entries_and_counters_and_takes_scripts(self) -> None:
        host = GiftSandbox(control_port=0)
        await host.start()
        assert host.control_address is not None
        control = GiftControl(host.control_address)
        await control.script({"decline": "expired"}, match={"ask": "redeem"})
        link = GiftLink(host.address)
        rail = GiftRail(link)
        assert isinstance(await rail.send(message()), Declined)
        assert isinstance(await rail.send(message()), Granted)
        assert await control.card(PROGRAM, CARD) == {"balance": 9_00, "active": True, "last4": CARD[-4:]}
        assert await control.card(PROGRAM, "4111111111111111") is None
        assert [entry["code"] for entry in await control.entries(PROGRAM)] == ["expired", "approved"]
        assert await control.entries("theirs") == []
        assert await control.seen() == {"redeem": 2}
        assert await control.wrong() == []
        assert await control.clear_scripts() == 0
        for bad in ({"decline": "maybe"}, {"late": -1}, {"loud": True}):
            with pytest.raises(ControlRefused):
                await control.script(bad)
        await link.stop()
        await host.stop()

    async def test_refuses_garbage_and_goes_on(self) -> None:
        host = GiftSandbox(control_port=0)
        await host.start()
        assert host.control_address is not None
        reader, writer = await asyncio.open_connection(*host.control_address)
        writer.write(b'{"command": "steal"}\n[]\n\xff\n')
        told = [await reader.readline() for _ in range(3)]
        assert all(b'"ok":false' in each for each in told)
        writer.close()
        await host.stop()


class TestAStranger:
    @pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"{}\n", b"x" * 10_000, b"\n"])
    async def test_is_hung_up_on(self, garbage: bytes) -> None:
        async with line() as to:
            reader, writer = await asyncio.open_connection(*to.host.address)
            writer.write(garbage)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()
            assert isinstance(await to.rail.send(message()), Granted)
