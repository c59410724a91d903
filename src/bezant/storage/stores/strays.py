"""Answers that nobody was waiting for."""

from __future__ import annotations

from sqlalchemy import Connection

from bezant.core.payments import Stray
from bezant.storage.instants import to_micros
from bezant.storage.tables import strays
from bezant.storage.writes import Writes


class Strays:
    """Stray answers of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes

    def add(self, stray_id: int, stray: Stray) -> None:
        """Keep one."""
        self._writes.touch()
        self._connection.execute(
            strays.insert().values(
                stray_id=stray_id,
                kind=stray.kind,
                received_at=to_micros(stray.received_at),
                terminal_number=stray.terminal_number,
                audit_number=stray.audit_number,
                retrieval_reference=stray.retrieval_reference,
                response_code=stray.response_code,
                approval_code=stray.approval_code,
                amount_minor=stray.amount_minor,
            )
        )
