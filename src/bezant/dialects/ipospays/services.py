"""What this dialect asks of the core, introduced by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bezant.core.merchants import Boarding, Caller, Hasher, SystemClock
from bezant.core.payments import Payments, Reports, Settlements
from bezant.core.people import OwnerRef
from bezant.core.vault import Customers


class Scope(StrEnum):
    PAYMENT_TOKENIZATION = "PaymentTokenization"
    RECURRING = "Recurring"
    BATCH_REPORT = "BatchReport"
    EXTERNAL_API = "ExternalApi"


class Refusal(StrEnum):
    INVALID = "invalid"
    EXPIRED = "expired"
    BAD_SIGNATURE = "bad_signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    owner: OwnerRef
    scopes: frozenset[Scope]
    refresh_required: bool


class Bearers(Protocol):
    async def check(self, token: str) -> Bearer | Refusal: ...


class EcomTokens(Protocol):
    async def check(self, token: str) -> Caller | None: ...


class Profiles(Protocol):
    async def caller(self, tpn: str) -> Caller | None: ...


class EnvelopeStyle(StrEnum):
    """Under which key a transaction's answer stands: clients do not agree (source: public clients)."""

    LOWER = "iposhpresponse"
    DOCUMENTED = "iposTransactResponse"
    BOTH = "both"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of an answer."""
        return (self.LOWER.value, self.DOCUMENTED.value) if self is self.BOTH else (self.value,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How this gateway speaks the dialect.

    ``strict_reference``: references that the vendor's hosts would not take are declined.
    """

    envelope: EnvelopeStyle = EnvelopeStyle.LOWER
    strict_reference: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases that operations call."""

    tokens: Bearers
    ecom_tokens: EcomTokens
    profiles: Profiles
    payments: Payments
    settlements: Settlements
    reports: Reports
    customers: Customers
    boarding: Boarding
    hasher: Hasher
    clock: SystemClock
    style: Style
