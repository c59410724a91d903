"""A real gateway and a real sandbox host, each a process of its own, to be driven, killed and asked.

``Gateway`` is ``bezant serve --demo`` on a database and a data folder; ``Host`` is ``bezant sandbox`` with
its books on file. Both keep their ports over restarts, as an operator's would, so that a client can go on
where it was. Everything here blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import NullPool, create_engine, text

from bezant.rails.acquirer.sandbox import SandboxControl
from bezant.storage.engine import open_engine
from tests.support import forks
from tests.support.postgres import Server
from tests.support.seeded import Seeded

T = TypeVar("T")

START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 30.0
ANSWER_SECONDS_MAX: Final = 60.0
EXPIRY: Final = "1236"
DATABASES: Final = ("sqlite", "postgresql")
NO_SETTINGS: Final[Mapping[str, str]] = {}

SWIFT: Final[Mapping[str, str]] = {
    "BEZANT_ACQUIRER_CONNECT_SECONDS": "0.5",
    "BEZANT_ACQUIRER_READ_SECONDS": "1",
    "BEZANT_LEASE_SECONDS": "2",
}
"""Settings with which nothing stays in doubt for long."""


class NoAnswer(Exception):
    """A request was not answered whole: the server was away (then it was ``refused``), or died meanwhile."""

    def __init__(self, trouble: Exception) -> None:
        super().__init__(type(trouble).__name__)
        self.refused = isinstance(trouble, ConnectionRefusedError)


class Answer(NamedTuple):
    """What the gateway answered. Header names are in lower case."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def eventually(look: Callable[[], T], *, seconds: float = 30.0, every_seconds: float = 0.05) -> T:
    """What ``look`` gives as soon as that is true; fails when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"did not come true within {seconds:g} s; the last was {found!r}"
        time.sleep(every_seconds)
    return found


class Host:
    """A sandbox acquirer host. Its books outlive it, its scripts do not.

    Each of its answers waits ``latency_seconds``.
    """

    def __init__(self, home: Path, *, latency_seconds: float = 0.0) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        control_port = free_port()
        self.control = Control(("127.0.0.1", control_port))
        ports = ("--port", str(self.port), "--control-port", str(control_port))
        manner = ("--journal", str(home / "acquirer.journal"), "--latency", str(latency_seconds))
        self._process = _Process(("sandbox", *ports, *manner), log=home / "host.log")

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process.start(up=self.control.answers)

    @property
    def runs(self) -> bool:
        """Whether it was started and not killed since."""
        return self._process.runs

    def kill(self) -> None:
        """SIGKILL."""
        self._process.end(signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Control:
    """Asks a host for its books and hands it scripts: ``SandboxControl``, without ``await``."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._sandbox = SandboxControl(address)

    def answers(self) -> bool:
        """Whether the host is up."""
        try:
            _run(self._sandbox.ping())
        except OSError:
            return False
        return True

    def books(self, **filters: str) -> list[dict[str, Any]]:
        """All entries that match ``terminal``, ``rrn``, ``state``, ``ask``, oldest first."""
        return _run(self._sandbox.books(**filters))

    def live(self, terminal: str | None = None, *, settled: bool = True) -> dict[str, Any]:
        """What is approved and not reversed: ``terminals`` → ask → count and amount; ``entries``."""
        return _run(self._sandbox.live(terminal, settled=settled))

    def totals(self, terminal: str | None = None) -> dict[str, Any]:
        """``batches`` told so far, and what is ``unsettled``."""
        return _run(self._sandbox.totals(terminal))

    def stats(self) -> dict[str, Any]:
        """Counters since the host's start."""
        return _run(self._sandbox.stats())

    def script(self, *steps: Mapping[str, object], repeat: bool = False, **match: object) -> int:
        """Add a script for messages that ``match`` (``ask``, ``amount``, ``terminal``, ...); its number."""
        return _run(self._sandbox.script(*steps, match=match, repeat=repeat))

    def scripts(self) -> list[dict[str, Any]]:
        """Scripts with steps left."""
        return _run(self._sandbox.scripts())

    def clear_scripts(self) -> int:
        """Forget all scripts; how many there were."""
        return _run(self._sandbox.clear_scripts())


def _run(asked: Coroutine[Any, Any, T]) -> T:
    """Its result, worked out in a thread, since the caller's may have an event loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, asked).result()


class Gateway:
    """A gateway with demo merchants, and the host it is linked to.

    Without ``database_url`` the database is SQLite in ``home``. ``settings`` are environment variables
    (``BEZANT_...``). A ``host`` that is given is not started and not stopped here. ``module`` is what Python
    runs: the package, or something around it. With ``seeded``, its demo is laid out where a test run has made
    one before. Usable as a context.
    """

    def __init__(
        self,
        home: Path,
        *,
        database_url: str = "",
        settings: Mapping[str, str] = NO_SETTINGS,
        host: Host | None = None,
        module: str = "bezant",
        seeded: bool = True,
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self._seeded = seeded
        self.database_url = database_url or f"sqlite:///{home / 'bezant.db'}"
        self.host = host or Host(home)
        self._owns_host = host is None
        self._port = free_port()
        self._log = home / "server.log"
        self._settings = {
            "BEZANT_HOME": str(home),
            "BEZANT_PORT": str(self._port),
            "BEZANT_DATABASE_URL": self.database_url,
            "BEZANT_ACQUIRER": self.host.address,
            **settings,
        }
        self._process = _Process(("serve", "--demo"), log=self._log, settings=self._settings, module=module)

    @property
    def base_url(self) -> str:
        """Where it listens, without a path; the same after a restart."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended since, as far as is known here."""
        return self._process.runs

    @property
    def process_id(self) -> int:
        """The running server's, of several the one that starts the others."""
        return self._process.process_id

    @property
    def control(self) -> Control:
        """The other side: the host's books and scripts."""
        return self.host.control

    @property
    def demo(self) -> dict[str, Any]:
        """``demo.json``."""
        facts: dict[str, Any] = json.loads((self.home / "demo.json").read_bytes())
        return facts

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        if self._seeded:
            SEEDED.lay_out(self.home, self.database_url)
        self._process.start(up=self._is_up)

    def stop(self) -> None:
        """SIGTERM, and wait until what is under way has been answered."""
        self._process.end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the server and whatever it started. The host lives on."""
        self._process.end(signal.SIGKILL)

    def restore(self) -> None:
        """Start what does not run, forget all scripts, and wait until everything answers."""
        if not self.host.runs:
            self.host.start()
        if not self._process.runs:
            self.start()
        self.control.clear_scripts()
        eventually(self.is_ready)

    def signal(self, number: signal.Signals) -> None:
        """Send the server a signal, and wait for nothing."""
        self._process.send(number)

    def wait(self) -> int:
        """Wait until the server ends by itself; its exit status."""
        return self._process.wait()

    def leave(self) -> int:
        """Wait until the server ends by itself, and leave alone what it started; its exit status."""
        return self._process.leave()

    def workers(self) -> list[int]:
        """The process ids of all server processes that serve, in the order in which they came to."""
        lines = (json.loads(line) for line in self.log_text().splitlines() if line.startswith("{"))
        return [line["process"] for line in lines if line["event"] == "serving" and _runs(line["process"])]

    @contextlib.contextmanager
    def worker(self) -> Iterator[None]:
        """Run ``bezant work`` beside the server, and let it reach its timetable."""
        log = self.home / "worker.log"
        settings = {**self._settings, "BEZANT_JOBS": "1"}
        worker = _Process(("work",), log=log, settings=settings)
        worker.start(up=lambda: "timetable started" in log.read_text(encoding="utf-8"))
        try:
            yield
        finally:
            worker.end(signal.SIGKILL)

    def log_text(self) -> str:
        """Everything the server has written, over all restarts."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def call(
        self,
        *,
        idempotency_key: str | None = None,
        timeout_seconds: float = ANSWER_SECONDS_MAX,
        **params: object,
    ) -> Answer:
        """POST ``params`` as JSON, with the demo's credentials unless others are given.

        Raises ``NoAnswer``.
        """
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return self.post(
            json.dumps({**self._credentials(), **params}).encode(), headers, timeout_seconds=timeout_seconds
        )

    def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        target: str = "/",
        timeout_seconds: float = ANSWER_SECONDS_MAX,
    ) -> Answer:
        """POST any bytes to any path and query. Raises ``NoAnswer``."""
        place = urlsplit(self.base_url)
        connection = http.client.HTTPConnection(
            str(place.hostname), int(place.port or 0), timeout=timeout_seconds
        )
        try:
            connection.request("POST", target, body, dict(headers))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as trouble:
            raise NoAnswer(trouble) from None
        finally:
            connection.close()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, json.loads(content), names)

    def ask(self, method: str, target: str) -> int:
        """The status of a request without a body."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS_MAX)
        try:
            connection.request(method, target)
            return connection.getresponse().status
        finally:
            connection.close()

    def sale(self, amount: str, **params: object) -> Answer:
        """``call`` for a sale on the test card that is approved."""
        return self.charge("sale", amount, **params)

    def charge(self, txn_type: str, amount: str, **params: Any) -> Answer:
        """``call`` for a sale or an authorization on the test card that is approved."""
        card = {"cardnumber": self.demo["cards"]["approve"], "expirydate": EXPIRY, "cvv": "999"}
        return self.call(
            **{"txn_type": txn_type, "amount": amount, "surchargeIndicator": "0", **card, **params}
        )

    def listed(self, payment_id: str) -> dict[str, Any]:
        """The row of one payment in the transaction list. Fails when there is none."""
        (row,) = self.listing(date_filter="9", filter="TXNID", filter_text=payment_id)
        return row

    def listing(self, **params: object) -> list[dict[str, Any]]:
        """All rows of the transaction list, newest first, over all its pages; ``params`` filter it."""
        rows: list[dict[str, Any]] = []
        while True:
            page: dict[str, Any] = {"txn_type": "txnfetch", "limit": 500, "offset": len(rows), **params}
            answer = self.call(**page)
            assert answer.status == 200, answer
            rows += answer.body["data"]
            if not answer.body["data"] or len(rows) >= answer.body["meta"]["total_results"]:
                return rows

    def rows(self, statement: str, **values: object) -> Sequence[dict[str, Any]]:
        """What a query finds in the gateway's own database."""
        url = self.database_url
        engine = open_engine(url) if url.startswith("sqlite") else create_engine(url, poolclass=NullPool)
        try:
            with engine.connect().execution_options(bezant_writes=False) as connection:
                return [dict(row) for row in connection.execute(text(statement), values).mappings()]
        finally:
            engine.dispose()

    def open_total(self) -> int:
        """What the terminal's open batch comes to, in minor units."""
        answer = self.call(txn_type="openbatch")
        assert answer.status == 200, answer
        total: int = answer.body["batchSummary"][0]["dashboard_netamount"]
        return total

    def is_ready(self) -> bool:
        """Whether database and acquirer answer it."""
        return self._is_good("/readyz")

    def _is_up(self) -> bool:
        return self._is_good("/healthz")

    def _is_good(self, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _credentials(self) -> dict[str, Any]:
        credentials: dict[str, Any] = self.demo["valor"]
        return {name: credentials[name] for name in ("appid", "appkey", "epi")}

    def __enter__(self) -> Self:
        if self._owns_host:
            self.host.start()
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        if self._owns_host:
            self.host.kill()


def _seed(home: Path, database_url: str) -> None:
    gateway = Gateway(home, database_url=database_url, seeded=False)
    gateway.start()
    gateway.stop()


SEEDED: Final = Seeded(_seed)
"""What new gateways of a test run begin with."""


@contextlib.contextmanager
def swift_starts() -> Iterator[None]:
    """No program is loaded, and no demo seeded, twice in here."""
    forks.prepare()
    SEEDED.borrow()
    try:
        yield
    finally:
        SEEDED.give_back()
        forks.stop()


@contextlib.contextmanager
def gateway_on(
    database: str,
    home: Path,
    *,
    postgres: Callable[[], Server],
    settings: Mapping[str, str] = NO_SETTINGS,
    host: Host | None = None,
    module: str = "bezant",
) -> Iterator[Gateway]:
    """A running gateway on a new database, of the server that ``postgres`` gives if it is ``postgresql``."""
    with database_on(database, postgres=postgres) as url:
        gateway = Gateway(home, database_url=url, settings=settings, host=host, module=module)
        with gateway:
            yield gateway


@contextlib.contextmanager
def database_on(database: str, *, postgres: Callable[[], Server]) -> Iterator[str]:
    """The URL of a new PostgreSQL database; empty for SQLite, whose file is in the gateway's home."""
    if database != "postgresql":
        yield ""
        return
    server, name = postgres(), f"bezant_{secrets.token_hex(8)}"
    url = server.create_database(name)
    try:
        yield url
    finally:
        server.drop_database(name)


def _runs(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(") ")[2]
    except FileNotFoundError:
        return False
    return not state.startswith("Z")  # ended, and nobody has asked how


class _Process:
    """``bezant`` with some arguments, in a process group of its own, started again and again."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        settings: Mapping[str, str] = NO_SETTINGS,
        module: str = "bezant",
    ) -> None:
        self._module = module
        self._arguments = arguments
        self._settings = settings
        self._log = log
        self._running: forks.Running | None = None

    @property
    def runs(self) -> bool:
        return self._running is not None

    def start(self, *, up: Callable[[], bool]) -> None:
        assert self._running is None, "it runs already"
        running = forks.start(self._module, self._arguments, settings=self._settings, log=self._log)
        self._running = running
        deadline = time.monotonic() + START_SECONDS_MAX
        while not up():
            if running.poll() is not None or time.monotonic() > deadline:
                self.end(signal.SIGKILL)
                last_words = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                message = f"bezant {self._arguments[0]} did not start: {last_words}"
                raise AssertionError(message)
            time.sleep(0.03)

    @property
    def process_id(self) -> int:
        assert self._running is not None, "it does not run"
        return self._running.pid

    def send(self, number: signal.Signals) -> None:
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, number)

    def wait(self) -> int:
        assert self._running is not None, "it does not run"
        try:
            return self._running.wait(STOP_SECONDS_MAX)
        finally:
            self.send(signal.SIGKILL)
            self._running.wait()
            self._running = None

    def leave(self) -> int:
        assert self._running is not None, "it does not run"
        try:
            return self._running.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            raise AssertionError("it does not end") from None
        finally:
            self._running = None

    def end(self, number: signal.Signals) -> int:
        if self._running is None:
            return 0
        self.send(number)
        return self.wait()


def _shared_out() -> Iterator[int]:
    """The ports of this process, of all that run the same tests, each once before any comes again."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + worker % 8 * 1_500
    ports = range(first, first + 1_500)
    while True:
        yield from random.sample(ports, len(ports))


_ports: Final = _shared_out()


def free_port() -> int:
    """A port that nobody has now, nor is given next: a gateway keeps its port while it is down.

    It is below those that the kernel gives to outgoing connections.
    """
    while True:
        port = next(_ports)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
