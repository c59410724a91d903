"""Rules about deliveries: each has ended, is due, or is under a lease that holds. Each notice has one."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bezant.core.deliveries import KEPT
from bezant.storage.verify.rules import Rule

_KEPT: Final = (KEPT - timedelta(days=1)) // timedelta(microseconds=1)
"""For how long what was sent is certainly kept: a day less, for clocks that differ."""

DELIVERIES = (
    Rule(
        subject="delivery {delivery_id}",
        message="is {state}, which its times do not fit",
        query="""
            SELECT merchant_id, delivery_id, state FROM deliveries
            WHERE NOT (
                (state = 'due' AND next_try_at IS NOT NULL AND lease_until IS NULL AND ended_at IS NULL)
                OR (state = 'sending' AND next_try_at IS NULL AND lease_until IS NOT NULL
                    AND ended_at IS NULL)
                OR (state IN ('delivered', 'unwanted', 'given_up') AND next_try_at IS NULL
                    AND lease_until IS NULL AND ended_at IS NOT NULL)
            )
        """,
    ),
    Rule(
        subject="delivery {delivery_id}",
        message="is being sent, and nobody noticed that its lease ran out",
        query="""
            SELECT merchant_id, delivery_id FROM deliveries
            WHERE state = 'sending' AND lease_until < :abandoned
        """,
    ),
    Rule(
        subject="delivery {delivery_id}",
        message="was {state} without a try, or without anything to send",
        query=f"""
            SELECT merchant_id, delivery_id, state FROM deliveries
            WHERE (state IN ('delivered', 'given_up') AND tries = 0)
                OR (state = 'delivered' AND content IS NULL AND ended_at >= :abandoned - {_KEPT})
        """,  # noqa: S608 - our own words
    ),
    Rule(
        subject="notice {notice_id}",
        message="is on no delivery",
        query="""
            SELECT n.merchant_id, n.notice_id FROM notices n
            LEFT JOIN deliveries d ON d.merchant_id = n.merchant_id AND d.delivery_id = n.notice_id
                AND d.topic = n.topic
            WHERE d.delivery_id IS NULL
        """,
    ),
)
