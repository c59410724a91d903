"""Requests made from the tables of iPOSpays' contract, sent to a running gateway with the demo's credentials.

Each has to get an answer of the dialect: what was asked for, or all that is wrong with the request. Most name
the demo's terminal and a reference of their own, so that they get past the door; half of the charges are on a
card that is kept.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import hypothesis

from bezant.dialects.ipospays import auth, card_fields, codes, fields
from bezant.dialects.ipospays.operation import Form
from bezant.dialects.ipospays.operations.transactions import FORMS, TYPE
from bezant.dialects.ipospays.transact import OPERATIONS
from bezant.dialects.wire.contract import Field
from tests.e2e.ipospays.merchant import Caller
from tests.fuzz.generation import generating
from tests.fuzz.tally import Tally
from tests.fuzz.transactions import nested, said_with
from tests.support.gateway import Answer, Gateway

SOUND_SHARE: Final = 0.7
SHOWN_MAX: Final = 400
STATUSES: Final = frozenset({200, 400, 401, 403, 404, 503})
_CARD: Final = {
    f"{codes.TRANSACTION}.amount": "100",
    f"{codes.TRANSACTION}.cardToken": "",
    f"{codes.TRANSACTION}.paymentTokenId": None,
}
_TOKENS: Final[Mapping[str, tuple[Field[Any], ...]]] = {
    "/v1/authenticate-token": auth.AUTHENTICATE_FIELDS,
    "/v1/refresh-token": auth.REFRESH_FIELDS,
    "/api/v1/woocomm/generate-token": auth.SHOP_FIELDS,
}


class _Caller:
    """Sends what was generated, and looks at the answers."""

    def __init__(self, gateway: Gateway, *, seed: int) -> None:
        self.tally = Tally(name="transactions")
        self._gateway = gateway
        self._demo = gateway.demo["ipospays"]
        self._choice = random.Random(seed)
        self._references = (f"Fuzz-{seed}-{number}" for number in itertools.count())
        keys = {"apiKey": self._demo["api_key"], "secretKey": self._demo["secret_key"]}
        self._token = str(self._ask("/v1/authenticate-token", json.dumps(keys).encode()).body["token"])

    def send(self, method: str, path: str, said: dict[str, Any], more: Mapping[str, Any]) -> None:
        """A request that says this, and mostly what gets it past the door."""
        sound: dict[str, Any] = dict(more)
        if self._choice.random() < SOUND_SHARE:
            sound |= {
                fields.MERCHANT_ID.name: self._demo["tpn"],
                fields.REFERENCE.name: next(self._references),
            }
            if more and self._choice.random() < SOUND_SHARE:
                sound |= {**_CARD, f"{codes.TRANSACTION}.cardToken": self._demo["card_token"]}
        token = self._token if self._choice.random() < SOUND_SHARE else self._demo["auth_token"]
        if method == "GET":
            query = urlencode({name.rpartition(".")[2]: str(value) for name, value in sound.items()})
            self._look(path, said, Caller(self._gateway, token, "").get(f"{path}?{query}"))
            return
        for name, value in nested(sound).items():
            known = said.get(name)
            said[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
        self.say(path, said, token=token)

    def say(self, path: str, said: dict[str, Any], **headers: str) -> None:
        """A request that says exactly this."""
        answer = self._ask(path, json.dumps(said).encode(), **headers)
        self._look(path, said, answer)

    def _ask(self, path: str, content: bytes, **headers: str) -> Answer:
        return self._gateway.post(content, headers, target=path)

    def _look(self, path: str, said: object, answer: Answer) -> None:
        self.tally.requests += 1
        self.tally.statuses[answer.status] += 1
        for trouble in _troubles(answer):
            self.tally.findings.setdefault(f"{path}: {answer.status} {trouble}", repr(said)[:SHOWN_MAX])


def _troubles(answer: Answer) -> Iterator[str]:
    found = answer.body
    if answer.status not in STATUSES:
        yield "is no status of this API"
    elif answer.status == 200:
        if "errors" in found:
            yield "is an error"
    elif "errors" in found:
        if not all(each["field"] and each["message"] for each in found["errors"]):
            yield "does not say what is wrong"
    elif answer.status == 404:
        if found.get("status_code") != 404:
            yield "tells of no unknown customer"
    elif not {"errorCode", "responseCode"} & found.keys():
        yield "is no error of this API"


def calls(gateway: Gateway, *, examples: int, seed: int) -> Tally:
    """So many requests of every form of every operation."""
    caller = _Caller(gateway, seed=seed)

    def each(specs: tuple[Field[Any], ...], method: str, path: str, more: Mapping[str, Any] | None) -> None:
        @generating(examples, seed=seed)
        @hypothesis.given(said=said_with(specs))
        def send(said: dict[str, Any]) -> None:
            if more is None:
                caller.say(path, said)
            else:
                caller.send(method, path, said, more)

        send()

    for operation in OPERATIONS:
        typed: Iterable[tuple[dict[str, Any], Form]] = [({}, operation.forms[0])]
        if operation.select is not None:
            typed = [({TYPE: kind}, form) for kind, form in FORMS.items()]
        for more, form in typed:
            each(form.fields, operation.method, operation.paths[0], more)
    for path, specs in _TOKENS.items():
        each(specs, "POST", path, None)
    each(card_fields.FIELDS, "POST", card_fields.PATH, None)
    return caller.tally
