"""Rules about invoices: each is paid by one payment or by none, and says so."""

from __future__ import annotations

from bezant.core.invoices import INVOICE
from bezant.storage.verify.rules import Rule

_STEPS = ", ".join(f"'{before}>{after}'" for (before, _), after in INVOICE.rows.items())

INVOICES = (
    Rule(
        subject="invoice {invoice_id}",
        message="is {state} with {live} payments of its own that stand",
        query="""
            SELECT i.merchant_id, i.invoice_id, i.state, COALESCE(l.live, 0) AS live
            FROM invoices i
            LEFT JOIN (
                SELECT a.merchant_id, a.invoice_id, COUNT(*) AS live
                FROM invoice_attempts a
                JOIN payments p ON p.merchant_id = a.merchant_id AND p.payment_id = a.payment_id
                WHERE p.state NOT IN ('declined', 'reversed')
                GROUP BY a.merchant_id, a.invoice_id
            ) l ON l.merchant_id = i.merchant_id AND l.invoice_id = i.invoice_id
            WHERE CASE i.state WHEN 'paid' THEN COALESCE(l.live, 0) <> 1
                WHEN 'paying' THEN COALESCE(l.live, 0) > 1 ELSE COALESCE(l.live, 0) > 0 END
        """,
    ),
    Rule(
        subject="invoice {invoice_id}",
        message="is {state} by payment {payment_id}, which is {payment_state}",
        query="""
            SELECT i.merchant_id, i.invoice_id, i.state, i.payment_id,
                COALESCE(p.state, 'not of its terminal or not its own') AS payment_state
            FROM invoices i
            LEFT JOIN invoice_attempts a ON a.merchant_id = i.merchant_id AND a.invoice_id = i.invoice_id
                AND a.payment_id = i.payment_id
            LEFT JOIN payments p ON p.merchant_id = a.merchant_id AND p.payment_id = a.payment_id
                AND p.terminal_id = i.terminal_id
            WHERE i.payment_id IS NOT NULL AND (p.payment_id IS NULL
                OR (i.state = 'paid' AND p.state IN ('sending', 'in_doubt', 'declined', 'reversed')))
        """,
    ),
    Rule(
        subject="invoice {invoice_id}",
        message="was paid {paid} of {asked}",
        query="""
            SELECT i.merchant_id, i.invoice_id, p.base + p.tax + p.fee AS paid,
                i.base + i.tax + i.fee AS asked
            FROM invoices i
            JOIN payments p ON p.merchant_id = i.merchant_id AND p.payment_id = i.payment_id
            WHERE i.state = 'paid'
                AND (p.currency <> i.currency OR p.base + p.tax + p.fee <> i.base + i.tax + i.fee)
        """,
    ),
    Rule(
        subject="invoice {invoice_id}",
        message="counts {attempts} attempts, {made} were made",
        query="""
            SELECT i.merchant_id, i.invoice_id, i.attempts, COALESCE(m.made, 0) AS made
            FROM invoices i
            LEFT JOIN (
                SELECT merchant_id, invoice_id, COUNT(*) AS made
                FROM invoice_attempts GROUP BY merchant_id, invoice_id
            ) m ON m.merchant_id = i.merchant_id AND m.invoice_id = i.invoice_id
            WHERE i.attempts <> COALESCE(m.made, 0)
        """,
    ),
    Rule(
        subject="invoice {invoice_id}",
        message="is {state}, which the time of its payment does not fit",
        query="""
            SELECT merchant_id, invoice_id, state FROM invoices
            WHERE (paid_at IS NOT NULL) <> (state = 'paid')
        """,
    ),
    Rule(
        subject="invoice {invoice_id}",
        message="is {state}, its last event leads to {after}",
        query="""
            SELECT i.merchant_id, i.invoice_id, i.state, COALESCE(l.after, 'nothing') AS after
            FROM invoices i
            LEFT JOIN (
                SELECT merchant_id, invoice_id, MAX(revision) AS revision
                FROM invoice_events GROUP BY merchant_id, invoice_id
            ) e ON e.merchant_id = i.merchant_id AND e.invoice_id = i.invoice_id
            LEFT JOIN invoice_events l ON l.merchant_id = e.merchant_id AND l.invoice_id = e.invoice_id
                AND l.revision = e.revision
            WHERE COALESCE(l.after, 'pending') <> i.state
        """,
    ),
    Rule(
        subject="invoice {invoice_id}",
        message="went from {before} to {after} at revision {revision}, after it had come to {previous}",
        query=f"""
            SELECT merchant_id, invoice_id, revision, before, after, previous
            FROM (
                SELECT merchant_id, invoice_id, revision, before, after, COALESCE(
                    LAG(after) OVER (PARTITION BY merchant_id, invoice_id ORDER BY revision),
                    '{INVOICE.initial}') AS previous
                FROM invoice_events
            ) AS chained
            WHERE before <> previous OR before || '>' || after NOT IN ({_STEPS})
        """,  # noqa: S608 - our own words
    ),
    Rule(
        subject="invoice {invoice_id}",
        message="is found by no public id, or by another merchant's",
        query="""
            SELECT i.merchant_id, i.invoice_id
            FROM invoices i
            LEFT JOIN directory d ON d.kind = 'invoice' AND d.name = i.uid
            WHERE d.merchant_id IS NULL OR d.merchant_id <> i.merchant_id
        """,
    ),
)
