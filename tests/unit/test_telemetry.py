"""The log: nothing waits for it, and nothing fails for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOGS_A_LINE = """
import structlog
from bezant.telemetry import configure_logging
configure_logging("info")
for _ in range(1000):
    structlog.get_logger().error("a line that does not fit")
"""


class TestALogOnAFullDisk:
    def test_loses_lines_and_nothing_else(self) -> None:
        source = str(Path(__file__).parents[2] / "src")
        with Path("/dev/full").open("wb") as full:
            told = subprocess.run(
                (sys.executable, "-c", LOGS_A_LINE),
                stdout=full,
                stderr=subprocess.PIPE,
                env={"PYTHONPATH": source},
                check=False,
            )
        assert b"Traceback" not in told.stderr
