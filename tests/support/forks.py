"""Starts the gateway's programs quickly: a process that has loaded all of ``bezant`` forks, and becomes them.

To load takes a gateway five times as long as to start, and tests start hundreds. What runs is the same: a
process with its own arguments, environment and log, killed and waited for like any other. After
``prepare()``, ``start`` uses that process; otherwise, and where an environment has to be there when a program
is executed, it executes one. Safe on any thread.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from tests.support.tree import ROOT, SOURCE

_EXECUTED: Final = ("LD_", "PYTHON")
"""Variables of these beginnings are read when a program is executed; a fork would not see them."""
_NOT_LOADED: Final = ("__main__", "migrations", "selfcheck")
"""What runs when it is imported, and the canary numbers, which are searched for in a server's memory."""
_POLL_SECONDS: Final = 0.005
RUN_SECONDS_MAX: Final = 120.0


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork shall become. ``strict``: warnings are errors."""

    module: str
    arguments: list[str]
    environment: dict[str, str]
    out: str
    error: str
    strict: bool


_QUESTIONS: Final[msgspec.json.Decoder[_Wanted | int]] = msgspec.json.Decoder(_Wanted | int)
"""A number is a process, and the question how it ended."""


class Running(Protocol):
    """A started process, as ``subprocess.Popen`` has it."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    def poll(self) -> int | None:
        """Its exit status, negative for a signal's number; ``None`` while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """The same as soon as it has ended. Raises ``subprocess.TimeoutExpired``."""
        ...


def start(module: str, arguments: Sequence[str], *, settings: Mapping[str, str], log: Path) -> Running:
    """Start ``python -m module`` in a session of its own; what it says is added to ``log``.

    Of this process's environment it gets all but the variables of the gateway, and then ``settings``.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BEZANT_")}
    environment = {**inherited, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", **settings}
    if _parent is not None and not any(name.startswith(_EXECUTED) for name in settings):
        log.touch()
        return _parent.start(module, arguments, environment, out=log, error=log)
    with log.open("ab") as output:
        return subprocess.Popen(
            (sys.executable, "-m", module, *arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def run(arguments: Sequence[str], *, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``bezant`` to its end, with this environment and no other, and with warnings as errors."""
    command = (sys.executable, "-W", "error", "-m", "bezant", *arguments)
    if _parent is None or any(name.startswith("LD_") for name in environment):
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    with tempfile.TemporaryDirectory() as folder:
        out, error = Path(folder) / "out", Path(folder) / "error"
        running = _parent.start("bezant", arguments, environment, out=out, error=error, strict=True)
        status = running.wait(RUN_SECONDS_MAX)
        return subprocess.CompletedProcess(command, status, out.read_text(), error.read_text())


def prepare() -> None:
    """From now on, fork. The process that does begins to load when it is first needed."""
    global _parent  # noqa: PLW0603 - how processes are started is one decision for the whole test run
    _parent = _Parent()


def stop() -> None:
    """End the process that forks; what it became goes on."""
    if _parent is not None:
        _parent.stop()


class _Parent:
    """The process that forks, from outside: one question, one answer at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._answers: Any = None

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        *,
        out: Path,
        error: Path,
        strict: bool = False,
    ) -> Running:
        wanted = _Wanted(
            module=module,
            arguments=list(arguments),
            environment=dict(environment),
            out=str(out),
            error=str(error),
            strict=strict,
        )
        return _Child(self, self.ask(wanted))

    def stop(self) -> None:
        if self._channel is not None and self._process is not None:
            self._answers.close()
            self._channel.close()
            self._process.wait()

    def ask(self, question: _Wanted | int) -> Any:
        with self._lock:
            if self._channel is None:
                self._open()
            assert self._channel is not None
            self._channel.sendall(msgspec.json.encode(question) + b"\n")
            answer = self._answers.readline()
        assert answer, "the process that forks died; its error stands above"
        return msgspec.json.decode(answer)

    def _open(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._answers = self._channel.makefile("rb")
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.support.forks"),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
                stdin=theirs.fileno(),
                start_new_session=True,  # Ctrl-C is for the tests
            )


class _Child:
    def __init__(self, parent: _Parent, pid: int) -> None:
        self._parent = parent
        self._status: int | None = None
        self.pid = pid

    def poll(self) -> int | None:
        if self._status is None:
            self._status = self._parent.ask(self.pid)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            time.sleep(_POLL_SECONDS)
        return status


_parent: _Parent | None = None


def _load() -> None:
    """Import every module of the package, so that none of its programs has to."""
    for module in pkgutil.walk_packages([str(SOURCE)], "bezant."):
        if not any(part in module.name for part in _NOT_LOADED):
            importlib.import_module(module.name)


def _serve(channel: socket.socket) -> _Wanted | None:
    """Answer until there is a process to become, which is returned, or nobody asks any more."""
    with channel, channel.makefile("rb") as questions:
        for line in questions:
            question = _QUESTIONS.decode(line)
            if isinstance(question, int):
                ended, status = os.waitpid(question, os.WNOHANG)
                answer = os.waitstatus_to_exitcode(status) if ended else None
            elif (answer := _fork()) == 0:
                return question
            channel.sendall(msgspec.json.encode(answer) + b"\n")
    return None


def _fork() -> int:
    """Fork; the child has its session before the parent goes on, so that it can be signalled at once."""
    waiting, ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
    os.close(ready)
    if pid != 0:
        os.read(waiting, 1)
    os.close(waiting)
    return pid


def _become(wanted: _Wanted) -> None:
    with (
        Path(os.devnull).open("rb") as nothing,
        Path(wanted.out).open("ab") as out,
        Path(wanted.error).open("ab") as error,
    ):
        for number, file in enumerate((nothing, out, error)):
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(wanted.environment)
    time.tzset()
    if wanted.strict:
        warnings.simplefilter("error")
    sys.argv[1:] = wanted.arguments
    runpy.run_module(wanted.module, run_name="__main__", alter_sys=True)


def main() -> None:
    """Load, then fork whenever standard input, a socket, asks for it."""
    gc.disable()  # as a gateway does until it has loaded
    _load()
    assert threading.active_count() == 1, "no process may fork from one of several threads"
    channel = socket.socket(fileno=os.dup(0))
    with contextlib.suppress(KeyboardInterrupt):
        if wanted := _serve(channel):
            _become(wanted)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
