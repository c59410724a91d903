"""Sales organization, merchant, store, terminal, credential: plain facts, loaded whole and cached."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from bezant.core.merchants.brands import NO_BRAND, Brand
from bezant.core.money import Currency


class Profile(StrEnum):
    """Which of a terminal's merchant accounts a payment runs on."""

    TRADITIONAL = "traditional"
    SURCHARGE = "surcharge"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The card acceptor as its acquirer knows it.

    ``merchant_number`` (MID) has 12 digits, ``terminal_number`` (TID) 8.
    """

    merchant_number: str
    terminal_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantClock:
    """A merchant's own time: real by default; a sandbox merchant's can be frozen or set off.

    ``frozen_at`` wins over ``offset``. Both are business time: leases, reversals and everything
    else that protects money runs on real time.
    """

    frozen_at: datetime | None = None
    offset: timedelta = timedelta()

    def at(self, real: datetime) -> datetime:
        """The merchant's time at the real instant ``real``, aware and in UTC."""
        return self.frozen_at if self.frozen_at is not None else real + self.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class TipRule:
    """Whether tips may be adjusted on a terminal, and up to what percentage of the base amount."""

    adjustable: bool
    percent_max: int


class AddressCheck(StrEnum):
    """Which parts of the payer's address count when the network has compared them."""

    NONE = "none"
    POSTAL_CODE = "postal_code"
    STREET = "street"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChecks:
    """What a merchant makes of the network's comparison of address and verification value.

    ``address_declines`` and ``verification_declines``: a charge that the network approved although they
    do not match is turned down and taken back. ``verification_required`` is for card numbers; a token
    is charged without. ``shown``: answers tell the results.
    """

    address: AddressCheck = AddressCheck.NONE
    address_declines: bool = False
    verification_required: bool = False
    verification_declines: bool = False
    shown: bool = False


NO_CHECKS = CardChecks()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundFactor:
    """Whether refunds need a one-time password, and where that is sent."""

    enabled: bool = False
    email: str | None = None
    phone: str | None = None


NO_FACTOR = RefundFactor()


@dataclass(frozen=True, slots=True, kw_only=True)
class Iso:
    """An independent sales organization: it boards merchants."""

    iso_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A company that takes payments; the tenant that every row belongs to."""

    merchant_id: int
    iso_id: int
    name: str
    app_id: str
    currency: Currency
    sandbox: bool
    clock: MerchantClock
    checks: CardChecks = NO_CHECKS
    refund_factor: RefundFactor = NO_FACTOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A place of business: the name on receipts and the zone of local dates."""

    store_id: int
    name: str
    zone: ZoneInfo
    brand: Brand = NO_BRAND


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """One logical point of payment of a store. ``number`` is its public ten-digit number."""

    terminal_id: int
    store_id: int
    number: str
    label: str
    device_model: str
    endpoints: Mapping[Profile, Endpoint]
    tips: TipRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientToken:
    """A short-lived right to tokenise cards for one terminal."""

    merchant_id: int
    terminal_id: int
    token_hash: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything known of one merchant that a request needs, as one cached value."""

    merchant: Merchant
    stores: Mapping[int, Store]
    terminals: Mapping[str, Terminal]
    opened: Mapping[bytes, Collection[int]]
    """The terminals that each live app key opens, by the key's keyed hash."""

    def terminal_by_id(self, terminal_id: int) -> Terminal | None:
        """The terminal with that id, if it is this merchant's."""
        for terminal in self.terminals.values():
            if terminal.terminal_id == terminal_id:
                return terminal
        return None


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated request's merchant, store and terminal."""

    merchant: Merchant
    store: Store
    terminal: Terminal

    @property
    def key(self) -> tuple[int, int]:
        """The terminal's place in storage: merchant id, terminal id."""
        return self.merchant.merchant_id, self.terminal.terminal_id

    def now(self, real: datetime) -> datetime:
        """The merchant's time, in UTC."""
        return self.merchant.clock.at(real)

    def local(self, instant: datetime) -> datetime:
        """``instant`` on the store's wall clock."""
        return instant.astimezone(self.store.zone)
