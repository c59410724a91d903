"""Which far ends ``bezant sandbox`` runs beside the acquirer, and the first line that says where they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import click
import msgspec

from bezant.cli.opening import settings
from bezant.cli.services import stop_signal
from bezant.cli.values import PORT, Address
from bezant.demo import read_demo_json
from bezant.rails.gift.sandbox import GiftSandbox
from bezant.rails.lender.sandbox import LenderSandbox
from bezant.rails.mail.sandbox import MailSandbox
from bezant.rails.sms.sandbox import SmsSandbox

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

HOST: Final = "127.0.0.1"
GIFT_PORT: Final = 8585
GIFT_CONTROL_PORT: Final = 8586
LENDER_PORT: Final = 8587
LENDER_CONTROL_PORT: Final = 8588
SMS_PORT: Final = 8589
MAIL_PORT: Final = 8590
MAIL_CONTROL_PORT: Final = 8591
NAMES: Final = ("gift", "lender", "sms", "mail", "all")


class FarEnd(Protocol):
    """A host of the sandbox."""

    async def start(self) -> None:
        """Listen."""
        ...

    async def stop(self) -> None:
        """Close everything."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A host to run, and what says where it is once it has started, by the names of ``demo.json``."""

    host: FarEnd
    where: Callable[[], Mapping[str, str]]
    books: Path | None = None


def options(command: F) -> F:
    """Give a command the options of the hosts beside the acquirer."""
    ports = (
        ("--mail-control-port", MAIL_CONTROL_PORT, "For `bezant mail`."),
        ("--mail-port", MAIL_PORT, "Of the inbox for mails (SMTP)."),
        ("--sms-port", SMS_PORT, "Of the inbox for text messages."),
        ("--lender-control-port", LENDER_CONTROL_PORT, "For `bezant sandbox lender`."),
        ("--lender-port", LENDER_PORT, "Of the lender; 0 takes a free one."),
        ("--gift-control-port", GIFT_CONTROL_PORT, "For programs that ask the gift host."),
        ("--gift-port", GIFT_PORT, "Of the gift host; 0 takes a free one."),
    )
    for name, default, text in ports:
        command = click.option(name, type=PORT, default=default, show_default=True, help=text)(command)
    folder = click.Path(file_okay=False, exists=True, path_type=Path)
    command = click.option(
        "--books-in", type=folder, help="Keep the books of gift host and lender in this folder."
    )(command)
    return click.option(
        "--with",
        "beside",
        type=click.Choice(NAMES),
        multiple=True,
        help="A host to run beside the acquirer; can be given again.",
    )(command)


def wanted(
    beside: Sequence[str], *, host: str, ports: Mapping[str, int], books_in: Path | None
) -> list[Running]:
    """The hosts that were asked for beside the acquirer. ``ports`` by option, as in ``options``."""
    names = set(beside) | (set(NAMES) if "all" in beside else set())
    running = []
    if "gift" in names:
        books = books_in / "gift.db" if books_in else None
        gift = GiftSandbox(host, ports["gift_port"], control_port=ports["gift_control_port"], books=books)
        running.append(
            Running(
                host=gift,
                where=lambda: {"gift": written(gift.address), "gift_control": written(gift.control_address)},
                books=books,
            )
        )
    if "lender" in names:
        books = books_in / "lender.db" if books_in else None
        lender = LenderSandbox(
            host, ports["lender_port"], control_port=ports["lender_control_port"], books=books
        )
        running.append(
            Running(
                host=lender,
                where=lambda: {"lender": lender.url, "lender_control": written(lender.control_address)},
                books=books,
            )
        )
    if "sms" in names:
        sms = SmsSandbox(host, ports["sms_port"])
        running.append(Running(host=sms, where=lambda: {"sms": sms.url}))
    if "mail" in names:
        mail = MailSandbox(host, ports["mail_port"], control_port=ports["mail_control_port"])
        running.append(
            Running(
                host=mail,
                where=lambda: {"mail": written(mail.address), "mail_control": written(mail.control_address)},
            )
        )
    return running


async def run(hosts: Sequence[Running]) -> None:
    """Run hosts until stopped, after a line of JSON that says where they are."""
    stop = stop_signal()
    addresses: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for each in hosts:
            try:
                await each.host.start()
            except BlockingIOError:
                raise click.ClickException(f"another process keeps its books in {each.books}") from None
            except msgspec.MsgspecError:
                raise click.ClickException(f"{each.books} holds something else than books") from None
            stack.push_async_callback(each.host.stop)
            addresses |= each.where()
        click.echo(msgspec.json.encode(addresses))
        await stop.wait()


def asked(coroutine: Coroutine[Any, Any, T], *, at: tuple[str, int], source: str, what: str) -> T:
    """What a running host answers, or one line that says where it was looked for."""
    try:
        return asyncio.run(coroutine)
    except (OSError, msgspec.MsgspecError):
        raise click.ClickException(f"no {what} at {written(at)} (from {source})") from None


def address_of(name: str, default: tuple[str, int]) -> tuple[tuple[str, int], str]:
    """Where a running host is most likely to be asked, by its name in ``demo.json``, and what says so."""
    path = settings().home / "demo.json"
    named = read_demo_json(path).get("sandbox")
    text = named.get(name) if isinstance(named, dict) else None
    if isinstance(text, str):
        address = Address().read(text.removeprefix("http://").partition("/")[0])
        if address is not None:
            return address, str(path)
    return default, "the default"


def written(address: tuple[str, int] | None) -> str:
    """An address as it is written: ``host:port``."""
    return "" if address is None else f"{address[0]}:{address[1]}"
