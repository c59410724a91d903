"""Keeping a card without charging it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from bezant.core.sensitive import Pan
from bezant.core.vault.model import Card, StoredCard
from bezant.core.vault.ports import CardStore, Sealer

T = TypeVar("T")


class VaultTx(Protocol):
    """The stores of one transaction that the vault uses."""

    @property
    def cards(self) -> CardStore:
        """Cards."""
        ...


class VaultUnits(Protocol):
    """Runs work in a transaction."""

    async def write(self, work: Callable[[VaultTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit."""
        ...


class Vault:
    """The cards of every merchant, each by its own tokens."""

    def __init__(self, *, units: VaultUnits, sealer: Sealer) -> None:
        self._units = units
        self._sealer = sealer

    async def keep(self, merchant_id: int, pan: Pan) -> Card:
        """Store a card for a merchant; the same card gives the same token."""
        stored = seal(self._sealer, merchant_id, pan)
        await self._units.write(lambda tx: tx.cards.keep(stored), merchant_id=merchant_id)
        return stored.card


def seal(sealer: Sealer, merchant_id: int, pan: Pan) -> StoredCard:
    """A card with its token, its number sealed."""
    token = sealer.token(merchant_id, pan)
    return StoredCard(
        merchant_id=merchant_id,
        card=Card.of(pan, token),
        sealed=sealer.seal(merchant_id, token, pan),
    )
