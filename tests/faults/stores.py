"""Faults of the database and of the machine, for ``links``."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import psycopg

from tests.faults.links import BOTH, Scenario, Stage
from tests.faults.proxy import COMMITTED, HEALTHY, Toxic
from tests.support.gateway import eventually

_POSTGRESQL: Final = ("postgresql",)


def _commits_unanswered(stage: Stage) -> None:
    """The connection is reset after something was committed and before anybody heard of it."""
    for _ in range(8):
        before = stage.link.cuts
        stage.link.down = COMMITTED
        eventually(lambda seen=before: stage.link.cuts > seen)  # type: ignore[misc]  # bound at once
        stage.link.down = HEALTHY
        time.sleep(0.3)


def _commits_unanswered_and_away(stage: Stage) -> None:
    """The same, and the database cannot be reached for a while, so that nobody can look."""
    for _ in range(2):
        before = stage.link.cuts
        stage.link.down = COMMITTED
        eventually(lambda seen=before: stage.link.cuts > seen)  # type: ignore[misc]  # bound at once
        stage.link.refuse()
        stage.link.reset()
        time.sleep(2.0)
        stage.link.heal()
        time.sleep(1.0)


def _toxic(*, up: Toxic = HEALTHY, down: Toxic = HEALTHY, seconds: float = 3.0) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        stage.link.up, stage.link.down = up, down
        time.sleep(seconds)

    return breaks


def _hole(seconds: float, *, lost: bool) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        stage.link.up = stage.link.down = Toxic(hole=True)
        time.sleep(seconds)
        if lost:
            stage.link.reset()

    return breaks


def _restart(how: signal.Signals) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        for _ in range(2):
            stage.server.restart(how)
            time.sleep(1.0)

    return breaks


def _no_connections(stage: Stage) -> None:
    """Somebody else takes all connections just when the gateway needs new ones."""
    with contextlib.ExitStack() as stack:
        stage.link.refuse()
        stage.link.reset()
        time.sleep(0.5)
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                stack.enter_context(psycopg.connect(stage.server.url))
        stage.link.heal()
        time.sleep(3.0)


def _deadlocks(stage: Stage) -> None:
    """A stranger locks rows in the other order; the gateway is the one that is chosen to give way."""
    for _ in range(2):
        with psycopg.connect(stage.server.url) as stranger:
            stranger.execute("SET deadlock_timeout = '20s'")
            stranger.execute("LOCK TABLE postings IN EXCLUSIVE MODE")
            time.sleep(0.5)
            stranger.execute("SELECT 1 FROM batches FOR UPDATE")
        time.sleep(0.5)


_STORM: Final = """
    CREATE FUNCTION storm() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.2 THEN RAISE EXCEPTION 'storm' USING ERRCODE = '40001'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER storm BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION storm();
"""


def _serialization_failures(stage: Stage) -> None:
    stage.server.execute(_STORM)
    time.sleep(4.0)
    stage.server.execute("DROP FUNCTION storm CASCADE")


def _read_only(stage: Stage) -> None:
    for value in ("on", "off"):
        stage.server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        stage.server.execute("SELECT pg_reload_conf()")
        time.sleep(3.0 if value == "on" else 0.2)


def _statements_time_out(stage: Stage) -> None:
    with psycopg.connect(stage.server.url) as stranger:
        stranger.execute("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")
        time.sleep(14.0)


POSTGRESQL: Final = (
    Scenario(name="COMMIT is not answered", breaks=_commits_unanswered, on=_POSTGRESQL),
    Scenario(
        name="COMMIT is not answered, then away",
        breaks=_commits_unanswered_and_away,
        on=_POSTGRESQL,
        short=True,
    ),
    Scenario(
        name="database slow by 3 s", breaks=_toxic(down=Toxic(latency=3.0), seconds=8.0), on=_POSTGRESQL
    ),
    Scenario(
        name="database answers after 30 s",
        breaks=_toxic(down=Toxic(latency=30.0), seconds=35.0),
        on=_POSTGRESQL,
    ),
    Scenario(name="database far away", breaks=_toxic(down=Toxic(latency=0.05, jitter=0.1)), on=_POSTGRESQL),
    Scenario(name="database in a hole for 5 s", breaks=_hole(5, lost=False), on=_POSTGRESQL),
    Scenario(name="database in a hole for 60 s", breaks=_hole(60, lost=False), on=_POSTGRESQL),
    Scenario(name="database in a hole for 300 s", breaks=_hole(300, lost=False), on=_POSTGRESQL),
    Scenario(name="database in a hole, then lost", breaks=_hole(20, lost=True), on=_POSTGRESQL),
    Scenario(name="database by the byte", breaks=_toxic(down=Toxic(slices=64)), on=_POSTGRESQL),
    Scenario(name="database restarts fast", breaks=_restart(signal.SIGINT), on=_POSTGRESQL),
    Scenario(name="database stops immediately", breaks=_restart(signal.SIGQUIT), on=_POSTGRESQL),
    Scenario(name="database is killed", breaks=_restart(signal.SIGKILL), on=_POSTGRESQL),
    Scenario(name="no connections left", breaks=_no_connections, on=_POSTGRESQL),
    Scenario(name="deadlocks", breaks=_deadlocks, on=_POSTGRESQL),
    Scenario(name="serialization failures", breaks=_serialization_failures, on=_POSTGRESQL, short=True),
    Scenario(name="database read-only", breaks=_read_only, on=_POSTGRESQL),
    Scenario(name="statements time out", breaks=_statements_time_out, on=_POSTGRESQL),
)


# The machine ------------------------------------------------------------------------------------


@contextlib.contextmanager
def volume(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """A small volume of its own, in memory. For root only."""
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={megabytes}m,mode=0777"
    subprocess.run(("mount", "-t", "tmpfs", "-o", size, "none", str(folder)), check=True)
    try:
        yield folder
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Nothing more fits onto the volume of ``folder``."""
    filler, ends = folder / "filler", threading.Event()

    def fill() -> None:
        while not ends.is_set():
            with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
            ends.wait(0.05)  # what others let go of is taken, too

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
        filler.unlink()


def _terminated(stage: Stage) -> None:
    """SIGTERM, and a new server as soon as the old one is gone."""
    for _ in range(2):
        stage.gateway.signal(signal.SIGTERM)
        began = time.monotonic()
        stage.gateway.wait()
        drained = time.monotonic() - began
        stage.gateway.start()
        assert drained < 20, f"draining took {drained:.1f} s"
        time.sleep(1.0)


def _no_descriptors(stage: Stage) -> None:
    """The server may open no more files than it has open, and two."""
    server = stage.gateway.process_id
    soft, hard = resource.prlimit(server, resource.RLIMIT_NOFILE)
    opened = len(list(Path(f"/proc/{server}/fd").iterdir()))
    resource.prlimit(server, resource.RLIMIT_NOFILE, (opened + 2, hard))
    stage.wire.reset()
    time.sleep(4.0)
    resource.prlimit(server, resource.RLIMIT_NOFILE, (soft, hard))


def _no_random_bytes(stage: Stage) -> None:
    """Nothing can be sealed: each request is told to come again, and then is carried out once."""
    dry, gateway = stage.home / "dry", stage.gateway
    sales = [partial(gateway.sale, "7.77", idempotency_key=f"dry-{number}") for number in range(3)]
    dry.touch()
    try:
        for answer in [*(sale() for sale in sales), gateway.call(txn_type="clientToken")]:
            told = answer.status, answer.body["error_no"], "retry-after" in answer.headers
            assert told == (503, "E110", True), f"without random bytes, one was told {told}"
        time.sleep(2.0)
    finally:
        dry.unlink()
    for sale in sales:
        assert sale().status == 200, "a sale was refused when there were random bytes again"


def _volume_full(stage: Stage) -> None:
    assert stage.volume is not None
    with filled(stage.volume):
        time.sleep(5.0)
    if stage.cluster is not None:
        stage.cluster.revive()


def _logs_volume_full(stage: Stage) -> None:
    """Nothing can be logged, not even by a server that starts."""
    assert stage.log_volume is not None
    gateway = stage.gateway
    with filled(stage.log_volume):
        time.sleep(3.0)
        gateway.signal(signal.SIGTERM)
        gateway.wait()
        gateway.start()
        time.sleep(3.0)
    told = len(gateway.log_text())
    eventually(lambda: "log lines lost" in gateway.log_text()[told:])


def _journals_volume_full(stage: Stage) -> None:
    """The write-ahead log needs a new file, and cannot have it: PostgreSQL stops."""
    assert stage.volume is not None
    with filled(stage.volume), contextlib.suppress(psycopg.Error):
        for _ in range(20):
            stage.server.execute("SELECT pg_switch_wal()")
            time.sleep(0.3)
    stage.server.revive()


VOLUME: Final = (
    Scenario(name="data volume full", breaks=_volume_full, on=BOTH),
    Scenario(name="write-ahead log's volume full", breaks=_journals_volume_full, on=_POSTGRESQL),
)
"""To be played on a stage with a volume of its own."""
LOGS: Final = (Scenario(name="volume of the server's log full", breaks=_logs_volume_full, on=BOTH),)
"""To be played on a stage whose log has a volume of its own."""
HOST: Final = (
    Scenario(name="SIGTERM under load", breaks=_terminated, on=BOTH),
    Scenario(name="file descriptors exhausted", breaks=_no_descriptors, on=BOTH),
    Scenario(name="no random bytes", breaks=_no_random_bytes, on=BOTH, short=True),
)
