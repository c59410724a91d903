"""The audit logs: one chain of rows an owner, each linked to the one before by a keyed hash.

The end of each chain is kept apart and sealed, and the gateway's own chain says which chains there are. So
nothing of a log can be changed, left out, re-ordered or cut off without the root key unless it shows.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bezant.core.people import (
    NO_FACTS,
    Actor,
    ActorKind,
    Entry,
    Facts,
    OrganizationKind,
    Outcome,
    OwnerRef,
)
from bezant.storage.crypto import ChainKey
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.tables import audit_entries, audit_heads
from bezant.storage.writes import Writes

GATEWAY: Final = ("gateway", 0)
"""The key of the gateway's own log."""

CHAIN_OPENED: Final = "audit.opened"
"""What the gateway's own log says of each other log."""

NO_LINK: Final = bytes(32)

_ACTION: Final = re.compile(r"(?=.{3,40}\Z)[a-z_]+\.[a-z_]+", re.ASCII)
_ORIGIN_LENGTH_MAX: Final = 64

LINKED: Final = tuple(column.name for column in audit_entries.columns if column.name != "link")
"""The columns that a link is made of, in their order."""

Key = tuple[str, int]


def seal(chain: ChainKey, key: Key, sequence: int, link: bytes) -> bytes:
    """The seal of a chain's end."""
    return chain.link(link, ["head", *key, sequence])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainEnd:
    """Where a log ends now: its last entry's number, and the link that all entries up to it make."""

    owner_kind: str
    owner_id: int
    sequence: int
    link: bytes


class AuditRows:
    """The audit logs of one transaction. Each statement is sent when it is asked for."""

    def __init__(self, connection: Connection, writes: Writes, chain: ChainKey) -> None:
        self._connection = connection
        self._writes = writes
        self._chain = chain

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
        """Add an entry to an owner's log, or with ``None`` to the gateway's own.

        The end of the log is locked until the transaction ends, so that concurrent entries queue up.
        """
        if _ACTION.fullmatch(action) is None:
            raise ValueError("an action is named like credential.copied")
        key = _key(owner)
        sequence = self._append(
            key,
            to_micros(at),
            actor.kind.value,
            actor.name,
            actor.origin[:_ORIGIN_LENGTH_MAX],
            action,
            outcome.value,
            json.dumps(dict(facts), sort_keys=True),
        )
        if sequence == 1 and owner is not None:
            self.record(None, actor, CHAIN_OPENED, {"owner_kind": key[0], "owner_id": key[1]}, at=at)

    def entries(self, owner: OwnerRef | None, *, limit: int, before: int | None = None) -> list[Entry]:
        """The newest entries of a log, the newest first; with ``before``, those that come before that one."""
        kind, owner_id = _key(owner)
        query = (
            select(audit_entries)
            .where(audit_entries.c.owner_kind == kind, audit_entries.c.owner_id == owner_id)
            .order_by(audit_entries.c.sequence.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(audit_entries.c.sequence < before)
        return [_entry(row) for row in self._connection.execute(query)]

    def ends(self) -> list[ChainEnd]:
        """Where every log ends."""
        rows = self._connection.execute(
            select(audit_heads).order_by(audit_heads.c.owner_kind, audit_heads.c.owner_id)
        )
        return [
            ChainEnd(
                owner_kind=row.owner_kind,
                owner_id=row.owner_id,
                sequence=row.sequence,
                link=bytes(row.link),
            )
            for row in rows
        ]

    def _append(self, key: Key, *values: str | int) -> int:
        """Add a row to a chain; its sequence number."""
        self._writes.touch()
        c = audit_heads.c
        chosen = (c.owner_kind == key[0], c.owner_id == key[1])
        find = select(c.sequence, c.link).where(*chosen).with_for_update()
        head = self._connection.execute(find).one_or_none()
        if head is None:
            self._open(key)
            head = self._connection.execute(find).one()
        sequence: int = head.sequence + 1
        row = (*key, sequence, *values)
        link = self._chain.link(bytes(head.link), row)
        self._connection.execute(
            audit_entries.insert().values({**dict(zip(LINKED, row, strict=True)), "link": link})
        )
        self._connection.execute(
            update(audit_heads)
            .where(*chosen)
            .values(sequence=sequence, link=link, seal=seal(self._chain, key, sequence, link))
        )
        return sequence

    def _open(self, key: Key) -> None:
        """Begin a chain, unless somebody else just does."""
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        self._connection.execute(
            dialect.insert(audit_heads)
            .values(
                owner_kind=key[0],
                owner_id=key[1],
                sequence=0,
                link=NO_LINK,
                seal=seal(self._chain, key, 0, NO_LINK),
            )
            .on_conflict_do_nothing()
        )


def _key(owner: OwnerRef | None) -> Key:
    return GATEWAY if owner is None else (owner.kind.value, owner.owner_id)


def _entry(row: Row[Any]) -> Entry:
    owner = None
    if (row.owner_kind, row.owner_id) != GATEWAY:
        owner = OwnerRef(kind=OrganizationKind(row.owner_kind), owner_id=row.owner_id)
    return Entry(
        owner=owner,
        sequence=row.sequence,
        at=from_micros(row.at),
        actor_kind=ActorKind(row.actor_kind),
        actor=row.actor,
        origin=row.origin,
        action=row.action,
        outcome=Outcome(row.outcome),
        facts=json.loads(row.facts),
    )
