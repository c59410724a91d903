"""The far ends beside the acquirer, for tests: asked without ``await``, or run apart from the gateway."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from bezant.rails.gift.sandbox import GiftControl, GiftSandbox
from bezant.rails.lender.sandbox import LenderControl, LenderSandbox
from bezant.rails.mail.sandbox import Mail, MailSandbox
from bezant.rails.sms.sandbox import SmsInbox, SmsSandbox
from tests.support.gateway import Gateway, free_port

T = TypeVar("T")


def _run(asked: Coroutine[Any, Any, T]) -> T:
    """Its result, worked out in a thread, since the caller's may have an event loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked).result()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


async def _end_all() -> None:
    """End what a host leaves waiting on this loop: answers that are due later."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Lender:
    """A lender's books and scripts."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._control = LenderControl(address)

    @classmethod
    def of(cls, gateway: Gateway) -> Self:
        """The lender that runs inside a demo's gateway."""
        return cls(_address(gateway.demo["sandbox"]["lender_control"]))

    def script(self, *steps: Mapping[str, object], **match: object) -> None:
        """What to do with the next requests that match."""
        _run(self._control.script(*steps, match=match))

    def entries(self, program: str) -> list[dict[str, Any]]:
        """What it carried out for a merchant."""
        return _run(self._control.entries(program))

    def booked(self, program: str, kind: str = "loan") -> list[dict[str, Any]]:
        """What of that it said yes to."""
        return [each for each in self.entries(program) if (each["kind"], each["code"]) == (kind, "approved")]

    def wrong(self) -> list[str]:
        """What is wrong with its books."""
        return _run(self._control.wrong())


def texts_to(gateway: Gateway, phone: str) -> list[str]:
    """What a phone of the demo has got."""
    place = _address(gateway.demo["sandbox"]["sms"].removeprefix("http://").removesuffix("/messages"))
    return [message.text for message in _run(SmsInbox(place).messages(phone))]


class GiftHost:
    """A gift host's books."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._control = GiftControl(address)

    def balance(self, program: str, card: str) -> int:
        """What a card holds, in minor units; 0 before it was first used."""
        found = _run(self._control.card(program, card))
        return found["balance"] if found else 0

    def wrong(self) -> list[str]:
        """What is wrong with its books."""
        return _run(self._control.wrong())


class FarEnds:
    """A lender, a gift host, phones and mailboxes that outlive every gateway, in a thread of this process."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._lender = LenderSandbox(control_port=0, books=home / "lender.db")
        self._gift = GiftSandbox(control_port=0, books=home / "gift.db")
        self._inbox = SmsSandbox()
        self._mails = MailSandbox(port=free_port(), control_port=free_port())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def settings(self) -> dict[str, str]:
        """What a gateway needs to find them."""
        host, port = self._gift.address
        mail_host, mail_port = self._mails.address
        return {
            "BEZANT_LENDER": self._lender.url,
            "BEZANT_GIFT_HOST": f"{host}:{port}",
            "BEZANT_SMS": self._inbox.url,
            "BEZANT_SMTP": f"{mail_host}:{mail_port}",
            "BEZANT_SMTP_SECURITY": "none",
        }

    def mails(self, address: str) -> list[Mail]:
        """What a mailbox has got."""
        return [mail for mail in list(self._mails.mails) if address in mail.to]

    def texts(self, phone: str) -> list[str]:
        """What a phone has got."""
        return [text.text for text in list(self._inbox.messages) if text.to == phone]

    @property
    def lender(self) -> Lender:
        """The lender's other side."""
        address = self._lender.control_address
        assert address is not None
        return Lender(address)

    @property
    def gift_control(self) -> tuple[str, int]:
        """Where the gift host's other side is asked."""
        address = self._gift.control_address
        assert address is not None
        return address

    @property
    def gift(self) -> GiftHost:
        """The gift host's other side."""
        return GiftHost(self.gift_control)

    def __enter__(self) -> Self:
        self._thread.start()
        for host in (self._lender, self._gift, self._inbox, self._mails):
            asyncio.run_coroutine_threadsafe(host.start(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in (self._lender, self._gift, self._inbox, self._mails):
            asyncio.run_coroutine_threadsafe(host.stop(), self._loop).result()
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
