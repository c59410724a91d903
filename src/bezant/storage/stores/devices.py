"""Terminals as devices."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, union_all

from bezant.storage.instants import maybe_instant
from bezant.storage.stores.payments import SENDING, SENT
from bezant.storage.tables import isos, payments


class Devices:
    """Devices of one transaction. Read only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def owner(self, iso_id: int) -> str:
        """The name of a sales organization."""
        found = self._connection.execute(select(isos.c.name).where(isos.c.iso_id == iso_id)).scalar_one()
        return str(found)

    def last_payment_at(self, merchant_id: int, terminal_id: int) -> datetime | None:
        """When a terminal was last asked for a payment, whatever became of it."""
        c = payments.c
        last = select(func.max(c.requested_at).label("at")).where(
            c.merchant_id == merchant_id, c.terminal_id == terminal_id
        )
        either = union_all(last.where(SENDING), last.where(SENT)).subquery()
        return maybe_instant(self._connection.execute(select(func.max(either.c.at))).scalar_one())
