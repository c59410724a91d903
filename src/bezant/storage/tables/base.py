"""What tables have in common: their metadata, how constraints are named, and the shapes that recur."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def events(name: str, *, of: str) -> Table:
    """A table of every change of state of something whose key is ``merchant_id`` and ``of``; append-only."""
    return Table(
        name,
        metadata,
        Column("merchant_id", BigInteger, primary_key=True, autoincrement=False),
        Column(of, BigInteger, primary_key=True, autoincrement=False),
        Column("revision", Integer, primary_key=True, autoincrement=False),
        Column("before", String(12), nullable=False),
        Column("after", String(12), nullable=False),
        Column("at", BigInteger, nullable=False),
    )


def partial_index(name: str, *columns: Column[Any], where: str, unique: bool = False) -> Index:
    """An index of the rows for which the condition ``where`` holds."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
