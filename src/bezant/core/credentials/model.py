"""API keys, the tokens they are exchanged for, and what a token allows. Pure.

An organization has one API key and one secret; what they open follows from the kind of organization alone. A
caller exchanges them for a signed token of at most a day. A token is good for a quarter of an hour after its
end, with a warning, so that nobody is cut off in the middle of a sale.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from bezant.core.people import OrganizationKind, OwnerRef
from bezant.core.sensitive import Secret

LIFE_MIN: Final = timedelta(minutes=30)
LIFE_MAX: Final = timedelta(minutes=1440)
"""How long a token may be good for; what nobody asked for is the longest (source: vendor docs)."""
GRACE: Final = timedelta(minutes=15)
"""How long after its end a token is still taken, and may still be refreshed (source: vendor docs)."""

TOKEN_LENGTH_MAX: Final = 4096
API_KEY: Final = re.compile(r"dakey_[A-Za-z0-9]{32}", re.ASCII)
PROFILE_NUMBER: Final = re.compile(r"[0-9]{12}", re.ASCII)


class Scope(StrEnum):
    """What a token opens. The values are the vendor's names, which stand in tokens (source: vendor docs)."""

    PAYMENT_TOKENIZATION = "PaymentTokenization"
    """Payments by API, and what became of them."""
    RECURRING = "Recurring"
    """Kept cards, and what is charged again and again."""
    BATCH_REPORT = "BatchReport"
    """Reports of closed batches."""
    EXTERNAL_API = "ExternalApi"
    """Boarding merchants."""


SCOPES: Final[Mapping[OrganizationKind, frozenset[Scope]]] = {
    OrganizationKind.ISO: frozenset({Scope.EXTERNAL_API}),
    OrganizationKind.AGENT_OFFICE: frozenset({Scope.EXTERNAL_API}),
    OrganizationKind.MERCHANT: frozenset({Scope.PAYMENT_TOKENIZATION, Scope.RECURRING, Scope.BATCH_REPORT}),
}
"""The scopes of an organization's key, by its kind. They are given, never asked for (source: vendor docs)."""


class Refusal(StrEnum):
    """Why a token is not taken."""

    INVALID = "invalid"
    """Not a token of this gateway's making, or one whose key's secret was reset since (when refreshed)."""
    EXPIRED = "expired"
    """It was one; its grace is over."""
    BAD_SIGNATURE = "bad_signature"
    """It looks like one, and nobody here signed it."""


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """Who shows a token, and what it opens.

    ``refresh_required``: the token is past its end, in its grace: every answer has to say so.
    """

    owner: OwnerRef
    scopes: frozenset[Scope]
    refresh_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An organization's key pair, the secret known by its keyed hash. Each reset is a ``generation``."""

    owner: OwnerRef
    name: str
    secret_hash: bytes
    generation: int
    made_at: datetime
    reset_at: datetime | None = None

    @property
    def stamp(self) -> str:
        """Names the pair in tokens made with it: the key, and which of its secrets."""
        return f"{self.name}.{self.generation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A key with its secret in clear, for the moments in which it is handed out."""

    key: ApiKey
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says. Instants are whole seconds, by the owner's clock.

    ``stamp`` is its key pair's; ``unique_id`` is in UUID form.
    """

    owner: OwnerRef
    scopes: frozenset[Scope]
    unique_id: str
    issued_at: datetime
    expires_at: datetime
    stamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """What tokens are signed with. ``key_id`` stands in their heads; numbers go up.

    ``private`` is gone once another key has taken over; ``until`` (real time) is when the last token that it
    signed is over.
    """

    number: int
    key_id: str
    public: bytes
    private: Secret | None
    made_at: datetime
    until: datetime | None = None

    def is_over(self, real: datetime) -> bool:
        """Whether nothing that it signed is good any more."""
        return self.until is not None and real >= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A new token, with when it was made (the owner's clock) and how long it is good for."""

    text: Secret
    owner: OwnerRef
    scopes: frozenset[Scope]
    issued_at: datetime
    life: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalProfile:
    """A terminal's public number of twelve digits, unique in the gateway."""

    number: str
    merchant_id: int
    terminal_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EcomToken:
    """A terminal's lasting token for its shop, in clear, for the moments in which it is handed out."""

    profile: TerminalProfile
    text: Secret
    made_at: datetime


def life_of(asked: timedelta | None) -> timedelta:
    """How long a token is good for: what was asked, within the limits."""
    return LIFE_MAX if asked is None else min(max(asked, LIFE_MIN), LIFE_MAX)


def judge(claims: Claims, now: datetime) -> Bearer | Refusal:
    """What a token of this gateway's making allows at ``now``, by the owner's clock."""
    if now >= claims.expires_at + GRACE:
        return Refusal.EXPIRED
    return Bearer(owner=claims.owner, scopes=claims.scopes, refresh_required=now >= claims.expires_at)
