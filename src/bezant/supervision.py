"""Several server processes and the one that looks after them: started, replaced, ended, and never left alone.

A server process ends with its supervisor, whatever became of that: one that went on would hold the port that
the next needs, and serve with nobody to replace it. What is under way is finished first, for a while.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import socket
import threading
import time
from typing import Final

import structlog
from uvicorn import Config
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

_log = structlog.get_logger(__name__)

FINISHING_SECONDS: Final = 15
"""How long a server process may go on with what it has in hand, once it is told to end."""
ENDING_SECONDS_MAX: Final = FINISHING_SECONDS + 5.0
"""After this it is killed: somebody else takes over what it leaves, when its leases have run out."""
PAUSE_SECONDS: Final = 1.0
"""Before a process is started in place of one that could not start."""
_PR_SET_PDEATHSIG: Final = 1


def end_with_the_supervisor() -> None:
    """Have this process end when the one that started it is gone. Returns at once."""
    # One that stands still would hear of nothing: it is woken first. For those that run, it means nothing.
    with contextlib.suppress(AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
    threading.Thread(target=_outlive_nobody, name="bezant-supervised", daemon=True).start()


def _outlive_nobody() -> None:
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ENDING_SECONDS_MAX)
        os.kill(os.getpid(), signal.SIGKILL)


class Supervisor(Multiprocess):
    """Starts server processes, and others in place of those that end or do not answer, until told to stop.

    Once any of them has served, one that cannot start is tried again: what it lacks, such as the database,
    the others lack as well, and they wait for it. If none ever has, ``failed`` is true and ``run`` returns.
    """

    def __init__(self, serving: Config, listeners: list[socket.socket]) -> None:
        super().__init__(serving, listeners)
        self.failed = False
        self._served = False

    def keep_subprocess_alive(self) -> None:
        """Look at each, and replace those that are not well."""
        patience = self.config.timeout_worker_healthcheck
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if process.is_alive(patience):
                self._served = self._served or process.is_ready(patience)
                continue
            process.kill()
            process.join()
            unable = process.exitcode == STARTUP_FAILURE
            if unable and not self._served:
                self.failed = True
                self.should_exit.set()
                return
            _log.warning("server process ended", process=process.pid, status=process.exitcode)
            if unable:
                self.should_exit.wait(PAUSE_SECONDS)
            self.processes[place] = self._started()

    def terminate_all(self) -> None:
        """Let nobody in any more, and have each finish what it has in hand."""
        for listener in self.sockets:
            listener.close()
        for process in self.processes:
            process.terminate()
            if process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGCONT)  # one that stands still does not hear it

    def join_all(self) -> None:
        """Wait until each has ended; for those that do not in time, nobody waits."""
        deadline = time.monotonic() + ENDING_SECONDS_MAX
        for process in self.processes:
            process.process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join()

    def _started(self) -> Process:
        process = Process(self.config, self.sockets)
        process.start()
        return process
