"""Bytes and messages of the gift host's protocol: one JSON object a line, each way, over TCP.

A request carries an ``id``, unique on its connection, which its reply repeats; replies may come in any
order. Amounts are whole minor units. ``reference`` names a request within its ``program`` for good: the
same reference again is the same request, is carried out once and gets the same answer. The types below are
the protocol; their names for operations are those of ``core.gift.Ask``.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from bezant.core.gift.messages import Ask

LINE_MAX: Final = 4096
"""Bytes of a line, its end included."""

Minor = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Digits = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12,19}\Z")]
Pin = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}\Z")]


class Garbled(Exception):
    """Bytes that are no message. Says nothing of them."""


class Request(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a gateway asks. ``original`` goes with refunds, voids, cancellations, ``number`` with the rest."""

    id: int
    ask: Ask
    reference: Name
    program: Name
    terminal: Name
    amount: Minor
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
    number: Digits | None = None
    pin: Pin | None = None
    original: Name | None = None

    def __repr__(self) -> str:
        return f"Request({self.ask.value} {self.reference})"


class Reply(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What the host answers. ``balance`` and ``amount`` (what was done) go with an approval."""

    id: int
    reference: str
    code: str
    amount: Minor = 0
    balance: Minor = 0


_encode = msgspec.json.Encoder().encode
_requests = msgspec.json.Decoder(Request)
_replies = msgspec.json.Decoder(Reply)


def line_of(message: Request | Reply) -> bytes:
    """A message as its line."""
    return _encode(message) + b"\n"


def request_in(line: bytes) -> Request:
    """The request in a line. Raises ``Garbled``."""
    try:
        return _requests.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Garbled from None


def reply_in(line: bytes) -> Reply:
    """The reply in a line. Raises ``Garbled``."""
    try:
        return _replies.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Garbled from None
