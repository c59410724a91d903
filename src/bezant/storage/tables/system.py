"""What the gateway keeps for itself: id blocks, and the counter of changes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from bezant.storage.tables.base import metadata

id_blocks = Table(
    "id_blocks",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("next_id", BigInteger, nullable=False),
)
"""Where the next block of ids starts. A process takes a block at a time; what it does not use is lost."""

changes = Table(
    "changes",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""A counter that goes up when cached facts (accounts, credentials, clocks) change."""
