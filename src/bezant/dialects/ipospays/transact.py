"""The API of transactions, reports, subscriptions and onboarding: dispatch, tokens, problems, answers."""

from __future__ import annotations

from typing import Final

from bezant.core.faults import fault_point
from bezant.core.merchants import Caller
from bezant.core.outcomes import Conflict, Refused, Unavailable
from bezant.dialects.ipospays import codes, door, fields
from bezant.dialects.ipospays.batch_report import BATCH_REPORT
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.door import Entrant
from bezant.dialects.ipospays.onboarding import ADD_ON, ONBOARD
from bezant.dialects.ipospays.operation import Call, Form, Operation, Problems, Shown, Values
from bezant.dialects.ipospays.operations.transactions import TRANSACTIONS
from bezant.dialects.ipospays.pages import CANCEL, MAKE
from bezant.dialects.ipospays.services import Services
from bezant.dialects.ipospays.status import QUERY, STATUS
from bezant.dialects.ipospays.subscription import GET_CARDS
from bezant.dialects.wire import body, codecs
from bezant.dialects.wire.contract import Layout, Reply, array, read_all_fields
from bezant.dialects.wire.http import Request, Response

RETRY_AFTER: Final = (b"retry-after", b"1")
REFRESH_REQUIRED: Final = (b"AuthenticationRefreshRequired", b"true")
"""On every answer to a token that has expired and is still taken (source: public client)."""

_PROBLEM: Layout[Error] = Layout(
    Reply("field", codecs.json, lambda e: e.field),
    Reply("message", codecs.json, lambda e: e.message),
)
PROBLEMS: Layout[tuple[Error, ...]] = Layout(
    Reply("errors", array(_PROBLEM), lambda errors: errors),
    Reply("errorCode", codecs.json, lambda errors: errors[0].code, optional=True),
    Reply(
        "errorMessage",
        codecs.json,
        lambda errors: errors[0].message if errors[0].code else None,
        optional=True,
    ),
)
"""What is wrong with a request. The last two keys: where the trouble is the token, or our own."""


OPERATIONS: Final[tuple[Operation, ...]] = (
    TRANSACTIONS,
    STATUS,
    QUERY,
    BATCH_REPORT,
    GET_CARDS,
    ONBOARD,
    ADD_ON,
    MAKE,
    CANCEL,
)
_BY_PATH: Final = {
    (operation.method, path): operation for operation in OPERATIONS for path in operation.paths
}


class TransactDialect:
    """Answers every request of this part of the dialect."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @staticmethod
    def owns(method: str, path: str) -> bool:
        """Whether a request is for one of these operations."""
        return (method, path) in _BY_PATH

    async def answer(self, request: Request) -> Response:
        """Answer a request; what cannot be answered well is answered with the vendor's own problems."""
        operation = _BY_PATH[request.method, request.path]
        entrant = Entrant()
        try:
            entrant = await door.enter(self._services, operation, request)
            fault_point("request.authenticated")
            form, call = await self._read(operation, request, entrant)
            fault_point("request.parsed")
            shown = await form.perform(call)
        except Problems as problems:
            return _problems(operation, problems.errors, entrant)
        except Refused as refused:
            return _problems(operation, (codes.REFUSALS[refused.reason],), entrant)
        except (Conflict, Unavailable):
            return _problems(operation, (codes.BUSY,), entrant)
        return _response(operation, shown, entrant)

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        return _problems(None, (codes.MALFORMED,))

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        return _problems(None, (codes.BUSY,))

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        return _problems(None, (codes.CRASHED,))

    async def _read(self, operation: Operation, request: Request, entrant: Entrant) -> tuple[Form, Call]:
        """The form of a request, and what it says by it."""
        said = _values(request)
        form = operation.form(said)
        values, errors = read_all_fields(form.fields, said)
        errors += form.check(values)
        terminal = None
        if fields.MERCHANT_ID in form.fields and (tpn := values.get(fields.MERCHANT_ID.name)):
            terminal = await self._terminal(tpn, entrant)
            if terminal is None:
                errors.insert(0, codes.BAD_MERCHANT)
        if errors:
            raise Problems(*errors)
        return form, Call(
            services=self._services,
            bearer=entrant.bearer,
            terminal=terminal,
            values=values,
            request_id=request.request_id,
            address=request.address,
        )

    async def _terminal(self, tpn: str, entrant: Entrant) -> Caller | None:
        """The terminal, unless it is not this entrant's: then it is as unknown as one that is nobody's."""
        caller = await self._services.profiles.caller(tpn)
        return caller if caller is not None and entrant.may_use(caller) else None


def _values(request: Request) -> Values:
    """What a request says: its JSON body, or the query of one that has none. Nested names are paths."""
    by_query = request.method == "GET"
    try:
        return body.flattened(
            body.parse(
                query=request.query if by_query else b"",
                content_type="application/json",
                body=b"" if by_query else request.body,
            ).values
        )
    except body.Malformed:
        raise Problems(codes.MALFORMED) from None


def _response(operation: Operation, shown: Shown, entrant: Entrant) -> Response:
    return Response(
        status=shown.status,
        body=shown.body,
        operation=operation.name,
        outcome=shown.outcome,
        headers=(REFRESH_REQUIRED,) if entrant.refresh_required else (),
    )


def _problems(
    operation: Operation | None, errors: tuple[Error, ...], entrant: Entrant | None = None
) -> Response:
    first = errors[0]
    headers: tuple[tuple[bytes, bytes], ...] = (RETRY_AFTER,) if first is codes.BUSY else ()
    if entrant is not None and entrant.refresh_required:
        headers += (REFRESH_REQUIRED,)
    return Response(
        status=first.status,
        body=PROBLEMS.render(errors),
        operation=operation.name if operation else "none",
        outcome=first.code or first.field.rpartition(".")[2],
        headers=headers,
    )
