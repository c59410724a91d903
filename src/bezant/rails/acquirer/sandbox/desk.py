"""What the sandbox host does with one message: decides its answer, books it, damages the answer if asked.

No sockets and no time-outs: delivery is the host's. Outcomes are the issuer's and the books' to say,
unless a script says otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import Garbled, IsoMessage, decode, encode, unpack
from bezant.rails.acquirer.codes import APPROVED, PARTIALLY_APPROVED
from bezant.rails.acquirer.sandbox.books import Account, Books, Entry, Sums
from bezant.rails.acquirer.sandbox.issuer import Verdict, judge
from bezant.rails.acquirer.sandbox.scripts import Scripts, Step

FORMAT_ERROR: Final = "30"
_GARBLED_BYTES: Final = 8
_DO_NOT_HONOR: Final = "05"
_FALSE_APPROVAL_CODE: Final = "FALSE0"

_PURCHASES: Final = frozenset({spec.AUTHORIZATION, spec.FINANCIAL})
_PROCESSING_CODES: Final = frozenset({spec.PURCHASE, spec.RETURN, spec.VERIFICATION})
_IDENTITY: Final = (spec.TRANSMITTED, spec.AUDIT_NUMBER, spec.TERMINAL, spec.MERCHANT)
_SUMS: Final = (spec.DEBIT_COUNT, spec.DEBITS, spec.CREDIT_COUNT, spec.CREDITS)
_REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    spec.AUTHORIZATION: frozenset({*_IDENTITY, spec.PAN, spec.PROCESSING_CODE, spec.AMOUNT}),
    spec.FINANCIAL: frozenset({*_IDENTITY, spec.PAN, spec.PROCESSING_CODE, spec.AMOUNT}),
    spec.COMPLETION: frozenset({*_IDENTITY, spec.AMOUNT, spec.ORIGINAL}),
    spec.REVERSAL: frozenset({*_IDENTITY, spec.AMOUNT, spec.ORIGINAL}),
    spec.RECONCILIATION: frozenset({*_IDENTITY, *_SUMS, spec.PRIVATE}),
}
_ECHOED: Final = (
    spec.PROCESSING_CODE,
    spec.AMOUNT,
    spec.TRANSMITTED,
    spec.AUDIT_NUMBER,
    spec.LOCAL_TIME,
    spec.LOCAL_DATE,
    spec.REFERENCE,
    spec.TERMINAL,
    spec.MERCHANT,
    spec.CURRENCY,
    spec.NETWORK_CODE,
)


class Desk:
    """Answers messages from one set of books. ``seen`` counts them by type; garbled ones, too."""

    def __init__(self, books: Books, *, now: Callable[[], datetime]) -> None:
        self.books = books
        self.scripts = Scripts()
        self.seen: Counter[str] = Counter()
        self.connections = 0
        self._now = now

    def stats(self) -> dict[str, object]:
        """Counters since the start, and entries in the books."""
        return {"messages": dict(self.seen), "connections": self.connections, "entries": self.books.count}

    def read(self, body: bytes) -> tuple[IsoMessage, Step | None] | None:
        """The request in the body of a frame and what a script wants done with it. Nothing for garbage."""
        try:
            message = decode(body)
        except Garbled:
            self.seen["garbled"] += 1
            return None
        self.seen[message[spec.MTI]] += 1
        if message[spec.MTI] not in spec.ANSWER_TYPES:
            return None
        return message, self.scripts.step_for(message)

    def answer(self, message: IsoMessage, step: Step | None) -> tuple[IsoMessage, Step | None]:
        """The answer to a request, now booked, and what to do with its delivery."""
        message_type = spec.first_of(message[spec.MTI])
        declined = None if step is None else step.decline
        if message_type == spec.NETWORK:
            return _reply(message, declined or APPROVED), step
        elements = _elements(message)
        if elements is None or not message.keys() >= _REQUIRED[message_type]:
            return _reply(message, FORMAT_ERROR), step
        if message_type == spec.RECONCILIATION:
            return self._reconcile(message, elements, declined), step
        entry = self.books.repeated(message)
        if entry is None and declined is not None:
            entry = self.books.refuse(message, declined)
        elif entry is None and message_type == spec.COMPLETION:
            entry = self.books.capture(message)
        elif entry is None and message_type == spec.REVERSAL:
            entry = self.books.reverse(message)
        elif entry is None:
            return self._purchase(message, elements, step)
        return _reply_of(message, entry), step

    def _purchase(
        self, message: IsoMessage, elements: Mapping[str, str], step: Step | None
    ) -> tuple[IsoMessage, Step | None]:
        if message[spec.PROCESSING_CODE] not in _PROCESSING_CODES:
            return _reply(message, FORMAT_ERROR), step
        verdict = judge(message, elements, now=self._now())
        if step is not None and step.approve:
            verdict = Verdict(APPROVED, int(message[spec.AMOUNT]), verdict.results)
        elif step is not None and step.partial:
            verdict = Verdict(PARTIALLY_APPROVED, int(message[spec.AMOUNT]) // 2, verdict.results)
        entry = self.books.book(
            message, code=verdict.code, approved=verdict.approved, results=verdict.results
        )
        return _reply_of(message, entry), step or verdict.step

    def _reconcile(
        self, message: IsoMessage, elements: Mapping[str, str], declined: str | None
    ) -> IsoMessage:
        number = elements.get(spec.BATCH_NUMBER)
        if number is None:
            return _reply(message, FORMAT_ERROR)
        told = Sums(
            debit_count=int(message[spec.DEBIT_COUNT]),
            debits=int(message[spec.DEBITS]),
            credit_count=int(message[spec.CREDIT_COUNT]),
            credits=int(message[spec.CREDITS]),
        )
        account: Account = message[spec.MERCHANT].rstrip(), message[spec.TERMINAL]
        batch = self.books.settle(account, number, told, decline=declined)
        reply = _reply(message, batch.code)
        reply[spec.SETTLEMENT_CODE] = spec.IN_BALANCE if batch.reconciled else spec.OUT_OF_BALANCE
        return reply


def _elements(message: IsoMessage) -> Mapping[str, str] | None:
    try:
        return unpack(message.get(spec.PRIVATE, ""))
    except Garbled:
        return None


def _reply(message: IsoMessage, code: str) -> IsoMessage:
    reply = IsoMessage({key: message[key] for key in _ECHOED if key in message})
    reply[spec.MTI] = spec.ANSWER_TYPES[message[spec.MTI]]
    reply[spec.RESPONSE_CODE] = code
    return reply


def _reply_of(message: IsoMessage, entry: Entry) -> IsoMessage:
    reply = _reply(message, entry.code)
    if entry.approval_code:
        reply[spec.APPROVAL_CODE] = entry.approval_code
    if entry.results:
        reply[spec.RESULTS] = entry.results
    if entry.code == PARTIALLY_APPROVED:
        reply[spec.AMOUNT] = f"{entry.approved:012d}"
    return reply


def frame_of(reply: IsoMessage, step: Step) -> bytes:
    """The bytes of a reply with the faults of a step. Empty where it is not sent at all."""
    if step.silent or step.drop:
        return b""
    if step.mismatch is not None:
        _misstate(reply, step.mismatch)
    if step.codeless:
        reply.pop(spec.APPROVAL_CODE, None)
    frame = encode(reply)
    if step.garble:
        frame = frame[:-_GARBLED_BYTES] + b"\xff" * _GARBLED_BYTES
    if step.half:
        return frame[: len(frame) // 2]
    if step.contradict:
        return frame + encode(_opposite(reply))
    return frame * 2 if step.duplicate else frame


def _opposite(reply: IsoMessage) -> IsoMessage:
    """The same answer with the other outcome."""
    opposite = IsoMessage(reply)
    if reply[spec.RESPONSE_CODE] == APPROVED:
        opposite[spec.RESPONSE_CODE] = _DO_NOT_HONOR
        opposite.pop(spec.APPROVAL_CODE, None)
    else:
        opposite[spec.RESPONSE_CODE] = APPROVED
        opposite[spec.APPROVAL_CODE] = _FALSE_APPROVAL_CODE
    return opposite


_MISSTATED: Final[Mapping[str, str]] = {
    "amount": spec.AMOUNT,
    "stan": spec.AUDIT_NUMBER,
    "terminal": spec.TERMINAL,
}


def _misstate(reply: IsoMessage, what: str) -> None:
    """Change the last digit of a field, where the reply has that field."""
    key = _MISSTATED[what]
    if key in reply:
        value = reply[key]
        reply[key] = value[:-1] + ("1" if value[-1] == "0" else "0")
