"""What this dialect asks of the core, introduced by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bezant.core.credentials import BearerCheck, EcomCheck, ProfileNumbers
from bezant.core.invoices import Invoices
from bezant.core.merchants import Onboarding, SystemClock
from bezant.core.payments import Payments, Reports, Settlements
from bezant.core.vault import Customers, SingleUseTokens
from bezant.dialects.ipospays.addresses import Addresses


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

    tokens: BearerCheck
    ecom_tokens: EcomCheck
    profiles: ProfileNumbers
    payments: Payments
    settlements: Settlements
    reports: Reports
    customers: Customers
    single_use: SingleUseTokens
    onboarding: Onboarding
    invoices: Invoices
    addresses: Addresses
    clock: SystemClock
    style: Style
