"""The check itself: run the errands, then search every place that a gateway leaves something in."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url, text

from bezant.selfcheck.canaries import ACCOUNTS, CARDS, GIFT_CARDS, PINS, VERIFICATIONS, Canary, Kind
from bezant.selfcheck.errands import MARK, Errands
from bezant.selfcheck.gateway import LOG, Gateway, Unable
from bezant.selfcheck.search import IN_MEMORY, Search
from bezant.storage.engine import open_engine

NUMBERS: Final = (*CARDS, *VERIFICATIONS, *GIFT_CARDS, *PINS, *ACCOUNTS)
HANDED_OUT: Final = frozenset({"demo.json", "root.key"})
"""Files whose purpose is to hold secrets; they hold nothing else."""
LOGS: Final = (".log", ".journal")
_UNFINISHED: Final = """
    SELECT (SELECT count(*) FROM payments WHERE state IN ('sending', 'in_doubt'))
        + (SELECT count(*) FROM reversals WHERE confirmed_at IS NULL)
"""
FOUND_SHOWN_MAX: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was searched, how much of it, and what was found. ``note`` says why, where it could not be."""

    name: str
    searched_bytes: int
    found: tuple[str, ...] = ()
    note: str = ""

    @property
    def clean(self) -> bool:
        """Whether it was searched and nothing was found."""
        return not self.found and not self.note


def check(home: Path, *, database_url: str = "", told: Callable[[str], None] = lambda _: None) -> list[Place]:
    """Send the canaries through a gateway in ``home``, an empty folder, and search what it left.

    ``database_url`` names an empty PostgreSQL database; else it is SQLite. ``told`` hears what is done next.
    Raises ``Unable``.
    """
    if home.exists() and any(home.iterdir()):
        raise Unable(f"{home} is not empty")
    home.mkdir(parents=True, exist_ok=True)
    told("sending canaries")
    with Gateway(home, database_url=database_url) as gateway:
        errands = Errands(gateway)
        errands.run()
        errands_secrets = [*errands.secrets, *_root_key(home)]
        every = Search((*NUMBERS, *errands_secrets))
        numbers = Search(NUMBERS)
        told("searching answers and metrics")
        said = [repr(answer.headers).encode() + b"\n" + answer.content for answer in errands.answers]
        places = [
            _texts("answers", said, numbers),
            _texts("metrics", [_metrics(gateway)], every),
        ]
        told("searching the memory of a restarted server")
        # A reversal carries the card number: none may be left for the next server.
        gateway.wait_for(lambda: _unfinished(home, database_url) == 0, "payments stay in doubt")
        gateway.kill()
        gateway.start()
        places.append(_memory(gateway))
        told("searching the dump")
        places.append(_dump(home, database_url, every))
        _checkpoint(database_url)
    told("searching files")
    places += _files(home, every)
    places += _cluster(database_url, home, every)
    return places


def _root_key(home: Path) -> Iterator[Canary]:
    with contextlib.suppress(FileNotFoundError):
        yield Canary(Kind.CREDENTIAL, (home / "root.key").read_text(encoding="ascii").strip())


def _texts(name: str, contents: Iterable[bytes], search: Search) -> Place:
    whole = b"\n".join(contents)
    return Place(name=name, searched_bytes=len(whole), found=tuple(search.traces_in_text(whole)))


def _metrics(gateway: Gateway) -> bytes:
    answer = gateway.send(f"/metrics?pan={CARDS[0].value}", method="GET")
    if answer is None or b"bezant_" not in answer.content:
        raise Unable("there are no metrics to search")
    return answer.content


def _unfinished(home: Path, database_url: str) -> int:
    """Payments without an outcome, and reversals that the acquirer has not confirmed."""
    engine = open_engine(database_url or f"sqlite:///{home / 'bezant.db'}")
    try:
        with engine.connect().execution_options(bezant_writes=False) as connection:
            return int(connection.execute(text(_UNFINISHED)).scalar_one())
    finally:
        engine.dispose()


def _memory(gateway: Gateway) -> Place:
    """A process that was sent no card number, but opened all that the one before it left."""
    search = Search((*CARDS, *GIFT_CARDS, *ACCOUNTS), only=IN_MEMORY)
    name, known = "memory after a restart", gateway.demo["valor"]["appid"].encode()
    searched, knows, found = 0, False, list[str]()
    try:
        for region in gateway.memory():
            searched += len(region)
            knows = knows or known in region
            found += search.traces(region)
    except Unable as trouble:
        return Place(name=name, searched_bytes=searched, note=str(trouble))
    note = "" if knows else "not even an app id is in it, so that the search proves nothing"
    return Place(name=name, searched_bytes=searched, found=tuple(found), note=note)


def _dump(home: Path, database_url: str, search: Search) -> Place:
    try:
        content = _postgresql_dump(database_url) if database_url else _sqlite_dump(home)
    except (OSError, subprocess.CalledProcessError) as trouble:
        return Place(name="dump", searched_bytes=0, note=f"no dump: {type(trouble).__name__}")
    if MARK.encode() not in content:
        raise Unable("the dump holds no payment, so that nothing in it proves nothing")
    return _texts("dump", [content], search)


def _sqlite_dump(home: Path) -> bytes:
    with contextlib.closing(sqlite3.connect(home / "bezant.db")) as connection:
        return "\n".join(connection.iterdump()).encode()


def _postgresql_dump(database_url: str) -> bytes:
    with psycopg.connect(_conninfo(database_url)) as connection:
        row = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone()
    program = Path(row[0]) / "pg_dump" if row else Path("pg_dump")
    command = (str(program if program.exists() else "pg_dump"), "--dbname", _conninfo(database_url))
    return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603 - the database's own program


def _conninfo(database_url: str) -> str:
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def _checkpoint(database_url: str) -> None:
    """Have everything written out, where that is allowed."""
    if database_url:
        with (
            contextlib.suppress(psycopg.errors.InsufficientPrivilege),
            psycopg.connect(_conninfo(database_url), autocommit=True) as connection,
        ):
            connection.execute("CHECKPOINT")


def _files(home: Path, search: Search) -> Iterator[Place]:
    """Logs as texts; the database, its write-ahead log and whatever else lies there as bytes."""
    files = [path for path in sorted(home.rglob("*")) if path.is_file() and path.name not in HANDED_OUT]
    logs = [path for path in files if path.suffix in LOGS]
    if not any(path.name == LOG and path.stat().st_size for path in logs):
        raise Unable("there is no log to search")
    yield _texts("logs", [path.read_bytes() for path in logs], search)
    yield _bytes("files in the data folder", [path for path in files if path not in logs], search)


def _cluster(database_url: str, home: Path, search: Search) -> Iterator[Place]:
    """The folder in which PostgreSQL keeps everything, as far as it was written since the check began."""
    if not database_url:
        return
    name = "files of the database"
    with psycopg.connect(_conninfo(database_url)) as connection:
        try:
            row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.errors.InsufficientPrivilege:
            row = None
    folder = Path(row[0]) if row else None
    if folder is None or not folder.is_dir() or conninfo_to_dict(_conninfo(database_url)).get("host") is None:
        yield Place(name=name, searched_bytes=0, note="they are not on this machine, or not to be read")
        return
    begun = (home / "root.key").stat().st_mtime
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_mtime >= begun]
    yield _bytes(name, files, search)


def _bytes(name: str, files: Iterable[Path], search: Search) -> Place:
    searched, marked, found = 0, False, list[str]()
    for path in files:
        with contextlib.suppress(FileNotFoundError):  # the database removes files of its own
            content = path.read_bytes().strip(b"\0")  # much of a write-ahead log is not written yet
            searched += len(content)
            marked = marked or MARK.encode() in content
            found += [f"{path.name}: {trace}" for trace in search.traces(content)]
    note = (
        "" if marked or "data folder" in name else "no payment is in them, so that the search proves nothing"
    )
    return Place(name=name, searched_bytes=searched, found=tuple(found[:FOUND_SHOWN_MAX]), note=note)
