"""Idempotency keys: which were used, by what request, and what came of it."""

from __future__ import annotations

from sqlalchemy import Connection

from bezant.core.faults import fault_point
from bezant.core.outcomes import Conflict
from bezant.core.payments import Claim
from bezant.storage.bulk import BulkInsert, Row
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.lookup import Lookup
from bezant.storage.tables import claims
from bezant.storage.writes import Writes

_INSERT = BulkInsert(claims)
FIND = Lookup(claims, by=("merchant_id", "terminal_id", "key"))


Place = tuple[int, int, str]
"""Merchant, terminal and key."""


class Claims:
    """Idempotency keys of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._new: dict[Place, Claim] = {}
        self._expected: dict[Place, Row | None] = {}

    def expect(self, place: Place, row: Row | None) -> None:
        """What the database has of a key that is asked for next."""
        self._expected[place] = row

    def find(self, merchant_id: int, terminal_id: int, key: str) -> Claim | None:
        """Who used that key."""
        place = merchant_id, terminal_id, key
        is_expected = place in self._expected
        row = self._expected.pop(place, None)
        known = self._new.get(place)
        if known is not None:
            return known
        if not is_expected:
            row = FIND.find(self._connection, place)
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
            fault_point("claim.written")


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
