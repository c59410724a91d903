"""Cards that are charged once: what a page gets for a card that a payer typed into it.

A shop's server charges with such a token instead of the card's own, which a browser never sees. It is good
for one charge of one terminal, whatever comes of it, and only for a while. No verification value is kept with
it: that lives until a message is sent, and this one is sent later.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from bezant.core.merchants import Caller, SystemClock
from bezant.core.sensitive import Pan, Secret
from bezant.core.vault.model import SingleUseToken
from bezant.core.vault.ports import Sealer, SingleUseStore
from bezant.core.vault.service import VaultTx, seal

T = TypeVar("T")

LIFE: Final = timedelta(minutes=30)
"""How long one can be charged (our choice)."""
KEPT: Final = timedelta(days=1)
"""After its end, before its row goes."""
LENGTH: Final = 43
"""Random letters and digits: 256 bits."""


class SingleUseTx(VaultTx, Protocol):
    """The stores of one transaction that this module uses."""

    @property
    def single_use(self) -> SingleUseStore:
        """Tokens for one charge."""
        ...


class SingleUseUnits(Protocol):
    """Runs work in a transaction."""

    async def write(self, work: Callable[[SingleUseTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit."""
        ...


class Names(Protocol):
    """Keyed hashes of secrets, and random names."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of a text."""
        ...

    def random_text(self, length: int) -> str:
        """So many random ASCII letters and digits."""
        ...


class SingleUseTokens:
    """Gives out tokens for one charge. ``Payments`` uses them up."""

    def __init__(self, *, units: SingleUseUnits, sealer: Sealer, names: Names, clock: SystemClock) -> None:
        self._units = units
        self._sealer = sealer
        self._names = names
        self._clock = clock

    async def issue(self, caller: Caller, pan: Pan, *, expiry: str) -> Secret:
        """A token for one charge of this card, which is good till ``expiry`` (YYMM), by this terminal."""
        merchant_id, terminal_id = caller.key
        text = Secret(self._names.random_text(LENGTH))
        kept = seal(self._sealer, merchant_id, pan)
        now = caller.now(self._clock.now())
        token = SingleUseToken(
            merchant_id=merchant_id,
            terminal_id=terminal_id,
            token_hash=self.hash_of(text.reveal()),
            card_token=kept.card.token,
            expiry=expiry,
            expires_at=now + LIFE,
        )

        def work(tx: SingleUseTx) -> None:
            tx.cards.keep(kept)
            tx.single_use.add(token, forget_before=now - KEPT)

        await self._units.write(work, merchant_id=merchant_id)
        return text

    def hash_of(self, text: str) -> bytes:
        """By what a token is known, and charged."""
        return self._names.digest(f"single use\n{text}")
