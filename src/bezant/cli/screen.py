"""How answers are printed: as tables for people, as one JSON value for scripts.

A row is a mapping from names to plain values. The same row makes the table and the JSON, so that they
never tell different things. On a terminal tables fit its width; in a pipe a row is one line.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, object]

PIPE_WIDTH = 10_000


def console() -> Console:
    """Standard output. Nothing that is printed is taken for markup."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def show_json(value: object) -> None:
    """Print one JSON value, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def show_rows(rows: Sequence[Row], *, as_json: bool, none: str) -> None:
    """Print rows of the same names; ``none`` is what to say when there are none."""
    if as_json:
        show_json(rows)
    elif not rows:
        click.echo(none)
    else:
        print_table(rows)


def show_facts(facts: Row, *, as_json: bool) -> None:
    """Print one row, a name and a value a line."""
    if as_json:
        show_json(facts)
    else:
        print_facts(facts)


def print_table(rows: Sequence[Row]) -> None:
    """Print rows as a table."""
    table = _table(header=True)
    for name, value in rows[0].items():
        right = isinstance(value, int) and not isinstance(value, bool)
        table.add_column(_title(name), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_written(value)) for value in row.values()))
    console().print(table)


def print_facts(facts: Row) -> None:
    """Print one row as lines."""
    table = _table(header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(_title(name), Text(_written(value)))
    console().print(table)


def _table(*, header: bool) -> Table:
    return Table(box=box.SIMPLE_HEAD if header else None, show_header=header, pad_edge=False, show_edge=False)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _written(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case Mapping():
            return ", ".join(f"{name} {_written(part)}" for name, part in value.items())
        case _:
            return str(value)
