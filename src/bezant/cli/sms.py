"""``bezant sms``: the text messages that the sandbox's inbox has taken, one-time passwords among them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from bezant.cli import far_ends
from bezant.cli.screen import show_facts, show_rows
from bezant.cli.usage import example, json_option
from bezant.cli.values import Address, Name
from bezant.rails.sms.sandbox import SmsInbox

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


def inbox_option(command: F) -> F:
    """Give a command ``--inbox``."""
    text = f"The inbox's address; else the demo's (demo.json), else {far_ends.HOST}:{far_ends.SMS_PORT}."
    return click.option("--inbox", type=Address(), help=text)(command)


@click.group()
def sms() -> None:
    """Read what the sandbox's phones were sent."""


@sms.command("list", epilog=example("bezant sms list --phone 01220422223 --json"))
@click.option("--phone", type=Name(32), help="Only what was sent to this phone.")
@inbox_option
@json_option
def list_(*, phone: str | None, inbox: tuple[str, int] | None, as_json: bool) -> None:
    """Show the text messages that were sent, oldest first."""
    messages = _asked(inbox, lambda at: at.messages(phone))
    rows = [
        {"at": message.at.isoformat(timespec="seconds"), "to": message.to, "text": message.text}
        for message in messages
    ]
    show_rows(rows, as_json=as_json, none="no text message was sent")


@sms.command(epilog=example("bezant sms clear"))
@inbox_option
@json_option
def clear(*, inbox: tuple[str, int] | None, as_json: bool) -> None:
    """Make the inbox forget all messages."""
    _asked(inbox, lambda at: at.clear())
    show_facts({"cleared": True}, as_json=as_json)


def _asked(given: tuple[str, int] | None, ask: Callable[[SmsInbox], Coroutine[Any, Any, T]]) -> T:
    default = (far_ends.HOST, far_ends.SMS_PORT)
    address, source = (given, "--inbox") if given else far_ends.address_of("sms", default)
    return far_ends.asked(ask(SmsInbox(address)), at=address, source=source, what="inbox")
