"""Rules about gift cards: movements, what they booked, their numbers and history.

Balances are the gift host's: that it agrees is for whoever can ask it. What is held against each other here
is what this gateway was told and what it has booked.
"""

from __future__ import annotations

from bezant.core.gift import MOVEMENT
from bezant.storage.verify.rules import Rule

_STEPS = ", ".join(f"'{before}>{after}'" for (before, _), after in MOVEMENT.rows.items())

GIFT = (
    Rule(
        subject="gift {kind} {movement_id}",
        message="is {state} for {amount}, its entry is {booked}",
        query="""
            SELECT m.merchant_id, m.movement_id, m.kind, m.state, m.amount, COALESCE(s.minor, 0) AS booked
            FROM gift_movements m
            LEFT JOIN postings s ON s.merchant_id = m.merchant_id AND s.subject_id = m.movement_id
                AND s.line = 1 AND s.cause = CASE m.kind
                    WHEN 'activation' THEN 'gift_load' WHEN 'load' THEN 'gift_load'
                    WHEN 'redemption' THEN 'gift_redemption' WHEN 'refund' THEN 'gift_refund'
                    WHEN 'deactivation' THEN 'gift_payout' ELSE 'gift_void' END
            WHERE COALESCE(s.minor, 0) <> CASE WHEN m.state NOT IN ('booked', 'voiding', 'voided') THEN 0
                WHEN m.kind = 'void' THEN -m.amount ELSE m.amount END
        """,
    ),
    Rule(
        subject="{cause} entry of {subject_id}",
        message="records no gift movement",
        query="""
            SELECT s.merchant_id, s.subject_id, s.cause
            FROM postings s
            LEFT JOIN gift_movements m ON m.merchant_id = s.merchant_id AND m.movement_id = s.subject_id
            WHERE s.line = 1 AND s.cause LIKE 'gift!_%' ESCAPE '!' AND m.movement_id IS NULL
        """,
    ),
    Rule(
        subject="account {account} in {currency}",
        message="holds {booked}, the gift movements say {expected}",
        query="""
            WITH standing AS (
                SELECT merchant_id, currency, kind, amount FROM gift_movements
                WHERE state IN ('booked', 'voiding') AND kind <> 'void'
            ), entries AS (
                SELECT merchant_id, currency, account, minor AS booked, 0 AS expected
                FROM postings WHERE account LIKE 'gift!_%' ESCAPE '!'
                UNION ALL
                SELECT merchant_id, currency, 'gift_loads', 0,
                    CASE kind WHEN 'deactivation' THEN -amount ELSE amount END
                FROM standing WHERE kind IN ('activation', 'load', 'deactivation')
                UNION ALL
                SELECT merchant_id, currency, 'gift_redeemed', 0,
                    CASE kind WHEN 'redemption' THEN -amount ELSE amount END
                FROM standing WHERE kind IN ('redemption', 'refund')
                UNION ALL
                SELECT merchant_id, currency, 'gift_liability', 0,
                    CASE WHEN kind IN ('redemption', 'deactivation') THEN amount ELSE -amount END
                FROM standing
            )
            SELECT merchant_id, currency, account, SUM(booked) AS booked, SUM(expected) AS expected
            FROM entries GROUP BY merchant_id, currency, account HAVING SUM(booked) <> SUM(expected)
        """,
    ),
    Rule(
        subject="gift redemption {movement_id}",
        message="of {amount} says that {refunded} were refunded, its refunds are {live}",
        query="""
            SELECT m.merchant_id, m.movement_id, m.amount, m.refunded, COALESCE(r.live, 0) AS live
            FROM gift_movements m
            LEFT JOIN (
                SELECT merchant_id, original_id, SUM(amount) AS live FROM gift_movements
                WHERE kind = 'refund' AND state IN ('sending', 'in_doubt', 'booked', 'voiding')
                GROUP BY merchant_id, original_id
            ) r ON r.merchant_id = m.merchant_id AND r.original_id = m.movement_id
            WHERE m.refunded <> COALESCE(r.live, 0) OR m.refunded > m.amount
                OR (m.refunded > 0 AND (m.kind <> 'redemption' OR m.state <> 'booked'))
        """,
    ),
    Rule(
        subject="gift {kind} {movement_id}",
        message="is {state} with {void_count} voids that fit",
        query="""
            SELECT m.merchant_id, m.movement_id, m.kind, m.state, COALESCE(v.void_count, 0) AS void_count
            FROM gift_movements m
            LEFT JOIN (
                SELECT merchant_id, original_id, COUNT(*) AS void_count,
                    SUM(CASE state WHEN 'booked' THEN 1 ELSE 0 END) AS done_count
                FROM gift_movements WHERE kind = 'void' AND state IN ('sending', 'in_doubt', 'booked')
                GROUP BY merchant_id, original_id
            ) v ON v.merchant_id = m.merchant_id AND v.original_id = m.movement_id
            WHERE COALESCE(v.void_count, 0) <> CASE WHEN m.state IN ('voiding', 'voided') THEN 1 ELSE 0 END
                OR COALESCE(v.done_count, 0) <> CASE m.state WHEN 'voided' THEN 1 ELSE 0 END
        """,
    ),
    Rule(
        subject="gift {kind} {movement_id}",
        message="is {state}, which its reason, answer, balance, numbers or next try do not fit",
        query="""
            SELECT merchant_id, movement_id, kind, state
            FROM gift_movements
            WHERE (reason IS NOT NULL) <> (state IN ('declined', 'in_doubt', 'cancelled'))
                OR (answered_at IS NULL) <> (state = 'sending')
                OR (balance IS NOT NULL) <> (state IN ('booked', 'voiding', 'voided'))
                OR (transaction_number IS NOT NULL) <> (state IN ('booked', 'voiding', 'voided'))
                OR (audit_number IS NULL AND state <> 'declined')
                OR (next_try_at IS NOT NULL) <> (state = 'in_doubt')
                OR balance < 0
        """,
    ),
    Rule(
        subject="gift {kind} {movement_id}",
        message="is still being sent, {late_seconds} s after its lease",
        query="""
            SELECT merchant_id, movement_id, kind, (:abandoned - lease_until) / 1000000 AS late_seconds
            FROM gift_movements WHERE state = 'sending' AND lease_until < :abandoned
        """,
    ),
    Rule(
        subject="{what} {number} of terminal {terminal_id}",
        message="was given {times} times",
        query="""
            SELECT merchant_id, terminal_id, what, number, COUNT(*) AS times
            FROM (
                SELECT merchant_id, terminal_id, 'transaction number' AS what, batch_number AS period,
                    transaction_number AS number FROM gift_movements
                UNION ALL
                SELECT merchant_id, terminal_id, 'transaction number', batch_number, transaction_number
                FROM payments
                UNION ALL
                SELECT merchant_id, terminal_id, 'audit number', audit_day, audit_number FROM gift_movements
                UNION ALL
                SELECT merchant_id, terminal_id, 'audit number', audit_day, audit_number FROM payments
            ) AS given
            WHERE number IS NOT NULL
            GROUP BY merchant_id, terminal_id, what, period, number HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="id {movement_id}",
        message="names a payment and a gift movement",
        query="""
            SELECT m.merchant_id, m.movement_id FROM gift_movements m
            JOIN payments p ON p.payment_id = m.movement_id
        """,
    ),
    Rule(
        subject="gift {kind} {movement_id}",
        message="refers to {original_id}, which is no gift movement of its terminal",
        query="""
            SELECT m.merchant_id, m.movement_id, m.kind, m.original_id
            FROM gift_movements m
            LEFT JOIN gift_movements o ON o.merchant_id = m.merchant_id AND o.movement_id = m.original_id
                AND o.terminal_id = m.terminal_id
            WHERE m.original_id IS NOT NULL AND o.movement_id IS NULL
        """,
    ),
    Rule(
        subject="gift movement {movement_id}",
        message="is {state}, its last event leads to {after}",
        query="""
            SELECT m.merchant_id, m.movement_id, m.state, COALESCE(l.after, 'nothing') AS after
            FROM gift_movements m
            LEFT JOIN (
                SELECT merchant_id, movement_id, MAX(revision) AS revision
                FROM gift_events GROUP BY merchant_id, movement_id
            ) e ON e.merchant_id = m.merchant_id AND e.movement_id = m.movement_id
            LEFT JOIN gift_events l ON l.merchant_id = e.merchant_id AND l.movement_id = e.movement_id
                AND l.revision = e.revision
            WHERE COALESCE(l.after, 'nothing') <>
                CASE WHEN m.state = 'sending' OR m.audit_number IS NULL THEN 'nothing' ELSE m.state END
        """,
    ),
    Rule(
        subject="gift movement {movement_id}",
        message="went from {before} to {after} at revision {revision}, after it had come to {previous}",
        query=f"""
            SELECT merchant_id, movement_id, revision, before, after, previous
            FROM (
                SELECT merchant_id, movement_id, revision, before, after, COALESCE(
                    LAG(after) OVER (PARTITION BY merchant_id, movement_id ORDER BY revision),
                    '{MOVEMENT.initial}') AS previous
                FROM gift_events
            ) AS chained
            WHERE before <> previous OR before || '>' || after NOT IN ({_STEPS})
        """,  # noqa: S608 - our own words
    ),
)
