"""Who is calling: credentials against a cache of accounts, and the lock-out of guessers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NoReturn, TypeVar

from bezant.core.merchants.brands import Logo
from bezant.core.merchants.model import Account, Caller, ClientToken, Merchant, Terminal
from bezant.core.merchants.ports import Hasher, MerchantTx, MerchantUnits, SystemClock

N = TypeVar("N", str, int)

CLIENT_TOKEN_LIFE = timedelta(minutes=30)
CLIENT_TOKEN_KEPT = timedelta(days=1)
"""After its end, before its row goes."""
FAILURES_MAX = 10
FAILURES_WINDOW = timedelta(minutes=10)
LOCK_LIFE = timedelta(hours=1)
ACCOUNTS_CACHED_MAX = 20_000


class Denied(StrEnum):
    """Why a caller was not let in, in the order in which it is found out."""

    LOCKED = "locked"
    UNKNOWN_APP_ID = "unknown_app_id"
    WRONG_KEY = "wrong_key"
    WRONG_TERMINAL = "wrong_terminal"
    WRONG_CLIENT_TOKEN = "wrong_client_token"  # noqa: S105 - a reason, not a credential


class Rejection(Exception):
    """The caller is not let in."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.value)
        self.denied = denied


class Directory:
    """Accounts by app id and by terminal number, cached until ``forget``."""

    def __init__(self, units: MerchantUnits) -> None:
        self._units = units
        self._by_app_id: dict[str, Account] = {}
        self._by_number: dict[str, Account] = {}
        self._by_id: dict[int, Account] = {}
        self._forgotten = 0

    def forget(self) -> None:
        """Drop the cache: accounts changed somewhere."""
        self._forgotten += 1
        self._by_app_id.clear()
        self._by_number.clear()
        self._by_id.clear()

    async def by_app_id(self, app_id: str) -> Account | None:
        """The account with that app id."""
        return self._by_app_id.get(app_id) or await self._load(
            self._by_app_id, app_id, lambda tx: tx.merchants.by_app_id(app_id)
        )

    async def by_terminal_number(self, number: str) -> Account | None:
        """The account that owns the terminal with that number."""
        return self._by_number.get(number) or await self._load(
            self._by_number, number, lambda tx: tx.merchants.by_terminal_number(number)
        )

    async def account(self, merchant_id: int) -> Account | None:
        """The account of that merchant."""
        return self._by_id.get(merchant_id) or await self._load(
            self._by_id, merchant_id, lambda tx: tx.merchants.account(merchant_id)
        )

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """A terminal as a caller, without credentials: for work that the gateway does by itself."""
        account = await self.account(merchant_id)
        terminal = account.terminal_by_id(terminal_id) if account else None
        if account is None or terminal is None:
            message = "no such terminal"
            raise LookupError(message)
        return _caller(account, terminal)

    async def logo(self, merchant_id: int, store_id: int) -> Logo | None:
        """The logo of a store. It is not kept here: browsers keep it."""
        return await self._units.read(lambda tx: tx.merchants.logo(merchant_id, store_id))

    async def _load(
        self, cache: dict[N, Account], name: N, work: Callable[[MerchantTx], Account | None]
    ) -> Account | None:
        forgotten = self._forgotten
        account = await self._units.read(work)
        # What was being read when the cache was dropped may be from before the change.
        if account is not None and forgotten == self._forgotten:
            if len(cache) >= ACCOUNTS_CACHED_MAX:
                cache.clear()
            cache[name] = account
        return account


class Gate:
    """Lets callers in by app id, app key and terminal number, or by a client token."""

    def __init__(
        self, *, directory: Directory, units: MerchantUnits, hasher: Hasher, clock: SystemClock
    ) -> None:
        self._directory = directory
        self._units = units
        self._hasher = hasher
        self._clock = clock
        self._locks: dict[bytes, datetime] = {}
        self._failing: set[bytes] = set()

    async def enter(self, *, app_id: str, app_key: str, number: str, address: str) -> Caller:
        """The caller that these credentials name, as one row. Raises ``Rejection``."""
        account, fitting = await self._proven(app_id=app_id, app_key=app_key, address=address)
        terminal = account.terminals.get(number)
        if terminal is None or terminal.terminal_id not in fitting:
            # Not counted as a guess: the key was right.
            raise Rejection(Denied.WRONG_TERMINAL)
        return _caller(account, terminal)

    async def enter_merchant(self, *, app_id: str, app_key: str, address: str) -> Merchant:
        """The merchant that an app id and any of its live keys name. Raises ``Rejection``."""
        account, _ = await self._proven(app_id=app_id, app_key=app_key, address=address)
        return account.merchant

    async def child(self, caller: Caller, number: str) -> Caller:
        """Another terminal of the same merchant, called with a parent's key. Raises ``Rejection``."""
        account = await self._directory.by_terminal_number(number)
        if account is None or account.merchant.merchant_id != caller.merchant.merchant_id:
            raise Rejection(Denied.WRONG_TERMINAL)
        return _caller(account, account.terminals[number])

    async def enter_with_client_token(self, *, token: str, number: str, address: str) -> Caller:
        """The caller that a client token stands for, at its own terminal. Raises ``Rejection``."""
        self._refuse_locked(number, address)
        account = await self._directory.by_terminal_number(number)
        if account is None:
            await self._fail(Denied.WRONG_TERMINAL, app_id=number, address=address)
        terminal = account.terminals[number]
        token_hash = self._hasher.digest(token)
        merchant_id = account.merchant.merchant_id
        found = await self._units.read(lambda tx: tx.merchants.find_client_token(merchant_id, token_hash))
        caller = _caller(account, terminal)
        if (
            found is None
            or found.terminal_id != terminal.terminal_id
            or found.expires_at <= caller.now(self._clock.now())
        ):
            await self._fail(Denied.WRONG_CLIENT_TOKEN, app_id=number, address=address)
        await self._succeed(number, address)
        return caller

    async def issue_client_token(self, caller: Caller) -> tuple[str, datetime]:
        """A new client token of this caller's terminal, and when it expires (merchant's time, UTC)."""
        token = self._hasher.new_client_token()
        expires_at = caller.now(self._clock.now()) + CLIENT_TOKEN_LIFE
        record = ClientToken(
            merchant_id=caller.merchant.merchant_id,
            terminal_id=caller.terminal.terminal_id,
            token_hash=self._hasher.digest(token),
            expires_at=expires_at,
        )
        await self._units.write(
            lambda tx: tx.merchants.add_client_token(
                record, forget_before=expires_at - CLIENT_TOKEN_LIFE - CLIENT_TOKEN_KEPT
            ),
            merchant_id=caller.merchant.merchant_id,
        )
        return token, expires_at

    async def refresh_locks(self) -> None:
        """Take over the failures and lock-outs that other processes, or earlier runs, recorded."""
        now = self._clock.now()
        failing = await self._units.read(lambda tx: tx.failures.standing(now - FAILURES_WINDOW))
        self._failing = set(failing)
        self._locks = {caller: until for caller, until in failing.items() if until is not None}

    async def _proven(self, *, app_id: str, app_key: str, address: str) -> tuple[Account, Collection[int]]:
        """The account with that app id, and the terminals that the key opens: one at least."""
        account = await self._account(app_id=app_id, address=address)
        # How long a look-up takes tells nothing of the keys: their hashes are keyed, too.
        fitting = account.opened.get(self._hasher.digest(app_key), ())
        if not fitting:
            await self._fail(Denied.WRONG_KEY, app_id=app_id, address=address)
        await self._succeed(app_id, address)
        return account, fitting

    async def _account(self, *, app_id: str, address: str) -> Account:
        self._refuse_locked(app_id, address)
        account = await self._directory.by_app_id(app_id)
        if account is None:
            await self._fail(Denied.UNKNOWN_APP_ID, app_id=app_id, address=address)
        return account

    def _refuse_locked(self, app_id: str, address: str) -> None:
        if not self._locks:
            return
        until = self._locks.get(self._caller_hash(app_id, address))
        if until is not None and self._clock.now() < until:
            raise Rejection(Denied.LOCKED)

    def _caller_hash(self, app_id: str, address: str) -> bytes:
        return self._hasher.digest(f"{app_id}\n{address}")

    async def forget_failures(self) -> None:
        """Drop failures that no longer count."""
        now = self._clock.now()
        await self._units.write(
            lambda tx: tx.failures.forget(before=now - FAILURES_WINDOW, now=now), merchant_id=0
        )

    async def _fail(self, denied: Denied, *, app_id: str, address: str) -> NoReturn:
        caller, at = self._caller_hash(app_id, address), self._clock.now()
        until = await self._units.write(
            lambda tx: tx.failures.record(
                caller, at=at, attempts_max=FAILURES_MAX, window=FAILURES_WINDOW, lock=LOCK_LIFE
            ),
            merchant_id=0,
        )
        if until is not None:
            self._locks[caller] = until
        self._failing.add(caller)
        raise Rejection(denied)

    async def _succeed(self, app_id: str, address: str) -> None:
        """Only failures in a row count."""
        if self._failing and (caller := self._caller_hash(app_id, address)) in self._failing:
            self._failing.discard(caller)
            await self._units.write(lambda tx: tx.failures.clear(caller), merchant_id=0)


def _caller(account: Account, terminal: Terminal) -> Caller:
    return Caller(merchant=account.merchant, store=account.stores[terminal.store_id], terminal=terminal)
