"""Rules about money: what the ledger, the payments and the batches must say of one another."""

from __future__ import annotations

from bezant.storage.verify.rules import Rule

JOURNAL = (
    Rule(
        subject="{cause} entry of {subject_id}",
        message="{lines} lines that sum to {total}, or whose layers, currencies or numbers do not agree",
        query="""
            SELECT merchant_id, subject_id, cause, COUNT(*) AS lines, SUM(minor) AS total
            FROM postings
            GROUP BY merchant_id, subject_id, cause
            HAVING SUM(minor) <> 0 OR COUNT(*) < 2 OR MIN(line) <> 1 OR MAX(line) <> COUNT(*)
                OR MIN(currency) <> MAX(currency) OR MIN(layer) <> MAX(layer)
        """,
    ),
    Rule(
        subject="{cause} entry of {subject_id}",
        message="is {layer}",
        query="""
            SELECT merchant_id, subject_id, cause, layer
            FROM postings
            WHERE line = 1
                AND layer <> CASE WHEN cause IN ('authorization', 'release') THEN 'pending' ELSE 'posted' END
        """,
    ),
    Rule(
        subject="all postings in {currency}",
        message="sum to {total}",
        query="""
            SELECT NULL AS merchant_id, currency, SUM(minor) AS total
            FROM postings GROUP BY currency HAVING SUM(minor) <> 0
        """,
    ),
)

BALANCES = (
    Rule(
        subject="account {account} in {currency}",
        message="holds {booked}, the payments say {expected}",
        query="""
            WITH summed AS (
                SELECT merchant_id, currency, kind, state, SUM(base) AS base, SUM(tax) AS tax,
                    SUM(fee) AS fee, SUM(tip) AS tip, SUM(base + tax + fee + tip) AS total,
                    SUM(incremented) AS incremented
                FROM payments WHERE kind <> 'void'
                GROUP BY merchant_id, currency, kind, state
            ), taken AS (
                SELECT * FROM summed
                WHERE kind IN ('sale', 'capture', 'refund') AND state IN
                    ('captured', 'voiding', 'adjusting', 'settled')
            ), held AS (
                SELECT * FROM summed
                WHERE kind = 'authorization' AND state IN
                    ('authorized', 'releasing', 'completing', 'incrementing')
            ), entries AS (
                SELECT merchant_id, currency, account, SUM(minor) AS booked, 0 AS expected
                FROM postings
                WHERE account IN ('captured', 'acquirer_receivable', 'merchant_payable', 'tax', 'fees',
                    'tips', 'refunds', 'authorized', 'authorized_contra')
                    AND cause NOT IN ('loan', 'loan_refund')
                GROUP BY merchant_id, currency, account
                UNION ALL
                SELECT merchant_id, currency,
                    CASE state WHEN 'settled' THEN 'acquirer_receivable' ELSE 'captured' END, 0,
                    CASE kind WHEN 'refund' THEN -total ELSE total END FROM taken
                UNION ALL
                SELECT merchant_id, currency, 'merchant_payable', 0, -base FROM taken WHERE kind <> 'refund'
                UNION ALL
                SELECT merchant_id, currency, 'tax', 0, -tax FROM taken WHERE kind <> 'refund'
                UNION ALL
                SELECT merchant_id, currency, 'fees', 0, -fee FROM taken WHERE kind <> 'refund'
                UNION ALL
                SELECT merchant_id, currency, 'tips', 0, -tip FROM taken WHERE kind <> 'refund'
                UNION ALL
                SELECT merchant_id, currency, 'refunds', 0, total FROM taken WHERE kind = 'refund'
                UNION ALL
                SELECT merchant_id, currency, 'authorized', 0, total + incremented FROM held
                UNION ALL
                SELECT merchant_id, currency, 'authorized_contra', 0, -total - incremented FROM held
            )
            SELECT merchant_id, currency, account, SUM(booked) AS booked, SUM(expected) AS expected
            FROM entries GROUP BY merchant_id, currency, account HAVING SUM(booked) <> SUM(expected)
        """,
    ),
    Rule(
        subject="clearing account captured in {currency}",
        message="is off by {off} from the open batches and the voids under way",
        query="""
            WITH entries AS (
                SELECT merchant_id, currency, minor AS amount FROM postings WHERE account = 'captured'
                UNION ALL
                SELECT merchant_id, currency, refunded - base - tax - fee - tip
                FROM batches WHERE state <> 'closed'
                UNION ALL
                SELECT merchant_id, currency,
                    (base + tax + fee + tip) * CASE kind WHEN 'refund' THEN 1 ELSE -1 END
                FROM payments WHERE state IN ('voiding', 'adjusting')
            )
            SELECT merchant_id, currency, SUM(amount) AS off
            FROM entries GROUP BY merchant_id, currency HAVING SUM(amount) <> 0
        """,
    ),
    Rule(
        subject="batch {number} of terminal {terminal_id}",
        message="is {state} with a net of {net}, its settlement booked {booked}",
        query="""
            SELECT b.merchant_id, b.terminal_id, b.number, b.state,
                b.base + b.tax + b.fee + b.tip - b.refunded AS net, COALESCE(s.minor, 0) AS booked
            FROM batches b
            LEFT JOIN postings s ON s.merchant_id = b.merchant_id AND s.subject_id = b.settlement_id
                AND s.cause = 'settlement' AND s.line = 1
            WHERE COALESCE(s.minor, 0) <> CASE b.state
                WHEN 'closed' THEN b.base + b.tax + b.fee + b.tip - b.refunded ELSE 0 END
        """,
    ),
)

REFUNDS = (
    Rule(
        subject="payment {payment_id}",
        message="has {total}, of which {refund_count} refunds took {refunded}; "
        "there are {live_count} of {live}",
        query="""
            SELECT p.merchant_id, p.payment_id, p.refund_count, p.refunded,
                COALESCE(r.live_count, 0) AS live_count, COALESCE(r.live, 0) AS live,
                p.base + p.tax + p.fee + p.tip AS total
            FROM payments p
            LEFT JOIN (
                SELECT merchant_id, original_id, COUNT(*) AS live_count,
                    SUM(base + tax + fee + tip) AS live
                FROM payments
                WHERE kind = 'refund'
                    AND state IN ('sending', 'captured', 'settled', 'voiding', 'in_doubt')
                GROUP BY merchant_id, original_id
            ) r ON r.merchant_id = p.merchant_id AND r.original_id = p.payment_id
            WHERE p.refunded <> COALESCE(r.live, 0) OR p.refund_count <> COALESCE(r.live_count, 0)
                OR p.refunded > p.base + p.tax + p.fee + p.tip
        """,
    ),
    Rule(
        subject="refund {payment_id}",
        message="is {state}, but its original {original_id} is not a sale that took place in its currency",
        query="""
            SELECT r.merchant_id, r.payment_id, r.state, r.original_id
            FROM payments r
            LEFT JOIN payments p ON p.merchant_id = r.merchant_id AND p.payment_id = r.original_id
                AND p.kind IN ('sale', 'capture') AND p.state IN ('captured', 'settled', 'adjusting')
                AND p.currency = r.currency
            WHERE r.kind = 'refund' AND p.payment_id IS NULL
                AND r.state IN ('sending', 'captured', 'settled', 'voiding', 'in_doubt')
        """,
    ),
)

CAPTURES = (
    Rule(
        subject="authorization {payment_id}",
        message="of {total} is {state} with {taken} captures that took place and {pending} under way, "
        "of {captured} at most",
        query="""
            WITH captures AS (
                SELECT merchant_id, original_id, MAX(base + tax + fee) AS captured,
                    SUM(CASE WHEN state IN ('sending', 'in_doubt') THEN 1 ELSE 0 END) AS pending,
                    SUM(CASE WHEN state IN ('captured', 'adjusting', 'voiding', 'settled') THEN 1 ELSE 0 END)
                        AS taken
                FROM payments
                WHERE kind = 'capture'
                    AND state IN ('sending', 'in_doubt', 'captured', 'adjusting', 'voiding', 'settled')
                GROUP BY merchant_id, original_id
            )
            SELECT p.merchant_id, p.payment_id, p.state,
                p.base + p.tax + p.fee + p.tip + p.incremented AS total,
                COALESCE(c.taken, 0) AS taken, COALESCE(c.pending, 0) AS pending,
                COALESCE(c.captured, 0) AS captured
            FROM payments p
            LEFT JOIN captures c ON c.merchant_id = p.merchant_id AND c.original_id = p.payment_id
            LEFT JOIN (
                SELECT merchant_id, original_id, SUM(base + tax + fee + tip) AS raised
                FROM payments WHERE kind = 'increment' AND state = 'done'
                GROUP BY merchant_id, original_id
            ) i ON i.merchant_id = p.merchant_id AND i.original_id = p.payment_id
            WHERE p.kind = 'authorization' AND (
                COALESCE(c.taken, 0) <> CASE p.state WHEN 'completed' THEN 1 ELSE 0 END
                OR COALESCE(c.pending, 0) <> CASE p.state WHEN 'completing' THEN 1 ELSE 0 END
                OR COALESCE(c.captured, 0) > p.base + p.tax + p.fee + p.tip + p.incremented
                OR p.incremented <> COALESCE(i.raised, 0))
        """,
    ),
)

BATCHES = (
    Rule(
        subject="batch {number} of terminal {terminal_id}",
        message="counts {sale_count} sales of {sold} and {refund_count} refunds of {refunded}; "
        "its members are {member_sales} of {member_sold} and {member_refunds} of {member_refunded}",
        query="""
            WITH members AS (
                SELECT merchant_id, terminal_id, batch_number,
                    SUM(CASE kind WHEN 'refund' THEN 0 ELSE 1 END) AS sale_count,
                    SUM(CASE kind WHEN 'refund' THEN 0 ELSE base END) AS base,
                    SUM(CASE kind WHEN 'refund' THEN 0 ELSE tax END) AS tax,
                    SUM(CASE kind WHEN 'refund' THEN 0 ELSE fee END) AS fee,
                    SUM(CASE kind WHEN 'refund' THEN 0 ELSE tip END) AS tip,
                    SUM(CASE WHEN kind <> 'refund' AND tip > 0 THEN 1 ELSE 0 END) AS tip_count,
                    SUM(CASE kind WHEN 'refund' THEN 1 ELSE 0 END) AS refund_count,
                    SUM(CASE kind WHEN 'refund' THEN base + tax + fee + tip ELSE 0 END) AS refunded
                FROM payments
                WHERE kind IN ('sale', 'capture', 'refund') AND state IN ('captured', 'settled')
                GROUP BY merchant_id, terminal_id, batch_number
            )
            SELECT b.merchant_id, b.terminal_id, b.number, b.sale_count, b.refund_count, b.refunded,
                b.base + b.tax + b.fee + b.tip AS sold, COALESCE(m.sale_count, 0) AS member_sales,
                COALESCE(m.base + m.tax + m.fee + m.tip, 0) AS member_sold,
                COALESCE(m.refund_count, 0) AS member_refunds, COALESCE(m.refunded, 0) AS member_refunded
            FROM batches b
            LEFT JOIN members m ON m.merchant_id = b.merchant_id AND m.terminal_id = b.terminal_id
                AND m.batch_number = b.number
            WHERE b.sale_count <> COALESCE(m.sale_count, 0) OR b.base <> COALESCE(m.base, 0)
                OR b.tax <> COALESCE(m.tax, 0) OR b.fee <> COALESCE(m.fee, 0)
                OR b.tip <> COALESCE(m.tip, 0) OR b.tip_count <> COALESCE(m.tip_count, 0)
                OR b.refund_count <> COALESCE(m.refund_count, 0)
                OR b.refunded <> COALESCE(m.refunded, 0)
        """,
    ),
    Rule(
        subject="payment {payment_id}",
        message="is {state} in batch {batch_number}, which is {batch_state}",
        query="""
            SELECT p.merchant_id, p.payment_id, p.state, p.batch_number,
                COALESCE(b.state, 'missing') AS batch_state
            FROM payments p
            LEFT JOIN batches b ON b.merchant_id = p.merchant_id AND b.terminal_id = p.terminal_id
                AND b.number = p.batch_number
            WHERE b.number IS NULL
                OR (p.state = 'captured' AND b.state NOT IN ('open', 'settling'))
                OR (p.state = 'settled' AND b.state <> 'closed')
                OR (p.state = 'settled') <> (p.settled_at IS NOT NULL)
        """,
    ),
    Rule(
        subject="batch {number} of terminal {terminal_id}",
        message="is {state}, which its settlement, its dates or its counter do not fit",
        query="""
            SELECT b.merchant_id, b.terminal_id, b.number, b.state
            FROM batches b
            LEFT JOIN (
                SELECT merchant_id, terminal_id, batch_number, MAX(transaction_number) AS last_number
                FROM payments GROUP BY merchant_id, terminal_id, batch_number
            ) p ON p.merchant_id = b.merchant_id AND p.terminal_id = b.terminal_id
                AND p.batch_number = b.number
            WHERE (b.state = 'open') <> (b.settlement_id IS NULL)
                OR (b.state = 'open') <> (b.frozen_at IS NULL)
                OR (b.state = 'closed') <> (b.closed_at IS NOT NULL)
                OR b.transaction_number < COALESCE(p.last_number, 0)
        """,
    ),
    Rule(
        subject="terminal {terminal_id}",
        message="has {open_count} open batches and {settling_count} that are settling, "
        "or its batches are not numbered from 1 to the open one",
        query="""
            SELECT t.merchant_id, t.terminal_id, COALESCE(SUM(CASE b.state WHEN 'open' THEN 1 END), 0)
                    AS open_count,
                COALESCE(SUM(CASE b.state WHEN 'settling' THEN 1 END), 0) AS settling_count
            FROM terminals t
            LEFT JOIN batches b ON b.merchant_id = t.merchant_id AND b.terminal_id = t.terminal_id
            GROUP BY t.merchant_id, t.terminal_id
            HAVING COALESCE(SUM(CASE b.state WHEN 'open' THEN 1 END), 0) <> 1
                OR COALESCE(SUM(CASE b.state WHEN 'settling' THEN 1 END), 0) > 1
                OR MAX(CASE b.state WHEN 'open' THEN b.number END) <> MAX(b.number)
                OR MAX(b.number) <> COUNT(b.number)
        """,
    ),
)
