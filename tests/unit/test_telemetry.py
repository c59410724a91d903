"""The log: nothing waits for it, and nothing fails for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
LOGS_A_LINE = """
import structlog
from bezant.telemetry import configure_logging, say
configure_logging("info")
say("a text for whoever looks on")
for _ in range(1000):
    structlog.get_logger().error("a line that does not fit")
"""
LOGS_WHILE_ITS_FILE_IS_FULL = """
import resource, structlog
from bezant.telemetry import configure_logging
configure_logging("info")
log = structlog.get_logger()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
for number in range(1000):
    log.info("full", number=number)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
log.info("good again")
log.info("and good")
"""
LOGS_WHILE_NOBODY_READS = """
import sys, structlog
from bezant.telemetry import configure_logging
configure_logging("info")
log = structlog.get_logger()
for number in range(5000):
    log.info("unread", number=number)
print("done", file=sys.stderr, flush=True)
sys.stdin.readline()
log.info("good again")
"""


class TestALogOnAFullDisk:
    def test_loses_lines_and_nothing_else(self) -> None:
        with Path("/dev/full").open("wb") as full:
            told = subprocess.run(
                (sys.executable, "-c", LOGS_A_LINE),
                stdout=full,
                stderr=subprocess.PIPE,
                env={"PYTHONPATH": str(SOURCE)},
                check=True,
            )
        assert told.stderr == b""

    def test_tells_how_many_when_there_is_room_again(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with log.open("ab") as file:
            subprocess.run(
                (sys.executable, "-c", LOGS_WHILE_ITS_FILE_IS_FULL),
                stdout=file,
                env={"PYTHONPATH": str(SOURCE)},
                check=True,
            )
        lines = [json.loads(line) for line in log.read_bytes().splitlines()]
        kept = [line for line in lines if line["event"] == "full"]
        assert [line["number"] for line in kept] == list(range(len(kept)))
        again, told, after = lines[len(kept) :]
        assert (again["event"], after["event"]) == ("good again", "and good")
        assert (told["event"], told["lines"]) == ("log lines lost", 1000 - len(kept))


class TestALogThatNobodyReads:
    def test_holds_up_nothing_and_tells_how_many_lines_were_lost(self) -> None:
        with subprocess.Popen(
            (sys.executable, "-c", LOGS_WHILE_NOBODY_READS),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PYTHONPATH": str(SOURCE)},
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            assert program.stderr is not None
            assert program.stderr.readline() == b"done\n"
            unread = [json.loads(program.stdout.readline()) for _ in range(50)]
            program.stdin.write(b"go on\n")
            program.stdin.close()
            lines = unread + [json.loads(line) for line in program.stdout]
        kept, again, told = lines[:-2], *lines[-2:]
        assert [line["number"] for line in kept] == list(range(len(kept)))
        assert again["event"] == "good again"
        assert (told["event"], told["lines"]) == ("log lines lost", 5000 - len(kept))
