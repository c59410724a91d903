"""Rules about payments: outcomes and their history, doubts, numbers, keys, and whose row is whose."""

from __future__ import annotations

from bezant.storage.verify.rules import Rule

OUTCOMES = (
    Rule(
        subject="{kind} {payment_id}",
        message="is {state} for {total}, its entry is {booked}",
        query="""
            SELECT p.merchant_id, p.payment_id, p.kind, p.state, p.base + p.tax + p.fee + p.tip AS total,
                COALESCE(s.minor, 0) AS booked
            FROM payments p
            LEFT JOIN (
                SELECT t.merchant_id, t.original_id, SUM(s.minor) AS tipped
                FROM payments t
                JOIN postings s ON s.merchant_id = t.merchant_id AND s.subject_id = t.payment_id
                    AND s.line = 1
                WHERE t.kind = 'tip' AND t.state = 'done' GROUP BY t.merchant_id, t.original_id
            ) t ON t.merchant_id = p.merchant_id AND t.original_id = p.payment_id
            LEFT JOIN payments o ON p.kind = 'void' AND o.merchant_id = p.merchant_id
                AND o.payment_id = p.original_id
            LEFT JOIN postings s ON s.merchant_id = p.merchant_id AND s.subject_id = p.payment_id
                AND s.line = 1 AND s.cause = CASE WHEN p.kind = 'increment' THEN 'authorization'
                    WHEN p.kind <> 'void' THEN p.kind
                    WHEN o.kind = 'authorization' THEN 'release' ELSE 'void' END
            WHERE p.kind NOT IN ('tip', 'verification') AND p.state IN (
                    'authorized', 'releasing', 'completing', 'completed', 'incrementing', 'expired',
                    'captured', 'adjusting', 'voiding', 'settled', 'voided',
                    'done')
                AND (s.minor IS NULL OR s.minor + COALESCE(t.tipped, 0) <> (p.base + p.tax + p.fee + p.tip)
                        * CASE p.kind WHEN 'void' THEN -1 ELSE 1 END)
        """,
    ),
    Rule(
        subject="{cause} entry of {subject_id}",
        message="records a {kind} that is {state}",
        query="""
            SELECT s.merchant_id, s.subject_id, s.cause, COALESCE(p.state, b.state, 'missing') AS state,
                COALESCE(p.kind, CASE WHEN b.number IS NULL THEN 'subject' ELSE 'batch' END) AS kind
            FROM postings s
            LEFT JOIN payments p ON p.merchant_id = s.merchant_id AND p.payment_id = s.subject_id
            LEFT JOIN batches b ON s.cause = 'settlement' AND b.merchant_id = s.merchant_id
                AND b.settlement_id = s.subject_id
            WHERE s.line = 1 AND s.cause IN ('sale', 'authorization', 'capture', 'tip', 'refund', 'void',
                    'release', 'settlement')
                AND NOT COALESCE(CASE
                WHEN s.cause = 'settlement' THEN b.state = 'closed'
                WHEN p.kind = 'void' THEN s.cause IN ('void', 'release', 'authorization') AND p.state = 'done'
                WHEN p.kind = 'increment' THEN s.cause = 'authorization' AND p.state = 'done'
                WHEN p.kind = 'tip' THEN s.cause = 'tip' AND p.state = 'done'
                WHEN p.state = 'expired' THEN s.cause IN ('authorization', 'release')
                ELSE (p.kind = s.cause OR (p.kind = 'capture' AND s.cause = 'release')) AND p.state IN (
                    'authorized', 'releasing', 'completing', 'completed', 'incrementing', 'expired',
                    'captured', 'adjusting', 'voiding', 'settled', 'voided')
                END, FALSE)
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="was voided, but {total} is left in account {account}",
        query="""
            SELECT v.merchant_id, v.original_id AS payment_id, s.account, SUM(s.minor) AS total
            FROM (
                SELECT merchant_id, original_id, payment_id AS subject_id
                FROM payments WHERE kind = 'void' AND state = 'done'
                UNION ALL
                SELECT merchant_id, original_id, original_id
                FROM payments WHERE kind = 'void' AND state = 'done'
                UNION ALL
                SELECT v.merchant_id, v.original_id, f.payment_id
                FROM payments v
                JOIN payments f ON f.merchant_id = v.merchant_id AND f.original_id = v.original_id
                    AND f.kind IN ('tip', 'increment') AND f.state = 'done'
                WHERE v.kind = 'void' AND v.state = 'done'
            ) v
            JOIN postings s ON s.merchant_id = v.merchant_id AND s.subject_id = v.subject_id
            GROUP BY v.merchant_id, v.original_id, s.account HAVING SUM(s.minor) <> 0
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="is {state} with {void_count} voids that fit",
        query="""
            WITH voids AS (
                SELECT merchant_id, original_id, COUNT(*) AS void_count,
                    SUM(CASE state WHEN 'done' THEN 1 ELSE 0 END) AS done_count
                FROM payments WHERE kind = 'void' AND state IN ('sending', 'done')
                GROUP BY merchant_id, original_id
            )
            SELECT p.merchant_id, p.payment_id, p.state, COALESCE(v.void_count, 0) AS void_count
            FROM payments p
            LEFT JOIN voids v ON v.merchant_id = p.merchant_id AND v.original_id = p.payment_id
            WHERE COALESCE(v.void_count, 0) <>
                    CASE WHEN p.state IN ('voiding', 'releasing', 'voided') THEN 1 ELSE 0 END
                OR COALESCE(v.done_count, 0) <> CASE p.state WHEN 'voided' THEN 1 ELSE 0 END
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="is {state} with {pending} increments or tips under way",
        query="""
            SELECT p.merchant_id, p.payment_id, p.state, COALESCE(f.pending, 0) AS pending
            FROM payments p
            LEFT JOIN (
                SELECT merchant_id, original_id, COUNT(*) AS pending
                FROM payments WHERE kind IN ('increment', 'tip') AND state IN ('sending', 'in_doubt')
                GROUP BY merchant_id, original_id
            ) f ON f.merchant_id = p.merchant_id AND f.original_id = p.payment_id
            WHERE COALESCE(f.pending, 0) <>
                CASE WHEN p.state IN ('incrementing', 'adjusting') THEN 1 ELSE 0 END
        """,
    ),
    Rule(
        subject="{kind} {payment_id}",
        message="is {state}, which a {kind} cannot be, or its reason, answer or numbers do not fit that",
        query="""
            SELECT merchant_id, payment_id, kind, state
            FROM payments
            WHERE NOT CASE kind
                    WHEN 'authorization' THEN state IN
                        ('sending', 'declined', 'in_doubt', 'reversed', 'authorized', 'releasing',
                        'completing', 'completed', 'incrementing', 'expired', 'voided')
                    WHEN 'increment' THEN state IN ('sending', 'declined', 'in_doubt', 'reversed', 'done')
                    WHEN 'tip' THEN state IN ('sending', 'declined', 'done')
                    WHEN 'verification' THEN state IN ('sending', 'declined', 'done')
                    WHEN 'void' THEN state IN ('sending', 'declined', 'done')
                    ELSE state IN ('sending', 'declined', 'in_doubt', 'reversed', 'captured', 'adjusting',
                        'voiding', 'voided', 'settled')
                END
                OR (reason IS NOT NULL) <> (state IN ('declined', 'in_doubt', 'reversed'))
                OR (answered_at IS NULL) <> (state = 'sending')
                OR (audit_number IS NULL AND state <> 'declined')
                OR (transaction_number IS NULL AND state IN (
                    'authorized', 'releasing', 'completing', 'completed', 'incrementing', 'expired',
                    'captured', 'adjusting', 'voiding', 'settled', 'voided'))
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="is {state} with {outcomes} outcome events, the last event leads to {after}",
        query="""
            WITH events AS (
                SELECT merchant_id, payment_id, MAX(revision) AS last_revision,
                    SUM(CASE WHEN before = :initial THEN 1 ELSE 0 END) AS outcomes
                FROM payment_events GROUP BY merchant_id, payment_id
            )
            SELECT p.merchant_id, p.payment_id, p.state, COALESCE(e.outcomes, 0) AS outcomes,
                COALESCE(l.after, 'nothing') AS after
            FROM payments p
            LEFT JOIN events e ON e.merchant_id = p.merchant_id AND e.payment_id = p.payment_id
            LEFT JOIN payment_events l ON l.merchant_id = e.merchant_id AND l.payment_id = e.payment_id
                AND l.revision = e.last_revision
            WHERE COALESCE(e.outcomes, 0) <>
                    CASE WHEN p.state = :initial OR p.audit_number IS NULL THEN 0 ELSE 1 END
                OR (l.after IS NOT NULL AND (l.after <> p.state OR l.revision > p.revision))
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="went from {before} to {after} at revision {revision}, after it had come to {previous}",
        query="""
            SELECT merchant_id, payment_id, revision, before, after, previous
            FROM (
                SELECT merchant_id, payment_id, revision, before, after, COALESCE(LAG(after) OVER (
                    PARTITION BY merchant_id, payment_id ORDER BY revision), :initial) AS previous
                FROM payment_events
            ) AS chained
            WHERE before <> previous OR before || '>' || after NOT IN :steps
        """,
    ),
    Rule(
        subject="{kind} {payment_id}",
        message="is of {total}, and a verification moves nothing",
        query="""
            SELECT merchant_id, payment_id, kind, base + tax + fee + tip AS total
            FROM payments WHERE kind = 'verification' AND base + tax + fee + tip <> 0
        """,
    ),
)

DOUBTS = (
    Rule(
        subject="payment {payment_id}",
        message="is still being sent, {late_seconds} s after its lease",
        query="""
            SELECT merchant_id, payment_id, (:abandoned - lease_until) / 1000000 AS late_seconds
            FROM payments WHERE state = 'sending' AND lease_until < :abandoned
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="is {state} without a reversal that fits",
        query="""
            SELECT p.merchant_id, p.payment_id, p.state
            FROM payments p
            LEFT JOIN reversals r ON r.merchant_id = p.merchant_id AND r.payment_id = p.payment_id
            WHERE p.state IN ('in_doubt', 'reversed') AND (r.payment_id IS NULL
                OR (p.state = 'in_doubt') <> (r.confirmed_at IS NULL))
        """,
    ),
    Rule(
        subject="{kind} {payment_id}",
        message="is {state}, and a reversal takes it back",
        query="""
            SELECT p.merchant_id, p.payment_id, p.kind, p.state
            FROM reversals r
            JOIN payments p ON p.merchant_id = r.merchant_id AND p.payment_id = r.payment_id
            WHERE p.state NOT IN ('in_doubt', 'reversed', 'expired')
                AND NOT (p.kind IN ('void', 'tip') AND p.state = 'done')
        """,
    ),
)

NUMBERS = (
    Rule(
        subject="transaction number {transaction_number} of terminal {terminal_id}, batch {batch_number}",
        message="was given {times} times",
        query="""
            SELECT merchant_id, terminal_id, batch_number, transaction_number, COUNT(*) AS times
            FROM payments WHERE transaction_number IS NOT NULL
            GROUP BY merchant_id, terminal_id, batch_number, transaction_number HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="audit number {audit_number} of terminal {terminal_id}, day {audit_day}",
        message="was given {times} times",
        query="""
            SELECT merchant_id, terminal_id, audit_day, audit_number, COUNT(*) AS times
            FROM payments WHERE audit_number IS NOT NULL
            GROUP BY merchant_id, terminal_id, audit_day, audit_number HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="id {id}",
        message="names {times} payments or settlements",
        query="""
            SELECT MIN(merchant_id) AS merchant_id, id, COUNT(*) AS times
            FROM (
                SELECT merchant_id, payment_id AS id FROM payments
                UNION ALL
                SELECT merchant_id, settlement_id FROM batches WHERE settlement_id IS NOT NULL
            ) AS ids GROUP BY id HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="{kind} {payment_id}",
        message="is {state}, which its approval code does not fit",
        query="""
            SELECT merchant_id, payment_id, kind, state
            FROM payments
            WHERE kind NOT IN ('void', 'capture', 'tip', 'verification')
                AND (approval_code IS NOT NULL AND approval_code <> '') <> (state IN (
                    'authorized', 'releasing', 'completing', 'completed', 'incrementing', 'expired',
                    'captured', 'adjusting', 'voiding', 'settled', 'voided',
                    'done'))
        """,
    ),
)

CLAIMS = (
    Rule(
        subject="payment {subject_id}",
        message="was made by {times} idempotency keys",
        query="""
            SELECT c.merchant_id, c.subject_id, COUNT(*) AS times
            FROM claims c
            JOIN payments p ON p.merchant_id = c.merchant_id AND p.payment_id = c.subject_id
            GROUP BY c.merchant_id, c.subject_id HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="an idempotency key of terminal {terminal_id}",
        message="was used for {subject_id}, which is nothing that its terminal made",
        query="""
            SELECT c.merchant_id, c.terminal_id, c.subject_id
            FROM claims c
            LEFT JOIN payments p ON p.merchant_id = c.merchant_id AND p.payment_id = c.subject_id
                AND p.terminal_id = c.terminal_id
            LEFT JOIN batches b ON b.merchant_id = c.merchant_id AND b.terminal_id = c.terminal_id
                AND b.settlement_id = c.subject_id
            LEFT JOIN gift_movements m ON m.merchant_id = c.merchant_id AND m.movement_id = c.subject_id
                AND m.terminal_id = c.terminal_id
            LEFT JOIN invoices i ON i.merchant_id = c.merchant_id AND i.invoice_id = c.subject_id
                AND i.terminal_id = c.terminal_id
            WHERE c.subject_id <> 0 AND p.payment_id IS NULL AND b.number IS NULL AND m.movement_id IS NULL
                AND i.invoice_id IS NULL
        """,
    ),
)

OWNERS = (
    Rule(
        subject="{kind} {payment_id}",
        message="refers to {original_id}, which is no payment of its terminal",
        query="""
            SELECT p.merchant_id, p.payment_id, p.kind, p.original_id
            FROM payments p
            LEFT JOIN payments o ON o.merchant_id = p.merchant_id AND o.payment_id = p.original_id
                AND o.terminal_id = p.terminal_id
            WHERE p.original_id IS NOT NULL AND o.payment_id IS NULL
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="is on a card that its merchant's vault does not have",
        query="""
            SELECT p.merchant_id, p.payment_id
            FROM payments p
            LEFT JOIN cards c ON c.merchant_id = p.merchant_id AND c.token = p.token
            WHERE p.token IS NOT NULL AND c.token IS NULL
        """,
    ),
    Rule(
        subject="events of payment {payment_id}",
        message="are there, the payment is not",
        query="""
            SELECT DISTINCT e.merchant_id, e.payment_id
            FROM payment_events e
            LEFT JOIN payments p ON p.merchant_id = e.merchant_id AND p.payment_id = e.payment_id
            WHERE p.payment_id IS NULL
        """,
    ),
    Rule(
        subject="{kind} {name}",
        message="is listed for a merchant that has no such name",
        query="""
            SELECT d.merchant_id, d.kind, d.name
            FROM directory d
            LEFT JOIN merchants m ON d.kind = 'app_id' AND m.merchant_id = d.merchant_id AND m.app_id = d.name
            LEFT JOIN terminals t ON d.kind = 'terminal' AND t.merchant_id = d.merchant_id
                AND t.number = d.name
            LEFT JOIN signing_accounts s ON d.kind = 'signing' AND s.merchant_id = d.merchant_id
                AND s.identifier = d.name
            LEFT JOIN terminal_profiles n ON d.kind = 'profile' AND n.merchant_id = d.merchant_id
                AND n.number = d.name
            LEFT JOIN ecom_tokens k ON d.kind = 'ecom_token' AND k.merchant_id = d.merchant_id
                AND k.token_hash = d.name
            LEFT JOIN endpoints e ON d.kind = 'endpoint' AND e.merchant_id = d.merchant_id
                AND e.merchant_number || '/' || e.terminal_number = d.name
            LEFT JOIN invoices i ON d.kind = 'invoice' AND i.merchant_id = d.merchant_id AND i.uid = d.name
            WHERE COALESCE(
                m.merchant_id, t.merchant_id, s.merchant_id, n.merchant_id, k.merchant_id, e.merchant_id,
                i.merchant_id
            ) IS NULL
        """,
    ),
    Rule(
        subject="a client token of terminal {terminal_id}",
        message="opens a terminal that its merchant does not have",
        query="""
            SELECT k.merchant_id, k.terminal_id
            FROM client_tokens k
            LEFT JOIN terminals t ON t.merchant_id = k.merchant_id AND t.terminal_id = k.terminal_id
            WHERE t.terminal_id IS NULL
        """,
    ),
)
