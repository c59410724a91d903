"""The second factor of refunds: a one-time password that a person at the merchant is sent.

A challenge is made for one amount of one terminal, and its password opens that refund once. Passwords are
kept as keyed hashes. Who has stolen an app key could otherwise ask for challenge after challenge and guess
at each: wrong tries are counted over all challenges of a merchant, too.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bezant.core.merchants.model import Caller
from bezant.core.merchants.ports import SystemClock
from bezant.core.money import Money
from bezant.core.outcomes import Reason, Refused
from bezant.core.sensitive import Secret

T = TypeVar("T")

SANDBOX_PASSWORD = Secret("123456")
"""The password of every challenge of a sandbox merchant: nothing is sent there."""

LIFE = timedelta(minutes=10)
TRIES_MAX = 3
"""After so many wrong tries a challenge is dead."""
WRONG_MAX = 30
WRONG_WINDOW = timedelta(hours=1)
"""With ``WRONG_MAX`` wrong tries in this time, no password of the merchant is right any more."""
KEPT = timedelta(days=1)

USED_ONCE = b""
"""Stands for the idempotency key of a request that had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A one-time password's other half. ``made_at`` is the merchant's time.

    ``used_by`` is the fingerprint of the request that it was used for: that request may come again.
    """

    merchant_id: int
    challenge_id: str
    terminal_id: int
    amount: Money
    password_hash: bytes = field(repr=False)
    made_at: datetime
    wrong: int = 0
    used_by: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a caller says to prove the second factor."""

    challenge_id: str | None
    password: Secret | None


class Notifier(Protocol):
    """Sends texts to people."""

    async def send_password(self, caller: Caller, password: Secret, *, amount: Money) -> None:
        """Have a refund's one-time password sent to the merchant's people. Refuses ``BUSY``."""
        ...


class FactorHasher(Protocol):
    """Keyed hashes, and what must not be guessed."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of ``secret``."""
        ...

    def new_client_token(self) -> str:
        """A fresh unguessable token in UUID form."""
        ...

    def one_time_password(self) -> Secret:
        """Six random digits."""
        ...


class FactorStore(Protocol):
    """Challenges of one transaction."""

    def add(self, challenge: Challenge, *, forget_before: datetime) -> None:
        """Store a challenge, and drop the merchant's that were made before."""
        ...

    def find(self, merchant_id: int, challenge_id: str) -> Challenge | None:
        """The merchant's challenge with that id, locked to be changed."""
        ...

    def change(self, challenge: Challenge) -> None:
        """Store a challenge's tries and use."""
        ...

    def wrong_since(self, merchant_id: int, since: datetime) -> int:
        """Wrong tries at the merchant's challenges made since then."""
        ...


class FactorTx(Protocol):
    """The store of one transaction."""

    @property
    def factors(self) -> FactorStore:
        """Challenges."""
        ...


class FactorUnits(Protocol):
    """Runs work in a transaction."""

    async def write(self, work: Callable[[FactorTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit."""
        ...


class Factors:
    """Second factors of refunds. Without ``notifier``, boarding enables them for sandbox merchants only."""

    def __init__(
        self,
        *,
        units: FactorUnits,
        hasher: FactorHasher,
        clock: SystemClock,
        notifier: Notifier | None = None,
    ) -> None:
        self._units = units
        self._hasher = hasher
        self._clock = clock
        self._notifier = notifier

    async def challenge(self, caller: Caller, amount: Money) -> str:
        """Prepare a refund of ``amount``: the challenge's id. Where refunds need it, a password is sent."""
        challenge_id = self._hasher.new_client_token()
        factor = caller.merchant.refund_factor
        if not factor.enabled:
            return challenge_id
        sandbox = caller.merchant.sandbox
        password = SANDBOX_PASSWORD if sandbox else self._hasher.one_time_password()
        merchant_id, terminal_id = caller.key
        made_at = caller.now(self._clock.now())
        challenge = Challenge(
            merchant_id=merchant_id,
            challenge_id=challenge_id,
            terminal_id=terminal_id,
            amount=amount,
            password_hash=self._hash(challenge_id, password),
            made_at=made_at,
        )
        await self._units.write(
            lambda tx: tx.factors.add(challenge, forget_before=made_at - KEPT), merchant_id=merchant_id
        )
        if not sandbox:
            assert self._notifier is not None, "a factor was enabled that nobody delivers"
            await self._notifier.send_password(caller, password, amount=amount)
        return challenge_id

    async def prove(
        self, caller: Caller, proof: Proof | None, amount: Money, *, used_by: bytes = USED_ONCE
    ) -> None:
        """Use up the password for a refund of ``amount``, if the merchant's refunds need one.

        ``used_by``: the fingerprint of an idempotent request, which may prove itself again. Refuses
        ``WRONG_FACTOR``.
        """
        if not caller.merchant.refund_factor.enabled:
            return
        if proof is None or not proof.challenge_id or proof.password is None:
            raise Refused(Reason.WRONG_FACTOR)
        merchant_id, terminal_id = caller.key
        challenge_id = proof.challenge_id
        password_hash = self._hash(challenge_id, proof.password)
        now = caller.now(self._clock.now())

        def work(tx: FactorTx) -> bool:
            challenge = tx.factors.find(merchant_id, challenge_id)
            if challenge is None:
                return False
            fits = hmac.compare_digest(challenge.password_hash, password_hash) and (
                (challenge.terminal_id, challenge.amount) == (terminal_id, amount)
            )
            if challenge.used_by is not None:
                return fits and challenge.used_by == used_by != USED_ONCE
            if challenge.wrong >= TRIES_MAX or not challenge.made_at <= now < challenge.made_at + LIFE:
                return False
            if tx.factors.wrong_since(merchant_id, now - WRONG_WINDOW) >= WRONG_MAX:
                return False
            if fits:
                tx.factors.change(replace(challenge, used_by=used_by))
            else:
                tx.factors.change(replace(challenge, wrong=challenge.wrong + 1))
            return fits

        # The refusal is raised outside, so that a wrong try is kept.
        if not await self._units.write(work, merchant_id=merchant_id):
            raise Refused(Reason.WRONG_FACTOR)

    def _hash(self, challenge_id: str, password: Secret) -> bytes:
        return self._hasher.digest(f"{challenge_id}\n{password.reveal()}")
