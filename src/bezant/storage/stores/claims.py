"""Idempotency keys: which were used, by what request, and what came of it."""

from __future__ import annotations

from sqlalchemy import Connection

from bezant.core.outcomes import Conflict
from bezant.core.payments import Claim
from bezant.storage.bulk import BulkInsert, Row
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.lookup import Lookup
from bezant.storage.tables import claims
from bezant.storage.writes import Writes

_INSERT = BulkInsert(claims)
_FIND = Lookup(claims, by=("merchant_id", "terminal_id", "key"))


class Claims:
    """Idempotency keys of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._new: dict[tuple[int, int, str], Claim] = {}

    def find(self, merchant_id: int, terminal_id: int, key: str) -> Claim | None:
        """Who used that key."""
        known = self._new.get((merchant_id, terminal_id, key))
        if known is not None:
            return known
        row = _FIND.find(self._connection, (merchant_id, terminal_id, key))
        return None if row is None else _claim(row)

    def add(self, claim: Claim) -> None:
        """Use a key; a second use fails at the end of the transaction."""
        self._writes.touch()
        place = claim.merchant_id, claim.terminal_id, claim.key
        if place in self._new:
            message = "an idempotency key was used twice in one transaction"
            raise Conflict(message)
        self._new[place] = claim

    def flush(self) -> None:
        """Write the claims."""
        if self._new:
            new, self._new = self._new, {}
            _INSERT.run(
                self._connection,
                [
                    (
                        claim.merchant_id,
                        claim.terminal_id,
                        claim.key,
                        claim.fingerprint,
                        claim.subject_id,
                        to_micros(claim.claimed_at),
                    )
                    for claim in new.values()
                ],
            )


def _claim(row: Row) -> Claim:
    merchant_id, terminal_id, key, fingerprint, subject_id, claimed_at = row
    return Claim(
        merchant_id=merchant_id,
        terminal_id=terminal_id,
        key=key,
        fingerprint=fingerprint,
        subject_id=subject_id,
        claimed_at=from_micros(claimed_at),
    )
