"""What the gateway keeps for itself: id blocks, data keys, number ranges, the change counter."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from bezant.core.vault import BinRecord
from bezant.storage import tables as t
from bezant.storage.instants import to_micros
from bezant.storage.writes import Writes

_ACCOUNTS = "accounts"


class System:
    """The gateway's own rows, in one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes

    def take_ids(self, name: str, size: int, *, first: int) -> range:
        """The next ``size`` ids of a sequence, which begins with ``first``. They are given out once."""
        self._writes.touch()
        table = t.id_blocks
        start = self._connection.execute(
            select(table.c.next_id).where(table.c.name == name).with_for_update()
        ).scalar_one_or_none()
        if start is None:
            start = first
            self._connection.execute(table.insert().values(name=name, next_id=start + size))
        else:
            self._connection.execute(update(table).where(table.c.name == name).values(next_id=start + size))
        return range(start, start + size)

    def data_keys(self) -> dict[int, bytes]:
        """The wrapped data keys, by key id."""
        rows = self._connection.execute(select(t.data_keys.c.key_id, t.data_keys.c.wrapped))
        return {row.key_id: bytes(row.wrapped) for row in rows}

    def add_data_key(self, key_id: int, *, wrapped: bytes, wrapped_by: str, at: datetime) -> None:
        """Store a data key."""
        self._writes.touch()
        self._connection.execute(
            t.data_keys.insert().values(
                key_id=key_id, wrapped=wrapped, wrapped_by=wrapped_by, created_at=to_micros(at)
            )
        )

    def bins(self) -> list[BinRecord]:
        """Every known issuer's number range."""
        rows = self._connection.execute(select(t.bins))
        return [
            BinRecord(
                prefix=row.prefix,
                funding=row.funding,
                issuer=row.issuer,
                country=row.country,
                level=row.level,
                category=row.category,
            )
            for row in rows
        ]

    def add_bin(self, record: BinRecord) -> None:
        """Store an issuer's number range."""
        self._writes.touch()
        self._connection.execute(
            t.bins.insert().values(
                prefix=record.prefix,
                funding=record.funding,
                issuer=record.issuer,
                country=record.country,
                level=record.level,
                category=record.category,
            )
        )

    def accounts_version(self) -> int:
        """How often accounts, credentials or clocks have changed."""
        found = self._connection.execute(
            select(t.changes.c.version).where(t.changes.c.name == _ACCOUNTS)
        ).scalar_one_or_none()
        return found or 0

    def accounts_changed(self) -> None:
        """Let every process know that what it has cached may be wrong."""
        self._writes.touch()
        found = self._connection.execute(
            update(t.changes).where(t.changes.c.name == _ACCOUNTS).values(version=t.changes.c.version + 1)
        ).rowcount
        if not found:
            self._connection.execute(t.changes.insert().values(name=_ACCOUNTS, version=1))
