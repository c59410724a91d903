"""A universe: one seed, a gateway of one or two processes, an acquirer, clients, and what befalls them.

First ``safety``: everything fails, and what must always hold is looked at again and again. Then ``liveness``:
nothing fails any more, and within fifteen minutes everything must have come to rest and agree.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import structlog

from bezant.app.endpoints import valor_endpoint
from bezant.app.gateway import Gateway, open_gateway
from bezant.app.store import Names, Store
from bezant.bell import Activity, Bell
from bezant.config import Settings
from bezant.core.merchants import Boarding, move
from bezant.core.people import People, SignIn
from bezant.dialects.wire.http import Endpoint
from bezant.rails.acquirer.sandbox import SandboxHost
from bezant.storage.ids import IdBlocks
from bezant.storage.passwords import Argon2
from tests.simulation.cellar import Cellar
from tests.simulation.clients import Answer, Client, Journal, Request, scope_of
from tests.simulation.clock import SteppedClock
from tests.simulation.loop import PowerCut, Process, SimulatedLoop, Stuck, Trace
from tests.simulation.network import CALM, Weather, Wires
from tests.simulation.oracle import Oracle

ADDRESS: Final = ("acquirer", 7000)
PACE: Final = 20.0
"""Jobs of the timetable run that much more seldom than in real life."""
REST_SECONDS: Final = 15 * 60.0
LOOK_SECONDS: Final = 45.0
WAIT_SECONDS: Final = 120.0
"""What a client waits for longer than this in calm weather is a payment whose lease a clock has put off."""
LEAPS_MAX: Final = 2
"""Times that the clock is set on to what is planned for hours later."""
HTTP_SECONDS: Final = 25.0
SETTINGS: Final = Settings(
    home=Path("/nowhere"), acquirer_connect_seconds=3.0, acquirer_read_seconds=5.0, lease_seconds=45.0
)
_EXPECTED_TROUBLE: Final = frozenset({"Unavailable", "Refused"})
"""What a job may fail with: the disk is full, or a queue is."""


@dataclass(slots=True)
class Outcome:
    """How a universe ended."""

    seed: int
    operations: int = 0
    answered: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    digest: str = ""
    lines: list[str] | None = None


@dataclass(slots=True, eq=False)
class Machine:
    """One of the gateway's processes, over its lives."""

    number: int
    life: int = 0
    process: Process | None = None
    endpoint: Endpoint | None = None
    gone: bool = False
    waiting: list[asyncio.Future[Answer | None]] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None

    @property
    def up(self) -> bool:
        """Whether it takes requests."""
        return self.process is not None and self.process.alive and self.endpoint is not None


class Universe:
    """Everything there is. ``compose`` may put another part in the place of one of a gateway's own."""

    def __init__(
        self,
        seed: int,
        cellar: Cellar,
        *,
        compose: Callable[[Gateway], None] = lambda _: None,
        keep_trace: bool = False,
    ) -> None:
        self.outcome = Outcome(seed)
        self._seed = seed
        self._cellar = cellar
        self._compose = compose
        self._trace = Trace(keep=keep_trace)
        order = self._chances("order")
        self._loop = SimulatedLoop(order, self._trace)  # type: ignore[abstract]  # what nobody calls is not there
        self._wires = Wires(self._loop, self._chances("wires"), self._trace)
        self._loop.wires = self._wires
        self._plan = self._chances("plan")
        self._latency = self._chances("latency")
        self._clock = SteppedClock(self._loop)
        self._world = self._loop.process("world")
        self._acquirer = self._loop.process("acquirer")
        self._machines: list[Machine] = []
        self._journal = Journal()
        self._host = SandboxHost(*ADDRESS, seed=seed % 1000, now=self._clock.now)
        self._safe = True
        self._cut_at: str | None = None
        self._committing: Machine | None = None

    def run(self) -> Outcome:
        """Live through it."""
        self._cellar.fresh()
        self._cellar.before_commit = self._before_commit
        outcome = self.outcome
        try:
            with _listening(self._hear):
                self._loop.run_until(self._loop.spawn(self._world, self._live()))
        except Stuck as stuck:
            outcome.findings.append(f"stuck: {stuck}")
        finally:
            with _listening(lambda _: None):
                self._loop.bury()
            for machine in self._machines:
                machine.stop()
        outcome.findings += self._loop.complaints
        outcome.operations = sum(request.sent for request in self._journal.requests)
        outcome.answered = sum(bool(request.answers) for request in self._journal.requests)
        outcome.faults += self._wires.faults
        outcome.digest = self._trace.digest()
        outcome.lines = self._trace.lines
        return outcome

    # -- the two phases -------------------------------------------------------------------------------

    async def _live(self) -> None:
        plan = self._plan
        await self._loop.spawn(self._acquirer, self._host.start())
        self._oracle = Oracle(self._cellar, self._host.books, self._journal.requests)
        self._machines = [Machine(number) for number in range(plan.choice([1, 2]))]
        for machine in self._machines:
            await self._boot(machine)
        tills = self._cellar.tills[: plan.randint(1, len(self._cellar.tills))]
        clients = [
            Client(
                f"c{number}",
                chances=self._chances(f"client {number}"),
                journal=self._journal,
                tills=tills,
                call=self._call,
                pause=plan.uniform(3, 25),
            )
            for number in range(plan.randint(2, 6))
        ]
        asking = [self._loop.spawn(self._world, client.run()) for client in clients]
        await self._safety()
        for client in clients:
            client.stopping = True
        await self._liveness(asking, clients[0])

    async def _safety(self) -> None:
        plan = self._plan
        seconds = plan.uniform(60, 200)
        self._wires.weather = _weather(plan)
        troubles = [
            *(self._power_cut for _ in range(plan.randint(1, 4))),
            *(self._step_clock for _ in range(plan.choice([0, 0, 1, 2]))),
            *(self._move_merchant for _ in range(plan.choice([0, 0, 1]))),
            *(self._fill_disk for _ in range(plan.choice([0, 0, 1, 2]))),
            *(self._outage for _ in range(plan.choice([0, 0, 1]))),
            *(self._halt for _ in range(plan.choice([0, 0, 1, 2]))),
            *(self._reset_wires for _ in range(plan.choice([0, 1, 3]))),
        ]
        at = sorted(plan.uniform(0, seconds) for _ in troubles)
        plan.shuffle(troubles)
        calls = [
            self._loop.spawn(self._world, _after(when, trouble))
            for when, trouble in zip(at, troubles, strict=True)
        ]
        end = self._loop.time() + seconds
        while self._loop.time() < end and not self.outcome.findings:
            await asyncio.sleep(min(LOOK_SECONDS, end - self._loop.time()))
            self._look()
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    async def _liveness(self, asking: list[asyncio.Task[None]], client: Client) -> None:
        self._safe = False
        self._cut_at = None
        self._wires.weather, self._wires.out = CALM, False
        self._cellar.limit(full=False)
        for machine in self._machines:
            if machine.process is not None:
                self._loop.resume(machine.process)
            if not machine.up:
                await self._boot(machine)
        self._note("the weather is calm")
        if self.outcome.findings or not await self._rests(asking):
            return
        for till in self._cellar.tills:
            settlements = [await client.settle(till) for _ in range(3)]  # an earlier one's batch comes first
            if not settlements[-1].approved:
                self.outcome.findings.append(f"settlement was answered {settlements[-1].answer}")
        await asyncio.sleep(PACE)
        self.outcome.findings += self._oracle.at_rest(self._clock.now())

    async def _rests(self, asking: list[asyncio.Task[None]]) -> bool:
        """Wait until everybody was answered and nothing is under way; whether that came in time."""
        calm_at, leaps = self._loop.time(), LEAPS_MAX
        deadline = calm_at + REST_SECONDS
        pending: list[str] = ["clients"]
        while pending and self._loop.time() < deadline:
            await asyncio.sleep(PACE / 2)
            waiting = [task for task in asking if not task.done()]
            pending = ["a client waits for an answer"] if waiting else self._oracle.unfinished()
            self._look()
            if self.outcome.findings:
                return False
            patient = not waiting or self._loop.time() > calm_at + WAIT_SECONDS
            if pending and patient and leaps and self._only_scheduled():
                leaps -= 1
                # The next try is hours away by its schedule, or by a clock that was set back since.
                self.outcome.faults["waited for the schedule"] += 1
                self._clock.step(timedelta(hours=4))
                deadline = self._loop.time() + REST_SECONDS
        self.outcome.findings += [f"after {REST_SECONDS:g} s: {what}" for what in pending]
        return not pending

    def _only_scheduled(self) -> bool:
        """Whether all that is left is planned for later than anybody would wait for here."""
        later = self._clock.now() + timedelta(minutes=6)
        return self._oracle.planned_after(later)

    def _look(self) -> None:
        """Look whether all that must always hold does."""
        if not self.outcome.findings:
            self.outcome.findings += self._oracle.always(self._clock.now())

    # -- the gateway's processes ------------------------------------------------------------------------

    async def _boot(self, machine: Machine) -> None:
        """Start a process and wait until it serves."""
        while not machine.up:
            machine.life += 1
            machine.endpoint, machine.gone = None, False
            machine.process = process = self._loop.process(f"gateway {machine.number}.{machine.life}")
            serving = self._loop.spawn(process, self._serve(machine))
            while process.alive and not serving.done() and machine.endpoint is None:  # noqa: ASYNC110 - it may vanish instead
                await asyncio.sleep(0.5)
            if machine.up:
                self._note(f"{process} is up")
            else:
                self._cut_power(machine)
                await asyncio.sleep(2)

    async def _serve(self, machine: Machine) -> None:
        chances, loop = self._latency, asyncio.get_running_loop()
        activity = Activity(loop)

        def committed() -> None:
            activity.note()
            self._cut_here(machine, "after a commit")

        units = self._cellar.units(
            linger=lambda: chances.choice([0.0, chances.uniform(0, 0.02)]),
            committed=committed,
        )
        machine.stop = units.stop
        names = Names(IdBlocks(units, "boarding", size=1), self._cellar.keys)
        passwords = Argon2()
        store = Store(
            settings=SETTINGS,
            engine=self._cellar.engine,
            keys=self._cellar.keys,
            units=units,
            clock=self._clock,
            names=names,
            boarding=Boarding(units=units, names=names, clock=self._clock),
            people=People(units=units, passwords=passwords, ids=names, clock=self._clock),
            sign_in=SignIn(
                units=units, passwords=passwords, hasher=self._cellar.keys.hasher, clock=self._clock
            ),
            activity=activity,
            announced=Bell(loop),
        )
        async with open_gateway(
            store, ADDRESS, housekeeping=True, pace=PACE, jitter=chances.random
        ) as gateway:
            self._compose(gateway)
            machine.endpoint = valor_endpoint(gateway)
            await asyncio.get_running_loop().create_future()

    def _cut_power(self, machine: Machine) -> None:
        """Let a process vanish as it is."""
        process = machine.process
        if process is None or machine.gone:
            return
        machine.gone = True
        self.outcome.faults["power cut"] += 1
        self._loop.cut(process)
        machine.endpoint = None
        machine.stop()
        self._wires.reset("power cut", process=process)
        waiting, machine.waiting = machine.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _before_commit(self) -> None:
        for machine in self._machines:
            if machine.process is not None and machine.process is self._loop.current:
                self._cut_here(machine, "before a commit")

    def _cut_here(self, machine: Machine, where: str) -> None:
        """Lose power in the middle of what this process does, if that is planned."""
        if self._cut_at == where:
            self._cut_at = None
            self._note(f"power is cut {where}")
            self._loop.call_soon(self._cut_power, machine, context=self._world.context.copy())
            assert machine.process is not None
            machine.process.alive = False
            raise PowerCut

    # -- what befalls them ----------------------------------------------------------------------------

    async def _power_cut(self) -> None:
        plan, machine = self._plan, self._plan.choice(self._machines)
        where = plan.choice([None, "before a commit", "after a commit"])
        if where is None:
            self._cut_power(machine)
        else:
            self._cut_at = where
        for _ in range(20):
            if any(not each.up for each in self._machines):
                break
            await asyncio.sleep(0.5)
        self._cut_at = None
        await asyncio.sleep(plan.choice([plan.uniform(0.5, 5), plan.uniform(5, 90)]))
        self._look()
        for each in self._machines:
            if each.gone:
                await self._boot(each)

    async def _step_clock(self) -> None:
        period = timedelta(
            seconds=round(self._plan.choice([self._plan.uniform(-7200, 7200), self._plan.uniform(-60, 60)]))
        )
        self._clock.step(period)
        self._note(f"the clock is set by {period}")
        self.outcome.faults["clock step"] += 1
        await asyncio.sleep(0)

    async def _move_merchant(self) -> None:
        """Somebody moves a merchant's own clock, from another process."""
        period = timedelta(seconds=round(self._plan.uniform(-7200, 7200)))
        merchant_id = self._plan.choice(self._cellar.tills).merchant_id
        units = self._cellar.units(linger=lambda: 0.0)
        boarding = Boarding(
            units=units,
            names=Names(IdBlocks(units, "boarding", size=1), self._cellar.keys),
            clock=self._clock,
        )
        try:
            await boarding.move_clock(merchant_id, move(period))
        except Exception:  # noqa: BLE001 - the disk may be full: then it was not moved
            return
        finally:
            units.stop()
        self._note(f"the clock of merchant {merchant_id} is moved by {period}")
        self.outcome.faults["merchant's clock moved"] += 1

    async def _fill_disk(self) -> None:
        self._cellar.limit(full=True)
        self._note("the disk is full")
        self.outcome.faults["disk full"] += 1
        await asyncio.sleep(self._plan.uniform(1, 60))
        self._cellar.limit(full=False)
        self._note("the disk has room")

    async def _outage(self) -> None:
        self._wires.out = True
        self._wires.reset("outage")
        self.outcome.faults["outage"] += 1
        await asyncio.sleep(self._plan.choice([self._plan.uniform(0, 60), self._plan.uniform(60, 600)]))
        self._wires.out = False

    async def _halt(self) -> None:
        machine = self._plan.choice(self._machines)
        process = machine.process
        if process is None or not process.alive:
            return
        self._loop.halt(process)
        self._note(f"{process} stands still")
        self.outcome.faults["process halted"] += 1
        await asyncio.sleep(self._plan.choice([self._plan.uniform(5, 30), self._plan.uniform(60, 120)]))
        self._loop.resume(process)

    async def _reset_wires(self) -> None:
        self._wires.reset("reset")
        self.outcome.faults["reset"] += 1
        await asyncio.sleep(0)

    # -- clients' requests ------------------------------------------------------------------------------

    async def _call(self, request: Request, leaves_after: float | None) -> Answer | None:
        """Carry a request to a process that is up, and its answer back."""
        await asyncio.sleep(self._latency.uniform(0, 0.05))
        machines = [machine for machine in self._machines if machine.up]
        if not machines:
            return None
        machine = self._latency.choice(machines)
        assert machine.process is not None
        assert machine.endpoint is not None
        heard: asyncio.Future[Answer | None] = self._loop.create_future()
        machine.waiting.append(heard)
        self._note(f"{request.key} asks {request.kind} {request.minor} of {machine.process}")
        serving = self._loop.spawn(machine.process, _served(machine.endpoint, request, heard))
        patience = HTTP_SECONDS if leaves_after is None else leaves_after
        done, _ = await asyncio.wait((heard,), timeout=patience)
        if heard in machine.waiting:
            machine.waiting.remove(heard)
        if not done:
            self._wires.faults["client gone"] += 1
            if leaves_after is not None and machine.process.alive:
                serving.cancel()
        answer = heard.result() if done else None
        self._note(f"{request.key} hears {answer and (answer.status, answer.verdict, answer.replayed)}")
        return answer

    # -- notes ----------------------------------------------------------------------------------------

    def _hear(self, event: MutableMapping[str, Any]) -> None:
        """What the gateway logs: some of it is never right."""
        what = event.get("event")
        if what == "job failed" and event["kind"] in _EXPECTED_TROUBLE:
            return
        if what in {"request crashed", "job failed", "reversal failed"}:
            kind = event.get("exception") or event.get("kind")
            if what != "reversal failed" or kind not in _EXPECTED_TROUBLE:
                self.outcome.findings.append(
                    f"log: {what}: {event.get('job', '')} {kind} {event.get('frames', '')}"
                )

    def _note(self, what: str) -> None:
        self._trace.note(self._loop.time(), what)

    def _chances(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")


async def _after(seconds: float, trouble: Callable[[], Any]) -> None:
    await asyncio.sleep(seconds)
    await trouble()


async def _served(endpoint: Endpoint, request: Request, heard: asyncio.Future[Answer | None]) -> None:
    """Be the web server of one request."""
    scope, body = scope_of(request)
    parts: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        parts.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body") and not heard.done():
            heard.set_result(_answer_of(parts))

    await endpoint(scope, receive, send)


def _answer_of(parts: list[dict[str, Any]]) -> Answer:
    whole = b"".join(part.get("body", b"") for part in parts)
    headers = dict(parts[0]["headers"])
    return Answer(
        status=parts[0]["status"],
        body=json.loads(whole) if whole else {},
        replayed=headers.get(b"idempotency-replayed") == b"true",
    )


def _weather(plan: Random) -> Weather:
    """Each fault is absent in half of all universes, so that some are about one fault alone."""

    def rate(most: float) -> float:
        return plan.choice([0.0, plan.uniform(0, most)])

    return Weather(
        loss=rate(0.3),
        latency=plan.choice([0.3, plan.uniform(0.1, 4)]),
        duplicate=rate(0.5),
        late=rate(0.2),
        garble=rate(0.05),
        mismatch=rate(0.05),
        contradict=rate(0.1),
        reset=rate(0.05),
    )


@contextmanager
def _listening(hear: Callable[[MutableMapping[str, Any]], None]) -> Iterator[None]:
    """Log into ``hear`` alone."""

    def take(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
        kind = sys.exc_info()[0]
        event.setdefault("kind", kind.__name__ if kind else None)
        hear(event)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[take], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.configure(**before)
