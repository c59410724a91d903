"""What this domain needs from outside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bezant.core.merchants.brands import Logo
from bezant.core.merchants.model import Account, ClientToken

T = TypeVar("T")


class SystemClock(Protocol):
    """Real time."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...


class Hasher(Protocol):
    """Keyed one-way hashes of secrets, and new secrets."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of ``secret``."""
        ...

    def new_client_token(self) -> str:
        """A fresh unguessable token in UUID form."""
        ...


class MerchantStore(Protocol):
    """Accounts by the names that callers give."""

    def by_app_id(self, app_id: str) -> Account | None:
        """The account with that application id."""
        ...

    def account(self, merchant_id: int) -> Account | None:
        """The account of that merchant."""
        ...

    def by_terminal_number(self, number: str) -> Account | None:
        """The account that owns the terminal with that number."""
        ...

    def logo(self, merchant_id: int, store_id: int) -> Logo | None:
        """The logo of a store."""
        ...

    def add_client_token(self, token: ClientToken, *, forget_before: datetime) -> None:
        """Store a token, and drop the merchant's that expired before."""
        ...

    def find_client_token(self, merchant_id: int, token_hash: bytes) -> ClientToken | None:
        """The token with that hash, expired or not."""
        ...


class FailureStore(Protocol):
    """Failed log-ins, by caller."""

    def record(
        self, caller: bytes, *, at: datetime, attempts_max: int, window: timedelta, lock: timedelta
    ) -> datetime | None:
        """Count one more failure; the instant until which the caller is locked out, if it now is."""
        ...

    def clear(self, caller: bytes) -> None:
        """Forget a caller's failures."""
        ...

    def standing(self, since: datetime) -> dict[bytes, datetime | None]:
        """Callers that failed since then or are locked out, and until when."""
        ...

    def forget(self, *, before: datetime, now: datetime) -> None:
        """Drop failures that began before then, of callers that are not locked out now."""
        ...


class MerchantTx(Protocol):
    """The stores of one transaction that this domain uses."""

    @property
    def merchants(self) -> MerchantStore:
        """Accounts."""
        ...

    @property
    def failures(self) -> FailureStore:
        """Failed log-ins."""
        ...


class MerchantUnits(Protocol):
    """Runs work in a transaction. Work is plain code that may run more than once."""

    async def read(self, work: Callable[[MerchantTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[MerchantTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind."""
        ...
