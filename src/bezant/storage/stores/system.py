"""What the gateway keeps for itself: id blocks, data keys, number ranges, the change counter."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from bezant.core.vault import BinRecord, BinSource
from bezant.storage import tables as t
from bezant.storage.bulk import BulkInsert
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.writes import Writes

_ACCOUNTS = "accounts"
_VERSION = select(t.changes.c.version).where(t.changes.c.name == _ACCOUNTS)
_INSERT_BINS = BulkInsert(t.bins)


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
        return [_bin(row) for row in self._connection.execute(select(t.bins))]

    def bins_below(self, prefix: str) -> list[BinRecord]:
        """The number ranges that begin with these digits, or that these digits are in."""
        wider = [prefix[:length] for length in range(1, len(prefix))]
        rows = self._connection.execute(
            select(t.bins)
            .where(or_(t.bins.c.prefix.startswith(prefix, autoescape=True), t.bins.c.prefix.in_(wider)))
            .order_by(t.bins.c.prefix)
        )
        return [_bin(row) for row in rows]

    def put_bins(self, records: Sequence[BinRecord]) -> None:
        """Store number ranges, in place of those with the same digits. No digits may be there twice."""
        self._writes.touch()
        prefixes = [record.prefix for record in records]
        self._connection.execute(t.bins.delete().where(t.bins.c.prefix.in_(prefixes)))
        _INSERT_BINS.run(
            self._connection,
            [
                (
                    record.prefix,
                    record.funding,
                    record.issuer,
                    record.country,
                    record.level,
                    record.category,
                    record.source,
                )
                for record in records
            ],
        )

    def bin_sources(self) -> list[BinSource]:
        """Where number ranges were imported from."""
        rows = self._connection.execute(select(t.bin_sources).order_by(t.bin_sources.c.name))
        return [
            BinSource(
                name=row.name,
                attribution=row.attribution,
                records=row.records,
                imported_at=from_micros(row.imported_at),
            )
            for row in rows
        ]

    def put_bin_source(self, source: BinSource) -> None:
        """Store a source, in place of the one with the same name."""
        self._writes.touch()
        self._connection.execute(t.bin_sources.delete().where(t.bin_sources.c.name == source.name))
        self._connection.execute(
            t.bin_sources.insert().values(
                name=source.name,
                attribution=source.attribution,
                records=source.records,
                imported_at=to_micros(source.imported_at),
            )
        )

    def accounts_version(self) -> int:
        """How often accounts, credentials or clocks have changed."""
        return self._connection.execute(_VERSION).scalar_one_or_none() or 0

    def accounts_changed(self) -> None:
        """Let every process know that what it has cached may be wrong."""
        self._writes.touch()
        found = self._connection.execute(
            update(t.changes).where(t.changes.c.name == _ACCOUNTS).values(version=t.changes.c.version + 1)
        ).rowcount
        if not found:
            self._connection.execute(t.changes.insert().values(name=_ACCOUNTS, version=1))


def _bin(row: Row[Any]) -> BinRecord:
    return BinRecord(
        prefix=row.prefix,
        funding=row.funding,
        issuer=row.issuer,
        country=row.country,
        level=row.level,
        category=row.category,
        source=row.source,
    )
