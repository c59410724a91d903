"""Faults of the links, each under a crowd of clients, on a gateway that is then at rest again.

A scenario breaks something while clients charge, and mends it. Then sales have to be approved again,
everything that was left in doubt has to resolve by itself, all books have to agree, and each client has to
have been answered in time, in the vendor's words, with what the gateway has kept.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.faults.crowd import Crowd
from tests.faults.database import Cluster, cluster
from tests.faults.launcher import DRY_VARIABLE
from tests.faults.proxy import HEALTHY, Proxy, Toxic
from tests.support.books import disagreements, unfinished, violations
from tests.support.gateway import NO_SETTINGS, SWIFT, Gateway, Host, eventually

SETTINGS: Final = {**SWIFT, "BEZANT_WRITE_LANES": "2"}
REST_SECONDS_MAX: Final = 100.0
LOOK_SECONDS: Final = 0.1
YES_SECONDS_MAX: Final = 40.0


class Shim(Protocol):
    """Makes the disk slow and the clock wrong of a process that was started with it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the process is started with."""
        ...

    def ordered(
        self, *, fsync_seconds: float = 0.0, ahead_seconds: int = 0
    ) -> contextlib.AbstractContextManager[None]:
        """Do so, for as long as the context lasts."""
        ...

    def move(self, *, ahead_seconds: int) -> None:
        """Put the wall clock there for good."""
        ...


class Side(Protocol):
    """What else a gateway is used for, over wires of its own."""

    @property
    def proxies(self) -> Sequence[Proxy]:
        """Its wires."""
        ...

    def busy(self) -> contextlib.AbstractContextManager[None]:
        """It is used, for as long as the context lasts."""
        ...

    def goes_well(self, *, seconds: float) -> bool:
        """Wait until it can be used again; whether it could."""
        ...

    def rest(self) -> list[str]:
        """Wait until nothing of it is under way; what still is."""
        ...

    def findings(self) -> Iterator[str]:
        """What is wrong in any book, or with what was heard."""
        ...


@dataclass(slots=True)
class Stage:
    """A gateway, the wire to its acquirer, and, on PostgreSQL, the wire to its database and the server."""

    database: str
    home: Path
    gateway: Gateway
    wire: Proxy
    store: Proxy | None = None
    cluster: Cluster | None = None
    volume: Path | None = None
    shims: Mapping[str, Shim] | None = None
    log_volume: Path | None = None
    side: Side | None = None

    @property
    def server(self) -> Cluster:
        """The PostgreSQL server."""
        assert self.cluster is not None, "this is SQLite"
        return self.cluster

    @property
    def link(self) -> Proxy:
        """The wire to PostgreSQL."""
        assert self.store is not None, "this is SQLite"
        return self.store


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``breaks`` does it and mends it. ``short``: part of the form that every test run has."""

    name: str
    breaks: Callable[[Stage], None]
    on: tuple[str, ...]
    short: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a scenario went. ``slowest_seconds`` is what a client waited at most for an answer."""

    scenario: Scenario
    database: str
    sales: int
    slowest_seconds: float
    recovered_seconds: float
    findings: list[str]


@contextlib.contextmanager
def stage_on(
    database: str,
    home: Path,
    *,
    volume: Path | None = None,
    log_volume: Path | None = None,
    shims: Mapping[str, Shim] | None = None,
    settings: Mapping[str, str] = NO_SETTINGS,
) -> Iterator[Stage]:
    """A running stage with a database server of its own, whose data are on ``volume``, if that is given.

    ``log_volume`` is where the gateway's log is then, ``shims`` are preloaded into the ``server`` and the
    ``database``, and ``settings`` are more settings of the gateway.
    """
    if log_volume is not None:
        home.mkdir(parents=True, exist_ok=True)
        (home / "server.log").symlink_to(log_volume / "server.log")
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(Host(home / "host", latency_seconds=0.01))
        wire = stack.enter_context(Proxy(("127.0.0.1", host.port)))
        settings = {
            **SETTINGS,
            **settings,
            "BEZANT_ACQUIRER": wire.address,
            DRY_VARIABLE: str(home / "dry"),
        }
        url, store, server = "", None, None
        if shims is not None:
            settings.update(shims["server"].environment)
        if database == "postgresql":
            server = stack.enter_context(cluster(volume, shims["database"].environment if shims else None))
            store = stack.enter_context(Proxy(("127.0.0.1", server.port)))
            url = server.url
            settings["BEZANT_DATABASE_URL"] = server.url_through(store.port)
        gateway = stack.enter_context(
            Gateway(home, database_url=url, settings=settings, host=host, module="tests.faults.launcher")
        )
        yield Stage(database, home, gateway, wire, store, server, volume, shims, log_volume)


def run(stage: Stage, scenario: Scenario) -> Result:
    """Play a scenario. Afterwards the stage is whole and at rest, whatever was found."""
    gateway, side, findings = stage.gateway, stage.side, []
    log = len(gateway.log_text())
    with Crowd(gateway) as crowd, side.busy() if side else contextlib.nullcontext():
        crowd.wait_for_yes(seconds=YES_SECONDS_MAX)
        try:
            scenario.breaks(stage)
        except AssertionError as trouble:
            findings.append(str(trouble))
        mended = time.monotonic()
        for proxy in (stage.wire, stage.store, *(side.proxies if side else ())):
            if proxy is not None:
                proxy.heal()
        gateway.control.clear_scripts()
        crowd.mended()
        if not crowd.wait_for_yes(seconds=YES_SECONDS_MAX):
            findings.append("no sale was approved any more")
        if side is not None and not side.goes_well(seconds=YES_SECONDS_MAX):
            findings.append("beside sales, not all is approved any more")
    left = _rest(gateway)
    if side is not None:
        left += side.rest()
    recovered = time.monotonic() - mended
    findings += [*left, *disagreements(gateway), *violations(gateway), *crowd.findings()]
    if side is not None:
        findings += side.findings()
    findings += [line[:200] for line in gateway.log_text()[log:].splitlines() if _is_alarming(line)]
    return Result(
        scenario=scenario,
        database=stage.database,
        sales=len(crowd.asked),
        slowest_seconds=max(each.slowest for each in crowd.asked),
        recovered_seconds=recovered,
        findings=list(dict.fromkeys(findings)),
    )


def _is_alarming(line: str) -> bool:
    return "request crashed" in line or line.startswith("Traceback")


def _rest(gateway: Gateway) -> list[str]:
    """Wait until nothing is under way; what still is. A machine that stands still meanwhile is waited for."""
    looks = round(REST_SECONDS_MAX / LOOK_SECONDS)
    while (left := unfinished(gateway)) and looks:
        looks -= 1
        time.sleep(LOOK_SECONDS)
    return left


# The acquirer -----------------------------------------------------------------------------------


def _toxic(*, up: Toxic = HEALTHY, down: Toxic = HEALTHY, seconds: float = 3.0) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        stage.wire.up, stage.wire.down = up, down
        time.sleep(seconds)

    return breaks


def _scripted(*steps: dict[str, object], seconds: float = 3.0, **match: object) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        stage.gateway.control.script({}, {}, *steps, repeat=True, **{"ask": "sale", **match})
        time.sleep(seconds)

    return breaks


def _refused(stage: Stage) -> None:
    stage.wire.refuse()
    stage.wire.reset()
    time.sleep(3.0)


def _reset(stage: Stage) -> None:
    for _ in range(10):
        stage.wire.reset()
        time.sleep(0.3)


def _idle(stage: Stage) -> None:
    """The connections go while nobody uses them, without a word: the first to notice is a sale."""
    stage.wire.up = stage.wire.down = Toxic(hole=True)
    time.sleep(2.0)
    stage.wire.heal()
    stage.wire.reset()


def _late_by_minutes(stage: Stage) -> None:
    """The host approves at once and says so when everybody has long been told no."""
    gateway, before = stage.gateway, len(stage.gateway.rows(_LATE))
    gateway.control.script(*[{"late": 130.0}] * 8, ask="sale")
    eventually(lambda: len(gateway.rows(_LATE)) >= before + 8, seconds=180, every_seconds=1.0)


def _outage(seconds: float) -> Callable[[Stage], None]:
    def breaks(stage: Stage) -> None:
        stage.gateway.host.kill()
        time.sleep(seconds)
        stage.gateway.host.start()

    return breaks


def _sign_on_lost(stage: Stage) -> None:
    stage.gateway.control.script({"silent": True}, repeat=True, mti="0800")
    stage.wire.reset()
    time.sleep(4.0)
    stage.gateway.control.clear_scripts()


_LATE: Final = "SELECT stray_id FROM strays WHERE kind = 'late'"
_HALVES: Final = Toxic(limit=190)
_WRONG: Final[Sequence[dict[str, object]]] = [{"mismatch": what} for what in ("stan", "terminal", "amount")]
_CONTRADICTIONS: Final[Sequence[dict[str, object]]] = [
    {"contradict": True},
    {"contradict": True, "decline": "51"},
]
BOTH: Final = ("sqlite", "postgresql")
ACQUIRER: Final = (
    Scenario(name="acquirer refuses", breaks=_refused, on=BOTH),
    Scenario(name="acquirer resets connections", breaks=_reset, on=BOTH, short=True),
    Scenario(name="acquirer sends half an answer", breaks=_toxic(down=_HALVES), on=BOTH),
    Scenario(name="half a message reaches it", breaks=_toxic(up=_HALVES), on=BOTH),
    Scenario(name="answers just in time", breaks=_toxic(down=Toxic(latency=0.4, jitter=0.4)), on=BOTH),
    Scenario(name="answers too late", breaks=_toxic(down=Toxic(latency=1.4, jitter=0.3)), on=BOTH),
    Scenario(name="answers by the byte", breaks=_toxic(down=Toxic(slices=1), up=Toxic(slices=1)), on=BOTH),
    Scenario(name="a narrow link", breaks=_toxic(up=Toxic(rate=2000)), on=BOTH),
    Scenario(name="a black hole", breaks=_toxic(up=Toxic(hole=True), down=Toxic(hole=True)), on=BOTH),
    Scenario(name="answers in a black hole", breaks=_toxic(down=Toxic(hole=True)), on=BOTH),
    Scenario(name="connections die unheard", breaks=_idle, on=BOTH),
    Scenario(name="ends are told late", breaks=_toxic(down=Toxic(linger=1.0)), on=BOTH),
    Scenario(name="late approvals", breaks=_scripted({"late": 1.6}), on=BOTH),
    Scenario(name="approvals late by two minutes", breaks=_late_by_minutes, on=BOTH),
    Scenario(name="late declines", breaks=_scripted({"late": 1.6, "decline": "51"}), on=BOTH),
    Scenario(name="answers twice", breaks=_scripted({"duplicate": True}), on=BOTH),
    Scenario(name="two different answers", breaks=_scripted(*_CONTRADICTIONS), on=BOTH),
    Scenario(name="approvals without a code", breaks=_scripted({"codeless": True}), on=BOTH),
    Scenario(name="partial approvals", breaks=_scripted({"partial": True}), on=BOTH),
    Scenario(name="wrong echoes", breaks=_scripted(*_WRONG), on=BOTH, short=True),
    Scenario(name="garbled answers", breaks=_scripted({"garble": True}, {"half": True}), on=BOTH),
    Scenario(name="an unknown code", breaks=_scripted({"decline": "Z9"}), on=BOTH),
    Scenario(name="reversals unanswered", breaks=_scripted({"silent": True}, ask="reverse"), on=BOTH),
    Scenario(name="an outage", breaks=_outage(8), on=BOTH),
    Scenario(name="an outage of a minute", breaks=_outage(60), on=BOTH),
    Scenario(name="sign-on lost", breaks=_sign_on_lost, on=BOTH),
)


def table(results: Sequence[Result]) -> str:
    """Results to be read."""
    width = max(len(each.scenario.name) for each in results)
    lines = [f"{'scenario':{width}}  {'database':10}  sales  slowest answer  recovered in  findings"]
    for each in results:
        lines.append(
            f"{each.scenario.name:{width}}  {each.database:10}  {each.sales:5}  "
            f"{each.slowest_seconds:12.1f} s  {each.recovered_seconds:10.1f} s  {len(each.findings) or '-'}"
        )
        lines += [f"    {finding}" for finding in each.findings[:10]]
    bad = sum(bool(each.findings) for each in results)
    lines.append(f"{len(results)} scenarios, {bad} with findings")
    return "\n".join(lines)
