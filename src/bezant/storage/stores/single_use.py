"""Tokens for one charge. Each statement is sent when it is asked for."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, insert, update

from bezant.core.vault import SingleUseToken
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.stores.cards import Cards
from bezant.storage.tables import single_use_tokens
from bezant.storage.writes import Writes


class SingleUseRows:
    """Tokens for one charge, of one transaction."""

    def __init__(self, connection: Connection, writes: Writes, cards: Cards) -> None:
        self._connection = connection
        self._writes = writes
        self._cards = cards

    def add(self, token: SingleUseToken, *, forget_before: datetime) -> None:
        """Store a token, and drop the merchant's that ended before."""
        self._writes.touch()
        self._cards.flush()
        c = single_use_tokens.c
        self._connection.execute(
            delete(single_use_tokens).where(
                c.merchant_id == token.merchant_id, c.expires_at < to_micros(forget_before)
            )
        )
        self._connection.execute(
            insert(single_use_tokens).values(
                merchant_id=token.merchant_id,
                token_hash=token.token_hash,
                terminal_id=token.terminal_id,
                card_token=token.card_token,
                expiry=token.expiry,
                expires_at=to_micros(token.expires_at),
            )
        )

    def use(
        self, merchant_id: int, terminal_id: int, token_hash: bytes, *, at: datetime
    ) -> SingleUseToken | None:
        """Use up the terminal's token with that hash; none where there is none that is good ``at`` that time.

        The row is locked by its update: whoever comes second finds it used.
        """
        self._writes.touch()
        c = single_use_tokens.c
        row = self._connection.execute(
            update(single_use_tokens)
            .where(
                c.merchant_id == merchant_id,
                c.token_hash == token_hash,
                c.terminal_id == terminal_id,
                c.used_at.is_(None),
                c.expires_at > to_micros(at),
            )
            .values(used_at=to_micros(at))
            .returning(c.card_token, c.expiry, c.expires_at)
        ).one_or_none()
        if row is None:
            return None
        return SingleUseToken(
            merchant_id=merchant_id,
            terminal_id=terminal_id,
            token_hash=token_hash,
            card_token=row.card_token,
            expiry=row.expiry,
            expires_at=from_micros(row.expires_at),
        )
