"""``bezant contract``: the wire contracts for readers and machines, drawn from the tables that run."""

from __future__ import annotations

import click

from bezant.cli.usage import example
from bezant.dialects.aps import reference as aps
from bezant.dialects.ipospays import reference as ipospays
from bezant.dialects.valor import openapi as description
from bezant.dialects.valor import reference


@click.group()
def contract() -> None:
    """The wire contracts, as Markdown or OpenAPI."""


@contract.command("errors", epilog=example("bezant contract errors > docs/valor-errors.md"))
def errors() -> None:
    """Print every error and decline of Valor's API."""
    click.echo(reference.errors_page(), nl=False)


@contract.command("operations", epilog=example("bezant contract operations > docs/valor-operations.md"))
def operations() -> None:
    """Print every operation of Valor's API: what it takes, what it answers."""
    click.echo(reference.operations_page(), nl=False)


@contract.command("openapi", epilog=example("bezant contract openapi > docs/openapi/valor.json"))
def openapi() -> None:
    """Print Valor's API as an OpenAPI 3.1 document."""
    click.echo(description.page(), nl=False)


@contract.command("aps-codes", epilog=example("bezant contract aps-codes > docs/aps-codes.md"))
def aps_codes() -> None:
    """Print every code of Amazon Payment Services' API, in English and Arabic."""
    click.echo(aps.codes_page(), nl=False)


@contract.command("aps-operations", epilog=example("bezant contract aps-operations > docs/aps-operations.md"))
def aps_operations() -> None:
    """Print every operation of Amazon Payment Services' API: what it takes, what it answers."""
    click.echo(aps.operations_page(), nl=False)


@contract.command("ipospays-codes", epilog=example("bezant contract ipospays-codes > docs/ipospays-codes.md"))
def ipospays_codes() -> None:
    """Print every error and decline of iPOSpays' API."""
    click.echo(ipospays.codes_page(), nl=False)


@contract.command(
    "ipospays-operations", epilog=example("bezant contract ipospays-operations > docs/ipospays-operations.md")
)
def ipospays_operations() -> None:
    """Print every operation of iPOSpays' API: what it takes, what it answers."""
    click.echo(ipospays.operations_page(), nl=False)
