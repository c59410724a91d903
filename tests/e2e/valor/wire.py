"""Bytes over one connection, and what comes back: for requests that no well-meaning client would send."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.e2e.valor.shop import NO_HEADERS, Till
from tests.support.gateway import Answer, Gateway

# What bytes mean is decided before a database is asked: one engine is enough.
ON_SQLITE: Final = pytest.mark.parametrize("_shared", ["sqlite"], indirect=True)

ERROR_KEYS: Final = ["error_no", "mesg", "msg", "desc"]
ODD_ERROR_KEYS: Final = {
    "E03": ["error_no", "mesg", "desc"],
    "91": ["error_no", "status", "msg", "desc"],
}
"""Of two errors, the keys are others (vendor samples)."""


class Wire:
    """One connection to a gateway, kept open over requests."""

    def __init__(self, gateway: Gateway) -> None:
        self._place = urlsplit(gateway.base_url)
        self._connection = http.client.HTTPConnection(str(self._place.hostname), self._place.port, timeout=30)

    def post(self, body: bytes, *, target: str = "/", headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """POST any bytes."""
        self._connection.request("POST", target, body, dict(headers))
        response = self._connection.getresponse()
        return Answer(response.status, json.loads(response.read()), dict(response.getheaders()))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def with_field(till: Till, base: dict[str, Any], field: str, value: str | None) -> bytes:
    """A request with one field replaced by a JSON text, or left out."""
    said = {name: item for name, item in {**till.keys, **base}.items() if name.lower() != field.lower()}
    body = json.dumps(said)
    return (body if value is None else f'{body[:-1]}, "{field}": {value}}}').encode()


def said_by(answer: Answer) -> str:
    """The code of an answer, whose shape is checked: an approval, a decline, or an error of the vendor's."""
    code: str = answer.body["error_no"]
    if code == "S00":
        assert answer.status == 200
        return code
    assert answer.status == 400, answer
    if code == "E98":
        assert all(isinstance(answer.body[key], str) for key in ("mesg", "desc"))
        return f"E98/{answer.body['error_code']}"
    assert list(answer.body) == ODD_ERROR_KEYS.get(code, ERROR_KEYS)
    assert all(isinstance(text, str) for text in answer.body.values())
    return code
