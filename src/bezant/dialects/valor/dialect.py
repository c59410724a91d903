"""The vendor's Merchant API on one path: dispatch by ``txn_type``, authentication, rendering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bezant.core.merchants import Caller
from bezant.core.outcomes import Reason, Refused
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

TYPELESS = "tipadjust"
"""The one query key that may stand for a missing ``txn_type`` (vendor docs: tip-adjust-api-1)."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer before it has a request: its bytes, its status, a word for logs and metrics."""

    body: bytes
    outcome: str
    status: int = 200
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that passed the door: who calls, what it says, and its idempotency key."""

    services: Services
    caller: Caller
    values: Values
    """The operation's fields, read."""
    key: Key | None


Door = Callable[..., Awaitable[Caller]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: the ``txn_type`` words that name it, its fields in the order of their checks."""

    name: str
    title: str
    types: tuple[str, ...]
    fields: tuple[Field[Error], ...]
    answer: Callable[[Call], Awaitable[Shown]]
    layouts: tuple[Layout[Any], ...]
    door: Door = auth.enter
    doors: tuple[Field[Error], ...] = auth.MERCHANT_KEYS
    open_to_browsers: bool = False


class ValorDialect:
    """Answers every request of this dialect."""

    def __init__(self, services: Services, operations: tuple[Operation, ...]) -> None:
        self._services = services
        self._by_type = {word.lower(): operation for operation in operations for word in operation.types}

    async def answer(self, request: Request) -> Response:
        """Answer a request; what cannot be answered well is answered with the vendor's own error."""
        operation: Operation | None = None
        try:
            parameters = _parameters(request)
            operation = self._operation(parameters)
            shown = await self._perform(operation, request, parameters.values)
        except Fault as fault:
            return _fault(fault.error, operation)
        except Refused as refused:
            return _fault(REFUSALS[refused.reason], operation)
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

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        return _fault(codes.CRASHED, None)

    def _operation(self, parameters: body.Parameters) -> Operation:
        values = parameters.values
        word = values.get("txn_type") or values.get("mtype") or ""
        if word == "" and TYPELESS in parameters.hints:
            word = TYPELESS
        try:
            operation = self._by_type.get(scalar(word).strip().lower())
        except Invalid:
            operation = None
        if operation is None:
            raise Fault(codes.TXN_TYPE_REQUIRED)
        return operation

    async def _perform(self, operation: Operation, request: Request, values: Values) -> Shown:
        caller = await operation.door(self._services, values, address=request.address)
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
        said = msgspec.json.encode(sorted(values.items()))
        return Key(value=value, fingerprint=self._services.hasher.digest(said.decode()))


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
    return Response(
        status=error.status,
        body=families.ERROR_FAMILIES[error.family].render(error),
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
