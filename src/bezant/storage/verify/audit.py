"""The audit logs: each one chain from its first entry to its sealed end, and none of them gone.

Unlike the other rules, this one needs a key: what links the entries is a keyed hash, recomputed here entry
by entry.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from bezant.core.people import OrganizationKind
from bezant.storage.crypto import ChainKey
from bezant.storage.stores.audit import CHAIN_OPENED, GATEWAY, LINKED, NO_LINK, Key, seal
from bezant.storage.tables import audit_entries, audit_heads, users
from bezant.storage.verify.rules import FINDINGS_MAX, Finding, Verdict

_FETCHED_AT_ONCE: Final = 1_000
_HEADS: Final = select(audit_heads)
_OWNERS: Final = select(users.c.owner_kind, users.c.owner_id).distinct()
_ENTRIES: Final = (
    select(audit_entries)
    .order_by(audit_entries.c.owner_kind, audit_entries.c.owner_id, audit_entries.c.sequence)
    .execution_options(yield_per=_FETCHED_AT_ONCE)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """The invariant of the audit logs, with the key that it needs."""

    chain: ChainKey
    invariant: str = "I13"
    title: str = "Every audit log is whole"

    def run(self, connection: Connection, *, now: datetime) -> Verdict:  # noqa: ARG002 - as any check is run
        """Look for whatever was changed, left out, re-ordered or cut off."""
        found = list(self._findings(connection))
        return Verdict(findings=tuple(found[:FINDINGS_MAX]), count=len(found))

    def _findings(self, connection: Connection) -> Iterator[Finding]:
        heads: dict[Key, Row[Any]] = {
            (row.owner_kind, row.owner_id): row for row in connection.execute(_HEADS)
        }
        opened: Counter[Key] = Counter()
        ends: dict[Key, tuple[int, bytes]] = {}
        for key, entries in groupby(
            connection.execute(_ENTRIES), key=lambda row: (row.owner_kind, row.owner_id)
        ):
            sequence, link = 0, NO_LINK
            for entry in entries:
                yield from self._broken(entry, key, sequence=sequence, link=link)
                sequence = entry.sequence if isinstance(entry.sequence, int) else sequence + 1
                link = _bytes(entry.link)
                if key == GATEWAY and entry.action == CHAIN_OPENED:
                    opened.update(_named(entry.facts))
            ends[key] = sequence, link
        for key in heads.keys() | ends.keys():
            yield from self._cut_off(key, heads.get(key), ends.get(key, (0, NO_LINK)))
        # Whoever has a user has had an entry: that the user was added.
        needed = {*opened, *((row.owner_kind, row.owner_id) for row in connection.execute(_OWNERS))}
        if needed | (ends.keys() - {GATEWAY}):
            needed.add(GATEWAY)
        for key in needed - heads.keys() - ends.keys():
            yield self._finding(key, "is gone")

    def _broken(self, entry: Row[Any], key: Key, *, sequence: int, link: bytes) -> Iterator[Finding]:
        """What is wrong with an entry, which should come right after that sequence number and link."""
        if entry.sequence != sequence + 1:
            yield self._finding(key, f"lacks what came between entries {sequence} and {entry.sequence}")
        elif self.chain.link(link, [entry._mapping[name] for name in LINKED]) != _bytes(entry.link):  # noqa: SLF001 - SQLAlchemy's public name
            yield self._finding(key, f"was changed at entry {entry.sequence}")

    def _cut_off(self, key: Key, head: Row[Any] | None, end: tuple[int, bytes]) -> Iterator[Finding]:
        """What is wrong with the end of a log."""
        if head is None:
            yield self._finding(key, f"has {end[0]} entries and no end")
        elif _bytes(head.seal) != seal(self.chain, key, head.sequence, _bytes(head.link)):
            yield self._finding(key, "has an end that was changed")
        elif (head.sequence, _bytes(head.link)) != end:
            yield self._finding(key, f"ends with entry {head.sequence}, the last one there is {end[0]}")

    def _finding(self, key: Key, message: str) -> Finding:
        kind, owner_id = key
        subject = "the gateway" if key == GATEWAY else f"{kind} {owner_id}"
        return Finding(
            invariant=self.invariant,
            merchant_id=owner_id if kind == OrganizationKind.MERCHANT else None,
            subject=f"audit log of {subject}",
            message=message,
        )


def _bytes(value: object) -> bytes:
    """What was stored as bytes; nothing where SQLite was given something else."""
    return value if isinstance(value, bytes) else b""


def _named(facts: str) -> Sequence[Key]:
    """The log that an entry says was opened; nothing if it was changed so that it says nothing."""
    try:
        told = json.loads(facts)
        return [(str(told["owner_kind"]), int(told["owner_id"]))]
    except (ValueError, TypeError, KeyError):
        return []
