"""Signed tokens: what a key pair is exchanged for, refreshed while it is good, judged at every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from bezant.core.credentials.directory import CredentialDirectory
from bezant.core.credentials.model import (
    GRACE,
    LIFE_MAX,
    SCOPES,
    ApiKey,
    Bearer,
    Claims,
    IssuedToken,
    Refusal,
    SigningKey,
    judge,
    life_of,
)
from bezant.core.credentials.ports import Callers, CredentialTx, CredentialUnits, Names, TokenWriter
from bezant.core.merchants import SystemClock
from bezant.core.outcomes import Conflict
from bezant.core.people import Actor, Facts, OrganizationKind, OwnerRef

OVERLAP: Final = LIFE_MAX + GRACE + timedelta(minutes=1)
"""How long a key that signs no more still proves what it signed. The last minute is for processes that have
not heard yet that another key has taken over."""


class Tokens:
    """Issues, refreshes and judges tokens.

    Their time is the owner's: a merchant's own clock, real time for everybody else.
    """

    def __init__(
        self,
        *,
        units: CredentialUnits,
        directory: CredentialDirectory,
        callers: Callers,
        writer: TokenWriter,
        names: Names,
        clock: SystemClock,
    ) -> None:
        self._units = units
        self._directory = directory
        self._callers = callers
        self._writer = writer
        self._names = names
        self._clock = clock

    async def issue(self, key: ApiKey, *, asked: timedelta | None = None) -> IssuedToken:
        """A token for whoever has proven this key, good for as long as was asked, within the limits."""
        life = life_of(asked)
        issued_at = _whole_seconds(await self._now(key.owner))
        scopes = SCOPES[key.owner.kind]
        claims = Claims(
            owner=key.owner,
            scopes=scopes,
            unique_id=self._names.new_client_token(),
            issued_at=issued_at,
            expires_at=issued_at + life,
            stamp=key.stamp,
        )
        text = self._writer.write(claims, await self._signing_key())
        return IssuedToken(text=text, owner=key.owner, scopes=scopes, issued_at=issued_at, life=life)

    async def refresh(self, text: str, *, asked: timedelta | None = None) -> IssuedToken | Refusal:
        """A new token for one that is good or in its grace, which stays so; as long-lived unless asked.

        One whose key's secret was reset is ``INVALID`` here, however good it is elsewhere.
        """
        read = await self._read(text)
        if isinstance(read, Refusal):
            return read
        judged = judge(read, await self._now(read.owner))
        if isinstance(judged, Refusal):
            return judged
        key = await self._directory.key_named(read.stamp.partition(".")[0])
        if key is None or key.owner != read.owner or key.stamp != read.stamp:
            return Refusal.INVALID
        return await self.issue(key, asked=read.expires_at - read.issued_at if asked is None else asked)

    async def check(self, text: str) -> Bearer | Refusal:
        """Who shows this token, and what it opens. Any text will do."""
        read = await self._read(text)
        return read if isinstance(read, Refusal) else judge(read, await self._now(read.owner))

    async def rotate(self, actor: Actor, *, at_once: bool = False) -> SigningKey:
        """Sign with a new key from now on, on behalf of ``actor``, who may.

        What was signed before stays good, unless ``at_once``: then its holders have to authenticate again.
        Raises ``Conflict`` when somebody else did so at the same time.
        """
        known = await self._units.read(lambda tx: tx.credentials.signing_keys())
        at = self._clock.now()
        key = await self._writer.new_key(known[0].number + 1 if known else 1, at=at)

        def work(tx: CredentialTx) -> SigningKey:
            tx.credentials.add_signing_key(key)
            tx.credentials.retire_signing_keys(below=key.number, until=at if at_once else at + OVERLAP)
            facts: Facts = {"key_id": key.key_id, "at_once": at_once}
            tx.audit.record(None, actor, "token_key.rotated", facts, at=at)
            tx.boarding.changed()
            return key

        rotated = await self._units.write(work, merchant_id=0)
        self._directory.forget()
        return rotated

    async def published(self) -> Sequence[Mapping[str, str]]:
        """The public halves of the keys whose tokens are good, as JSON Web Keys, the newest first."""
        now = self._clock.now()
        keys = await self._directory.signing_keys()
        return [self._writer.published(key) for key in keys if not key.is_over(now)]

    async def _read(self, text: str) -> Claims | Refusal:
        now = self._clock.now()
        read = self._writer.read(text, await self._directory.signing_keys())
        if read is Refusal.BAD_SIGNATURE and (newer := await self._directory.newer_signing_keys(now)):
            read = self._writer.read(text, newer)
        if isinstance(read, Refusal):
            return read
        claims, key = read
        return Refusal.EXPIRED if key.is_over(now) else claims

    async def _signing_key(self) -> SigningKey:
        """The newest key. The gateway's first is made when it is first needed."""
        keys = await self._directory.signing_keys()
        if keys:
            return keys[0]
        first = await self._writer.new_key(1, at=self._clock.now())
        try:
            await self._units.write(lambda tx: tx.credentials.add_signing_key(first), merchant_id=0)
        except Conflict:
            return (await self._directory.signing_keys())[0]  # another process made it first
        return first

    async def _now(self, owner: OwnerRef) -> datetime:
        real = self._clock.now()
        if owner.kind is not OrganizationKind.MERCHANT:
            return real
        account = await self._callers.account(owner.owner_id)
        return account.merchant.clock.at(real) if account else real


def _whole_seconds(instant: datetime) -> datetime:
    return datetime.fromtimestamp(int(instant.timestamp()), UTC)
