"""Cards: brands, tokens, and what is kept of a card number."""

from bezant.core.vault.bins import Bins
from bezant.core.vault.brands import Brand, brand_of
from bezant.core.vault.model import BinRecord, Card, StoredCard
from bezant.core.vault.ports import CardStore, Sealer
from bezant.core.vault.service import Vault, seal

__all__ = [
    "BinRecord",
    "Bins",
    "Brand",
    "Card",
    "CardStore",
    "Sealer",
    "StoredCard",
    "Vault",
    "brand_of",
    "seal",
]
