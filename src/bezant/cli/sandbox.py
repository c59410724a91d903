"""``bezant sandbox``: the far ends as a process of their own, and questions to a running acquirer host."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import uvloop
from click.core import ParameterSource

from bezant.cli import far_ends
from bezant.cli.lender import lender
from bezant.cli.screen import Row, print_facts, print_table, show_facts, show_json, show_rows
from bezant.cli.usage import AS_IS, example, json_option
from bezant.cli.values import PORT, Address, Cents, Name, Seconds, Whole
from bezant.core.money import CURRENCIES, Money
from bezant.rails.acquirer.sandbox import SandboxControl, SandboxHost
from bezant.rails.acquirer.sandbox.scripts import Step

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

HOST = "127.0.0.1"
ACQUIRER_PORT = 8583
CONTROL_PORT = 8584
ASKS = ("authorize", "sale", "refund", "capture", "reverse", "settle")
STATES = ("live", "captured", "settled", "reversed", "declined", "done", "awaited")

STEPS = f"""{AS_IS}A STEP is one or more of these, joined by commas:
  approve      whatever card and amount      silent           book, never answer
  decline=51   with that response code       drop             book, hang up
  delay=2      seconds before booking        half             book, send half an answer
  late=20      seconds before answering      duplicate        answer twice
  refuse       hang up, book nothing         contradict       answer, then the opposite
  partial      half of the amount            garble           answer garbage
  codeless     without an approval code      mismatch=amount  answer another (stan, terminal)
  normal       as without a script
"""

_STEP_WORDS = frozenset({"normal", *Step.__struct_fields__})
_SECONDS_STEPS = frozenset({"delay", "late"})
_CURRENCIES = {currency.number: currency for currency in CURRENCIES.values()}


@click.group(
    invoke_without_command=True,
    epilog=example(
        "bezant sandbox --port 8583 --journal books.jsonl",
        "bezant sandbox --with all --books-in var",
        "bezant sandbox script decline=51 decline=51 approve --last4 1111",
    ),
)
@click.option("--host", type=Name(255), default=HOST, show_default=True, help="The address to listen on.")
@click.option("--port", type=PORT, default=ACQUIRER_PORT, show_default=True, help="0 takes a free one.")
@click.option(
    "--control-port", type=PORT, default=CONTROL_PORT, show_default=True, help="For the commands below."
)
@click.option(
    "--journal", type=click.Path(dir_okay=False, path_type=Path), help="Keep the books in this file."
)
@click.option(
    "--seed", type=Whole(0, 999_999_999), default=0, show_default=True, help="Where approval codes start."
)
@click.option("--latency", type=Seconds(), default=0.0, show_default=True, help="Seconds before each answer.")
@far_ends.options
@click.pass_context
def sandbox(
    context: click.Context,
    /,
    *,
    host: str,
    port: int,
    control_port: int,
    journal: Path | None,
    seed: int,
    latency: float,
    beside: tuple[str, ...],
    books_in: Path | None,
    **ports: int,
) -> None:
    """Run a card acquirer that answers test cards, and other far ends with it, until stopped.

    The first line it prints is JSON and says where they listen. The commands below ask a host
    that is running: this one, or the one inside `bezant serve --demo`.
    """
    if context.invoked_subcommand is not None:
        _refuse_given(context)
        return
    acquirer = SandboxHost(
        host, port, control_port=control_port, journal=journal, seed=seed, latency_seconds=latency
    )
    first = far_ends.Running(
        host=acquirer,
        where=lambda: {
            "acquirer": far_ends.written(acquirer.address),
            "control": far_ends.written(acquirer.control_address),
        },
        books=journal,
    )
    others = far_ends.wanted(beside, host=host, ports=ports, books_in=books_in)
    uvloop.run(far_ends.run([first, *others]))


sandbox.add_command(lender)


def _refuse_given(context: click.Context) -> None:
    """Refuse options that only a host that is started can heed."""
    for name in context.params:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "with" if name == "beside" else name.replace("_", "-")
            raise click.UsageError(f"--{option} is for starting a host, not for asking one that runs")


def control_option(command: F) -> F:
    """Give a command ``--control``."""
    return click.option(
        "--control",
        type=Address(),
        help=f"The host's control address; else the demo's (demo.json), else {HOST}:{CONTROL_PORT}.",
    )(command)


@sandbox.command(epilog=example("bezant sandbox books --terminal 75021673 --state declined"))
@click.option("--terminal", help="Acquirer terminal number (TID), eight digits.")
@click.option("--reference", help="Retrieval reference (RRN), twelve digits.")
@click.option("--state", type=click.Choice(STATES), help="What became of it.")
@click.option("--ask", type=click.Choice(ASKS[:-1]), help="What was asked for.")
@control_option
@json_option
def books(
    *,
    terminal: str | None,
    reference: str | None,
    state: str | None,
    ask: str | None,
    control: tuple[str, int] | None,
    as_json: bool,
) -> None:
    """Show what the host has booked, oldest first."""
    named = {"terminal": terminal, "rrn": reference, "state": state, "ask": ask}
    filters = {name: value for name, value in named.items() if value is not None}
    entries = _asked(control, lambda host: host.books(**filters))
    rows = entries if as_json else [_entry_row(entry) for entry in entries]
    show_rows(rows, as_json=as_json, none="nothing is booked that fits")


@sandbox.command(epilog=example("bezant sandbox live --unsettled"))
@click.option("--terminal", help="Acquirer terminal number (TID), eight digits.")
@click.option("--unsettled", is_flag=True, help="Only what no batch has settled.")
@control_option
@json_option
def live(*, terminal: str | None, unsettled: bool, control: tuple[str, int] | None, as_json: bool) -> None:
    """Show the money that the host holds to be moved or held: approved, not reversed."""
    found = _asked(control, lambda host: host.live(terminal, settled=not unsettled))
    if as_json:
        show_json(found)
        return
    currencies = {entry["terminal"]: entry["currency"] for entry in found["entries"]}
    rows: list[Row] = [
        {
            "terminal": number,
            "ask": ask,
            "count": sums["count"],
            "amount": _amount(sums["amount"], currencies.get(number, "")),
        }
        for number, asks in sorted(found["terminals"].items())
        for ask, sums in sorted(asks.items())
    ]
    show_rows(rows, as_json=False, none="nothing is in force")


@sandbox.command(
    epilog=STEPS
    + "\n"
    + example(
        "bezant sandbox script decline=51 decline=51 approve --last4 1111",
        "bezant sandbox script late=20,duplicate --ask sale",
    )
)
@click.argument("steps", nargs=-1, metavar="[STEP]...")
@click.option("--terminal", help="Only for this acquirer terminal number (TID).")
@click.option("--last4", help="Only for cards that end so.")
@click.option("--amount", type=Cents(), help="Only for this amount, such as 20.00.")
@click.option("--mti", help="Only for this message type, such as 0200.")
@click.option("--ask", type=click.Choice(ASKS), help="Only for messages that ask for this.")
@click.option("--repeat", is_flag=True, help="Begin again after the last step.")
@control_option
@json_option
def script(
    *,
    steps: tuple[str, ...],
    terminal: str | None,
    last4: str | None,
    amount: int | None,
    mti: str | None,
    ask: str | None,
    repeat: bool,
    control: tuple[str, int] | None,
    as_json: bool,
) -> None:
    """Say what the host shall do with the next messages, a STEP for each; without any, list scripts."""
    named = {"terminal": terminal, "last4": last4, "amount": amount, "mti": mti, "ask": ask}
    match = {name: value for name, value in named.items() if value is not None}
    if steps:
        wanted = [_step(text) for text in steps]
        number = _asked(control, lambda host: host.script(*wanted, match=match, repeat=repeat))
        show_facts({"script": number}, as_json=as_json)
        return
    if match or repeat:
        raise click.UsageError("say with a STEP what the host shall do")
    scripts = _asked(control, lambda host: host.scripts())
    rows = scripts if as_json else [_script_row(each) for each in scripts]
    show_rows(rows, as_json=as_json, none="no script has a step left")


@sandbox.command(epilog=example("bezant sandbox clear"))
@control_option
@json_option
def clear(*, control: tuple[str, int] | None, as_json: bool) -> None:
    """Make the host forget all scripts."""
    show_facts({"cleared": _asked(control, lambda host: host.clear_scripts())}, as_json=as_json)


@sandbox.command(epilog=example("bezant sandbox stats"))
@control_option
@json_option
def stats(*, control: tuple[str, int] | None, as_json: bool) -> None:
    """Show what the host has counted since its start, and the batches it was told."""

    async def ask(host: SandboxControl) -> tuple[dict[str, Any], dict[str, Any]]:
        return await host.stats(), await host.totals()

    counted, totals = _asked(control, ask)
    if as_json:
        show_json({**counted, **totals})
        return
    print_facts(counted)
    if totals["batches"]:
        click.echo()
        print_table([_batch_row(batch) for batch in totals["batches"]])


def _asked(given: tuple[str, int] | None, ask: Callable[[SandboxControl], Coroutine[Any, Any, T]]) -> T:
    """What the running host answers."""
    address, source = (given, "--control") if given else far_ends.address_of("control", (HOST, CONTROL_PORT))
    return far_ends.asked(ask(SandboxControl(address)), at=address, source=source, what="sandbox host")


def _step(text: str) -> Mapping[str, object]:
    """A step for the host, which refuses values that do not fit."""
    step: dict[str, object] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if name not in _STEP_WORDS:
            raise click.UsageError(f"{name!r} is no part of a STEP: see --help")
        if name in step:
            raise click.UsageError(f"{name} stands twice in {text!r}")
        if name in _SECONDS_STEPS:
            step[name] = Seconds().convert(value, None, click.get_current_context())
        elif name != "normal" or equals:
            step[name] = value if equals else True
    return step


def _entry_row(entry: Mapping[str, Any]) -> Row:
    currency = entry["currency"]
    return {
        "no": entry["sequence"],
        "type": entry["message_type"],
        "ask": entry["ask"],
        "terminal": entry["terminal"],
        "audit": entry["audit_number"],
        "reference": entry["reference"],
        "card": entry["last4"],
        "amount": _amount(entry["amount"], currency),
        "approved": _amount(entry["approved"], currency),
        "code": entry["code"],
        "approval": entry["approval_code"],
        "state": entry["state"],
        "batch": entry["batch"],
        "repeats": entry["repeats"],
    }


def _script_row(found: Mapping[str, Any]) -> Row:
    steps = (",".join(_step_word(*word) for word in step.items()) or "normal" for step in found["steps"])
    return {
        "script": found["number"],
        "for": found["match"] or "everything",
        "steps": " ".join(steps),
        "used": found["used"],
        "repeat": found["repeat"],
    }


def _step_word(name: str, value: object) -> str:
    return name if value is True else f"{name}={value}"


def _batch_row(batch: Mapping[str, Any]) -> Row:
    told = batch["told"]
    return {
        "merchant": batch["merchant"],
        "terminal": batch["terminal"],
        "batch": batch["number"],
        "sales": told["debit_count"],
        "sold": told["debits"],
        "refunds": told["credit_count"],
        "refunded": told["credits"],
        "reconciled": batch["reconciled"],
        "code": batch["code"],
    }


def _amount(minor: int, number: str) -> str:
    """An amount in the currency of that number; in minor units where it is none of ours."""
    currency = _CURRENCIES.get(number)
    return str(minor) if currency is None else Money(minor, currency).decimal()
