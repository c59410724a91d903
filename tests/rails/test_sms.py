"""Texts to phones, against the sandbox inbox."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bezant.core.sensitive import Secret
from bezant.rails.sms import HttpTexts, NoTexts
from bezant.rails.sms.sandbox import KEPT_MAX, SmsInbox, SmsSandbox

pytestmark = pytest.mark.anyio

PHONE = "01220422223"


class TestAText:
    async def test_arrives(self) -> None:
        inbox = SmsSandbox()
        await inbox.start()
        texts = HttpTexts(inbox.url, token=Secret("t0ken"))
        assert await texts.send(phone=PHONE, text=Secret("123456 هو رمز التحقق"))
        assert await texts.send(phone="00008557694", text=Secret("hello"))
        reader = SmsInbox(inbox.address)
        (found,) = await reader.messages(PHONE)
        assert (found.to, found.text) == (PHONE, "123456 هو رمز التحقق")
        assert [message.to for message in await reader.messages()] == [PHONE, "00008557694"]
        await reader.clear()
        assert await reader.messages() == []
        await texts.stop()
        await inbox.stop()

    async def test_that_nobody_takes_is_told_and_not_logged(self) -> None:
        inbox = SmsSandbox()
        await inbox.start()
        inbox.refusing = True
        texts = HttpTexts(inbox.url, timeout_seconds=1.0)
        with capture_logs() as logs:
            assert not await texts.send(phone=PHONE, text=Secret("code 987654"))
            await inbox.stop()
            assert not await texts.send(phone=PHONE, text=Secret("code 987654"))
        assert len(logs) == 2
        assert "987654" not in str(logs)
        assert PHONE not in str(logs)
        await texts.stop()

    @pytest.mark.parametrize(
        "answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n", None]
    )
    async def test_is_not_taken_by_a_gateway_that_makes_no_sense(self, answer: bytes | None) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1 << 16)
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        texts = HttpTexts(f"http://{host}:{port}/", timeout_seconds=0.3)
        assert not await texts.send(phone=PHONE, text=Secret("x"))
        await texts.stop()
        server.close()
        await server.wait_closed()

    async def test_goes_nowhere_where_no_gateway_is_set(self) -> None:
        texts = NoTexts()
        assert not await texts.send(phone=PHONE, text=Secret("x"))
        await texts.stop()


class TestTheInbox:
    async def test_keeps_the_newest(self) -> None:
        inbox = SmsSandbox()
        await inbox.start()
        texts = HttpTexts(inbox.url)
        for number in range(KEPT_MAX + 5):
            await texts.send(phone=PHONE, text=Secret(str(number)))
        assert (len(inbox.messages), inbox.messages[0].text) == (KEPT_MAX, "5")
        await texts.stop()
        await inbox.stop()

    async def test_that_is_not_there_is_an_os_error(self) -> None:
        with pytest.raises(OSError, match="no inbox"):
            await SmsInbox(("127.0.0.1", 1)).messages()
