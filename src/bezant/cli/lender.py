"""``bezant sandbox lender``: questions to a sandbox lender that runs, and what it shall do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

import click

from bezant.cli import far_ends
from bezant.cli.screen import Row, show_facts, show_rows
from bezant.cli.usage import AS_IS, example, json_option
from bezant.cli.values import Address, Cents, Name, Seconds, Whole
from bezant.core.money import EGP, Money
from bezant.rails.lender.sandbox import ControlRefused, LenderControl
from bezant.rails.lender.sandbox.scripts import Step

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

ASKS: Final = ("customer", "plans", "loan", "return", "inquiry")
STEPS: Final = f"""{AS_IS}A STEP is one or more of these, joined by commas:
  decline=over_limit  answer with that code   silent             book, never answer
  delay=2             seconds before booking  drop               book, hang up
  late=20             seconds before answer   half               book, send half an answer
  duplicate           book it twice           garble             answer garbage
  refuse              hang up, book nothing   mismatch=amount    answer another (reference)
  normal              as without a script     status=503         book, answer that status
"""
_STEP_WORDS: Final = frozenset({"normal", *Step.__struct_fields__})
_SECONDS: Final = frozenset({"delay", "late"})
_STATUS: Final = Whole(300, 599)


def control_option(command: F) -> F:
    """Give a command ``--control``."""
    text = f"Its control address; else the demo's, else {far_ends.HOST}:{far_ends.LENDER_CONTROL_PORT}."
    return click.option("--control", type=Address(), help=text)(command)


@click.group()
def lender() -> None:
    """Ask the sandbox lender that runs, and tell it what to do."""


@lender.command(epilog=example("bezant sandbox lender books --json"))
@click.option("--program", help="Only this merchant's, as the lender knows it.")
@control_option
@json_option
def books(*, program: str | None, control: tuple[str, int] | None, as_json: bool) -> None:
    """Show what the lender has carried out, oldest first."""
    entries = _asked(control, lambda at: at.entries(program))
    rows = entries if as_json else [_row(entry) for entry in entries]
    show_rows(rows, as_json=as_json, none="nothing is booked")


@lender.command(epilog=example("bezant sandbox lender register 01000000009 --limit 5000.00"))
@click.argument("phone", type=Name(19))
@click.option("--limit", type=Cents(), help="What the customer may owe at once, such as 5000.00.")
@click.option("--wallet", type=Cents(), help="What one order may take from the wallet.")
@click.option("--cashback", type=Cents(), help="What one order may take from the cashback wallet.")
@control_option
@json_option
def register(
    *,
    phone: str,
    limit: int | None,
    wallet: int | None,
    cashback: int | None,
    control: tuple[str, int] | None,
    as_json: bool,
) -> None:
    """Make a customer known to the lender, by PHONE."""
    named = {"limit": limit, "wallet": wallet, "cashback": cashback}
    amounts = {name: minor for name, minor in named.items() if minor is not None}
    _asked(control, lambda at: at.register(phone, **amounts))
    show_facts({"phone": phone}, as_json=as_json)


@lender.command(epilog=example("bezant sandbox lender plans 3 6 12 --basis-points 1200"))
@click.argument("months", type=Whole(1, 120), nargs=-1, required=True)
@click.option(
    "--basis-points", type=Whole(0, 10_000), default=500, show_default=True, help="Of the amount, for a year."
)
@click.option("--program", type=Name(100), help="Only for this merchant.")
@control_option
@json_option
def plans(
    *,
    months: tuple[int, ...],
    basis_points: int,
    program: str | None,
    control: tuple[str, int] | None,
    as_json: bool,
) -> None:
    """Have the lender offer plans of so many MONTHS."""
    _asked(control, lambda at: at.offer(months=months, basis_points=basis_points, program=program or ""))
    show_facts({"months": list(months), "basis_points": basis_points}, as_json=as_json)


@lender.command(
    epilog=STEPS + "\n" + example("bezant sandbox lender script decline=over_limit drop --ask loan")
)
@click.argument("steps", nargs=-1, required=True, metavar="STEP...")
@click.option("--ask", type=click.Choice(ASKS), help="Only for messages that ask for this.")
@click.option("--phone", help="Only for this customer.")
@click.option("--amount", type=Cents(), help="Only for this amount, such as 1000.00.")
@click.option("--repeat", is_flag=True, help="Begin again after the last step.")
@control_option
@json_option
def script(
    *,
    steps: tuple[str, ...],
    ask: str | None,
    phone: str | None,
    amount: int | None,
    repeat: bool,
    control: tuple[str, int] | None,
    as_json: bool,
) -> None:
    """Say what the lender shall do with the next messages, a STEP for each."""
    named = {"ask": ask, "phone": phone, "amount": amount}
    match = {name: value for name, value in named.items() if value is not None}
    wanted = [_step(text) for text in steps]
    _asked(control, lambda at: at.script(*wanted, match=match, repeat=repeat))
    show_facts({"steps": len(wanted)}, as_json=as_json)


@lender.command(epilog=example("bezant sandbox lender clear"))
@control_option
@json_option
def clear(*, control: tuple[str, int] | None, as_json: bool) -> None:
    """Make the lender forget all scripts."""
    show_facts({"cleared": _asked(control, lambda at: at.clear_scripts())}, as_json=as_json)


@lender.command(epilog=example("bezant sandbox lender stats"))
@control_option
@json_option
def stats(*, control: tuple[str, int] | None, as_json: bool) -> None:
    """Show what the lender was asked since its start, and what is wrong with its books."""

    async def ask(at: LenderControl) -> Row:
        return {**await at.seen(), "wrong": await at.wrong()}

    show_facts(_asked(control, ask), as_json=as_json)


def _asked(given: tuple[str, int] | None, ask: Callable[[LenderControl], Coroutine[Any, Any, T]]) -> T:
    default = (far_ends.HOST, far_ends.LENDER_CONTROL_PORT)
    address, source = (given, "--control") if given else far_ends.address_of("lender_control", default)
    try:
        return far_ends.asked(ask(LenderControl(address)), at=address, source=source, what="sandbox lender")
    except ControlRefused as refused:
        raise click.ClickException(str(refused)) from None


def _step(text: str) -> Mapping[str, object]:
    """A step for the lender, which refuses values that do not fit."""
    step: dict[str, object] = {}
    context = click.get_current_context()
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if name not in _STEP_WORDS:
            raise click.UsageError(f"{name!r} is no part of a STEP: see --help")
        if name in step:
            raise click.UsageError(f"{name} stands twice in {text!r}")
        if name in _SECONDS:
            step[name] = Seconds().convert(value, None, context)
        elif name == "status":
            step[name] = _STATUS.convert(value, None, context)
        elif name != "normal" or equals:
            step[name] = value if equals else True
    return step


def _row(entry: Mapping[str, Any]) -> Row:
    return {
        "no": entry["sequence"],
        "program": entry["program"],
        "reference": entry["reference"],
        "kind": entry["kind"],
        "code": entry["code"],
        "phone": entry["phone"],
        "amount": Money(entry["amount"], EGP).decimal(),
        "returned": Money(entry["returned"], EGP).decimal(),
        "months": entry["months"] or "",
        "loan": entry["loan_number"],
    }
