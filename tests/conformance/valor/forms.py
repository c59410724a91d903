"""The forms in which clients send one and the same request.

Each is known to be used by a public client or a vendor's plugin, or is what the vendor's docs ask for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

Params = Mapping[str, Any]

_JSON: Final = {"Content-Type": "application/json"}
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_NUMERIC: Final = frozenset(
    {
        *("amount", "surchargeIndicator", "surchargeAmount", "epi", "cardnumber", "expirydate", "phone"),
        *("ref_txn_id", "sale_refund", "date_filter", "limit", "offset"),
    }
)
_BOUNDARY: Final = "------------------------5d41402abc4b2a76"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request on its way: its target, headers and body."""

    target: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _json(params: Params) -> bytes:
    return json.dumps(params).encode()


def _numbers(params: Params) -> Params:
    """Numbers as JSON numbers, as clients in typed languages send them: without leading zeros."""
    return {
        name: int(value) if name in _NUMERIC and value.isdecimal() else value
        for name, value in params.items()
    }


def _parts(params: Params) -> bytes:
    parts = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in params.items()
    )
    return f"{parts}--{_BOUNDARY}--\r\n".encode()


def _halves(params: Params) -> tuple[Params, Params]:
    names = list(params)
    return {n: params[n] for n in names[::2]}, {n: params[n] for n in names[1::2]}


FORMS: Final[Mapping[str, Callable[[str, Params], Sent]]] = {
    "json": lambda _, params: Sent("/", _json(params), _JSON),
    "json with a key": lambda key, params: Sent(f"/?{key}", _json(params), _JSON),
    "json with a key and a sign": lambda key, params: Sent(f"/?{key}=", _json(params), _JSON),
    "json on two slashes": lambda key, params: Sent(f"//?{key}=", _json(params), _JSON),
    "json with a misleading key": lambda _, params: Sent("/?pagesale", _json(params), _JSON),
    "json as plain text": lambda _, params: Sent("/", _json(params), {"Content-Type": "text/plain"}),
    "json as a form": lambda _, params: Sent("/", _json(params), _FORM),
    "json of no type": lambda _, params: Sent("/", _json(params)),
    "json with a byte order mark": lambda _, params: Sent("/", b"\xef\xbb\xbf" + _json(params), _JSON),
    "json on many lines": lambda _, params: Sent("/", json.dumps(params, indent=2).encode(), _JSON),
    "json with numbers": lambda _, params: Sent("/", _json(_numbers(params)), _JSON),
    "json in capitals": lambda _, params: Sent("/", _json({k.upper(): v for k, v in params.items()}), _JSON),
    "json in small letters": lambda _, params: Sent(
        "/", _json({k.lower(): v for k, v in params.items()}), _JSON
    ),
    "json with empty fields": lambda _, params: Sent(
        "/", _json({"child_epi": "", "uid": None, "zip": "", "tip": None, **params}), _JSON
    ),
    "json with unknown fields": lambda _, params: Sent(
        "/",
        _json({**params, "sandbox": 1, "terms_checked": "Y", "additional_prompts": [{"a": [1]}], "x": {}}),
        _JSON,
    ),
    "form": lambda key, params: Sent(f"/?{key}", urlencode(params).encode(), _FORM),
    "form of no type": lambda _, params: Sent("/", urlencode(params).encode()),
    "multipart form": lambda _, params: Sent(
        "/", _parts(params), {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    ),
    "query": lambda key, params: Sent(f"/?{key}&{urlencode(params)}"),
    "query and form": lambda _, params: Sent(
        f"/?{urlencode(_halves(params)[0])}", urlencode(_halves(params)[1]).encode(), _FORM
    ),
    "query and json": lambda _, params: Sent(
        f"/?{urlencode(_halves(params)[0])}", _json(_halves(params)[1]), _JSON
    ),
}
