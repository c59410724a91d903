"""Clients that charge, void, refund and settle, ask again when nobody answered, and note all that they hear.

What they noted is the oracle: the gateway's own records have to agree with it, whatever was killed.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.support.gateway import Answer, Gateway, NoAnswer

TERMINALS: Final = ("valor", "valor", "valor", "valor_second")
MIX: Final = {
    "sale": 64,
    "auth": 10,
    "capture": 4,
    "incremental_auth": 3,
    "tipadjust": 4,
    "refund": 7,
    "void": 7,
    "settlement": 1,
}
REFERS_TO: Final = {
    "capture": {"auth"},
    "incremental_auth": {"auth"},
    "tipadjust": {"sale", "capture"},
    "refund": {"sale", "capture"},
    "void": {"sale", "auth", "capture"},
}
"""What a follow-up can be about, by kind."""
ENDS: Final = frozenset({"void", "capture"})
"""The kinds after which their client leaves the original alone."""
REFUND: Final = "0.50"
DECLINED_SHARE: Final = 0.04
TOKEN_SHARE: Final = 0.2
IMPATIENT_SHARE: Final = 0.15
"""Of the requests: those that are not sent again when their answer is lost."""
REPEATED_SHARE: Final = 0.03
"""Of the requests that were answered: those that their client sends again nevertheless."""
ANSWER_SECONDS_MAX: Final = 30.0
PATIENCE_SECONDS: Final = 300.0
LATER: Final = frozenset({409, 503})
"""Statuses that say: ask again."""


@dataclass(slots=True)
class Request:
    """What a client wants, and what it heard of it. ``answer`` is missing when it gave up."""

    key: str
    kind: str
    terminal: str
    params: dict[str, Any]
    original: Request | None = None
    answer: Answer | None = None
    lost: int = 0
    """Answers that did not arrive, though the request may have."""
    complaints: list[str] = field(default_factory=list)

    @property
    def approved(self) -> bool:
        """Whether the client was told yes."""
        return self.answer is not None and self.answer.body["error_no"] == "S00"

    @property
    def payment_id(self) -> str | None:
        """The id that the answer gave."""
        return None if self.answer is None else self.answer.body.get("txnid")


class Journal:
    """Every request and every answer, in memory and, a line each, in a file."""

    def __init__(self, path: Path) -> None:
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def begin(self, request: Request) -> None:
        """A request is about to be sent for the first time."""
        with self._lock:
            self.requests.append(request)
            self._write(request, "asks", {"kind": request.kind, **_harmless(request.params)})

    def heard(self, request: Request, answer: Answer) -> None:
        """It was answered."""
        with self._lock:
            self._write(request, "hears", [answer.status, answer.body])

    def heard_nothing(self, request: Request, trouble: NoAnswer) -> None:
        """Nobody answered."""
        with self._lock:
            request.lost += not trouble.refused
            self._write(request, "hears", str(trouble))

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _write(self, request: Request, event: str, what: object) -> None:
        line = {"at": round(time.time(), 3), "key": request.key, event: what}
        self._file.write(json.dumps(line) + "\n")


def _harmless(params: dict[str, Any]) -> dict[str, Any]:
    secret = {"appid", "appkey", "cardnumber", "cvv"}
    return {name: value for name, value in params.items() if name not in secret}


class Shopper(threading.Thread):
    """One client: a request at a time, each with a key of its own, from a seed."""

    def __init__(
        self, gateway: Gateway, journal: Journal, numbers: Iterator[int], *, name: str, chances: Random
    ) -> None:
        super().__init__(name=name)
        self._gateway = gateway
        self._journal = journal
        self._numbers = numbers
        self._chances = chances
        self._demo = gateway.demo
        self._open: list[Request] = []
        self._tokens: dict[str, str] = {}
        self.trouble: BaseException | None = None

    def run(self) -> None:
        """Go on until the numbers run out."""
        try:
            for number in self._numbers:
                self._carry_out(self._request(f"{self.name}-{number}"))
        except BaseException as trouble:  # noqa: BLE001 - told by whoever joins this thread
            self.trouble = trouble

    def _request(self, key: str) -> Request:
        kind = self._chances.choices(list(MIX), list(MIX.values()))[0]
        if kind in REFERS_TO:
            targets = [each for each in self._open if each.kind in REFERS_TO[kind]]
            if targets:
                return self._follow_up(key, kind, self._chances.choice(targets))
            kind = "sale"
        terminal = self._chances.choice(TERMINALS)
        if kind == "settlement":
            return Request(key, kind, terminal, {**self._keys(terminal), "txn_type": kind})
        return self._charge(key, kind, terminal)

    def _charge(self, key: str, kind: str, terminal: str) -> Request:
        minor = self._chances.randint(100, 50_000)
        params = {
            **self._keys(terminal),
            "txn_type": kind,
            "amount": f"{minor // 100}.{minor % 100:02d}",
            "surchargeIndicator": self._chances.choice("01"),
            "surchargeAmount": "1.00",
            "invoicenumber": key,
            "expirydate": "1236",
        }
        if terminal in self._tokens and self._chances.random() < TOKEN_SHARE:
            params["token"] = self._tokens[terminal]
        else:
            declined = self._chances.random() < DECLINED_SHARE
            params["cardnumber"] = self._demo["cards"]["decline" if declined else "approve"]
            params["cvv"] = "999"
        return Request(key, kind, terminal, params)

    def _follow_up(self, key: str, kind: str, target: Request) -> Request:
        if kind in ENDS:
            self._open.remove(target)
        params = {**self._keys(target.terminal), "txn_type": kind, "ref_txn_id": target.payment_id}
        if kind == "refund":
            params |= {"amount": REFUND, "invoicenumber": key}
        elif kind == "capture":
            params["amount"] = target.params["amount"]
        elif kind in {"incremental_auth", "tipadjust"}:
            params["amount"] = f"0.{self._chances.randint(1, 99):02d}"
        return Request(key, kind, target.terminal, params, original=target)

    def _keys(self, terminal: str) -> dict[str, str]:
        return {name: self._demo[terminal][name] for name in ("appid", "appkey", "epi")}

    def _carry_out(self, request: Request) -> None:
        self._journal.begin(request)
        impatient = self._chances.random() < IMPATIENT_SHARE
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = self._send(request)
            if answer is None:
                if impatient and request.lost:
                    return
                time.sleep(self._chances.uniform(0.02, 0.3))
            elif answer.status not in LATER:
                request.answer = answer
                self._learn(request, answer)
                return
        message = f"{request.key} was not answered in {PATIENCE_SECONDS:g} s"
        raise AssertionError(message)

    def _learn(self, request: Request, answer: Answer) -> None:
        if request.kind in {"sale", "auth", "capture"} and request.approved:
            self._open.append(request)
            self._tokens[request.terminal] = answer.body["token"]
        # What was refused left no payment to be told again.
        if request.payment_id is not None and self._chances.random() < REPEATED_SHARE:
            again = self._send(request)
            if again is not None and (
                again.body != answer.body or again.headers.get("idempotency-replayed") != "true"
            ):
                request.complaints.append(f"a repeat was answered {again.status} {again.body}")

    def _send(self, request: Request) -> Answer | None:
        try:
            answer = self._gateway.call(
                idempotency_key=request.key, timeout_seconds=ANSWER_SECONDS_MAX, **request.params
            )
        except NoAnswer as trouble:
            self._journal.heard_nothing(request, trouble)
            return None
        self._journal.heard(request, answer)
        return answer


class Numbers:
    """Numbers for all clients, each given once, and how many have been given."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._numbers = iter(range(count))
        self.given = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        with self._lock:
            number = next(self._numbers)
            self.given = number + 1
            return number


def crowd(gateway: Gateway, journal: Journal, numbers: Numbers, *, clients: int, seed: int) -> list[Shopper]:
    """Clients that share the numbers. What each wants depends on the seed; when it gets its turn does not."""
    return [
        Shopper(gateway, journal, numbers, name=f"c{number}", chances=Random(f"{seed}/{number}"))
        for number in range(clients)
    ]
