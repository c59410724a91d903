"""What keeping cards needs from outside."""

from __future__ import annotations

from typing import Protocol

from bezant.core.sensitive import Pan
from bezant.core.vault.model import StoredCard


class Sealer(Protocol):
    """Tokens and ciphertexts, under keys that never leave it."""

    def token(self, merchant_id: int, pan: Pan) -> str:
        """40 upper-case hex digits: the same for the same merchant and card, unguessable without the key."""
        ...

    def seal(self, merchant_id: int, token: str, pan: Pan) -> bytes:
        """The card number encrypted and bound to its merchant and token."""
        ...

    def open(self, merchant_id: int, token: str, sealed: bytes) -> Pan:
        """The card number back. Raises ``ValueError`` when it was not sealed for this merchant and token."""
        ...


class CardStore(Protocol):
    """Cards of one transaction."""

    def keep(self, stored: StoredCard) -> None:
        """Store a card unless the merchant already has it."""
        ...

    def find(self, merchant_id: int, token: str) -> StoredCard | None:
        """The merchant's card with that token."""
        ...
