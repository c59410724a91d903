"""Signing in by email address and password, without telling anybody who has an account.

An address that nobody has takes the same steps as one that somebody has: it is counted, locked out, hashed
and recorded alike. A try counts before the password is looked at, so that tries that come at once do not
outrun the lock-out; a right password takes the count back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from bezant.core.people.model import Actor, ActorKind, User
from bezant.core.people.ports import NO_FACTS, CallerHasher, Clock, Outcome, Passwords, PeopleTx, PeopleUnits
from bezant.core.sensitive import Secret

TRIES_MAX: Final = 10
TRIES_WINDOW: Final = timedelta(minutes=10)
LOCK_LIFE: Final = timedelta(minutes=30)

SIGNED_IN: Final = "user.signed_in"


class SignInDenied(StrEnum):
    """Why somebody was not let in."""

    WRONG = "wrong"
    LOCKED = "locked"


class SignInRefused(Exception):
    """Nobody is signed in."""

    def __init__(self, denied: SignInDenied) -> None:
        super().__init__(denied.value)
        self.denied = denied


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """What a try found before its password was looked at. ``caller`` is the address, hashed."""

    address: str
    caller: bytes
    origin: str
    user: User | None = None
    password_hash: str | None = None
    locked: bool = False


class SignIn:
    """Lets users in."""

    def __init__(
        self, *, units: PeopleUnits, passwords: Passwords, hasher: CallerHasher, clock: Clock
    ) -> None:
        self._units = units
        self._passwords = passwords
        self._hasher = hasher
        self._clock = clock

    async def enter(self, *, email: str, password: Secret, origin: str) -> User:
        """The user with that email address and password. ``origin`` is the caller's network address.

        Raises ``SignInRefused``; ``Refused(BUSY)`` when too many are signing in.
        """
        address = email.strip().lower()
        new = _Try(address=address, caller=self._hasher.digest(f"user\n{address}"), origin=origin)
        lane = new.caller[0]  # the works of one address go to one lane, known or not
        found = await self._units.write(lambda tx: self._begin(tx, new), merchant_id=lane)
        if found.locked:
            raise SignInRefused(SignInDenied.LOCKED)
        fits = await self._passwords.fits(password, found.password_hash)
        user = await self._units.write(lambda tx: self._end(tx, found, fits=fits), merchant_id=lane)
        if user is None:
            raise SignInRefused(SignInDenied.WRONG)
        return user

    def _begin(self, tx: PeopleTx, new: _Try) -> _Try:
        at = self._clock.now()
        until = tx.failures.locked_until(new.caller)
        if until is not None and at < until:
            return replace(new, locked=True)
        tx.failures.record(new.caller, at=at, attempts_max=TRIES_MAX, window=TRIES_WINDOW, lock=LOCK_LIFE)
        user = tx.people.user_by_email(new.address)
        hashes = tx.people.passwords(user.user_id if user else 0)
        return replace(new, user=user, password_hash=hashes[0] if hashes else None)

    def _end(self, tx: PeopleTx, found: _Try, *, fits: bool) -> User | None:
        at = self._clock.now()
        user = tx.people.user_by_email(found.address)
        if fits and user is not None and user.active:
            tx.failures.clear(found.caller)
            tx.audit.record(user.owner, Actor.of(user, origin=found.origin), SIGNED_IN, at=at)
            return user
        nobody = Actor(kind=ActorKind.NOBODY, name="nobody", origin=found.origin)
        # What was typed is not recorded: it may be a password.
        owner, facts = (user.owner, {"user_id": user.user_id}) if user else (None, NO_FACTS)
        tx.audit.record(owner, nobody, SIGNED_IN, facts, at=at, outcome=Outcome.REFUSED)
        return None
