"""Cards and bank accounts: brands, tokens, customers, and what is kept of a number."""

from bezant.core.vault.bins import Bins
from bezant.core.vault.brands import Brand, brand_of
from bezant.core.vault.customers import (
    ADDRESSES_MAX,
    AccountKind,
    Address,
    BankAccount,
    BankProfile,
    CardProfile,
    Customer,
    CustomerRefused,
    Customers,
    Details,
    PaidCard,
    Place,
    Refusal,
)
from bezant.core.vault.detection import mask_card_numbers
from bezant.core.vault.exports import (
    Envelope,
    Envelopes,
    Export,
    ExportRefusal,
    ExportRefused,
    Exports,
)
from bezant.core.vault.model import BinRecord, BinSource, Card, SingleUseToken, StoredCard
from bezant.core.vault.ports import CardStore, Sealer, SingleUseStore
from bezant.core.vault.routing import is_routing_number
from bezant.core.vault.service import Vault, seal
from bezant.core.vault.single_use import SingleUseTokens

__all__ = [
    "ADDRESSES_MAX",
    "AccountKind",
    "Address",
    "BankAccount",
    "BankProfile",
    "BinRecord",
    "BinSource",
    "Bins",
    "Brand",
    "Card",
    "CardProfile",
    "CardStore",
    "Customer",
    "CustomerRefused",
    "Customers",
    "Details",
    "Envelope",
    "Envelopes",
    "Export",
    "ExportRefusal",
    "ExportRefused",
    "Exports",
    "PaidCard",
    "Place",
    "Refusal",
    "Sealer",
    "SingleUseStore",
    "SingleUseToken",
    "SingleUseTokens",
    "StoredCard",
    "Vault",
    "brand_of",
    "is_routing_number",
    "mask_card_numbers",
    "seal",
]
