"""What is sent with canaries to the API that takes tokens: cards by way of card fields, and in every field.

What an operation takes is read from the tables of the contract here, too.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

from bezant.dialects.ipospays import card_fields, fields
from bezant.dialects.ipospays.operation import Form, Operation
from bezant.dialects.ipospays.operations.transactions import FORMS, TYPE
from bezant.dialects.ipospays.transact import OPERATIONS
from bezant.selfcheck.canaries import CARDS, Canary, Kind
from bezant.selfcheck.gateway import Unable

EXPIRY: Final = "12/36"
SECRETS_MAX: Final = 4
_TRANSACT: Final = "/api/v3/iposTransact"
_OLDER: Final = "/api/v1/iposTransact"


class Send(Protocol):
    """Sends a request and keeps its answer; the answer's body."""

    def __call__(
        self, target: str, content: bytes = b"", *, kind: str = ..., method: str = ..., **headers: str
    ) -> dict[str, Any]:
        """``kind`` is the content type; a header's name has underscores for hyphens."""
        ...


class Transactions:
    """Sends them. ``mark`` is the customer's name, found where payments are kept."""

    def __init__(self, send: Send, demo: Mapping[str, str], *, mark: str) -> None:
        self._send = send
        self._demo = demo
        self._mark = mark
        self._numbers = itertools.count()
        keys = {"apiKey": demo["api_key"], "secretKey": demo["secret_key"]}
        self._token = self._authenticated(keys)
        self.secrets = [
            Canary(Kind.CREDENTIAL, value) for value in (self._token, demo["secret_key"], demo["auth_token"])
        ]
        """What was handed out: none of it is stored as it is."""

    def pay(self, pan: str, verification: str) -> None:
        """A card that is typed into a page, charged, held, and where no card number belongs."""
        typed = {"ccnumber": pan, "ccexpiry": EXPIRY, "cccvv": verification}
        once = self._payment_token(typed)
        if len(self.secrets) < SECRETS_MAX:
            self.secrets.append(Canary(Kind.CREDENTIAL, once))
        paid = self._transact(1, amount="2000", paymentTokenId=once, path=_OLDER)
        if paid.get("responseCode") != "200":
            raise Unable("a sale on a canary that was typed into a page was not approved")
        self._transact(1, amount="2000", paymentTokenId=once, path=_OLDER)
        held = self._transact(5, amount="3000", paymentTokenId=self._payment_token(typed, as_json=True))
        self._transact(6, amount="3000", rrn=held.get("rrn"))
        self._transact(2, rrn=paid.get("rrn"))
        for said in ({**typed, "ccnumber": f"{pan}1"}, {**typed, "ccexpiry": pan}, {**typed, "cccvv": pan}):
            self._asked(said)
        self._asked(typed, security_key=pan)
        self._stray(pan, verification)

    def everywhere(self) -> None:
        """A card number in each field of each operation."""
        numbers = itertools.cycle(card.value for card in CARDS)
        for operation in OPERATIONS:
            for said, form in _forms(operation):
                for spec in form.fields:
                    self._say(operation, {**self._sound(), **said, spec.name: next(numbers)})
        for kind in ("apiKey", "secretKey", "token", "TokenExpiryMinutes"):
            pan = next(numbers)
            for path in ("/v1/authenticate-token", "/v1/refresh-token", "/api/v1/woocomm/generate-token"):
                self._post(path, {kind: pan}, token=pan)

    def _authenticated(self, keys: dict[str, str]) -> str:
        token: str | None = self._post("/v1/authenticate-token", keys).get("token")
        if token is None:
            raise Unable("the demo's API key is not taken")
        return token

    def _payment_token(self, typed: dict[str, str], *, as_json: bool = False) -> str:
        found: str | None = self._asked(typed, as_json=as_json).get("payment_token_id")
        if found is None:
            raise Unable("a canary that was typed into a page was not taken")
        return found

    def _asked(
        self, typed: dict[str, str], *, as_json: bool = False, security_key: str = ""
    ) -> dict[str, Any]:
        said = {"security_key": security_key or self._demo["auth_token"], **typed}
        if as_json:
            return self._post(card_fields.PATH, said)
        form = urlencode(said).encode()
        return self._send(card_fields.PATH, form, kind="application/x-www-form-urlencoded")

    def _sound(self) -> dict[str, Any]:
        """What names the terminal and the transaction."""
        reference = f"Canary-{next(self._numbers)}"
        return {fields.MERCHANT_ID.name: self._demo["tpn"], fields.REFERENCE.name: reference}

    def _transact(self, kind: int, *, path: str = _TRANSACT, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
        request = {"transactionType": kind, **said}
        body = {**_nested(self._sound()), "transactionRequest": request}
        preferences = {"customerName": self._mark, "requestCardToken": True}
        older = {"token": self._demo["auth_token"]} if path == _OLDER else {}
        answer = self._post(path, {**body, "preferences": preferences}, **older)
        found: dict[str, Any] = answer.get("iposhpresponse", {})
        return found

    def _stray(self, pan: str, verification: str) -> None:
        """In what is not understood, and around it."""
        for content in (
            f'{{"merchantId": "{pan}", "merchantId": "{pan}"}}'.encode(),
            f'{{"transactionRequest": {{"cardToken": "{pan}'.encode(),
            f'{{"{pan}": {verification}}}'.encode(),
            f"cardToken={pan}&cvv={verification}".encode(),
        ):
            for path in (_TRANSACT, card_fields.PATH, "/v1/authenticate-token"):
                self._send(path, content, token=self._token, X_Card=pan, Referer=f"/?{pan}")
        self._send(f"/api/v1/externalPay?t={pan}", method="GET")
        self._send(f"/v1/sl/{pan}", method="GET")
        self._send(f"/v1/hpp/{pan}/{quote(pan)}/{pan}", method="GET")

    def _say(self, operation: Operation, said: Mapping[str, Any]) -> None:
        if operation.method == "GET":
            query = urlencode({name.rpartition(".")[2]: value for name, value in said.items()})
            self._send(f"{operation.paths[0]}?{query}", method="GET", token=self._token)
        else:
            self._post(operation.paths[0], _nested(said))

    def _post(self, path: str, said: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        token = headers.pop("token", "") or getattr(self, "_token", "")
        return self._send(path, json.dumps(said).encode(), token=token, **headers)


def _forms(operation: Operation) -> Iterator[tuple[dict[str, Any], Form]]:
    """The forms of an operation, each with what tells it from others."""
    if operation.select is None:
        yield {}, operation.forms[0]
    else:
        yield from (({TYPE: kind}, form) for kind, form in FORMS.items())


def _nested(said: Mapping[str, Any]) -> dict[str, Any]:
    """Objects in objects, of names with dots."""
    found: dict[str, Any] = {}
    for name, value in said.items():
        *outer, last = name.split(".")
        inner = found
        for place in outer:
            inner = inner.setdefault(place, {})
        inner[last] = value
    return found
