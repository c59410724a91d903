"""What this domain needs from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from bezant.core.people.model import Actor, ActorKind, Organization, OwnerRef, User
from bezant.core.sensitive import Secret

T = TypeVar("T")

Fact = str | int | bool | None | Sequence[str] | Sequence[int]
Facts = Mapping[str, Fact]
"""What an entry tells beside who did what, and when. Never a secret: ids, names, what changed."""

NO_FACTS: Final[Facts] = MappingProxyType({})


class Outcome(StrEnum):
    """Whether it was done."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of an audit log. ``owner`` is whose log it is, ``None`` for the gateway's own."""

    owner: OwnerRef | None
    sequence: int
    at: datetime
    actor_kind: ActorKind
    actor: str
    origin: str
    action: str
    outcome: Outcome
    facts: Facts


class AuditTrail(Protocol):
    """The audit logs of one transaction: what is recorded is there if and only if the rest of it is."""

    def record(
        self,
        owner: OwnerRef | None,
        actor: Actor,
        action: str,
        facts: Facts = NO_FACTS,
        *,
        at: datetime,
        outcome: Outcome = Outcome.DONE,
    ) -> None:
        """Add an entry to the log of ``owner``, or with ``None`` to the gateway's own.

        ``action`` says what was done to what: ``credential.copied``, at most 40 letters. ``at`` is real time.
        Until the transaction ends, others wait who record something in the same log.
        """
        ...


class AuditStore(AuditTrail, Protocol):
    """The audit logs of one transaction, to be read too."""

    def entries(self, owner: OwnerRef | None, *, limit: int, before: int | None = None) -> Sequence[Entry]:
        """The newest entries of a log, the newest first; with ``before``, those that come before that one."""
        ...


class PeopleStore(Protocol):
    """Organizations and users of one transaction."""

    def organization(self, owner: OwnerRef) -> Organization | None:
        """An organization and its place."""
        ...

    def add_office(self, office_id: int, *, iso_id: int, name: str, at: datetime) -> None:
        """Store an agent office of an ISO."""
        ...

    def assign_office(self, merchant_id: int, office_id: int | None) -> None:
        """Let an office look after a merchant, or none."""
        ...

    def user_by_email(self, email: str) -> User | None:
        """The user with that email address, in lower case."""
        ...

    def add_user(self, user: User, *, at: datetime) -> None:
        """Store a user. Raises ``Conflict`` when the email address is taken."""
        ...

    def change_user(self, user: User) -> None:
        """Store a user's name, role and whether he is active."""
        ...

    def passwords(self, user_id: int) -> Sequence[str]:
        """The hashes of a user's password and of the few before it, the newest first."""
        ...

    def keep_password(self, user_id: int, password_hash: str, *, at: datetime) -> None:
        """Store a user's new password, and forget those that are too old to matter."""
        ...


class FailureStore(Protocol):
    """Failed sign-ins, by a hash of who tried."""

    def locked_until(self, caller: bytes) -> datetime | None:
        """Until when a caller is locked out, if he was."""
        ...

    def record(
        self, caller: bytes, *, at: datetime, attempts_max: int, window: timedelta, lock: timedelta
    ) -> datetime | None:
        """Count one more failure; the instant until which the caller is locked out, if he now is."""
        ...

    def clear(self, caller: bytes) -> None:
        """Forget a caller's failures."""
        ...


class PeopleTx(Protocol):
    """The stores of one transaction that this domain uses."""

    @property
    def people(self) -> PeopleStore:
        """Organizations and users."""
        ...

    @property
    def audit(self) -> AuditStore:
        """The audit logs."""
        ...

    @property
    def failures(self) -> FailureStore:
        """Failed sign-ins."""
        ...


class PeopleUnits(Protocol):
    """Runs work in a transaction. Work is plain code that may run more than once."""

    async def read(self, work: Callable[[PeopleTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[PeopleTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind. Owners' ids do for merchants'."""
        ...


class Passwords(Protocol):
    """Slow hashes of passwords, made beside the event loop. Refuses ``BUSY`` when too many wait for one."""

    async def hash(self, password: Secret) -> str:
        """A salted hash that says how it was made."""
        ...

    async def fits(self, password: Secret, password_hash: str | None) -> bool:
        """Whether a password is the one that was hashed. Without a hash it is not, which takes as long."""
        ...


class CallerHasher(Protocol):
    """Keyed one-way hashes."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of a text."""
        ...


class NewIds(Protocol):
    """Fresh ids."""

    async def take(self) -> int:
        """A new id."""
        ...


class Clock(Protocol):
    """Real time."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        ...
