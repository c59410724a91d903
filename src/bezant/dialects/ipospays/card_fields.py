"""Where card fields in a shop's own page get a token for one charge.

The vendor's script is known by how shops use it (source: public clients): it is included with the terminal's
auth token, reads the inputs of the shop's form, and gives the page ``payment_token_id``. What it asks of the
vendor's hosts is not known, so the address is ours. Any page may ask and read the answer, but where a
merchant has named its web pages, others are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bezant.core.merchants import Caller
from bezant.core.outcomes import Conflict, Refused, Unavailable
from bezant.core.sensitive import Secret
from bezant.dialects.ipospays import codes
from bezant.dialects.ipospays.codes import Error, empty, invalid
from bezant.dialects.ipospays.operation import Problems
from bezant.dialects.ipospays.services import Services
from bezant.dialects.ipospays.transact import PROBLEMS
from bezant.dialects.wire import body, codecs
from bezant.dialects.wire.contract import Field, Layout, Reply, read_all_fields
from bezant.dialects.wire.http import Request, Response

PATH: Final = "/ftd/v1/payment-token"
SHOWN_MAX: Final = 128
_OPERATION: Final = "payment_token"

SECURITY_KEY: Final = Field(
    name="security_key",
    read=codecs.secret(length_max=SHOWN_MAX),
    missing=codes.TOKEN_MISSING,
    invalid=codes.TOKEN_INVALID,
    aliases=("token",),
    note="the terminal's auth token",
)
NUMBER: Final = Field(
    name="ccnumber",
    read=codecs.card_number,
    missing=empty("ccnumber", "Card Number"),
    invalid=invalid("ccnumber", "Card Number"),
)
EXPIRY: Final = Field(
    name="ccexpiry",
    read=codecs.card_expiry,
    missing=empty("ccexpiry", "Card Expiry"),
    invalid=invalid("ccexpiry", "Card Expiry"),
)
VERIFICATION: Final = Field(
    name="cccvv",
    read=codecs.card_cvv,
    invalid=invalid("cccvv", "CVV"),
    note="looked at and forgotten: it is never kept, and the charge comes later",
)
_OPEN: Final = (b"access-control-allow-origin", b"*")
PREFLIGHT: Final = Response(
    status=204,
    body=b"",
    operation=_OPERATION,
    outcome="preflight",
    headers=(
        _OPEN,
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", b"content-type"),
        (b"access-control-max-age", b"600"),
    ),
)
"""What a browser is told that asks whether it may send JSON, say."""
FIELDS: Final = (SECURITY_KEY, NUMBER, EXPIRY, VERIFICATION)
FOREIGN: Final = Error("origin", "Origin is not a whitelisted domain", status=403)

ISSUED: Final[Layout[Secret]] = Layout(
    Reply("payment_token_id", codecs.json, lambda token: token.reveal(), "source: public client")
)


class CardFieldsDialect:
    """Answers browsers that show a terminal's auth token."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @staticmethod
    def owns(method: str, path: str) -> bool:
        """Whether a request is for this."""
        return path == PATH and method in {"POST", "OPTIONS"}

    async def answer(self, request: Request) -> Response:
        """A token for one charge, or all that is wrong with the request."""
        if request.method == "OPTIONS":
            return PREFLIGHT
        try:
            values = _read(request)
            caller = await self._caller(values, request)
            token = await self._services.single_use.issue(
                caller, values[NUMBER.name], expiry=values[EXPIRY.name]
            )
        except Problems as problems:
            return _failed(*problems.errors)
        except (Conflict, Refused, Unavailable):
            return _failed(codes.BUSY)
        return _response(200, ISSUED.render(token), "00")

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        return _failed(codes.MALFORMED)

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        return _failed(codes.BUSY)

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        return _failed(codes.CRASHED)

    async def _caller(self, values: Mapping[str, Any], request: Request) -> Caller:
        caller = await self._services.ecom_tokens.check(values[SECURITY_KEY.name].reveal())
        if caller is None:
            raise Problems(codes.TOKEN_INVALID)
        origin = request.header("origin")
        if origin is not None and not await self._services.invoices.may_lead_to(caller, origin):
            raise Problems(FOREIGN)
        return caller


def _read(request: Request) -> Mapping[str, Any]:
    try:
        said = body.parse(query=b"", content_type=request.header("content-type") or "", body=request.body)
    except body.Malformed:
        raise Problems(codes.MALFORMED) from None
    values, errors = read_all_fields(FIELDS, said.values)
    if not errors and not values[NUMBER.name].passes_luhn():
        errors.append(NUMBER.invalid)
    if errors:
        raise Problems(*errors)
    return values


def _response(status: int, shown: bytes, outcome: str, *headers: tuple[bytes, bytes]) -> Response:
    return Response(
        status=status,
        body=shown,
        operation=_OPERATION,
        outcome=outcome,
        headers=(_OPEN, *headers),
    )


def _failed(*errors: Error) -> Response:
    first = errors[0]
    more = ((b"retry-after", b"1"),) if first is codes.BUSY else ()
    outcome = first.code or first.field
    return _response(first.status, PROBLEMS.render(errors), outcome, *more)
