"""A gateway in a folder of its own, to be driven, killed and searched: ``bezant serve --demo``."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import bezant
from bezant.rails.acquirer.sandbox import SandboxControl

START_SECONDS_MAX: Final = 60.0
ANSWER_SECONDS_MAX: Final = 60.0
SETTINGS: Final[Mapping[str, str]] = {
    "BEZANT_HOST": "127.0.0.1",
    "BEZANT_PORT": "0",
    "BEZANT_LOG_LEVEL": "debug",
    "BEZANT_ACQUIRER_CONNECT_SECONDS": "0.5",
    "BEZANT_ACQUIRER_READ_SECONDS": "1",
    "BEZANT_LEASE_SECONDS": "2",
}
"""Everything is logged that may be, and nothing stays in doubt for long."""
LOG: Final = "server.log"
_WRITABLE: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw")


class Unable(Exception):
    """The check cannot be made. Says why."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object; empty if there is none."""
        try:
            found = json.loads(self.content)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Gateway:
    """A server process. Each method that speaks to it blocks. Usable as a context."""

    def __init__(self, home: Path, *, database_url: str = "") -> None:
        self.home = home
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BEZANT_")}
        source = str(Path(bezant.__file__).parents[1])
        path = os.pathsep.join(filter(None, (source, inherited.get("PYTHONPATH"))))
        self._environment = {
            **inherited,
            **SETTINGS,
            "PYTHONPATH": path,
            "BEZANT_HOME": str(home),
            "BEZANT_DATABASE_URL": database_url,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def demo(self) -> dict[str, Any]:
        """``demo.json``."""
        found: dict[str, Any] = json.loads((self.home / "demo.json").read_bytes())
        return found

    def start(self) -> None:
        """Start the server and wait until it is ready. Raises ``Unable``."""
        (self.home / "demo.json").unlink(missing_ok=True)
        with (self.home / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "bezant", "serve", "--demo"),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_for(self._is_ready, "the gateway did not start")

    def wait_for(self, look: Callable[[], bool], trouble: str) -> None:
        """Wait until ``look`` is true. Raises ``Unable`` when it does not become so, or the server ends."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while not look():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise Unable(f"{trouble}; its log is {self.home / LOG}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL, as when the power goes."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def send(
        self,
        target: str,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
    ) -> Answer | None:
        """Any request; None if nothing came back."""
        place = urlsplit(self.demo["base_url"])
        connection = http.client.HTTPConnection(
            str(place.hostname), int(place.port or 0), timeout=ANSWER_SECONDS_MAX
        )
        try:
            connection.request(method, target, content, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def script(self, step: Mapping[str, object], *, amount: int) -> None:
        """Have the sandbox acquirer treat the next message of that amount in some way."""
        host, _, port = self.demo["sandbox"]["control"].rpartition(":")
        control = SandboxControl((host, int(port)))
        asyncio.run(control.script(step, match={"amount": amount}))

    def wait_until_ready(self) -> None:
        """Wait until the database and the acquirer answer the server."""
        self.wait_for(self._is_ready, "the gateway did not recover")

    def memory(self) -> Iterator[bytes]:
        """What the server process can write to, region by region. Raises ``Unable``."""
        assert self._process is not None
        folder = Path("/proc") / str(self._process.pid)
        try:
            maps = (folder / "maps").read_text(encoding="ascii", errors="replace")
            with (folder / "mem").open("rb", buffering=0) as memory:
                for region in _WRITABLE.finditer(maps):
                    start, end = (int(each, 16) for each in region.groups())
                    with contextlib.suppress(OSError, ValueError):  # a region may be gone, or be no memory
                        memory.seek(start)
                        yield memory.read(end - start)
        except OSError as trouble:
            raise Unable(f"memory cannot be read: {type(trouble).__name__}") from None

    def _is_ready(self) -> bool:
        if not (self.home / "demo.json").exists():
            return False
        answer = self.send("/readyz", method="GET")
        return answer is not None and answer.status == http.client.OK

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
