"""Bytes and messages of the lender's protocol: a JSON object posted over HTTP, and one as the answer.

Each request has a path of its own. Amounts are whole minor units. A message that moves money has a
``reference``, which names it within its ``program`` for good: the same reference again is the same message,
is carried out once and gets the same answer. An inquiry names such a reference and is answered with that
message's answer; of a reference that is not known, with ``not_booked``, and then the lender books nothing
under it any more. Status 200 goes with each answer that counts, yes or no; any other says nothing.

The types below are the protocol (source: our choice). An answer repeats what it answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

import msgspec

BODY_MAX: Final = 1 << 16
"""Bytes of a body, either way."""
PLANS_MAX: Final = 120

Minor = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,100}\Z")]
Phone = Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{1,19}\Z")]
Months = Annotated[int, msgspec.Meta(ge=1, le=PLANS_MAX)]
CurrencyCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
Kind = Literal["loan", "return", "none"]


class Garbled(Exception):
    """Bytes that are no message. Says nothing of them."""


class CustomerRequest(msgspec.Struct, kw_only=True, frozen=True):
    """Whether a customer is known."""

    path: ClassVar[str] = "/v1/customers"
    program: Name
    phone: Phone


class PlansRequest(msgspec.Struct, kw_only=True, frozen=True):
    """Which plans a customer could have."""

    path: ClassVar[str] = "/v1/plans"
    program: Name
    phone: Phone
    amount: Minor
    currency: CurrencyCode
    wallet: Minor = 0
    cashback: Minor = 0
    down_payment: Minor | None = None


class LoanRequest(msgspec.Struct, kw_only=True, frozen=True):
    """Grant a loan."""

    path: ClassVar[str] = "/v1/loans"
    program: Name
    reference: Name
    phone: Phone
    amount: Minor
    currency: CurrencyCode
    months: Months
    wallet: Minor = 0
    cashback: Minor = 0
    down_payment: Minor | None = None


class ReturnRequest(msgspec.Struct, kw_only=True, frozen=True):
    """Take an amount off the loan that was granted as ``original``."""

    path: ClassVar[str] = "/v1/returns"
    program: Name
    reference: Name
    original: Name
    loan_number: Name
    amount: Minor
    currency: CurrencyCode


class InquiryRequest(msgspec.Struct, kw_only=True, frozen=True):
    """What became of the message with that reference; from now on nothing new does."""

    path: ClassVar[str] = "/v1/inquiries"
    program: Name
    reference: Name


Request = CustomerRequest | PlansRequest | LoanRequest | ReturnRequest | InquiryRequest


class PlanRow(msgspec.Struct, kw_only=True, frozen=True):
    """A plan, in minor units of the currency that stands around it."""

    months: Months
    fee: Minor
    installment: Minor
    total: Minor


class CustomerReply(msgspec.Struct, kw_only=True, frozen=True):
    """To ``CustomerRequest``."""

    phone: str
    code: Name


class PlansReply(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """To ``PlansRequest``. ``plans`` go with an approval."""

    phone: str
    amount: Minor
    currency: CurrencyCode
    code: Name
    plans: Annotated[tuple[PlanRow, ...], msgspec.Meta(max_length=PLANS_MAX)] = ()


class Booked(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """To what moves money, and to inquiries. ``kind`` is what the message asked for, ``none`` if unknown.

    Amount, currency and transaction number go with an approval; with a loan's, its number and plan, too.
    """

    program: str
    reference: str
    kind: Kind
    code: Name
    amount: Minor | None = None
    currency: CurrencyCode | None = None
    transaction_number: Name | None = None
    loan_number: Name | None = None
    plan: PlanRow | None = None


Reply = CustomerReply | PlansReply | Booked
M = TypeVar("M", bound=msgspec.Struct)

encode = msgspec.json.Encoder().encode
"""A message as its body."""


def decode(body: bytes, kind: type[M]) -> M:
    """The message in a body. Raises ``Garbled``; a name that stands twice is garbled, too."""
    try:
        return msgspec.convert(json.loads(body.decode(), object_pairs_hook=_once), kind)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise Garbled from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Garbled
    return found
