"""What gift cards need from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from bezant.core.batches import BatchStore
from bezant.core.gift.messages import Answer, Message
from bezant.core.gift.model import Misses, Movement
from bezant.core.gift.queries import MovementPage, MovementQuery
from bezant.core.ledger import Journal
from bezant.core.merchants import Caller
from bezant.core.sensitive import Pan

T = TypeVar("T")


class GiftHost(Protocol):
    """Whoever keeps the balances. Network trouble is an answer, never an exception."""

    async def send(self, message: Message) -> Answer:
        """Send a message and wait for its answer, up to the rail's own time limit."""
        ...


class Tokens(Protocol):
    """A merchant's tokens for card numbers."""

    def token(self, merchant_id: int, pan: Pan) -> str:
        """40 upper-case hex digits: the same for the same merchant and card, unguessable without a key."""
        ...


class Ids(Protocol):
    """Ids: increasing within a process, unique in the whole gateway."""

    async def take(self) -> int:
        """The next id."""
        ...


class Callers(Protocol):
    """Terminals by their ids."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """The terminal as a caller, without credentials."""
        ...


class Key(Protocol):
    """An idempotency key and a keyed hash of the request that carries it."""

    @property
    def value(self) -> str:
        """The key."""
        ...

    @property
    def fingerprint(self) -> bytes:
        """The hash."""
        ...


class GiftStore(Protocol):
    """Movements of one transaction, the keys that made them, and misses."""

    def add(self, movement: Movement) -> None:
        """Store a new movement."""
        ...

    def change(self, before: Movement, after: Movement, *, at: datetime) -> None:
        """Store a step; at the end of the transaction raises ``Conflict`` unless ``before`` was current.

        ``at`` is the merchant's time.
        """
        ...

    def find(self, merchant_id: int, movement_id: int) -> Movement | None:
        """A movement of that merchant, locked to be changed."""
        ...

    def page(self, query: MovementQuery) -> MovementPage:
        """One page of a list, newest first; what is under way is not in it."""
        ...

    def leases_run_out(self, before: datetime, limit: int) -> Sequence[Movement]:
        """Movements still being sent whose lease ended before that instant."""
        ...

    def to_cancel(self, before: datetime, limit: int) -> Sequence[Movement]:
        """Movements in doubt whose next try is due, oldest first."""
        ...

    def key_use(self, merchant_id: int, terminal_id: int, key: str) -> tuple[bytes, int] | None:
        """The fingerprint of the request that used a key, and the id of what it made."""
        ...

    def use_key(
        self, merchant_id: int, terminal_id: int, key: Key, *, movement_id: int, at: datetime
    ) -> None:
        """Use a key; a second use fails at the end of the transaction."""
        ...

    def misses(self, merchant_id: int, terminal_id: int) -> Misses | None:
        """The misses of one place."""
        ...

    def keep_misses(self, merchant_id: int, terminal_id: int, misses: Misses) -> None:
        """Store the misses of one place."""
        ...


class GiftTx(Protocol):
    """The stores of one transaction that this domain uses."""

    @property
    def gift(self) -> GiftStore:
        """Movements on gift cards."""
        ...

    @property
    def batches(self) -> BatchStore:
        """Batches, for their numbers."""
        ...

    @property
    def journal(self) -> Journal:
        """The ledger."""
        ...


class GiftUnits(Protocol):
    """Runs work in a transaction. Work is plain code without side effects: it may run more than once."""

    async def read(self, work: Callable[[GiftTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(
        self, work: Callable[[GiftTx], T], *, merchant_id: int, terminal_id: int | None = None
    ) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind.

        ``terminal_id`` names the terminal whose open batch the work will ask for.
        """
        ...
