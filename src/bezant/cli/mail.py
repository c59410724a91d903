"""``bezant mail``: the mails that the sandbox's inbox has taken, receipts and passwords among them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
import msgspec

from bezant.cli import far_ends
from bezant.cli.screen import print_facts, show_facts, show_json, show_rows
from bezant.cli.usage import example, json_option
from bezant.cli.values import Address, Name, Whole
from bezant.rails.mail.sandbox import Mail, MailInbox

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

NUMBER_MAX = 10**9


def inbox_option(command: F) -> F:
    """Give a command ``--inbox``."""
    default = f"{far_ends.HOST}:{far_ends.MAIL_CONTROL_PORT}"
    text = f"The inbox's second address; else the demo's (demo.json), else {default}."
    return click.option("--inbox", type=Address(), help=text)(command)


@click.group()
def mail() -> None:
    """Read what the sandbox's mail addresses were sent."""


@mail.command("list", epilog=example("bezant mail list --to payer@example.com --json"))
@click.option("--to", type=Name(254), help="Only what was sent to this address.")
@inbox_option
@json_option
def list_(*, to: str | None, inbox: tuple[str, int] | None, as_json: bool) -> None:
    """Show the mails that were sent, oldest first."""
    mails = _asked(inbox, lambda at: at.mails(to))
    show_rows([_row(each) for each in mails], as_json=as_json, none="no mail was sent")


@mail.command(epilog=example("bezant mail show 3", "bezant mail show --html > mail.html"))
@click.argument("number", type=Whole(1, NUMBER_MAX), required=False)
@click.option("--html", "as_html", is_flag=True, help="Print its HTML and nothing else.")
@inbox_option
@json_option
def show(*, number: int | None, as_html: bool, inbox: tuple[str, int] | None, as_json: bool) -> None:
    """Show the mail of that NUMBER, or the latest."""
    mails = _asked(inbox, lambda at: at.mails())
    found = next((each for each in reversed(mails) if number in {None, each.number}), None)
    if found is None:
        raise click.ClickException("no such mail: see bezant mail list")
    if as_json:
        show_json(msgspec.to_builtins(found))
    elif as_html:
        click.echo(found.html)
    else:
        print_facts(_row(found) | {"from": found.sender})
        click.echo()
        click.echo(found.text)


@mail.command(epilog=example("bezant mail clear"))
@inbox_option
@json_option
def clear(*, inbox: tuple[str, int] | None, as_json: bool) -> None:
    """Make the inbox forget all mails."""
    _asked(inbox, lambda at: at.clear())
    show_facts({"cleared": True}, as_json=as_json)


def _row(mail: Mail) -> dict[str, object]:
    return {
        "number": mail.number,
        "at": mail.at.isoformat(timespec="seconds"),
        "to": ", ".join(mail.to),
        "subject": mail.subject,
    }


def _asked(given: tuple[str, int] | None, ask: Callable[[MailInbox], Coroutine[Any, Any, T]]) -> T:
    default = (far_ends.HOST, far_ends.MAIL_CONTROL_PORT)
    address, source = (given, "--inbox") if given else far_ends.address_of("mail_control", default)
    return far_ends.asked(ask(MailInbox(address)), at=address, source=source, what="inbox")
