"""The dialect on its one path: dispatch, the order of the checks, the signature, the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from bezant.core.faults import fault_point
from bezant.core.merchants import Edition, SigningAccount
from bezant.core.outcomes import Conflict, Refused, Unavailable
from bezant.dialects.aps import answers, codes, fields, signature
from bezant.dialects.aps.answers import Draft, Key
from bezant.dialects.aps.codes import Error
from bezant.dialects.aps.operation import COMMANDS, Call, Form, Operation, Result
from bezant.dialects.aps.services import Services
from bezant.dialects.wire import body
from bezant.dialects.wire.codecs import Invalid, scalar
from bezant.dialects.wire.contract import Fault, check_lengths, check_presence, read_fields
from bezant.dialects.wire.http import Request, Response

NAME: Final = "aps"
PATHS: Final = frozenset({"/FortAPI/paymentApi", "/FortAPI/paymentApi/"})
"""One shop plugin posts to the second (source: public client); a redirect would lose what it posts."""
RETRY_AFTER_SECONDS: Final = b"1"

_CRASHED: Final = Error(codes.TROUBLE, http=500)
_NO_KEYS: Final[tuple[Key, ...]] = (*answers.CODES, answers.SIGNED)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Exchange:
    """A request on its way to an answer: what is known of it so far."""

    received: Mapping[str, Any] = field(default_factory=dict)
    operation: Operation | None = None
    edition: Edition = Edition.CURRENT
    account: SigningAccount | None = None
    """The signing account, once the request may be answered with its phrase."""
    proven: bool = False

    @property
    def language(self) -> str:
        """The language of the answer's message."""
        return "ar" if _word(self.received.get("language")) == "ar" else "en"

    @property
    def form(self) -> Form | None:
        """The operation as this request speaks it."""
        return self.operation.form(self.edition) if self.operation else None


class ApsDialect:
    """Answers every request of this dialect."""

    def __init__(self, services: Services, operations: Iterable[Operation]) -> None:
        self._services = services
        self._operations = {(each.parameter, each.word): each for each in operations}
        self._known = frozenset(
            spec.name
            for each in self._operations.values()
            for edition in Edition
            for spec in each.form(edition).fields
        )
        self._names = self._known | answers.ALWAYS_MADE

    async def answer(self, request: Request) -> Response:
        """Answer a request; what cannot be answered well is answered with the vendor's own error."""
        exchange = _Exchange()
        try:
            result = await self._perform(request, exchange)
        except Fault as fault:
            result = Result(error=fault.error)
        except Refused as refused:
            result = Result(error=codes.REFUSALS[refused.reason])
        except (Conflict, Unavailable):
            result = Result(error=codes.BUSY)
        return self._response(exchange, result)

    def too_large(self) -> Response:
        """The answer to a body over the limit."""
        return self._response(_Exchange(), Result(error=Error(codes.BAD_REQUEST)))

    def busy(self) -> Response:
        """The answer to a request that is not let in: it may come again later."""
        return self._response(_Exchange(), Result(error=codes.BUSY))

    def crashed(self) -> Response:
        """The answer when something went wrong that nobody expected."""
        return self._response(_Exchange(), Result(error=_CRASHED))

    async def _perform(self, request: Request, exchange: _Exchange) -> Result:
        """The checks in the vendor's order, then the operation."""
        exchange.received = received = _parameters(request)
        fault_point("request.parsed")
        exchange.operation = operation = self._operation(received)
        account = await self._services.signing.by_identifier(_text(received.get("merchant_identifier")))
        exchange.edition = operation.speaks(received, account.edition if account else Edition.CURRENT)
        form = operation.form(exchange.edition)
        is_known = account is not None and _text(received.get("access_code")) in account.access_codes
        exchange.account = account if is_known else None
        check_presence(form.fields, received)
        if account is None:
            raise Fault(Error(codes.BAD_IDENTIFIER))
        if not account.active:
            raise Fault(Error(codes.INACTIVE_MERCHANT))
        if not is_known:
            raise Fault(Error(codes.BAD_ACCESS_CODE))
        caller = await self._services.callers.caller(account.merchant_id, account.terminal_id)
        phrases = account.request_phrases(self._services.clock.now())
        if not signature.is_signed(received, phrases=phrases, digest=account.digest):
            if caller.merchant.sandbox:
                _log.info("wrong signature", identifier=account.identifier, signed=signature.shown(received))
            raise Fault(Error(codes.BAD_SIGNATURE))
        exchange.proven = True
        fault_point("request.authenticated")
        if signature.is_ambiguous(received, self._names):
            raise Fault(Error(codes.BAD_FORMAT))
        check_lengths(form.fields, received)
        values = read_fields(form.fields, received)
        if values.get("payment_option") is fields.Option.OTHER:
            raise Fault(Error(codes.OPTION_OFF))
        return await operation.perform(
            Call(
                services=self._services,
                account=account,
                caller=caller,
                edition=exchange.edition,
                address=request.address,
                values=values,
                received=received,
            )
        )

    def _operation(self, received: Mapping[str, Any]) -> Operation:
        named = [name for name in COMMANDS if received.get(name) not in (None, "")]
        if not named:
            raise Fault(Error(codes.MISSING, name=COMMANDS[0]))
        operation = self._operations.get((named[0], _text(received[named[0]])))
        if len(named) > 1 or operation is None:
            raise Fault(Error(codes.BAD_COMMAND))
        return operation

    def _response(self, exchange: _Exchange, result: Result) -> Response:
        form, error = exchange.form, result.error
        if error is not None:
            failed = form.failed if form else codes.REJECTED
            told = answers.outcome(error, failed=failed, language=exchange.language)
        else:
            assert form is not None, "nothing is performed without an operation"
            told = answers.told(result.message, form.succeeded, exchange.language)
        draft = Draft(
            received=exchange.received,
            made={**result.made, **told},
            keys=form.keys if form else _NO_KEYS,
            kept_back=form.kept_back if form else frozenset(),
            proven=exchange.proven,
            known=self._known,
        )
        return Response(
            status=error.http if error else 200,
            body=answers.render(draft, exchange.account),
            operation=exchange.operation.word if exchange.operation else "none",
            outcome=told["response_code"],
            headers=((b"retry-after", RETRY_AFTER_SECONDS),) if error is codes.BUSY else (),
        )


def _parameters(request: Request) -> dict[str, Any]:
    """The JSON object that is the body, whatever its content type says. Names keep their case."""
    try:
        if not request.body.strip():
            raise Fault(Error(codes.BAD_REQUEST))
        return body.parse(query=b"", content_type="application/json", body=request.body, fold=False).values
    except body.Malformed:
        raise Fault(Error(codes.BAD_REQUEST)) from None


def _text(value: object) -> str:
    """A value as the text that it is; what is none is an empty one."""
    try:
        return scalar(value).strip(" ")
    except Invalid:
        return ""


def _word(value: object) -> str:
    return _text(value).lower()
