"""One-time passwords for refunds, hashed. Each statement is sent when it is asked for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from bezant.core.merchants import Challenge
from bezant.core.money import CURRENCIES, Money
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.tables import refund_challenges
from bezant.storage.writes import Writes

_c = refund_challenges.c


class FactorRows:
    """Challenges of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes

    def add(self, challenge: Challenge, *, forget_before: datetime) -> None:
        """Store a challenge, and drop the merchant's that were made before."""
        self._writes.touch()
        self._connection.execute(
            delete(refund_challenges).where(
                _c.merchant_id == challenge.merchant_id, _c.made_at < to_micros(forget_before)
            )
        )
        self._connection.execute(
            refund_challenges.insert().values(
                merchant_id=challenge.merchant_id,
                challenge_id=challenge.challenge_id,
                terminal_id=challenge.terminal_id,
                amount=challenge.amount.minor,
                currency=challenge.amount.currency.code,
                password_hash=challenge.password_hash,
                made_at=to_micros(challenge.made_at),
                wrong=challenge.wrong,
                used_by=challenge.used_by,
            )
        )

    def find(self, merchant_id: int, challenge_id: str) -> Challenge | None:
        """The merchant's challenge with that id, locked to be changed."""
        row = self._connection.execute(
            select(refund_challenges)
            .where(_c.merchant_id == merchant_id, _c.challenge_id == challenge_id)
            .with_for_update()
        ).one_or_none()
        if row is None:
            return None
        return Challenge(
            merchant_id=row.merchant_id,
            challenge_id=row.challenge_id,
            terminal_id=row.terminal_id,
            amount=Money(row.amount, CURRENCIES[row.currency]),
            password_hash=bytes(row.password_hash),
            made_at=from_micros(row.made_at),
            wrong=row.wrong,
            used_by=None if row.used_by is None else bytes(row.used_by),
        )

    def change(self, challenge: Challenge) -> None:
        """Store a challenge's tries and use."""
        self._writes.touch()
        self._connection.execute(
            update(refund_challenges)
            .where(_c.merchant_id == challenge.merchant_id, _c.challenge_id == challenge.challenge_id)
            .values(wrong=challenge.wrong, used_by=challenge.used_by)
        )

    def wrong_since(self, merchant_id: int, since: datetime) -> int:
        """Wrong tries at the merchant's challenges made since then."""
        return int(
            self._connection.execute(
                select(func.coalesce(func.sum(_c.wrong), 0)).where(
                    _c.merchant_id == merchant_id, _c.made_at >= to_micros(since)
                )
            ).scalar_one()
        )
