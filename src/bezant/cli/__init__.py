"""The command line. Each module adds the commands of one subject; ``run`` puts them together.

Promises to whoever types or scripts: an answer on standard output and nothing else there; a mistake or a
failure is one line on standard error and exit status 2 or 1, never a traceback; what lists, shows or
creates takes ``--json``.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Mapping, Sequence
from typing import Final, cast

import click

from bezant import __version__
from bezant.cli.failures import explained
from bezant.cli.opening import silence_logs
from bezant.cli.usage import example

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "services.serve",
    "work": "services.work",
    "sandbox": "sandbox.sandbox",
    "sms": "sms.sms",
    "mail": "mail.mail",
    "migrate": "upkeep.migrate",
    "verify": "upkeep.verify",
    "selfcheck": "selfcheck.selfcheck",
    "demo": "upkeep.demo",
    "clock": "clocks.clock",
    "iso": "accounts.iso",
    "merchant": "accounts.merchant",
    "store": "accounts.store",
    "terminal": "accounts.terminal",
    "key": "accounts.key",
    "credential": "credentials.credential",
    "ecom-token": "credentials.ecom_token",
    "token": "credentials.token",
    "office": "people.office",
    "user": "people.user",
    "audit": "audit.audit",
    "aps": "aps.aps",
    "deliveries": "deliveries.deliveries",
    "bin": "bins.bins",
    "spx": "spx.spx",
    "contract": "contract.contract",
}
"""Each command: its module and its name there."""


class _Commands(click.Group):
    """Loads the module of the command that was typed: none waits for what only others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every name, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command with that name."""
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, name = where.partition(".")
        command = cast("click.Command", getattr(importlib.import_module(f"{__name__}.{module}"), name))
        if not gc.isenabled():  # it is off while a process loads
            gc.freeze()
            gc.enable()
        return command


@click.group(
    cls=_Commands,
    epilog=example("bezant serve --demo"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="bezant")
def bezant() -> None:
    """A payment gateway that you host yourself.

    Settings come from the environment: BEZANT_HOME is the data folder, BEZANT_DATABASE_URL the database.
    """
    silence_logs()


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line; its exit status."""
    try:
        status = bezant.main(args=list(arguments), prog_name="bezant", standalone_mode=False)
    except Exception as error:
        failure = explained(error)
        if failure is None:
            raise
        if failure.line:
            click.echo(failure.line, err=True)
        return failure.status
    return status if isinstance(status, int) else 0
