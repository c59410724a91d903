"""Rules about consumer finance: loans, their refunds, what they booked, and their history.

What the lender has booked is for whoever can ask it; held against each other here are what this gateway
was told and what it has booked.
"""

from __future__ import annotations

from bezant.core.bnpl import LOAN, REFUND
from bezant.storage.verify.rules import Rule

_STEPS = ", ".join(
    f"'{kind}:{before}>{after}'"
    for kind, lifecycle in (("loan", LOAN), ("refund", REFUND))
    for (before, _), after in lifecycle.rows.items()
)

LOANS = (
    Rule(
        subject="loan {loan_id}",
        message="is {state} for {amount}, its entry is {booked}",
        query="""
            SELECT l.merchant_id, l.loan_id, l.state, l.amount, COALESCE(s.minor, 0) AS booked
            FROM loans l
            LEFT JOIN postings s ON s.merchant_id = l.merchant_id AND s.subject_id = l.loan_id
                AND s.line = 1 AND s.cause = 'loan'
            WHERE COALESCE(s.minor, 0) <> CASE l.state WHEN 'granted' THEN l.amount ELSE 0 END
        """,
    ),
    Rule(
        subject="loan refund {refund_id}",
        message="is {state} for {amount}, its entry is {booked}",
        query="""
            SELECT r.merchant_id, r.refund_id, r.state, r.amount, COALESCE(s.minor, 0) AS booked
            FROM loan_refunds r
            LEFT JOIN postings s ON s.merchant_id = r.merchant_id AND s.subject_id = r.refund_id
                AND s.line = 1 AND s.cause = 'loan_refund'
            WHERE COALESCE(s.minor, 0) <> CASE r.state WHEN 'done' THEN r.amount ELSE 0 END
        """,
    ),
    Rule(
        subject="{cause} entry of {subject_id}",
        message="records nothing that was financed",
        query="""
            SELECT s.merchant_id, s.subject_id, s.cause
            FROM postings s
            LEFT JOIN loans l ON s.cause = 'loan' AND l.merchant_id = s.merchant_id
                AND l.loan_id = s.subject_id
            LEFT JOIN loan_refunds r ON s.cause = 'loan_refund' AND r.merchant_id = s.merchant_id
                AND r.refund_id = s.subject_id
            WHERE s.line = 1 AND s.cause IN ('loan', 'loan_refund')
                AND l.loan_id IS NULL AND r.refund_id IS NULL
        """,
    ),
    Rule(
        subject="account {account} in {currency}",
        message="holds {booked} of loans, the loans and their refunds say {expected}",
        query="""
            WITH moved AS (
                SELECT merchant_id, currency, amount FROM loans WHERE state = 'granted'
                UNION ALL
                SELECT merchant_id, currency, -amount FROM loan_refunds WHERE state = 'done'
            ), entries AS (
                SELECT merchant_id, currency, account, minor AS booked, 0 AS expected
                FROM postings WHERE cause IN ('loan', 'loan_refund') OR account = 'lender_receivable'
                UNION ALL
                SELECT merchant_id, currency, 'lender_receivable', 0, amount FROM moved
                UNION ALL
                SELECT merchant_id, currency, 'merchant_payable', 0, -amount FROM moved
            )
            SELECT merchant_id, currency, account, SUM(booked) AS booked, SUM(expected) AS expected
            FROM entries GROUP BY merchant_id, currency, account HAVING SUM(booked) <> SUM(expected)
        """,
    ),
    Rule(
        subject="loan {loan_id}",
        message="of {amount}, {state}, says that {refunded} were given back, its refunds are {live}",
        query="""
            SELECT l.merchant_id, l.loan_id, l.amount, l.state, l.refunded, COALESCE(r.live, 0) AS live
            FROM loans l
            LEFT JOIN (
                SELECT merchant_id, loan_id, SUM(amount) AS live FROM loan_refunds
                WHERE state <> 'declined' GROUP BY merchant_id, loan_id
            ) r ON r.merchant_id = l.merchant_id AND r.loan_id = l.loan_id
            WHERE l.refunded <> COALESCE(r.live, 0) OR l.refunded > l.amount
                OR (l.refunded > 0 AND l.state <> 'granted')
        """,
    ),
    Rule(
        subject="order {reference}",
        message="has {times} loans that are granted, under way or in doubt",
        query="""
            SELECT merchant_id, reference, COUNT(*) AS times FROM loans WHERE state <> 'declined'
            GROUP BY merchant_id, reference HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="refund reference {refund_reference}",
        message="names {times} refunds that are done, under way or in doubt",
        query="""
            SELECT merchant_id, refund_reference, COUNT(*) AS times FROM loan_refunds
            WHERE state <> 'declined' AND refund_reference IS NOT NULL
            GROUP BY merchant_id, refund_reference HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="loan {loan_id}",
        message="is {state}, which its reason, answer, numbers, plan or next try do not fit",
        query="""
            SELECT merchant_id, loan_id, state FROM loans
            WHERE (reason IS NOT NULL) <> (state IN ('declined', 'in_doubt'))
                OR (answered_at IS NULL) <> (state = 'sending')
                OR (loan_number IS NOT NULL) <> (state = 'granted')
                OR (transaction_number IS NOT NULL) <> (state = 'granted')
                OR (fee IS NOT NULL AND installment IS NOT NULL AND total IS NOT NULL)
                    <> (state = 'granted')
                OR (next_try_at IS NOT NULL) <> (state = 'in_doubt')
                OR (NOT asked AND state <> 'declined')
        """,
    ),
    Rule(
        subject="loan refund {refund_id}",
        message="is {state}, which its reason, answer, number or next try do not fit",
        query="""
            SELECT merchant_id, refund_id, state FROM loan_refunds
            WHERE (reason IS NOT NULL) <> (state IN ('declined', 'in_doubt'))
                OR (answered_at IS NULL) <> (state = 'sending')
                OR (transaction_number IS NOT NULL) <> (state = 'done')
                OR (next_try_at IS NOT NULL) <> (state = 'in_doubt')
        """,
    ),
    Rule(
        subject="{what} {subject_id}",
        message="is still being sent, {late_seconds} s after its lease",
        query="""
            SELECT merchant_id, 'loan' AS what, loan_id AS subject_id,
                (:abandoned - lease_until) / 1000000 AS late_seconds
            FROM loans WHERE state = 'sending' AND lease_until < :abandoned
            UNION ALL
            SELECT merchant_id, 'loan refund', refund_id, (:abandoned - lease_until) / 1000000
            FROM loan_refunds WHERE state = 'sending' AND lease_until < :abandoned
        """,
    ),
    Rule(
        subject="loan refund {refund_id}",
        message="gives back loan {loan_id} in {currency}, which is no such loan of its merchant",
        query="""
            SELECT r.merchant_id, r.refund_id, r.loan_id, r.currency
            FROM loan_refunds r
            LEFT JOIN loans l ON l.merchant_id = r.merchant_id AND l.loan_id = r.loan_id
                AND l.currency = r.currency
            WHERE l.loan_id IS NULL
        """,
    ),
    Rule(
        subject="id {subject_id}",
        message="names {times} of a payment, a gift movement, a loan and a loan refund",
        query="""
            SELECT MIN(merchant_id) AS merchant_id, subject_id, COUNT(*) AS times
            FROM (
                SELECT merchant_id, loan_id AS subject_id FROM loans
                UNION ALL SELECT merchant_id, refund_id FROM loan_refunds
                UNION ALL
                SELECT merchant_id, payment_id FROM payments WHERE payment_id IN (
                    SELECT loan_id FROM loans UNION ALL SELECT refund_id FROM loan_refunds)
                UNION ALL
                SELECT merchant_id, movement_id FROM gift_movements WHERE movement_id IN (
                    SELECT loan_id FROM loans UNION ALL SELECT refund_id FROM loan_refunds)
            ) AS named
            GROUP BY subject_id HAVING COUNT(*) > 1
        """,
    ),
    Rule(
        subject="order {reference}",
        message="was asked of the lender with a password that was not used up",
        query="""
            SELECT l.merchant_id, l.reference
            FROM loans l
            LEFT JOIN loan_passwords p ON p.merchant_id = l.merchant_id AND p.reference = l.reference
            WHERE l.state <> 'declined' AND (p.password_id IS NULL OR NOT p.used)
        """,
    ),
    Rule(
        subject="{what} {subject_id}",
        message="is {state}, its last event leads to {after}",
        query="""
            SELECT m.merchant_id, m.what, m.subject_id, m.state, COALESCE(l.after, 'nothing') AS after
            FROM (
                SELECT merchant_id, 'loan' AS what, loan_id AS subject_id, state, asked FROM loans
                UNION ALL
                SELECT merchant_id, 'loan refund', refund_id, state, TRUE FROM loan_refunds
            ) AS m
            LEFT JOIN (
                SELECT merchant_id, subject_id, MAX(revision) AS revision
                FROM loan_events GROUP BY merchant_id, subject_id
            ) e ON e.merchant_id = m.merchant_id AND e.subject_id = m.subject_id
            LEFT JOIN loan_events l ON l.merchant_id = e.merchant_id AND l.subject_id = e.subject_id
                AND l.revision = e.revision
            WHERE COALESCE(l.after, 'nothing') <>
                CASE WHEN m.state = 'sending' OR NOT m.asked THEN 'nothing' ELSE m.state END
        """,
    ),
    Rule(
        subject="{what} {subject_id}",
        message="went from {before} to {after} at revision {revision}, after it had come to {previous}",
        query=f"""
            SELECT merchant_id, what, subject_id, revision, before, after, previous
            FROM (
                SELECT e.merchant_id, e.subject_id, e.revision, e.before, e.after,
                    CASE WHEN r.refund_id IS NULL THEN 'loan' ELSE 'refund' END AS what,
                    COALESCE(LAG(e.after) OVER (
                        PARTITION BY e.merchant_id, e.subject_id ORDER BY e.revision),
                        '{LOAN.initial}') AS previous
                FROM loan_events e
                LEFT JOIN loan_refunds r ON r.merchant_id = e.merchant_id AND r.refund_id = e.subject_id
            ) AS chained
            WHERE before <> previous OR what || ':' || before || '>' || after NOT IN ({_STEPS})
        """,  # noqa: S608 - our own words
    ),
    Rule(
        subject="loan or refund {subject_id}",
        message="came to {ends} ends and doubts, {announced} were announced",
        query="""
            SELECT merchant_id, subject_id, SUM(ended) AS ends, SUM(told) AS announced
            FROM (
                SELECT merchant_id, subject_id, 1 AS ended, 0 AS told FROM loan_events
                UNION ALL
                SELECT merchant_id, loan_id, 1, 0 FROM loans WHERE NOT asked
                UNION ALL
                SELECT merchant_id, subject_id, 0, 1 FROM deliveries WHERE topic LIKE 'loan.%'
            ) AS happened
            GROUP BY merchant_id, subject_id HAVING SUM(ended) <> SUM(told)
        """,
    ),
)
