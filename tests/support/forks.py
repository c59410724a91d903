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
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from tests.support.tree import ROOT, SOURCE

_EXECUTED: Final = ("LD_", "PYTHON")
"""Variables of these beginnings are read when a program is executed; a fork would not see them."""
_NOT_LOADED: Final = ("__main__", "migrations", "selfcheck")
"""What runs when it is imported, and the canary numbers, which are searched for in a server's memory."""
_POLL_SECONDS: Final = 0.005


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
        return _parent.start(module, arguments, environment, log)
    with log.open("ab") as output:
        return subprocess.Popen(
            (sys.executable, "-m", module, *arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


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
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Running:
        log.touch()
        question = {"module": module, "arguments": arguments, "environment": environment, "log": str(log)}
        return _Child(self, self.ask(question))

    def stop(self) -> None:
        if self._channel is not None and self._process is not None:
            self._answers.close()
            self._channel.close()
            self._process.wait()

    def ask(self, question: Mapping[str, object]) -> Any:
        with self._lock:
            if self._channel is None:
                self._open()
            assert self._channel is not None
            self._channel.sendall(json.dumps(question).encode() + b"\n")
            answer = self._answers.readline()
        assert answer, "the process that forks died; its error stands above"
        return json.loads(answer)

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
            self._status = self._parent.ask({"pid": self.pid})
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


def _serve(channel: socket.socket) -> dict[str, Any] | None:
    """Answer until there is a process to become, which is returned, or nobody asks any more."""
    with channel, channel.makefile("rb") as questions:
        for line in questions:
            question = json.loads(line)
            if pid := question.get("pid"):
                ended, status = os.waitpid(pid, os.WNOHANG)
                answer = os.waitstatus_to_exitcode(status) if ended else None
            elif (answer := _fork()) == 0:
                wanted: dict[str, Any] = question
                return wanted
            channel.sendall(json.dumps(answer).encode() + b"\n")
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


def _become(wanted: Mapping[str, Any]) -> None:
    with Path(wanted["log"]).open("ab") as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    sys.argv[1:] = wanted["arguments"]
    runpy.run_module(wanted["module"], run_name="__main__", alter_sys=True)


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
