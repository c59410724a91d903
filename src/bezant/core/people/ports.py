"""What this domain needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from bezant.core.people.model import Actor, ActorKind, OwnerRef

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
