"""Requests made from the OpenAPI document, sent to a running gateway: each has to get a conforming answer.

Three rounds: what the document allows, what it does not, and walks along its links, where an answer's ids go
into the next request. What is generated is given the demo's keys, so that it gets past the door, and in half
of the cases a card that is approved, so that there is something to take back.
"""

from __future__ import annotations

import contextlib
import random
import string
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

import hypothesis
import schemathesis
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

from bezant.dialects.valor.openapi import document
from tests.fuzz.calls import calls
from tests.fuzz.generation import settings
from tests.fuzz.tally import Tally
from tests.support.books import violations
from tests.support.gateway import EXPIRY, Gateway, eventually

SLOW_SECONDS: Final = 10.0
ANSWER_SECONDS_MAX: Final = 30.0
TRY_LATER: Final = 503
CRASH: Final = 500
STEPS: Final = 12
WALKS_AT_ONCE: Final = 5
SHOWN_MAX: Final = 400
TOKEN_DIGITS: Final = 40
SOUND_SHARE: Final = 0.5

AnyCase = Case[Any]
OPERATIONS: Final = sum(len(methods) for methods in document()["paths"].values())

_CHECKS: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
_ALARMS: Final = ("request crashed", "job failed", "Traceback", '"level":"error"')
_KEYS: Final = ("appid", "appkey", "epi")
_LINKED: Final = ("ref_txn_id", "token", "client_token", "uuid", "rrn", "txn_id", "batchNO")
_IDS: Final = {
    "txnid": "ref_txn_id",
    "token": "token",
    "product_id": "product_id",
    "discount_id": "discount_id",
    "vault_customer_id": "customer",
    "payment_id": "profile",
    "ach_profile_id": "profile",
}
"""The ids in answers, and the names by which requests have them."""
_TOKEN_OPERATIONS: Final = {"cardToken", "binLookup"}


class Round:
    """Sends cases to a gateway and looks at the answers."""

    def __init__(self, gateway: Gateway, name: str, *, seed: int) -> None:
        self.tally = Tally(name=name)
        self._gateway = gateway
        self._keys = {key: gateway.demo["valor"][key] for key in _KEYS}
        self._card = {
            "cardnumber": gateway.demo["cards"]["approve"],
            "expirydate": EXPIRY,
            "cvv": "999",
            "surchargeIndicator": "0",
        }
        self._gift = {"pan": gateway.demo["gift"]["card"], "pin": gateway.demo["gift"]["pin"]}
        self._vault = {
            "pan_num": gateway.demo["cards"]["approve"],
            "expiry": "12/36",
            "cardholder_name": "John Smith",
            "routing_number": "021000021",
            "account_number": "000123456789",
        }
        self._choice = random.Random(seed)
        self._known: dict[str, deque[Any]] = defaultdict(partial(deque, maxlen=20))

    @property
    def base_url(self) -> str:
        """Where to send to."""
        return self._gateway.base_url

    def prepare(self, case: AnyCase) -> None:
        """Give a case what gets it past the door."""
        said: Any = case.body
        if case.operation.path.startswith("/api/"):
            case.headers.update({"Valor-App-ID": self._keys["appid"], "Valor-App-Key": self._keys["appkey"]})
            case.path_parameters.update(self._remembered(case.path_parameters))
            if isinstance(said, dict) and self._choice.random() < SOUND_SHARE:
                name = "".join(self._choice.choices(string.ascii_letters, k=8))
                self._simplify(case, said, {**self._vault, "customer_name": f"Customer {name}"})
        elif isinstance(said, dict):
            name = case.operation.definition.raw["operationId"]
            said.update(self._keys)
            said.pop("child_epi", None)
            # A wrong token counts as an attempt to guess one: too many, and the door is shut for an hour.
            if name in _TOKEN_OPERATIONS and not _is_issued(said.get("client_token")):
                said["client_token"] = self._client_token()
            if self._choice.random() < SOUND_SHARE:
                self._simplify(case, said, self._gift if name.startswith("gift") else self._card)

    def _simplify(self, case: AnyCase, said: dict[str, Any], values: dict[str, str]) -> None:
        """Leave what is needed and what a link has put there, and add values that are good."""
        (content, *_) = case.operation.definition.raw["requestBody"]["content"].values()
        schema_name = content["schema"]["$ref"].rpartition("/")[2]
        schema = case.operation.schema.raw_schema["components"]["schemas"][schema_name]
        kept = {*schema.get("required", ()), *_KEYS, *_LINKED}
        for extra in [each for each in said if each not in kept]:
            del said[extra]
        said.update({key: value for key, value in values.items() if key in schema["properties"]})
        said.update(self._remembered(schema.get("required", ())))
        if len(str(said.get("token"))) != TOKEN_DIGITS:
            said.pop("token", None)

    def _remembered(self, names: Iterable[str]) -> dict[str, Any]:
        """For some of these names, what an earlier answer had."""
        wanted = [name for name in names if self._known[name] and self._choice.random() < SOUND_SHARE]
        return {name: self._choice.choice(self._known[name]) for name in wanted}

    def _remember(self, found: Any) -> None:
        """Keep the ids of an answer, under the names by which requests have them."""
        if not isinstance(found, dict):
            return
        rows = found.get("data")
        for each in (found, *(rows[:1] if isinstance(rows, list) else ())):
            for key, name in _IDS.items():
                if isinstance(each, dict) and each.get(key):
                    self._known[name].append(each[key])

    def look(self, case: AnyCase, response: Any) -> None:
        """Tally an answer and what is wrong with it."""
        self.tally.requests += 1
        status = response.status_code
        self.tally.statuses[status] += 1
        what = case.operation.label
        with contextlib.suppress(ValueError):
            self._remember(response.json())
        if status >= CRASH and status != TRY_LATER:
            self._find(f"{what}: status {status}", case)
        if response.elapsed > SLOW_SECONDS:
            self._find(f"{what}: took more than {SLOW_SECONDS:g} s", case)
        try:
            case.validate_response(response, checks=_CHECKS)
        except BaseExceptionGroup as group:
            for error in group.exceptions:
                told = " ".join(str(error).split())
                self._find(f"{what}: {status} {type(error).__name__} {told[:SHOWN_MAX]}", case)

    def _find(self, what: str, case: AnyCase) -> None:
        shown = f"{case.media_type} {case.body!r} {case.query!r} {case.path_parameters!r}"
        self.tally.findings.setdefault(what, shown[:SHOWN_MAX])

    def _client_token(self) -> str:
        token: str = self._gateway.call(txn_type="clientToken").body["clientToken"]
        return token


def _is_issued(token: object) -> bool:
    """Whether a client token came from an answer: generated ones are not of that length."""
    return isinstance(token, str) and len(token) >= TOKEN_DIGITS and token.isascii()


def each_operation(gateway: Gateway, mode: GenerationMode, *, examples: int, seed: int) -> Tally:
    """So many cases of every operation, as the document allows them, or as it does not."""
    sending = Round(gateway, mode.value, seed=seed)
    schema = schemathesis.openapi.from_dict(document())
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # the document is ours and sound

        @hypothesis.seed(seed)
        @settings(examples)
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def send(case: AnyCase) -> None:
            sending.prepare(case)
            sending.look(case, case.call(base_url=sending.base_url, timeout=ANSWER_SECONDS_MAX))

        # Nothing can be wrong about some operations: they take any request.
        with contextlib.suppress(hypothesis.errors.Unsatisfiable):
            send()
    return sending.tally


def walks(gateway: Gateway, *, examples: int, seed: int) -> Tally:
    """So many walks along the links of the document."""
    sending = Round(gateway, "walks", seed=seed)
    machine = schemathesis.openapi.from_dict(document()).as_state_machine()

    class Walk(machine):  # type: ignore[misc,valid-type]  # the class is made by the document
        def before_call(self, case: AnyCase) -> None:
            sending.prepare(case)

        def get_call_kwargs(self, case: AnyCase) -> dict[str, Any]:
            return {"base_url": sending.base_url, "timeout": ANSWER_SECONDS_MAX}

        def validate_response(self, response: Any, case: AnyCase, *_: Any, **__: Any) -> None:
            sending.look(case, response)

    for part in range(-(-examples // WALKS_AT_ONCE)):
        # What a gateway answers depends on all that it was asked before, which hypothesis takes for chance.
        with contextlib.suppress(hypothesis.errors.Flaky, hypothesis.errors.FlakyStrategyDefinition):
            run_state_machine_as_test(
                hypothesis.seed(seed + part)(Walk),
                settings=settings(min(examples, WALKS_AT_ONCE), stateful_step_count=STEPS),
            )
    return sending.tally


def aftermath(gateway: Gateway) -> Tally:
    """Whether the gateway is well: ready, no alarm in its log, every invariant true."""
    tally = Tally(name="afterwards")
    eventually(gateway.is_ready)
    for line in gateway.log_text().splitlines():
        if any(alarm in line for alarm in _ALARMS):
            tally.findings.setdefault(f"log: {line[:SHOWN_MAX]}", "")
    tally.findings |= dict.fromkeys(violations(gateway), "")
    return tally


def rounds(gateway: Gateway, *, examples: int, walked: int, seed: int) -> Iterator[Tally]:
    """All rounds on a gateway, and how it is afterwards."""
    asked: tuple[Callable[[], Tally], ...] = (
        lambda: each_operation(gateway, GenerationMode.POSITIVE, examples=examples, seed=seed),
        lambda: each_operation(gateway, GenerationMode.NEGATIVE, examples=examples, seed=seed),
        lambda: walks(gateway, examples=walked, seed=seed),
        lambda: calls(gateway, examples=examples, seed=seed),
        lambda: aftermath(gateway),
    )
    for ask in asked:
        yield ask()
