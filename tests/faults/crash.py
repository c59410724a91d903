"""The crash matrix: what a client asks for, the step at which the server dies, and what must hold then.

A case prepares what its request refers to, has the server die at one step of it, starts the server again,
waits until nothing is under way, and holds all books against each other; then it sends the request again
with its key, and looks once more: the client hears one story, and no money moves twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from bezant.rails.gift.sandbox import GiftControl
from tests.faults.launcher import VARIABLE, Order, hit_file
from tests.faults.proxy import Proxy, Toxic
from tests.support.books import at_host, disagreements, unfinished, violations
from tests.support.gateway import SWIFT, Answer, Gateway, Host, NoAnswer, database_on, eventually, gateway_on
from tests.support.postgres import Server
from tests.support.tree import SOURCE

LAUNCHER: Final = "tests.faults.launcher"
SETTINGS: Final = {
    **SWIFT,
    "BEZANT_ACQUIRER_READ_SECONDS": "0.8",
    "BEZANT_ACQUIRER_CONNECT_SECONDS": "0.4",
    "BEZANT_LEASE_SECONDS": "1.8",
}
REACHED_SECONDS_MAX: Final = 8.0
REST_SECONDS_MAX: Final = 60.0
MIGRATIONS: Final = tuple((SOURCE / "storage/migrations/versions").glob("[0-9]*.py"))
_STILL_SENDING: Final = "SELECT payment_id FROM payments WHERE state = 'sending'"
_IN_DOUBT: Final = "SELECT kind, state FROM gift_movements WHERE state IN ('sending', 'in_doubt')"

Call = Callable[[], Answer]
Prepare = Callable[["Bench", str], Call]
Step = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``name`` is the operation; the server dies by ``order`` while the host plays ``step`` (for ``ask``).

    With ``half``, of what it then wrote to the acquirer only the first half has left it. By ``then``, the
    next server dies as well, while it makes good what the first has left.
    """

    name: str
    order: Order
    then: Order | None = None
    step: Step | None = None
    ask: str | None = None
    half: bool = False

    @property
    def title(self) -> str:
        """How it is shown."""
        later = f" +{self.order.delay * 1000:.0f}ms" if self.order.delay else ""
        faulty = f" ({', '.join(self.step)})" if self.step else ""
        half = " by half" if self.half else ""
        then = f", then {self.then.point}#{self.then.hits}" if self.then else ""
        return f"{self.name}{faulty}: {self.order.point}#{self.order.hits}{half}{later}{then}"


class Titled(Protocol):
    """Something that was tried out."""

    @property
    def title(self) -> str:
        """How it is shown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a case went. ``recovered_seconds`` is from the new start until nothing was under way."""

    case: Titled
    database: str
    recovered_seconds: float
    answers: tuple[str, str]
    findings: list[str]


@dataclass(slots=True)
class Bench:
    """A gateway that dies on demand, its wire to the acquirer, and how to ask it for everything once."""

    gateway: Gateway
    wire: Proxy | None = None
    gift_elsewhere: tuple[str, int] | None = None
    """Where a gift host of its own is asked."""
    marks: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def file(self) -> Path:
        """Where orders are put."""
        return self.gateway.home / "fault"

    def amount(self) -> str:
        """An amount that nothing else here has."""
        number = next(self.marks)
        return f"{10 + number // 100}.{number % 100:02d}"

    def arm(self, order: Order) -> None:
        """Have the server die."""
        hit_file(self.file).unlink(missing_ok=True)
        draft = self.file.with_name("fault.draft")
        draft.write_bytes(msgspec.json.encode(order))
        draft.rename(self.file)

    def disarm(self) -> None:
        """Forget the order."""
        self.file.unlink(missing_ok=True)

    def hit(self, *, seconds: float = REACHED_SECONDS_MAX) -> bool:
        """Wait until the order was carried out, and its process is gone; whether it was."""
        deadline = time.monotonic() + seconds
        while not hit_file(self.file).exists():
            if time.monotonic() > deadline:
                self.disarm()
                return False
            time.sleep(0.01)
        if self.gateway.runs:  # one that dies before it serves is gone already
            self.gateway.wait()
        return True

    def rest(self) -> list[str]:
        """Wait until nothing is under way; what still is."""
        deadline = time.monotonic() + REST_SECONDS_MAX
        while (left := self._under_way()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def _under_way(self) -> list[str]:
        gateway = self.gateway
        gift = [f"gift {row['kind']} is {row['state']}" for row in gateway.rows(_IN_DOUBT)]
        return unfinished(gateway) + gift

    def findings(self) -> list[str]:
        """What is wrong in any book."""
        gateway = self.gateway
        return [*disagreements(gateway), *violations(gateway), *self.gift(lambda control: control.wrong())]

    def gift(self, ask: Callable[[GiftControl], Any]) -> Any:
        """Ask the gift host, which lives in the server's process unless it is elsewhere."""
        host, port = self.gift_elsewhere or self._gift_here()
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(ask(GiftControl((host, port))))).result()

    def _gift_here(self) -> tuple[str, int]:
        host, _, port = self.gateway.demo["sandbox"]["gift_control"].partition(":")
        return host, int(port)

    def gift_balance(self) -> int:
        """What the demo's gift card holds, in minor units; 0 before it was first used."""
        demo = self.gateway.demo
        card = self.gift(lambda control: control.card(demo["valor"]["appid"], demo["gift"]["card"]))
        return card["balance"] if card else 0


def _approved(answer: Answer) -> str:
    assert (answer.status, answer.body["error_no"]) == (200, "S00"), answer
    return str(answer.body["txnid"])


def _charge(bench: Bench, key: str, *, kind: str = "sale") -> Call:
    return partial(bench.gateway.charge, kind, bench.amount(), idempotency_key=key, invoicenumber=key)


def _follow_up(bench: Bench, key: str, *, kind: str, of: str = "sale", amount: str | None = None) -> Call:
    total = bench.amount()
    original = _approved(bench.gateway.charge(of, total))
    params: dict[str, Any] = {"txn_type": kind, "ref_txn_id": original}
    if kind != "void":
        params["amount"] = amount or total
    return partial(bench.gateway.call, idempotency_key=key, **params)


def _settlement(bench: Bench, key: str) -> Call:
    _approved(bench.gateway.sale(bench.amount()))
    return partial(bench.gateway.call, idempotency_key=key, txn_type="settlement")


def _gift(bench: Bench, key: str, *, kind: str) -> Call:
    card = bench.gateway.demo["gift"]["card"]
    assert bench.gateway.call(txn_type="giftbalance", pan=card).status == 200
    return partial(bench.gateway.call, idempotency_key=key, txn_type=kind, pan=card, amount="1.25")


PREPARE: Final[Mapping[str, Prepare]] = {
    "sale": _charge,
    "auth": partial(_charge, kind="auth"),
    "capture": partial(_follow_up, kind="capture", of="auth"),
    "increment": partial(_follow_up, kind="incremental_auth", of="auth", amount="1.00"),
    "refund": partial(_follow_up, kind="refund"),
    "void": partial(_follow_up, kind="void"),
    "tip": partial(_follow_up, kind="tipadjust", amount="1.00"),
    "settlement": _settlement,
    "gift sale": partial(_gift, kind="giftsale"),
    "gift load": partial(_gift, kind="giftaddvalue"),
}
PAYMENTS: Final = ("sale", "auth", "capture", "increment", "refund", "void", "tip")
_WAITING: Final = Order(point="link.written", delay=0.05)
_ON_THE_WAY: Final = (
    *(Order(point=f"request.{step}") for step in ("accepted", "parsed", "authenticated")),
    Order(point="write.half-flushed"),
    Order(point="claim.written"),
    *(Order(point=f"write.{step}") for step in ("flushed", "committed")),
    Order(point="payment.stored"),
    Order(point="link.written"),
    Order(point="link.heard"),
    Order(point="link.decoded"),
    Order(point="payment.answered"),
    *(Order(point=f"write.{step}", hits=2) for step in ("half-flushed", "flushed", "committed")),
    Order(point="payment.finished"),
    Order(point="answer.begun"),
    Order(point="answer.sent"),
)
_REVERSAL: Final = (
    *(Order(point=f"reversal.{step}") for step in ("due", "claimed", "answered", "confirming", "confirmed")),
    Order(point="link.written", hits=2),
    Order(point="write.committed", hits=4),
)
_RECOVERY: Final = (
    Order(point="lease.run-out"),
    *(Order(point=f"reversal.{step}") for step in ("claimed", "answered", "confirmed")),
)
_SETTLEMENT: Final = (
    *(Order(point=f"settlement.{step}") for step in ("locked", "totalled", "frozen", "telling", "told")),
    *(Order(point=f"settlement.{step}") for step in ("closing", "closed")),
    *(Order(point=f"write.{step}", hits=hits) for step in ("flushed", "committed") for hits in (1, 2)),
)
_GIFT: Final = tuple(Order(point=f"gift.{step}") for step in ("stored", "answered", "finished"))
_GIFT_CANCELLATION: Final = tuple(
    Order(point=f"gift-cancel.{step}") for step in ("claimed", "answered", "confirming")
)
_START: Final = (
    Order(point="migration.due"),
    *(Order(point="migration.applied", hits=hits + 1) for hits in range(len(MIGRATIONS))),
    Order(point="migration.done"),
    *(Order(point=f"keys.{step}") for step in ("root-half-made", "root-made")),
    *(Order(point=f"keys.{step}") for step in ("data-key-made", "data-key-stored")),
    Order(point="link.connected"),
)


def matrix() -> list[Case]:
    """Every case of a server that runs, in an order in which each can be prepared."""
    cases = [Case(name=name, order=order) for name in PAYMENTS for order in _ON_THE_WAY]
    cases += [Case(name=name, order=_WAITING, step={"late": 0.4}) for name in PAYMENTS]
    cases += [Case(name=name, order=Order(point="link.written"), half=True) for name in PAYMENTS]
    cases += [Case(name=name, order=Order(point="vault.written")) for name in ("sale", "auth")]
    for order in _REVERSAL:
        cases.append(Case(name="sale", order=order, step={"silent": True}, ask="sale"))
    cases.append(
        Case(name="void", order=Order(point="reversal.claimed"), step={"silent": True}, ask="reverse")
    )
    left = Order(point="payment.answered")
    cases += [Case(name=name, order=left, then=order) for name in ("sale", "refund") for order in _RECOVERY]
    cases += [Case(name="settlement", order=order) for order in _SETTLEMENT]
    cases.append(Case(name="settlement", order=_WAITING, step={"late": 0.4}))
    for name in ("gift sale", "gift load"):
        cases += [Case(name=name, order=order) for order in (*_GIFT, *_ON_THE_WAY[:7])]
        cases += [Case(name=name, order=order, step={"drop": True}) for order in _GIFT_CANCELLATION]
    return cases


def starts() -> list[Case]:
    """Every case of a server that starts on an empty database and in an empty folder."""
    return [Case(name="first start", order=order) for order in _START]


@contextlib.contextmanager
def bench_on(database: str, home: Path, *, postgres: Callable[[], Server]) -> Iterator[Bench]:
    """A running bench."""
    with Host(home) as host, Proxy(("127.0.0.1", host.port)) as wire:
        settings = {**SETTINGS, VARIABLE: str(home / "fault"), "BEZANT_ACQUIRER": wire.address}
        with gateway_on(
            database, home, postgres=postgres, settings=settings, host=host, module=LAUNCHER
        ) as gateway:
            yield Bench(gateway, wire)


def run(bench: Bench, case: Case, *, database: str) -> Result:
    """Carry out a case. Afterwards the gateway runs and is at rest, whatever was found."""
    gateway, key = bench.gateway, f"crash-{next(bench.marks)}-{time.monotonic_ns()}"
    call = PREPARE[case.name](bench, key)
    balance = bench.gift_balance() if case.name.startswith("gift") else 0
    if case.step is not None:
        match: dict[str, Any] = {} if case.ask is None else {"ask": case.ask}
        if case.name.startswith("gift"):
            step = case.step
            bench.gift(lambda control: control.script(step, match=match))
        else:
            gateway.control.script(case.step, **match)
    if case.half and bench.wire is not None:
        bench.wire.up = Toxic(half=True)
    bench.arm(case.order)
    first = _asked(call)
    findings = [] if bench.hit() else ["the step was not reached"]
    if bench.wire is not None:
        bench.wire.heal()
    if case.then is not None:
        findings += _dies_again(bench, case.then)
    started = time.monotonic()
    if not gateway.runs:
        gateway.start()
    findings += bench.rest()
    recovered = time.monotonic() - started
    gateway.control.clear_scripts()
    findings += bench.findings()
    again = _asked(call)
    findings += [*bench.rest(), *bench.findings(), *_told(first, again)]
    if case.name.startswith("gift"):
        findings += _gift_findings(bench, again, balance, sign=-1 if case.name == "gift sale" else 1)
    else:
        findings += _effects(bench, case, call, again)
    return Result(
        case=case,
        database=database,
        recovered_seconds=recovered,
        answers=(_word(first), _word(again)),
        findings=list(dict.fromkeys(findings)),
    )


def _dies_again(bench: Bench, order: Order) -> Iterator[str]:
    bench.arm(order)
    with contextlib.suppress(AssertionError):  # it may die before it serves
        bench.gateway.start()
    if not bench.hit():
        yield "the second step was not reached"


def _asked(call: Call) -> Answer | None:
    try:
        return call()
    except NoAnswer:
        return None


def _word(answer: Answer | None) -> str:
    return "-" if answer is None else str(answer.body.get("error_no"))


def _told(first: Answer | None, again: Answer | None) -> Iterator[str]:
    """What is wrong with what the client heard."""
    if again is None:
        yield "the repeated request was not answered"
    elif again.status not in {200, 400} or again.body["error_no"] not in {"S00", "E98"}:
        yield f"the repeated request was answered {again.status} {again.body}"
    elif first is not None and first.status != 503 and first.body != again.body:
        yield f"first {first.body}, then {again.body}"


def _effects(bench: Bench, case: Case, call: Call, again: Answer | None) -> Iterator[str]:
    """Where the host does not hold once what the client was told yes about, or holds what it was told no."""
    if again is None or case.name not in {"sale", "auth", "capture", "refund"}:
        return
    asked = call.args[1] if case.name in {"sale", "auth"} else call.keywords["amount"]  # type: ignore[attr-defined]  # a partial
    ask = {"auth": "authorize"}.get(case.name, case.name)
    minor = int(asked.replace(".", ""))
    standing = sum(
        count for each, count in at_host(bench.gateway).items() if (each.minor, each.ask) == (minor, ask)
    )
    if standing != (again.body["error_no"] == "S00"):
        yield f"told {again.body['error_no']}, and {standing} stand at the host"


def _gift_findings(bench: Bench, again: Answer | None, balance: int, *, sign: int) -> Iterator[str]:
    moved = bench.gift_balance() - balance
    expected = sign * 125 if again is not None and again.body["error_no"] == "S00" else 0
    if moved != expected:
        yield f"the card moved by {moved}, the client knows of {expected}"


def run_start(case: Case, database: str, home: Path, *, postgres: Callable[[], Server]) -> Result:
    """Have the first start die, start again, and charge."""
    home.mkdir(parents=True, exist_ok=True)
    findings: list[str] = []
    settings = {**SETTINGS, VARIABLE: str(home / "fault")}
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(database_on(database, postgres=postgres))
        host = stack.enter_context(Host(home))
        gateway = Gateway(home, database_url=url, settings=settings, host=host, module=LAUNCHER, seeded=False)
        bench = Bench(gateway)
        bench.arm(case.order)
        with contextlib.suppress(AssertionError):  # it dies, as ordered
            gateway.start()
        if not hit_file(bench.file).exists():
            findings.append("the step was not reached")
            bench.disarm()
        started = time.monotonic()
        with gateway:
            recovered = time.monotonic() - started
            answer = gateway.sale("10.00")
            if answer.status != 200:
                findings.append(f"a sale was answered {answer.status} {answer.body}")
            findings += [*bench.rest(), *bench.findings()]
    return Result(
        case=case,
        database=database,
        recovered_seconds=recovered,
        answers=("-", _word(answer)),
        findings=findings,
    )


def stops() -> list[Case]:
    """Every case of a server process that stands still for longer than its lease, and then goes on."""
    points = (
        Order(point="payment.stored"),
        Order(point="payment.answered"),
        Order(point="write.flushed"),
    )
    return [
        Case(name="suspended", order=msgspec.structs.replace(each, signal=signal.SIGSTOP)) for each in points
    ]


def run_stop(case: Case, home: Path, *, postgres: Callable[[], Server]) -> Result:
    """Suspend one of two server processes with a sale in its hands; the other takes it back meanwhile."""
    home.mkdir(parents=True, exist_ok=True)
    settings = {**SETTINGS, VARIABLE: str(home / "fault"), "BEZANT_WORKERS": "2"}
    findings: list[str] = []
    with gateway_on("postgresql", home, postgres=postgres, settings=settings, module=LAUNCHER) as gateway:
        bench = Bench(gateway)
        eventually(gateway.is_ready)
        for _ in range(8):
            _approved(gateway.sale("10.00"))
        gateway.control.script({"late": 0.5}, ask="sale")
        with ThreadPoolExecutor(1) as client:
            if not case.order.point.startswith("write."):
                bench.arm(case.order)
            sale = client.submit(_asked, partial(gateway.sale, "11.11"))
            if case.order.point.startswith("write."):
                eventually(lambda: gateway.rows(_STILL_SENDING), every_seconds=0.01)
                bench.arm(case.order)
            eventually(hit_file(bench.file).exists)
            started = time.monotonic()
            eventually(lambda: gateway.rows(_STILL_SENDING) == [])
            findings += bench.rest()
            recovered = time.monotonic() - started
            gateway.signal(signal.SIGCONT)
            told = sale.result()
        # A supervisor may have ended the process: then nobody was told anything.
        stands = any(each.minor == 1111 for each in at_host(gateway))
        yes = told is not None and told.body["error_no"] == "S00"
        # Of writes, that of the sale may have been another process's; this one's then was of no matter.
        if (yes and case.order.point.startswith("payment.")) or (told is not None and stands != yes):
            findings.append(f"told {_word(told)}, and the sale {'stands' if stands else 'is gone'}")
        findings += [*bench.rest(), *disagreements(gateway), *violations(gateway)]
    return Result(
        case=case,
        database="postgresql",
        recovered_seconds=recovered,
        answers=(_word(told), "-"),
        findings=findings,
    )


def table(results: Sequence[Result]) -> str:
    """Results to be read."""
    width = max(len(each.case.title) for each in results)
    lines = [f"{'case':{width}}  {'database':10}  {'told':9}  recovered in  findings"]
    for each in results:
        told = "/".join(each.answers)
        lines.append(
            f"{each.case.title:{width}}  {each.database:10}  {told:9}  {each.recovered_seconds:10.1f} s  "
            f"{len(each.findings) or '-'}"
        )
        lines += [f"    {finding}" for finding in each.findings]
    bad = sum(bool(each.findings) for each in results)
    slowest = max(each.recovered_seconds for each in results)
    lines.append(f"{len(results)} kills, {bad} with findings; the slowest recovery took {slowest:.1f} s")
    return "\n".join(lines)
