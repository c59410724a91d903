"""What keeping cards needs from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bezant.core.sensitive import Pan
from bezant.core.vault.model import SingleUseToken, StoredCard


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


class SingleUseStore(Protocol):
    """Tokens for one charge, of one transaction."""

    def add(self, token: SingleUseToken, *, forget_before: datetime) -> None:
        """Store a token, and drop the merchant's that ended before."""
        ...

    def use(
        self, merchant_id: int, terminal_id: int, token_hash: bytes, *, at: datetime
    ) -> SingleUseToken | None:
        """Use up the terminal's token with that hash; none where there is none that is good ``at`` that time.

        Of two who ask at once, one gets it.
        """
        ...
