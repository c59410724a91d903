"""``bezant selfcheck``: whether card data stays where it belongs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
from rich.console import Console

from bezant.cli.screen import print_table, show_json
from bezant.cli.usage import example, json_option


@click.command(
    "selfcheck",
    epilog=example("bezant selfcheck", "bezant selfcheck --database postgresql:///empty --folder check"),
)
@click.option("--database", metavar="URL", default="", help="An empty PostgreSQL database; else SQLite.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="An empty folder to work in and to leave; else one that is removed.",
)
@json_option
@click.pass_context
def selfcheck(context: click.Context, *, database: str, folder: Path | None, as_json: bool) -> None:
    """Send canaries through a gateway of its own and search all that it leaves for them.

    Canaries are 20 card numbers with verification values, gift cards, bank accounts and secrets
    that occur nowhere else. The exit status is 1 when one is found, or a place could not be
    searched. No gateway that runs is touched.
    """
    # No server may have canaries in its memory because it has read this file.
    from bezant import selfcheck as canaries  # noqa: PLC0415 - see above

    with (
        tempfile.TemporaryDirectory(prefix="bezant-selfcheck-") as temporary,
        Console(stderr=True).status("starting") as status,
    ):
        try:
            places = canaries.check(folder or Path(temporary), database_url=database, told=status.update)
        except canaries.Unable as trouble:
            raise click.ClickException(str(trouble)) from None
    rows = [
        {
            "place": place.name,
            "searched_bytes": place.searched_bytes,
            "found": list(place.found),
            "note": place.note,
        }
        for place in places
    ]
    if as_json:
        show_json(rows)
    else:
        print_table([{**row, "found": len(place.found)} for row, place in zip(rows, places, strict=True)])
        for place in places:
            for trace in place.found:
                click.echo(f"{place.name}: {trace}")
    context.exit(0 if all(place.clean for place in places) else 1)
