"""Payments made long ago: rows put straight into the tables, as fast as the database takes them.

They are settled sales of one merchant, spread evenly over its terminals and over the year before now. Each
is what a sale leaves behind: the payment, its events, its postings. Their ids lie below those that a gateway
gives out, and their batches above those that it opens, so that sales can go on beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, NullPool, create_engine, text

from bezant.storage.ids import FIRST_ID

DAYS: Final = 365
_DAY_MICROS: Final = 86_400_000_000
_FIRST_BATCH: Final = 1_000_000

_SERIES: Final = {
    "sqlite": (
        "WITH RECURSIVE series(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM series WHERE n + 1 < :rows)"
    ),
    "postgresql": (
        "WITH series AS (SELECT generate_series(CAST(:first AS bigint), CAST(:rows AS bigint) - 1) AS n)"
    ),
}
_FACTS: Final = """
, made AS (
    SELECT n + 1 AS payment_id,
           :first_terminal + n % :terminals AS terminal_id,
           :began + n * (:period / :rows) AS at,
           100 + n % 49900 AS cents,
           n / :terminals % 10000000 AS number
      FROM series
)
"""
_PAYMENTS: Final = """
INSERT INTO payments (
    merchant_id, payment_id, terminal_id, kind, state, profile, currency, base, tax, fee, tip,
    token, bin, last4, brand, expiry, invoice, cardholder, audit_number, audit_day, retrieval_reference,
    requested_at, sent_at, lease_until, batch_number, transaction_number, approval_code, response_code,
    partial, answered_at, refunded, refund_count, incremented, settled_at, revision
)
"""
_PAYMENT: Final = """
SELECT :merchant, payment_id, terminal_id, 'sale', 'settled', 'traditional', 'USD', cents, 0, 0, 0,
       NULL, '41111111', '1111', 'visa', '3612', 'INV', 'PAT EXAMPLE', number, at / 86400000000,
       '600000000000', at, at, at, :first_batch + at / 86400000000, number, '123456', '00',
       :no, at, 0, 0, 0, at, 2
  FROM made
"""
_EVENTS: Final = """INSERT INTO payment_events (merchant_id, payment_id, revision, "before", "after", at)"""
_EVENT: Final = """
SELECT :merchant, payment_id, revision, "before", "after", at
  FROM made,
       (SELECT 0 AS revision, '' AS "before", 'sending' AS "after" UNION ALL
        SELECT 1, 'sending', 'captured' UNION ALL SELECT 2, 'captured', 'settled') AS steps
"""
_POSTINGS: Final = (
    "INSERT INTO postings (merchant_id, subject_id, cause, line, layer, account, currency, minor, booked_at)"
)
_POSTING: Final = """
SELECT :merchant, payment_id, 'sale', line, 'posted', account, 'USD', sign * cents, at
  FROM made,
       (SELECT 0 AS line, 'captured' AS account, 1 AS sign UNION ALL
        SELECT 1, 'merchant_payable', -1) AS lines
"""
_STATEMENTS: Final = ((_PAYMENTS, _PAYMENT), (_EVENTS, _EVENT), (_POSTINGS, _POSTING))


def fill(
    database_url: str, *, merchant_id: int, terminal_ids: Sequence[int], rows: int, first: int = 0
) -> None:
    """Store so many sales, of which ``first`` are there already.

    The terminals' ids follow one another; fewer rows than the first id given out.
    """
    assert rows < FIRST_ID, "ids that a gateway will give out"
    assert list(terminal_ids) == list(range(terminal_ids[0], terminal_ids[0] + len(terminal_ids)))
    now = int(datetime.now(UTC).timestamp() * 1_000_000)
    facts = {
        "merchant": merchant_id,
        "first_terminal": terminal_ids[0],
        "terminals": len(terminal_ids),
        "first": first,
        "rows": rows,
        "began": now - DAYS * _DAY_MICROS,
        "period": DAYS * _DAY_MICROS,
        "first_batch": _FIRST_BATCH,
        "no": False,
    }
    engine = create_engine(database_url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            for into, row in _STATEMENTS:
                _run(connection, into, row, facts)
        if engine.dialect.name == "postgresql":
            # What autovacuum does in time: the planner's figures, and the map of pages that all may see.
            with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                for table in ("payments", "payment_events", "postings"):
                    connection.execute(text(f"VACUUM ANALYZE {table}"))
    finally:
        engine.dispose()


def _run(connection: Connection, into: str, row: str, facts: Mapping[str, object]) -> None:
    series = _SERIES[connection.dialect.name] + _FACTS
    used = {name: value for name, value in facts.items() if f":{name}" in series + row}
    connection.execute(text(into + series + row), used)
