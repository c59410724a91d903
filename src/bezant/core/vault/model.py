"""A card as the rest of the business may know it: a token, a mask, a brand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import msgspec

from bezant.core.sensitive import Pan
from bezant.core.vault.brands import Brand, brand_of


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown and stored in clear of a card.

    ``token`` is 40 upper-case hex digits, stable for a merchant and a card number.
    """

    token: str
    bin: str
    last4: str
    brand: Brand

    @classmethod
    def of(cls, pan: Pan, token: str) -> Self:
        """The card with that number, known by that token."""
        return cls(token=token, bin=pan.bin, last4=pan.last4, brand=brand_of(pan.bin))


class StoredCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card with its number sealed under a data key."""

    merchant_id: int
    card: Card
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleUseToken:
    """Stands for a card in one charge of one terminal, known by its keyed hash.

    ``expiry`` is the card's (YYMM), ``expires_at`` the token's own end, in the merchant's time.
    """

    merchant_id: int
    terminal_id: int
    token_hash: bytes
    card_token: str
    expiry: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BinRecord:
    """What is known of an issuer's number range. ``prefix`` has six or eight digits.

    ``funding`` is ``DEBIT`` or ``CREDIT``; ``source`` names where it was imported from.
    """

    prefix: str
    funding: str
    issuer: str | None
    country: str | None
    level: str | None
    category: str | None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BinSource:
    """Where number ranges were imported from, with the words that its licence asks to be kept."""

    name: str
    attribution: str
    records: int
    imported_at: datetime
