"""Tokens for API keys: authenticate, refresh, what a shop's plugin asks, and the keys that sign tokens.

Clients send what they have to say as headers, or as the members of a JSON body; where both say it, the header
counts (source: vendor docs show the one, public clients use the other).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bezant.core.credentials import (
    LIFE_MAX,
    LIFE_MIN,
    SCOPES,
    ApiKey,
    EcomTokens,
    IssuedToken,
    KeyDenied,
    KeyGate,
    Refusal,
    Tokens,
)
from bezant.core.outcomes import Conflict, Refused, Unavailable
from bezant.core.sensitive import Secret
from bezant.dialects.ipospays import auth_codes as codes
from bezant.dialects.ipospays.auth_codes import AuthError
from bezant.dialects.wire import body, codecs
from bezant.dialects.wire.codecs import Invalid, described
from bezant.dialects.wire.contract import Constant, Fault, Field, Layout, Reply, read_fields
from bezant.dialects.wire.http import Request, Response

SHOWN_MAX: Final = 128
"""Characters that a key, a secret or a name may have. Ours have fewer."""
API: Final = "/api/v1"

_MINUTE: Final = timedelta(minutes=1)
_WHOLE: Final = re.compile(r"([+-]?)0*([0-9]+)", re.ASCII)
_BREAKS: Final = re.compile(r"[,\s]+", re.ASCII)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthServices:
    """What these operations ask of the core, and how this gateway speaks.

    ``public_url``: how callers reach it, without a path; empty: as each of them does. ``always_ok``: errors
    have status 200, as the vendor's documentation shows them.
    """

    gate: KeyGate
    tokens: Tokens
    ecom_tokens: EcomTokens
    public_url: str = ""
    always_ok: bool = False


# -- what is read -------------------------------------------------------------------------------------------


def _life(value: Any) -> timedelta | None:  # noqa: ANN401 - any JSON value
    """Whole minutes, 30 to 1440. What is below or above becomes the nearest; what is no number is absent."""
    match = _WHOLE.fullmatch(value.strip(" ")) if isinstance(value, str) else None
    if match is None:
        return None
    longest = LIFE_MAX // _MINUTE
    minutes = longest if len(match[2]) > len(str(longest)) else int(match[2])
    return LIFE_MIN if match[1] == "-" else minutes * _MINUTE


def _scopes(value: Any) -> frozenset[str]:  # noqa: ANN401 - any JSON value
    """Names of scopes, in any case of letters, with commas or blanks between, or as a list."""
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name.isascii() for name in names):
        raise Invalid
    return frozenset(word.lower() for name in names for word in _BREAKS.split(name) if word)


_KEY: Final = Field(
    name="apiKey",
    aliases=("api-key",),
    read=codecs.text(length_max=SHOWN_MAX),
    missing=codes.KEY_MISSING,
    invalid=codes.WRONG_KEY,
)
_SECRET: Final = Field(
    name="secretKey",
    aliases=("secret-key",),
    read=codecs.secret(length_max=SHOWN_MAX),
    missing=codes.SECRET_MISSING,
    invalid=codes.WRONG_KEY,
)
_ASKED: Final = Field(
    name="TokenExpiryMinutes",
    aliases=("jwtTokenExpiryMinutes",),
    read=_life,
    invalid=codes.WRONG_KEY,
    note="source: vendor docs; the second name: public client. Never refused: less or more becomes the "
    "nearest of these, and what is no number counts as absent",
)
_SCOPE: Final = Field(
    name="scope",
    read=_scopes,
    invalid=codes.BAD_SCOPE,
    note="needs not be sent: a token has all scopes of its key",
)
_TOKEN: Final = Field(
    name="token",
    read=described(codecs.scalar, "a token"),
    missing=codes.TOKEN_MISSING,
    invalid=codes.TOKEN_INVALID,
)
_TERMINAL: Final = Field(
    name="tpn",
    read=codecs.digits(minimum=12, maximum=12),
    missing=codes.UNKNOWN_TERMINAL,
    invalid=codes.UNKNOWN_TERMINAL,
)

AUTHENTICATE_FIELDS: Final = (_KEY, _SECRET, _ASKED, _SCOPE)
REFRESH_FIELDS: Final = (_TOKEN, _ASKED)
SHOP_FIELDS: Final = (_KEY, _SECRET, _TERMINAL)


def _said(request: Request, fields: Sequence[Field[AuthError]]) -> dict[str, Any]:
    """What a request says in its headers, and in its body. A body that cannot be read says nothing."""
    try:
        values = body.parse(query=b"", content_type="application/json", body=request.body).values
    except body.Malformed:
        values = {}
    for spec in fields:
        headers = [found for name in spec.names if (found := request.header(name))]
        if headers:  # under whichever of its names the body has it
            values = {name: value for name, value in values.items() if name not in spec.names}
            values[spec.names[0]] = headers[0]
    return values


# -- what is answered ---------------------------------------------------------------------------------------

ISSUED: Final[Layout[IssuedToken]] = Layout(
    Constant("responseCode", "00"),
    Constant("responseMessage", "Success"),
    Reply(
        "createdDt",
        codecs.json,
        lambda issued: str(int(issued.issued_at.timestamp()) * 1000),
        "milliseconds since 1970, as text (source: vendor docs)",
    ),
    Reply("token", codecs.json, lambda issued: issued.text.reveal()),
    Reply(
        "tokenExpiresInMinutes",
        codecs.json,
        lambda issued: issued.life // _MINUTE,
        "a number (source: public client)",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShopToken:
    """What a shop's plugin is set up with."""

    token: Secret
    webhook_key: Secret
    number: str
    url: str


SHOP_TOKEN: Final[Layout[_ShopToken]] = Layout(
    Constant("responseCode", "00"),
    Constant("responseMessage", "Success"),
    Reply("data", codecs.json, lambda shop: shop.token.reveal(), "the terminal's token"),
    Reply(
        "webhookAPIKey",
        codecs.json,
        lambda shop: shop.webhook_key.reveal(),
        "has notices say it back (source: public client)",
    ),
    Reply("tpn", codecs.json, lambda shop: shop.number),
    Reply(
        "testURL", codecs.json, lambda shop: shop.url, "without a slash at its end (source: public client)"
    ),
    Reply("liveURL", codecs.json, lambda shop: shop.url),
)
FAILED: Final[Layout[AuthError]] = Layout(
    Reply("errorCode", codecs.json, lambda error: error.code),
    Reply("errorMessage", codecs.json, lambda error: error.message),
)
SHOP_FAILED: Final[Layout[AuthError]] = Layout(
    Reply("responseCode", codecs.json, lambda error: error.code),
    Reply("responseMessage", codecs.json, lambda error: error.message, "shown to the shop's staff"),
)

# -- what is done -------------------------------------------------------------------------------------------

Perform = Callable[["AuthServices", Request], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """One operation, and how it tells an error."""

    name: str
    perform: Perform
    failed: Layout[AuthError] = FAILED


async def _authenticate(services: AuthServices, request: Request) -> bytes:
    values = read_fields(AUTHENTICATE_FIELDS, _said(request, AUTHENTICATE_FIELDS))
    key = await _proven(services, values, request)
    known = {scope.value.lower() for scope in SCOPES[key.owner.kind]}
    if not (values[_SCOPE.name] or frozenset()) <= known:
        raise Fault(codes.BAD_SCOPE)
    return ISSUED.render(await services.tokens.issue(key, asked=values[_ASKED.name]))


async def _refresh(services: AuthServices, request: Request) -> bytes:
    values = read_fields(REFRESH_FIELDS, _said(request, REFRESH_FIELDS))
    issued = await services.tokens.refresh(values[_TOKEN.name], asked=values[_ASKED.name])
    if isinstance(issued, Refusal):
        raise Fault(codes.REFUSALS[issued])
    return ISSUED.render(issued)


async def _shop_token(services: AuthServices, request: Request) -> bytes:
    """A shop has its terminal's token. Asking for a new one gives the same: it does not expire."""
    values = read_fields(SHOP_FIELDS, _said(request, SHOP_FIELDS))
    key = await _proven(services, values, request)
    token = await services.ecom_tokens.of_shop(key, values[_TERMINAL.name], origin=request.address)
    if token is None:
        raise Fault(codes.UNKNOWN_TERMINAL)
    return SHOP_TOKEN.render(
        _ShopToken(
            token=token.text,
            webhook_key=services.ecom_tokens.webhook_key(token),
            number=token.profile.number,
            url=_base_url(services, request) + API,
        )
    )


async def _published(services: AuthServices, _request: Request) -> bytes:
    return codecs.json({"keys": list(await services.tokens.published())})


async def _proven(services: AuthServices, values: Values, request: Request) -> ApiKey:
    try:
        return await services.gate.enter(
            name=values[_KEY.name], secret=values[_SECRET.name], address=request.address
        )
    except KeyDenied as denied:
        raise Fault(codes.DENIALS[denied.denied]) from None


def _base_url(services: AuthServices, request: Request) -> str:
    if services.public_url:
        return services.public_url.rstrip("/")
    host = request.header("host") or ""
    return f"http://{host if _HOST.fullmatch(host) else 'localhost'}"


OPERATIONS: Final[Mapping[tuple[str, str], _Operation]] = {
    ("POST", "/v1/authenticate-token"): _Operation(name="authenticate_token", perform=_authenticate),
    ("POST", "/v1/refresh-token"): _Operation(name="refresh_token", perform=_refresh),
    ("POST", f"{API}/woocomm/generate-token"): _Operation(
        name="shop_token", perform=_shop_token, failed=SHOP_FAILED
    ),
    ("POST", f"{API}/woocomm/refresh-token"): _Operation(
        name="shop_token", perform=_shop_token, failed=SHOP_FAILED
    ),
    # A shop plugin leaves the slash out (source: public client).
    ("POST", f"{API}woocomm/refresh-token"): _Operation(
        name="shop_token", perform=_shop_token, failed=SHOP_FAILED
    ),
    ("GET", "/.well-known/jwks.json"): _Operation(name="token_keys", perform=_published),
}


class AuthDialect:
    """Answers every request of this part of the dialect."""

    def __init__(self, services: AuthServices) -> None:
        self._services = services

    @staticmethod
    def owns(method: str, path: str) -> bool:
        """Whether a request is for one of these operations."""
        return (method, path) in OPERATIONS

    async def answer(self, request: Request) -> Response:
        """Answer a request."""
        operation = OPERATIONS[request.method, request.path]
        try:
            shown = await operation.perform(self._services, request)
        except Fault as fault:
            return self._failed(fault.error, operation)
        except (Conflict, Refused, Unavailable):
            return self._failed(codes.BUSY, operation)
        return Response(status=200, body=shown, operation=operation.name, outcome="00")

    def too_large(self) -> Response:
        """The answer to a body over the limit: it says nothing."""
        return self._failed(codes.KEY_MISSING)

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        return self._failed(codes.BUSY)

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        return self._failed(codes.CRASHED)

    def _failed(self, error: AuthError, operation: _Operation | None = None) -> Response:
        layout = operation.failed if operation else FAILED
        return Response(
            status=200 if self._services.always_ok else error.status,
            body=layout.render(error),
            operation=operation.name if operation else "none",
            outcome=error.code,
            headers=((b"retry-after", b"1"),) if error is codes.BUSY else (),
        )
