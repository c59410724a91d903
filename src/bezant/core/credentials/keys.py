"""API keys: made, looked at, copied and reset by people, and proven by callers."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from bezant.core.credentials.desk import Desk
from bezant.core.credentials.directory import CredentialDirectory
from bezant.core.credentials.model import API_KEY, ApiKey, KeyPair
from bezant.core.credentials.ports import CredentialTx, CredentialUnits, Names
from bezant.core.merchants import SystemClock
from bezant.core.outcomes import BadFacts
from bezant.core.people import Actor, Facts, OwnerRef, Permission
from bezant.core.sensitive import Secret

KEY_PREFIX: Final = "dakey_"
SECRET_PREFIX: Final = "dskey_"  # noqa: S105 - how a secret begins, not one
RANDOM_LENGTH: Final = 32
"""Letters and digits behind a prefix: 190 bits (source of the form: public client)."""

TRIES_MAX: Final = 10
TRIES_WINDOW: Final = timedelta(minutes=10)
LOCK_LIFE: Final = timedelta(hours=1)


class Credentials:
    """The key pair of an organization, for those who may see to it.

    All of them raise ``Forbidden``, and ``BadFacts`` where there is no such organization or key.
    """

    def __init__(
        self,
        *,
        units: CredentialUnits,
        directory: CredentialDirectory,
        names: Names,
        clock: SystemClock,
    ) -> None:
        self._desk = Desk(units=units, directory=directory, clock=clock)
        self._names = names
        self._clock = clock

    async def generate(self, actor: Actor, owner: OwnerRef) -> KeyPair:
        """An organization's first key pair. Raises ``BadFacts`` when it has one."""
        name = KEY_PREFIX + self._names.random_text(RANDOM_LENGTH)
        secret = self._new_secret()
        pair = KeyPair(
            key=ApiKey(
                owner=owner,
                name=name,
                secret_hash=self._names.digest(secret.reveal()),
                generation=1,
                made_at=self._clock.now(),
            ),
            secret=secret,
        )

        def work(tx: CredentialTx) -> tuple[KeyPair, Facts]:
            if tx.credentials.key_of(owner) is not None:
                raise BadFacts("there is a key already: its secret can be copied or reset")
            tx.credentials.add_pair(pair)
            return pair, _facts(pair.key)

        return await self._desk.change(
            actor, Permission.CREDENTIALS_GENERATE, owner, "credential.generated", work
        )

    async def view(self, actor: Actor, owner: OwnerRef) -> ApiKey | None:
        """An organization's key, without its secret, if it has one."""

        def work(tx: CredentialTx) -> tuple[ApiKey | None, Facts]:
            found = tx.credentials.key_of(owner)
            return found, {"key": found.name if found else None}

        return await self._desk.look(actor, Permission.CREDENTIALS_VIEW, owner, "credential.viewed", work)

    async def copy(self, actor: Actor, owner: OwnerRef) -> KeyPair:
        """An organization's key with its secret in clear."""

        def work(tx: CredentialTx) -> tuple[KeyPair, Facts]:
            pair = _pair(tx, owner)
            return pair, _facts(pair.key)

        return await self._desk.look(actor, Permission.CREDENTIALS_COPY, owner, "credential.copied", work)

    async def reset(self, actor: Actor, owner: OwnerRef) -> KeyPair:
        """A new secret for an organization's key. The one before is worth nothing from then on.

        Raises ``Conflict`` when somebody else did so at the same time.
        """
        secret = self._new_secret()
        secret_hash, at = self._names.digest(secret.reveal()), self._clock.now()

        def work(tx: CredentialTx) -> tuple[KeyPair, Facts]:
            before = _pair(tx, owner).key
            key = replace(before, secret_hash=secret_hash, generation=before.generation + 1, reset_at=at)
            pair = KeyPair(key=key, secret=secret)
            tx.credentials.replace_secret(pair)
            return pair, _facts(key)

        return await self._desk.change(actor, Permission.CREDENTIALS_RESET, owner, "credential.reset", work)

    def _new_secret(self) -> Secret:
        return Secret(SECRET_PREFIX + self._names.random_text(RANDOM_LENGTH))


class Denied(StrEnum):
    """Why a key pair was not taken."""

    WRONG = "wrong"
    """There is no such key, or the secret is not its own: which of them is not told."""
    LOCKED = "locked"
    """Too many wrong tries with this key from this address."""


class KeyDenied(Exception):
    """The key pair is not taken."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(denied.value)
        self.denied = denied


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is counted against a caller."""

    failed: bool
    locked: bool


class KeyGate:
    """Lets callers in by key and secret; who guesses is locked out for an hour."""

    def __init__(
        self,
        *,
        units: CredentialUnits,
        directory: CredentialDirectory,
        names: Names,
        clock: SystemClock,
    ) -> None:
        self._units = units
        self._directory = directory
        self._names = names
        self._clock = clock

    async def enter(self, *, name: str, secret: Secret, address: str) -> ApiKey:
        """The key that this pair is. ``address`` is the caller's. Raises ``KeyDenied``."""
        caller = self._names.digest(f"api key\n{name}\n{address}")
        at = self._clock.now()

        def standing(tx: CredentialTx) -> _Standing:
            until = tx.failures.locked_until(caller)
            return _Standing(tx.failures.has_failed(caller), until is not None and at < until)

        counted = await self._units.read(standing)
        if counted.locked:
            raise KeyDenied(Denied.LOCKED)
        key = await self._directory.key_named(name) if API_KEY.fullmatch(name) else None
        # A hash is made and compared for a key that nobody has, too.
        shown = self._names.digest(secret.reveal())
        fits = hmac.compare_digest(key.secret_hash if key else bytes(len(shown)), shown)
        if key is None or not fits:
            await self._units.write(
                lambda tx: tx.failures.record(
                    caller, at=at, attempts_max=TRIES_MAX, window=TRIES_WINDOW, lock=LOCK_LIFE
                ),
                merchant_id=caller[0],
            )
            raise KeyDenied(Denied.WRONG)
        if counted.failed:  # only failures in a row count
            await self._units.write(lambda tx: tx.failures.clear(caller), merchant_id=caller[0])
        return key


def _pair(tx: CredentialTx, owner: OwnerRef) -> KeyPair:
    pair = tx.credentials.pair_of(owner)
    if pair is None:
        raise BadFacts("there is no key yet: generate one")
    return pair


def _facts(key: ApiKey) -> Facts:
    return {"key": key.name, "generation": key.generation}
