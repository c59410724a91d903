"""The vendor's Merchant API on one path: dispatch, authentication, rendering.

``txn_type`` names the operation. The vendor's older hosts name a few by other parameters, which is data of
these operations: no other word of theirs is understood, since amounts are cents there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bezant.core.faults import fault_point
from bezant.core.merchants import Caller
from bezant.core.outcomes import Conflict, Reason, Refused, Unavailable
from bezant.core.payments import Key, Outcome
from bezant.dialects.valor import auth, codes, families
from bezant.dialects.valor.codes import REFUSALS, Error
from bezant.dialects.valor.services import Services
from bezant.dialects.wire import body
from bezant.dialects.wire.codecs import Invalid, scalar
from bezant.dialects.wire.contract import Fault, Field, Layout, read_fields
from bezant.dialects.wire.http import Request, Response

NAME = "valor"
IDEMPOTENCY_KEY_MAX = 255
RETRY_AFTER_SECONDS = b"1"

PREFLIGHT = Response(
    status=204,
    body=b"",
    operation="preflight",
    outcome="preflight",
    headers=(
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", b"content-type"),
        (b"access-control-max-age", b"600"),
    ),
)
"""What a browser is told before it calls with a client token. It does not say what it is going to ask for."""

Values = Mapping[str, Any]


class Shown(msgspec.Struct, frozen=True):
    """An answer before it has a request: its bytes, its status, a word for logs and metrics."""

    body: bytes
    outcome: str
    status: int = 200
    replayed: bool = False


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that passed the door: who calls, what it says, and its idempotency key."""

    services: Services
    caller: Caller
    values: Values
    """The operation's fields, read."""
    key: Key | None


Door = Callable[..., Awaitable[Caller]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: the ``txn_type`` words that name it, its fields in the order of their checks.

    ``signs`` are other ways to be named: parameters (lower case) and their words, all of which must be there.
    Without ``txn_type`` among them they count where a request has none; with it they come before the
    operation that it names by itself. A query key without a value has the word ``""``.
    """

    name: str
    title: str
    types: tuple[str, ...]
    fields: tuple[Field[Error], ...]
    answer: Callable[[Call], Awaitable[Shown]]
    layouts: tuple[Layout[Any], ...]
    door: Door = auth.enter
    doors: tuple[Field[Error], ...] = auth.MERCHANT_KEYS
    signs: tuple[Mapping[str, str], ...] = ()
    open_to_browsers: bool = False
    refusal: Layout[Error] | None = None
    """How errors of this operation look, where that is not their family's way."""


class ValorDialect:
    """Answers every request of this dialect."""

    def __init__(self, services: Services, operations: tuple[Operation, ...]) -> None:
        self._services = services
        self._by_type = {word.lower(): operation for operation in operations for word in operation.types}
        signs = [(sign, operation) for operation in operations for sign in operation.signs]
        self._signs = [each for each in signs if "txn_type" not in each[0]]
        self._refinements = [each for each in signs if "txn_type" in each[0]]

    async def answer(self, request: Request) -> Response:
        """Answer a request; what cannot be answered well is answered with the vendor's own error."""
        if request.method == "OPTIONS":
            return PREFLIGHT
        operation: Operation | None = None
        try:
            parameters = _parameters(request)
            fault_point("request.parsed")
            operation = self._operation(parameters)
            shown = await self._perform(operation, request, parameters.values)
        except Fault as fault:
            return _fault(fault.error, operation)
        except Refused as refused:
            return _fault(REFUSALS[refused.reason], operation)
        except (Conflict, Unavailable):
            return _fault(codes.TRY_LATER, operation)
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if shown.replayed:
            headers += ((b"idempotency-replayed", b"true"),)
        if operation.open_to_browsers:
            headers += ((b"access-control-allow-origin", b"*"),)
        return Response(
            status=shown.status,
            body=shown.body,
            operation=operation.name,
            outcome=shown.outcome,
            headers=headers,
        )

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        return _fault(codes.BAD_REQUEST, None)

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        return _fault(codes.TRY_LATER, None)

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        return _fault(codes.CRASHED, None)

    def _operation(self, parameters: body.Parameters) -> Operation:
        values = parameters.values
        if values.get("txn_type"):
            operation = next((found for sign, found in self._refinements if _shows(values, sign)), None)
            operation = operation or self._by_type.get(_word(values["txn_type"]))
        else:
            said = {**dict.fromkeys(parameters.hints, ""), **values}
            operation = next((found for sign, found in self._signs if _shows(said, sign)), None)
        if operation is None:
            raise Fault(codes.TXN_TYPE_REQUIRED)
        return operation

    async def _perform(self, operation: Operation, request: Request, values: Values) -> Shown:
        caller = await operation.door(self._services, values, address=request.address)
        fault_point("request.authenticated")
        call = Call(
            services=self._services,
            caller=caller,
            values=read_fields(operation.fields, values),
            key=self._key(request, values),
        )
        return await operation.answer(call)

    def _key(self, request: Request, values: Values) -> Key | None:
        if b"idempotency-key" not in request.headers:
            return None
        value = request.header("idempotency-key")
        if not value or len(value) > IDEMPOTENCY_KEY_MAX or not value.isprintable():
            raise Fault(codes.BAD_REQUEST)
        # A number is its digits, wherever it stands: the same request may come in another form.
        said = msgspec.json.encode(sorted(values.items()), enc_hook=str)
        return Key(value=value, fingerprint=self._services.hasher.digest(said.decode()))


def _word(value: object) -> str:
    """A name's value as a word. What is no text is none: a line end is in no word."""
    try:
        return scalar(value).strip().lower()
    except Invalid:
        return "\n"


def _shows(said: Values, sign: Mapping[str, str]) -> bool:
    return all(name in said and _word(said[name]) == word for name, word in sign.items())


def _parameters(request: Request) -> body.Parameters:
    try:
        return body.parse(
            query=request.query,
            content_type=request.headers.get(b"content-type", b"").decode("latin-1"),
            body=request.body,
        )
    except body.Malformed:
        raise Fault(codes.BAD_REQUEST) from None


def _fault(error: Error, operation: Operation | None) -> Response:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error is codes.TRY_LATER:
        headers += ((b"retry-after", RETRY_AFTER_SECONDS),)
    if operation is not None and operation.open_to_browsers:
        headers += ((b"access-control-allow-origin", b"*"),)
    layout = operation.refusal if operation is not None else None
    layout = layout or families.ERROR_FAMILIES[error.family]
    return Response(
        status=error.status,
        body=layout.render(error),
        operation=operation.name if operation else "none",
        outcome=error.code,
        headers=headers,
    )


def show_payment(outcome: Outcome, caller: Caller) -> Shown:
    """An approved or declined payment, in its family."""
    payment = outcome.payment
    if payment.approved:
        return Shown(
            body=families.APPROVALS[payment.kind].render(families.view(payment, caller)),
            outcome="S00",
            replayed=outcome.replayed,
        )
    declined = families.decline_of(payment)
    return Shown(
        body=families.DECLINE.render(declined),
        outcome=f"E98/{declined.decline.code}",
        status=400,
        replayed=outcome.replayed,
    )


def show_decline(reason: Reason, *, batch_number: int) -> Shown:
    """A decline that no payment stands behind."""
    declined = families.Declined(decline=codes.DECLINES[reason], payment_id=None, batch_number=batch_number)
    return Shown(body=families.DECLINE.render(declined), outcome=f"E98/{declined.decline.code}", status=400)
