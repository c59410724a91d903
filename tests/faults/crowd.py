"""Clients that charge all the time, ask again when they were not answered, and note what they hear and when.

What they heard is an oracle: it must be the vendor's own answers, in time, and the gateway's records must
agree.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from tests.support.gateway import Answer, Gateway, NoAnswer

CLIENTS: Final = 6
PACE_SECONDS: Final = 0.02
KEYLESS_EVERY: Final = 3
ANSWER_SECONDS_MAX: Final = 10.0
"""Longer than this no client may wait, whatever is broken behind the gateway."""
GIVE_UP_SECONDS: Final = 45.0
"""For so long, counted from when all is whole again, a client with a key asks for its answer."""
LATER: Final = frozenset({409, 503})
_FINAL: Final = frozenset({200, 400})
_NOT_CHARGED: Final = frozenset({"declined", "reversed", None})
_TAKEN_BACK: Final = _NOT_CHARGED | {"voided"}
"""Without a key, what was approved but could not be stored in time is told no, and voided when it can be."""


@dataclass(slots=True)
class Asked:
    """One sale: what was answered to it, and the longest that its client waited.

    Without a ``key`` it cannot be asked for again.
    """

    name: str
    key: str | None
    answer: Answer | None = None
    answered_at: float = 0.0
    slowest: float = 0.0
    heard: list[str] = field(default_factory=list)


class Crowd:
    """As a context: the clients work inside it, and have been answered at its end."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        clients: int = CLIENTS,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
        amount: str = "7.77",
    ) -> None:
        self._gateway = gateway
        self._amount = amount
        self._limit = answer_seconds_max
        self._ends = threading.Event()
        self._mended_at = math.inf
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(clients)]
        self.asked: list[Asked] = []

    def wait_for_yes(self, *, seconds: float) -> bool:
        """Wait until a sale that is approved from now on; whether one was."""
        since = time.monotonic()
        while time.monotonic() < since + seconds:
            if any(each.answered_at > since and _yes(each) for each in self.asked[-200:]):
                return True
            time.sleep(0.02)
        return False

    def mended(self) -> None:
        """What was broken is whole again: from now on a client gives up one day."""
        self._mended_at = time.monotonic()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def findings(self) -> Iterator[str]:
        """What is wrong with what was heard, and with what the gateway has kept of it."""
        states = {str(row["payment_id"]): row["state"] for row in self._gateway.rows(_STATES)}
        for each in self.asked:
            if each.slowest > self._limit:
                yield f"{each.name} waited {each.slowest:.1f} s"
            yield from (f"{each.name} heard {what}" for what in each.heard)
            if each.answer is None:
                if each.key is not None:
                    yield f"{each.name} was never answered"
                continue
            state = states.get(each.answer.body.get("txnid", ""))
            if _yes(each) and state not in {"captured", "settled"}:
                yield f"{each.name} was told yes and is {state}"
            if not _yes(each) and state not in (_NOT_CHARGED if each.key else _TAKEN_BACK):
                yield f"{each.name} was told no and is {state}"

    def _work(self, number: int) -> None:
        count = 0
        while not self._ends.is_set():
            count += 1
            name = f"crowd-{number}-{count}-{time.monotonic_ns()}"
            asked = Asked(name, None if count % KEYLESS_EVERY == 0 else name)
            self.asked.append(asked)
            self._ask(asked)
            time.sleep(PACE_SECONDS)

    def _ask(self, asked: Asked) -> None:
        first = time.monotonic()
        while time.monotonic() < max(first, self._mended_at) + GIVE_UP_SECONDS:
            began = time.monotonic()
            try:
                answer = self._gateway.sale(
                    self._amount, idempotency_key=asked.key, invoicenumber=asked.name[:20], timeout_seconds=30
                )
            except NoAnswer as trouble:
                asked.slowest = max(asked.slowest, time.monotonic() - began)
                if not trouble.refused and asked.slowest > self._limit:
                    asked.heard.append("nothing at all")
                if asked.key is None:
                    return
                time.sleep(0.1)
                continue
            asked.slowest = max(asked.slowest, time.monotonic() - began)
            if answer.status in _FINAL and answer.body.get("error_no") in {"S00", "E98"}:
                asked.answer, asked.answered_at = answer, time.monotonic()
                return
            if answer.status not in LATER:
                asked.heard.append(f"{answer.status} {answer.body}")
                return
            if answer.status == 503 and "retry-after" not in answer.headers:
                asked.heard.append("503 without Retry-After")
            if asked.key is None:
                return
            time.sleep(0.1)


def _yes(asked: Asked) -> bool:
    return asked.answer is not None and asked.answer.body["error_no"] == "S00"


_STATES: Final = "SELECT payment_id, state FROM payments"
