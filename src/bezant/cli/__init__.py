"""The command line. Each module adds the commands of one subject; ``run`` puts them together.

Promises to whoever types or scripts: an answer on standard output and nothing else there; a mistake or a
failure is one line on standard error and exit status 2 or 1, never a traceback; what lists, shows or
creates takes ``--json``.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from bezant import __version__
from bezant.cli import (
    accounts,
    aps,
    audit,
    bins,
    clocks,
    contract,
    deliveries,
    people,
    rules,
    sandbox,
    selfcheck,
    services,
    sms,
    spx,
    upkeep,
)
from bezant.cli.failures import explained
from bezant.cli.opening import silence_logs
from bezant.cli.usage import example

accounts.merchant.add_command(rules.set_rules)


@click.group(
    epilog=example("bezant serve --demo"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    commands=[
        services.serve,
        services.work,
        sandbox.sandbox,
        sms.sms,
        upkeep.migrate,
        upkeep.verify,
        selfcheck.selfcheck,
        upkeep.demo,
        clocks.clock,
        accounts.iso,
        accounts.merchant,
        accounts.store,
        accounts.terminal,
        accounts.key,
        people.office,
        people.user,
        audit.audit,
        aps.aps,
        deliveries.deliveries,
        bins.bins,
        spx.spx,
        contract.contract,
    ],
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
