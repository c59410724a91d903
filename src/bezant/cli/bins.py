"""Issuers' number ranges: ``bezant bin``."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from bezant.app.store import Store as Opened
from bezant.cli.opening import with_store
from bezant.cli.screen import Row, print_facts, print_table, show_json, show_rows
from bezant.cli.usage import example, json_option
from bezant.cli.values import Matching, Name
from bezant.core.vault import BinRecord, BinSource, brand_of
from bezant.storage.units import Unit

RECORDS_A_COMMIT: Final = 1000
TEXT_MAX: Final = {"issuer": 100, "country": 100, "level": 50, "category": 50}

HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "prefix": ("bin", "iin", "prefix", "bin_number", "iin_start"),
    "funding": ("type", "funding", "card_type"),
    "issuer": ("issuer", "bank", "bank_name"),
    "country": ("countryname", "country", "country_name"),
    "level": ("level",),
    "category": ("category", "brand_category"),
}
"""Headings under which a column is found by itself, in any case of letters; the first that is there."""

FUNDINGS: Final[Mapping[str, str]] = {
    "debit": "DEBIT",
    "d": "DEBIT",
    # What counts is that no surcharge may be put on it.
    "prepaid": "DEBIT",
    "credit": "CREDIT",
    "c": "CREDIT",
    "charge": "CREDIT",
    "charge card": "CREDIT",
}

_PREFIX: Final = re.compile(r"[0-9]{6}([0-9]{2})?", re.ASCII)
PREFIX: Final = Matching(re.compile(r"[0-9]{1,8}", re.ASCII), "one to eight digits")


@click.group("bin")
def bins() -> None:
    """Issuers' number ranges: whether a card is debit or credit, and whose it is."""


def _column(name: str) -> click.Option:
    looked_for = ", ".join(HEADERS[name])
    return click.Option(
        [f"--{name}-column", f"{name}_column"], metavar="HEADING", help=f"Else one of: {looked_for}."
    )


@dataclass(frozen=True, slots=True)
class Ranges:
    """What a list holds. ``skipped`` lines are counted by why."""

    records: dict[str, BinRecord]
    skipped: dict[str, int]


@bins.command(
    "import",
    params=[_column(name) for name in HEADERS],
    epilog=example(
        'bezant bin import list.csv --attribution "BIN list by N. N., CC BY 4.0"',
        "bezant bin import ranges.csv --delimiter ';' --prefix-column range --funding-column kind",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--delimiter", default=",", show_default=True, help="What stands between two values.")
@click.option("--source", type=Name(50), help="What to call this list; else the file's name.")
@click.option(
    "--attribution",
    type=Name(1000),
    required=True,
    help="Whose list it is and under which licence: kept, and shown with what comes from it.",
)
@json_option
def import_bins(
    *,
    file: Path,
    delimiter: str,
    source: str | None,
    attribution: str,
    as_json: bool,
    **columns: str | None,
) -> None:
    """Take over number ranges from FILE, a CSV file with a line of headings.

    A range is six or eight digits; its funding is debit, credit, prepaid or charge. What is there
    already with the same digits is replaced. Lines without a range or a funding are counted and
    left out. A list is yours to find: mind its licence.
    """
    if len(delimiter) != 1:
        raise click.UsageError("the delimiter is one character")
    name = source or file.stem[:50]
    chosen = {key.removesuffix("_column"): heading for key, heading in columns.items()}
    read = _read(file, delimiter=delimiter, columns=chosen, source=name)

    async def work(opened: Opened) -> None:
        with _progress() as progress:
            task = progress.add_task("storing", total=len(read.records))
            for records in _batched(list(read.records.values()), RECORDS_A_COMMIT):
                await opened.units.write(partial(_store, records=records), merchant_id=0)
                progress.advance(task, len(records))
        told = BinSource(
            name=name,
            attribution=attribution,
            records=len(read.records),
            imported_at=opened.clock.now(),
        )
        await opened.units.write(lambda unit: _finish(unit, told), merchant_id=0)

    with_store(work)
    facts = {"source": name, "attribution": attribution, "ranges": len(read.records), "skipped": read.skipped}
    if as_json:
        show_json(facts)
    else:
        print_facts({**facts, "skipped": read.skipped or "none"})


@bins.command("show", epilog=example("bezant bin show 411111"))
@click.argument("prefix", type=PREFIX)
@json_option
def show_bin(*, prefix: str, as_json: bool) -> None:
    """Show the number ranges that begin with PREFIX, or that it lies in."""

    async def work(opened: Opened) -> tuple[list[BinRecord], list[BinSource]]:
        return await opened.units.read(
            lambda unit: (unit.system.bins_below(prefix), unit.system.bin_sources())
        )

    found, sources = with_store(work)
    rows = [_bin_row(record) for record in found]
    used = {record.source for record in found}
    told = [_source_row(source) for source in sources if source.name in used]
    if as_json:
        show_json({"ranges": rows, "sources": told})
        return
    show_rows(rows, as_json=False, none=f"nothing is known of {prefix}: bezant bin import FILE")
    if told:
        click.echo()
        print_table(told)


@bins.command("sources", epilog=example("bezant bin sources"))
@json_option
def list_sources(*, as_json: bool) -> None:
    """List where number ranges were imported from."""

    async def work(opened: Opened) -> list[BinSource]:
        return await opened.units.read(lambda unit: unit.system.bin_sources())

    rows = [_source_row(source) for source in with_store(work)]
    show_rows(rows, as_json=as_json, none="nothing was imported yet: bezant bin import FILE")


def _store(unit: Unit, *, records: Sequence[BinRecord]) -> None:
    unit.system.put_bins(records)


def _finish(unit: Unit, source: BinSource) -> None:
    unit.system.put_bin_source(source)
    unit.system.accounts_changed()


def _progress() -> Progress:
    """A bar on standard error, if a person may be watching."""
    screen = Console(stderr=True)
    return Progress(console=screen, transient=True, disable=not screen.is_terminal)


def _batched(records: Sequence[BinRecord], size: int) -> Iterator[Sequence[BinRecord]]:
    return (records[start : start + size] for start in range(0, len(records), size))


def _read(file: Path, *, delimiter: str, columns: Mapping[str, str | None], source: str) -> Ranges:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as text, _progress() as progress:
        task = progress.add_task("reading", total=file.stat().st_size)
        told = _told(text, progress, task)
        return ranges_in(told, name=str(file), delimiter=delimiter, columns=columns, source=source)


def ranges_in(
    text: Iterable[str], *, name: str, delimiter: str, columns: Mapping[str, str | None], source: str
) -> Ranges:
    """Every range in the lines of a list. Of two lines with the same digits, the later counts.

    ``columns`` has headings by fact; None finds one by itself. Raises ``click.ClickException``.
    """
    records: dict[str, BinRecord] = {}
    skipped: dict[str, int] = {}
    lines = csv.reader(text, delimiter=delimiter)
    try:
        places = _places(next(lines, []), columns)
        for line in lines:
            record = _record(line, places, source)
            if isinstance(record, BinRecord):
                records[record.prefix] = record
            else:
                skipped[record] = skipped.get(record, 0) + 1
    except csv.Error as error:
        raise click.ClickException(f"{name}, line {lines.line_num}: {error}") from None
    if not records:
        raise click.ClickException(f"{name} holds no number range ({skipped or 'no line'})")
    return Ranges(records, skipped)


def _told(text: Iterable[str], progress: Progress, task: TaskID) -> Iterator[str]:
    """The lines of a file, each counted as it is read."""
    for line in text:
        progress.advance(task, len(line))
        yield line


def _places(headings: Sequence[str], chosen: Mapping[str, str | None]) -> dict[str, int]:
    """Where each fact stands in a line. Without a range and a funding, a list is of no use."""
    known = {heading.strip().lower(): place for place, heading in reversed(list(enumerate(headings)))}
    found = {}
    for name, usual in HEADERS.items():
        heading = chosen.get(name)
        if heading is not None and heading.strip().lower() not in known:
            raise click.UsageError(f"no column {heading!r}; there are: {', '.join(headings)}")
        wanted = usual if heading is None else (heading.strip().lower(),)
        place = next((known[each] for each in wanted if each in known), None)
        if place is not None:
            found[name] = place
        elif name in {"prefix", "funding"}:
            raise click.UsageError(f"say which column has the {name}: --{name}-column HEADING")
    return found


def _record(line: Sequence[str], places: Mapping[str, int], source: str) -> BinRecord | str:
    """The range of a line, or why there is none."""
    said = {name: " ".join(line[place].split()) for name, place in places.items() if place < len(line)}
    prefix = said.get("prefix", "")
    if _PREFIX.fullmatch(prefix) is None:
        return "no range of six or eight digits"
    funding = FUNDINGS.get(said.get("funding", "").lower())
    if funding is None:
        return "no funding that is known"
    texts = {
        name: "".join(filter(str.isprintable, said.get(name, "")))[:most] or None
        for name, most in TEXT_MAX.items()
    }
    return BinRecord(prefix=prefix, funding=funding, source=source, **texts)


def _bin_row(record: BinRecord) -> Row:
    return {
        "prefix": record.prefix,
        "brand": brand_of(record.prefix).value,
        "funding": record.funding,
        "issuer": record.issuer,
        "country": record.country,
        "level": record.level,
        "category": record.category,
        "source": record.source,
    }


def _source_row(source: BinSource) -> Row:
    return {
        "source": source.name,
        "attribution": source.attribution,
        "ranges": source.records,
        "imported_at": source.imported_at,
    }
