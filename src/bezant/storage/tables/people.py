"""Agent offices, users and their passwords, and the audit logs.

None of it is a tenant's: whoever owns a row (an ISO, an office, a merchant) stands in ``owner_kind`` and
``owner_id``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bezant.storage.tables.base import metadata

agent_offices = Table(
    "agent_offices",
    metadata,
    Column("office_id", BigInteger, primary_key=True, autoincrement=False),
    Column("iso_id", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["iso_id"], ["isos.iso_id"]),
)

users = Table(
    "users",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("email", String(254), nullable=False),
    Column("name", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("owner_kind", String(12), nullable=False),
    Column("owner_id", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("email"),
)

user_passwords = Table(
    "user_passwords",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("password_hash", String(200), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["user_id"], ["users.user_id"]),
)
"""The highest revision is the password; the few before it are kept so that they are not chosen again."""

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("owner_kind", String(12), primary_key=True),
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor_kind", String(12), nullable=False),
    Column("actor", String(254), nullable=False),
    Column("origin", String(64), nullable=False),
    Column("action", String(40), nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("facts", Text, nullable=False),
    Column("link", LargeBinary, nullable=False),
)
"""One chain an owner: ``link`` is a keyed hash of the entry and of the link before."""

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("owner_kind", String(12), primary_key=True),
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("link", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)
"""How long each chain is and how it ends; ``seal`` is a keyed hash of that."""
